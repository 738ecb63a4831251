create table t (a int); create table u (a int);
create rule r as on insert to t do also (insert into u values (1); select 2);
insert into t values (3);
table u;

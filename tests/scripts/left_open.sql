create table t (a int);
begin;
insert into t values (1);

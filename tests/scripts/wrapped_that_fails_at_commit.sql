begin;
create table t (a int unique deferrable initially deferred);
insert into t values (1);
insert into t values (1);
commit; -- <here

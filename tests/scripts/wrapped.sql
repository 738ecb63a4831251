-- Deploy wrapped

begin;

create table t (a int); -- begin; commit;
insert into t values (1) returning a;

commit;

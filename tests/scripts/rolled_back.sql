begin;
select 1/count(*) from pg_class;
create table t (a int);
rollback;

create table t (a int);
\set ON_ERROR_STOP 0
insert into t values (1);
select
 nosuch,
 2;
insert into t values ('x');
\echo :ROW_COUNT :ERROR :SQLSTATE :LAST_ERROR_MESSAGE :LAST_ERROR_SQLSTATE
\i nosuch.sql
select 1 as a where false \gset
\unset
begin;
select 1 / 0;
insert into t values (3);
commit;
insert into t values (4), (5);
\echo :ROW_COUNT :ERROR :SQLSTATE :LAST_ERROR_MESSAGE :LAST_ERROR_SQLSTATE
do $$ begin raise exception 'no' using detail = 'd', hint = 'h'; end $$;
\set ON_ERROR_STOP on
select 'still here';
select 1
 , nosuch -- <here
 ;
select 'never';

select 1 as a, null as b, 'it''s' as "c" \gset
\set p_b here
\echo :a [:b] :c
select 2 as a, null as b \gset p_
\echo :p_a [:p_b]
select 3 as a \gset
select :a, :'c';
select :a as x
\gset
\g
\echo :x
select 1 as one \; select 2 as two \gset
\echo :{?one} :two
select 5 as "ON_ERROR_STOP" \gset
\echo :ON_ERROR_STOP
create table t as select 1 as a;
with x as (insert into t values (2) returning a) select a as inserted from x \gset
\echo :inserted

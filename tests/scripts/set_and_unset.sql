\set c
\echo [:c] :{?c}
\set d 1 2 3
select :d;
\set 9 5
select :9, :'9', :"registry" from (select 1 as sqitch) as s;
\unset d
\echo :d :{?d}
\unset nosuch
\set žemė 'ąč'
select :'žemė';
\set ref :žemė
\echo :ref

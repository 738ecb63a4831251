create table t (a text);
select 'outer' \ir inner/first.sql
 as x;
table t;

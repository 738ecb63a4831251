create table t (a int);
\echo bye
\if true
\q
\endif
drop table t;

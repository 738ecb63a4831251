\set ON_ERROR_STOP 0
create table t (a int primary key);
copy t from stdin;
1
x
\.
copy t from stdin;
2
\.
table t;
\echo :ERROR :ROW_COUNT

create table t (a text);
\if false
copy t from stdin;
a
\.
-- <here is the line above
\endif

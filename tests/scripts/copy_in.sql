create table t (a text, b int);
copy t from stdin;
one	1
\N	2
it's "$$ /* \\ \t tab	\N
\\.	3
:registry; -- not	4
\.
copy t (a) from stdin with (format text, null 'nil');
a\
b
nil

\.
COPY t /* a comment */ FROM
  STDIN delimiter '|';
x|5
\.
copy t from stdin; select count(*) from t;
same line	6
\.
copy t from stdin;
\.
select a, b from t order by b, a;

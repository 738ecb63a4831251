create table t (a text, b int);
\copy t from 'inner/rows.csv' with (format csv, header)
\copy t from inner/rows.csv csv header;
\copy t to program 'cat >/dev/null';
\copy t (a) from program 'echo hi; echo there'
\copy "t" from stdin (delimiter ',')
x it's",1
\.
\copy (select a from t where b > 0 order by 1) to stdout
\copy public.t (b, a) to pstdout csv
\copy t to program 'cat >/dev/null'
\echo :ROW_COUNT

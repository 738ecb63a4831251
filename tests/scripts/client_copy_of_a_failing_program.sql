create table t (a text);
\copy t from program 'echo a; exit 7'
-- <here is the line above

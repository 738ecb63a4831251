create table t (a text, b int);
\copy t from 'inner/rows.csv' csv
-- <here is the line above

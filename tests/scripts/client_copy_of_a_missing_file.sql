create table t (a text, b int);
\copy t from 'inner/nosuch.csv' csv
-- <here is the line above

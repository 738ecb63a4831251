create table t (a text);
\i nosuch.sql
-- <here is the line above

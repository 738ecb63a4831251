create table t (a int);
\set ON_ERROR_STOP perhaps
-- <here is the line above

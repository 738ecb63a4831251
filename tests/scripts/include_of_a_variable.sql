create table t (a text);
\set file inner/first
\i :file.sql
\ir :file'.sql'
table t;

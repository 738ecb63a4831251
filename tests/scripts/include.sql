create table t (a text);
\i inner/first.sql
\include inner/first.sql
\ir inner/relative.sql
\include_relative 'inner/relative.sql'
table t;

create table t (a text);
\ir inner/failing.sql
insert into t values ('never');

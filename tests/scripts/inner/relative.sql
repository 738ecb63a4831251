\ir deeper/last.sql
\set seen relative
insert into t values ('relative')

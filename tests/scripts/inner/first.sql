insert into t values ('first');
\echo in first :registry

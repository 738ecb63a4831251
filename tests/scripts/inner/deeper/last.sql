\ir ../first.sql
\echo deepest
do $$ begin raise notice 'from the deep'; end $$;
\q
insert into t values ('never');

-- Revert learnplan-db:index_learning_plans_topic from pg
--
-- Plans cannot be written while the index of all topics is built.

begin;
set local search_path = pg_catalog, pg_temp;

do $$
declare
  v_schema name := (
    select n.nspname
    from pg_catalog.pg_extension as e
    inner join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where e.extname = 'pg_trgm'
  );
begin
  if to_regclass('learnplan.idx_learning_plans_topic_public') is not null then
    execute format(
      'create index idx_learning_plans_topic on learnplan.learning_plans'
      ' using gin (topic %I.gin_trgm_ops)',
      v_schema
    );
  end if;
end
$$;

commit;

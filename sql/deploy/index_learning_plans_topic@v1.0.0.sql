-- Deploy learnplan-db:index_learning_plans_topic to pg
-- requires: table_learning_plans
-- requires: function_describe_relation
--
-- A trigram index serves ILIKE '%word%' on the topic. pg_trgm is not everywhere: where it
-- cannot be created the change succeeds without an index, and the comment on the column says
-- so; revert and deploy this change once the extension is there.
-- Source: outline, table 2, optional index; design, tables.

begin;
set local search_path = pg_catalog, pg_temp;

do $$
declare
  v_schema name;
begin
  if not exists (select from pg_catalog.pg_extension where extname = 'pg_trgm') then
    begin
      create extension pg_trgm schema public;
      comment on extension pg_trgm is
        'trigram search; created by learnplan-db, change index_learning_plans_topic';
    exception
      when insufficient_privilege or feature_not_supported or undefined_file
        or invalid_schema_name or undefined_object
      then
        raise notice 'no index for topic search: %', sqlerrm;
    end;
  end if;

  select n.nspname into v_schema
  from pg_catalog.pg_extension as e
  inner join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
  where e.extname = 'pg_trgm';

  if v_schema is null then
    comment on column learnplan.learning_plans.topic is
      'What the plan teaches. Not indexed for search: pg_trgm could not be created.';
    return;
  end if;

  execute format(
    'create index idx_learning_plans_topic on learnplan.learning_plans'
    ' using gin (topic %I.gin_trgm_ops)',
    v_schema
  );
  comment on column learnplan.learning_plans.topic is
    'What the plan teaches. Searched through idx_learning_plans_topic.';
end
$$;

commit;

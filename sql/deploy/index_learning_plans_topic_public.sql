-- Deploy learnplan-db:index_learning_plans_topic_public to pg
-- requires: table_learning_plans
-- requires: index_learning_plans_topic
-- requires: function_describe_relation
--
-- Users search public plans. An index of all topics also finds the private ones, to throw them
-- away: a search cost what others keep for themselves, and its time told of it. Without a pending
-- list (fastupdate) it reads nothing that was inserted since the last vacuum. Built in a
-- transaction: plans cannot be written meanwhile, about a second for a million plans. Where
-- pg_trgm is missing there is no index, and nothing to do.
-- Source: outline, table 2, optional index; ADR 0016.

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
  if to_regclass('learnplan.idx_learning_plans_topic') is not null then
    execute format(
      'create index idx_learning_plans_topic_public on learnplan.learning_plans'
      ' using gin (topic %I.gin_trgm_ops) with (fastupdate = off)'
      ' where visibility = %L',
      v_schema, 'public'
    );
    comment on column learnplan.learning_plans.topic is
      'What the plan teaches. Public ones are searched through idx_learning_plans_topic_public.';
  end if;
end
$$;

commit;

-- Verify learnplan-db:index_learning_plans_topic on pg

begin;
set local search_path = pg_catalog, pg_temp;

do $$
begin
  if to_regclass('learnplan.idx_learning_plans_topic') is not null then
    raise exception 'idx_learning_plans_topic is there, and a search would go through private plans';
  end if;
end
$$;

rollback;

-- Revert learnplan-db:index_learning_plans_topic from pg
--
-- Drops pg_trgm too if the change created it and nothing else uses it.

begin;
set local search_path = pg_catalog, pg_temp;

drop index if exists learnplan.idx_learning_plans_topic;

comment on column learnplan.learning_plans.topic is null;

do $$
begin
  if exists (
    select
    from pg_catalog.pg_extension as e
    where e.extname = 'pg_trgm'
      and pg_catalog.obj_description(e.oid, 'pg_extension') like '%created by learnplan-db%'
  ) then
    drop extension pg_trgm;
  end if;
exception
  when dependent_objects_still_exist then
    raise notice 'pg_trgm stays: something else uses it';
end
$$;

commit;

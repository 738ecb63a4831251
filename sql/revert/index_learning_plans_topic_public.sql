-- Revert learnplan-db:index_learning_plans_topic_public from pg

begin;
set local search_path = pg_catalog, pg_temp;

do $$
begin
  if to_regclass('learnplan.idx_learning_plans_topic_public') is not null then
    drop index learnplan.idx_learning_plans_topic_public;
    comment on column learnplan.learning_plans.topic is
      'What the plan teaches. Searched through idx_learning_plans_topic.';
  end if;
end
$$;

commit;

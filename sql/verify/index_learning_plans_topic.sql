-- Verify learnplan-db:index_learning_plans_topic on pg

begin;

do $$
declare
  v_comment text := pg_catalog.col_description('learnplan.learning_plans'::regclass, (
    select attnum
    from pg_catalog.pg_attribute
    where attrelid = 'learnplan.learning_plans'::regclass and attname = 'topic'
  ));
  v_index text := (
    select line
    from learnplan_private.describe_relation('learnplan.learning_plans', 'index') as described (line)
    where line like 'index INDEX idx_learning_plans_topic %'
  );
begin
  assert v_comment is not null, 'the comment on learning_plans.topic is missing';
  if v_comment like '% Not indexed %' then
    assert v_index is null, 'idx_learning_plans_topic exists, but the comment says it does not';
  else
    assert v_index ~ 'USING gin \(topic .*gin_trgm_ops\)$',
      'idx_learning_plans_topic is missing, invalid or of another kind';
  end if;
end
$$;

rollback;

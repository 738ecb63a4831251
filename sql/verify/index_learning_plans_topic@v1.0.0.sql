-- Verify learnplan-db:index_learning_plans_topic on pg

begin;
set local search_path = pg_catalog, pg_temp;

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
  if v_comment is null then
    raise exception 'the comment on learning_plans.topic is missing';
  elsif v_comment like '% Not indexed %' and v_index is not null then
    raise exception 'idx_learning_plans_topic exists, but the comment says it does not';
  elsif v_comment not like '% Not indexed %'
    and (v_index ~ 'USING gin [(]topic .*gin_trgm_ops[)]$') is not true
  then
    raise exception 'idx_learning_plans_topic is missing, invalid or of another kind';
  end if;
end
$$;

rollback;

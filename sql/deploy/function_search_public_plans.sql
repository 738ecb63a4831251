-- Deploy learnplan-db:function_search_public_plans to pg
-- requires: table_learning_plans
-- requires: index_learning_plans_topic
-- requires: role_learnplan_reader
-- requires: function_current_user_id
-- requires: function_hand_over
-- requires: function_assert_same
-- requires: function_describe_function
--
-- ILIKE may use no index under row security, so the search runs as learnplan_reader and says
-- the rule itself. What is sought is text, not a pattern. Row security also hides from the
-- planner how frequent a word is, and by default it takes each for rare; so the newest plans
-- are looked through as long as one in 200 has the word, which is then found soon, and only
-- what is rarer goes through the trigram index. Without sorting where an index can give the
-- order, the newest plans are never all read first.
-- Source: design, policies; row security facts, 4.3.

begin;
set local search_path = pg_catalog, pg_temp;

create function learnplan.search_public_plans(query text, max_rows integer default 20)
returns setof learnplan.learning_plans
language plpgsql
stable
parallel safe
security definer
rows 20
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
set enable_sort = off
as $$
declare
  v_rows    integer := coalesce(max_rows, 20);
  v_pattern text;
  v_newest  learnplan.learning_plans[];
  v_plan    learnplan.learning_plans;
  v_until   timestamptz;
  v_found   integer := 0;
begin
  if max_rows not between 1 and 1000 then
    raise exception 'max_rows is %, and not from 1 to 1000', max_rows
      using errcode = 'LPMAX',
        hint = 'Ask for fewer rows, or narrow the search.';
  end if;
  if length(query) > 200 then
    raise exception 'the query has more than 200 characters'
      using errcode = 'LPQRY',
        hint = 'Search for a part of the topic.';
  end if;
  if learnplan.current_user_id() is null then
    return;
  end if;

  -- The quotes are dollars, since a session may have standard_conforming_strings off.
  v_pattern := regexp_replace(coalesce(query, ''), $re$([\\%_])$re$, $re$\\\1$re$, 'g');
  v_pattern := '%' || v_pattern || '%';

  -- A plan without the word costs one, a plan with it earns 200; only those are kept.
  select
    array_agg(l.plan order by l.created_at desc) filter (where l.plan is distinct from null),
    max(l.created_at) filter (where l.plan is not distinct from null)
  into v_newest, v_until
  from (
    select w.plan, w.created_at
    from (
      select
        c.plan,
        c.created_at,
        sum(case when c.plan is distinct from null then 200 else -1 end) over newest as credit
      from (
        select case when p.topic ilike v_pattern then p end as plan, p.created_at
        from learnplan.learning_plans as p
        where p.visibility = 'public'
        order by p.created_at desc
        offset 0
      ) as c
      window newest as (order by c.created_at desc rows unbounded preceding)
    ) as w
    where w.plan is distinct from null or w.credit < -200
    limit v_rows
  ) as l;
  -- No query on the array: a session would keep its plan when the table gets another column.
  foreach v_plan in array coalesce(v_newest, '{}') loop
    if v_until is null or v_plan.created_at > v_until then
      return next v_plan;
      v_found := v_found + 1;
    end if;
  end loop;
  if v_until is null then
    return;
  end if;

  -- The word is rare, so the others are sought by it. Planned for the word itself: one of two
  -- letters has no trigram.
  return query execute $sql$
    select r.*
    from (
      select p.*
      from learnplan.learning_plans as p
      where p.visibility = 'public' and p.topic ilike $1 and p.created_at <= $2
      offset 0
    ) as r
    order by r.created_at desc
    limit $3
  $sql$ using v_pattern, v_until, v_rows - v_found;
end
$$;

comment on function learnplan.search_public_plans(text, integer) is
  'Public plans whose topic contains the text, in any case, newest first; all of them for no text.';

revoke all on function learnplan.search_public_plans(text, integer) from public;

select learnplan_private.hand_over(
  'learnplan.search_public_plans(text, integer)',
  'learnplan_reader'
);

commit;

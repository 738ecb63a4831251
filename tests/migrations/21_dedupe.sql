-- Doubles go, before a unique constraint comes.
-- changed: select 5 - count(*) from app.tasks
-- blind 0, correct 1

-- blind:
-- the guard stops:
delete from app.tasks
where id in (
  select id
  from (
    select id, row_number() over (partition by plan_id, title order by id) as n
    from app.tasks
  ) as numbered
  where n > 1
);

-- correct:
set local role service_role;
delete from app.tasks
where id in (
  select id
  from (
    select id, row_number() over (partition by plan_id, title order by id) as n
    from app.tasks
  ) as numbered
  where n > 1
);
reset role;

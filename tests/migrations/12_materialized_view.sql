-- A materialized view is made: its owner must see the rows.
-- changed: select count(*) from app.counts
-- blind 0, correct 2

-- blind:
-- the guard stops:
create materialized view app.counts as
select user_id, count(*) as plans
from app.plans
group by user_id;

-- correct:
alter table app.plans no force row level security;
create materialized view app.counts as
select user_id, count(*) as plans
from app.plans
group by user_id;
alter table app.plans force row level security;

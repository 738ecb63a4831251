-- A materialized view is refreshed, and would be empty.
-- changed: select count(*) from app.titles
-- blind 0, correct 3

-- blind:
-- the guard stops:
refresh materialized view app.titles;

-- correct:
alter table app.plans no force row level security;
refresh materialized view app.titles;
alter table app.plans force row level security;

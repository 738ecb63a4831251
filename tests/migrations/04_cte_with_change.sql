-- Rows are moved by one statement.
-- changed: select count(*) from app.archive
-- blind 0, correct 2

-- blind:
-- the guard stops:
with gone as (
  delete from app.tasks where minutes = 0 returning id, title
)
insert into app.archive (id, title)
select id, title
from gone;

-- correct:
set local role service_role;
with gone as (
  delete from app.tasks where minutes = 0 returning id, title
)
insert into app.archive (id, title)
select id, title
from gone;
reset role;

-- Rows are copied into a table without row security.
-- changed: select count(*) from app.archive
-- blind 0, correct 3

-- blind:
-- the guard stops:
insert into app.archive (id, title)
select id, title
from app.plans;

-- correct:
set local role service_role;
insert into app.archive (id, title)
select id, title
from app.plans;
reset role;

-- A column is filled from a joined table.
-- changed: select count(*) from app.plans where title like '% %'
-- blind 0, correct 3

-- blind:
-- the guard stops:
update app.plans
set title = u.name
from app.users as u
where u.id = plans.user_id;

-- correct:
set local role service_role;
update app.plans
set title = u.name
from app.users as u
where u.id = plans.user_id;
reset role;

-- Rows are inserted or updated from a table that hides them.
-- changed: select count(*) from app.settings where name like 'title%'
-- blind 0, correct 3

-- blind:
-- the guard stops:
insert into app.settings (name, value)
select 'title ' || id, title
from app.plans
on conflict (name) do update set value = excluded.value;

-- correct:
set local role service_role;
insert into app.settings (name, value)
select 'title ' || id, title
from app.plans
on conflict (name) do update set value = excluded.value;
reset role;

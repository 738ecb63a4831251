-- Rows are chosen first.
-- changed: select count(*) from app.archive
-- blind 0, correct 2

-- blind:
-- the guard stops:
create temporary table chosen as
select id, title
from app.plans
where status is null;

insert into app.archive (id, title)
select id, title
from chosen;

-- correct:
create temporary table chosen (id integer, title text);
grant insert on chosen to service_role;
set local role service_role;
insert into chosen (id, title)
select id, title
from app.plans
where status is null;
reset role;
insert into app.archive (id, title)
select id, title
from chosen;

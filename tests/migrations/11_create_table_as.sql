-- A table is made of another's rows.
-- changed: select count(*) from app.copied
-- blind 0, correct 3

-- blind:
-- the guard stops:
create table app.copied as
select id, title
from app.plans;

-- correct:
create table app.copied (id integer, title text);
grant insert on app.copied to service_role;
set local role service_role;
insert into app.copied (id, title)
select id, title
from app.plans;
reset role;

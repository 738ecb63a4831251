-- Rows move to another table, and the old one is dropped: all would be lost.
-- changed: select count(*) from app.archive
-- blind 0, correct 5

-- blind:
-- the guard stops:
insert into app.archive (id, title)
select id, title
from app.tasks;

drop table app.tasks;

-- correct:
set local role service_role;
insert into app.archive (id, title)
select id, title
from app.tasks;
reset role;

drop table app.tasks;

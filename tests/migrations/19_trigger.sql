-- A trigger writes into another table.
-- changed: select count(*) from app.users where "first" = 'new'
-- blind 0, correct 3

-- blind:
-- the guard stops:
update app.settings set value = 'new' where name = 'mode';

-- correct:
set local role service_role;
update app.settings set value = 'new' where name = 'mode';
reset role;

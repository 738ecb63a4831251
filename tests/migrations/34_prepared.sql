-- A prepared statement.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
-- the guard stops:
prepare fill as update app.users set "first" = split_part(name, ' ', 1);

execute fill;

-- correct:
set local role service_role;
prepare fill as update app.users set "first" = split_part(name, ' ', 1);
execute fill;
reset role;

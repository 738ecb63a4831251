-- The script resets all settings, and the guard with them.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
reset all;

-- the guard stops:
update app.users set "first" = split_part(name, ' ', 1);

-- correct:
reset all;
set local role service_role;
update app.users set "first" = split_part(name, ' ', 1);
reset role;

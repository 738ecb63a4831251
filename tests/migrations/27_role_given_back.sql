-- The role is given back too early.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
set local role service_role;
select count(*) from app.users;
reset role;

-- the guard stops:
update app.users set "first" = split_part(name, ' ', 1);

-- correct:
set local role service_role;
select count(*) from app.users;
update app.users set "first" = split_part(name, ' ', 1);
reset role;

-- A role is taken whose policies ask who the caller is.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
set local role authenticated;

-- the guard stops:
update app.users set "first" = name;

reset role;

-- correct:
set local role service_role;
update app.users set "first" = name;
reset role;

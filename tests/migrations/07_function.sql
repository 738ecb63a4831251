-- A function does the change, with the rights of its caller.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
-- the guard stops:
select app.fill_first();

-- correct:
set local role service_role;
select app.fill_first();
reset role;

-- The role is taken, but the function leaves it again.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
set local role service_role;

-- the guard stops:
select app.fill_first_as_owner();

reset role;

-- correct:
set local role service_role;
select app.fill_first();
reset role;

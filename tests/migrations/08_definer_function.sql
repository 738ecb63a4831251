-- A definer function of the deployer's does the change.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
-- the guard stops:
select app.fill_first_as_owner();

-- correct:
set local role service_role;
select app.fill_first();
reset role;

-- A cascade would remove the plans of users that go.
-- changed: select 3 - count(*) from app.plans
-- blind 0, correct 1

-- blind:
-- the guard stops:
delete from app.users where not active;

-- correct:
set local role service_role;
delete from app.users where not active;
reset role;

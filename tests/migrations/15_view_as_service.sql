-- The role is taken, but the view looks with its owner's rights.
-- changed: select count(*) from app.plans where status = 'open'
-- blind 0, correct 2

-- blind:
set local role service_role;

-- the guard stops:
update app.open_plans set status = 'open';

reset role;

-- correct:
set local role service_role;
update app.plans set status = 'open' where status is null;
reset role;

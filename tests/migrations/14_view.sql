-- An update through a view with its owner's rights.
-- changed: select count(*) from app.plans where status = 'open'
-- blind 0, correct 2

-- blind:
-- the guard stops:
update app.open_plans set status = 'open';

-- correct:
set local role service_role;
update app.plans set status = 'open' where status is null;
reset role;

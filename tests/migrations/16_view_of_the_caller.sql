-- An update through a view with its caller's rights.
-- changed: select count(*) from app.plans where status = 'open'
-- blind 0, correct 3

-- blind:
-- the guard stops:
update app.my_plans set status = 'open';

-- correct:
set local role service_role;
update app.my_plans set status = 'open';
reset role;

-- The role is taken, but a trigger leaves it again.
-- changed: select count(*) from app.audit where what = 'noted'
-- blind 0, correct 1

-- blind:
set local role service_role;

-- the guard stops:
update app.stats set plans = 0;

reset role;

-- correct:
set local role service_role;
update app.audit set what = 'noted';
reset role;

-- Counters are computed from rows that it does not see: all wrong.
-- changed: select count(*) from app.stats where plans > 10
-- blind 0, correct 2

-- blind:
drop trigger stats_note on app.stats;

-- the guard stops:
update app.stats
set plans = 10 + (select count(*) from app.plans where user_id = stats.user_id);

-- correct:
drop trigger stats_note on app.stats;
set local role service_role;
update app.stats
set plans = 10 + (select count(*) from app.plans where user_id = stats.user_id);
reset role;

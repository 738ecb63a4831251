-- Counters are brought up to date by MERGE.
-- changed: select sum(plans) / 10 from app.stats
-- blind 0, correct 3

-- blind:
drop trigger stats_note on app.stats;

-- the guard stops:
merge into app.stats as s
using (select user_id, count(*)::integer as plans from app.plans group by user_id) as p
  on s.user_id = p.user_id
when matched then update set plans = p.plans * 10;

-- correct:
drop trigger stats_note on app.stats;
set local role service_role;
merge into app.stats as s
using (select user_id, count(*)::integer as plans from app.plans group by user_id) as p
  on s.user_id = p.user_id
when matched then update set plans = p.plans * 10;
reset role;

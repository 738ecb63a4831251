-- A sequence goes on behind the last row.
-- changed: select last_value - 1 from app.numbers
-- blind 0, correct 2

-- blind:
-- the guard stops:
select setval('app.numbers', (select max(id) from app.plans));

-- correct:
set local role service_role;
select setval('app.numbers', (select max(id) from app.plans));
reset role;

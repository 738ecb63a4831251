-- Rows go through a file on the client.
-- changed: select count(*) from app.archive
-- blind 0, correct 3

-- blind:
-- the guard stops:
\copy (select id, title from app.plans) to 'plans.copy'

\copy app.archive from 'plans.copy'

-- correct:
set local role service_role;
\copy (select id, title from app.plans) to 'plans.copy'
reset role;
\copy app.archive from 'plans.copy'

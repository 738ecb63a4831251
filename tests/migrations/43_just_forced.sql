-- The change itself forces row security, before it fills.
-- changed: select count(*) from app.archive where title = 'x'
-- blind 0, correct 1

-- blind:
insert into app.archive values (9, 'w');
alter table app.archive enable row level security;
alter table app.archive force row level security;
create policy service on app.archive to service_role using (true);

-- the guard stops:
update app.archive set title = 'x';

-- correct:
insert into app.archive values (9, 'w');
alter table app.archive enable row level security;
alter table app.archive force row level security;
create policy service on app.archive to service_role using (true);
set local role service_role;
update app.archive set title = 'x';
reset role;

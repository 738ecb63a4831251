-- Nulls are filled, before NOT NULL comes with the next change.
-- changed: select count(*) from app.plans where status = 'open'
-- blind 0, correct 2

-- blind:
-- the guard stops:
update app.plans set status = 'open' where status is null;

alter table app.plans
  add constraint status_there check (status is not null) not valid;

-- correct:
set local role service_role;
update app.plans set status = 'open' where status is null;
reset role;

alter table app.plans
  add constraint status_there check (status is not null) not valid;
alter table app.plans validate constraint status_there;

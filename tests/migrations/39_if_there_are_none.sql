-- A default is put where there seems to be nothing: too much.
-- changed: select count(*) from app.archive
-- blind 1, correct 0

-- blind:
-- the guard stops:
insert into app.archive (id, title)
select 0, 'a default'
where not exists (select from app.plans);

-- correct:
set local role service_role;
insert into app.archive (id, title)
select 0, 'a default'
where not exists (select from app.plans);
reset role;

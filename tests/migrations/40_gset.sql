-- psql decides by a count.
-- changed: select count(*) from app.archive
-- blind 0, correct 1

-- blind:
-- the guard stops:
select count(*) > 0 as some from app.plans \gset

\if :some
insert into app.archive (id) values (1);
\endif

-- correct:
set local role service_role;
select count(*) > 0 as some from app.plans \gset
reset role;
\if :some
insert into app.archive (id) values (1);
\endif

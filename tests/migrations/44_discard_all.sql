-- The session forgets everything, outside of a transaction.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3
-- not one transaction

-- blind:
discard all;

-- the guard stops:
update app.users set "first" = split_part(name, ' ', 1);

-- correct:
begin;
set local role service_role;
update app.users set "first" = split_part(name, ' ', 1);
reset role;
commit;
discard all;

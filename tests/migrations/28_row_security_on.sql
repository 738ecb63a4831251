-- The script switches row security on itself.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3
-- refused by reading

-- blind:
-- the guard stops:
set local row_security = on;

update app.users set "first" = split_part(name, ' ', 1);

-- correct:
set local role service_role;
update app.users set "first" = split_part(name, ' ', 1);
reset role;

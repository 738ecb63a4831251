-- A function switches row security on while it runs.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3
-- refused by reading

-- blind:
create function app.fill() returns void language sql
-- the guard stops:
set row_security = on as
$$ update app.users set "first" = split_part(name, ' ', 1) $$;

select app.fill();

-- correct:
create function app.fill() returns void language sql as
$$ update app.users set "first" = split_part(name, ' ', 1) $$;
grant execute on function app.fill() to service_role;
set local role service_role;
select app.fill();
reset role;

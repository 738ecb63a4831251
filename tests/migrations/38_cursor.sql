-- A cursor over rows that it does not see.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
-- the guard stops:
do $$
declare
  chosen cursor for select id from app.users for update;
begin
  for one in chosen loop
    update app.users set "first" = 'c' where current of chosen;
  end loop;
end
$$;

-- correct:
set local role service_role;
do $$
declare
  chosen cursor for select id from app.users for update;
begin
  for one in chosen loop
    update app.users set "first" = 'c' where current of chosen;
  end loop;
end
$$;
reset role;

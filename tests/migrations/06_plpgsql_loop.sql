-- A loop over rows that it does not see.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
-- the guard stops:
do $$
declare
  one record;
begin
  for one in select id, name from app.users order by id loop
    update app.users set "first" = split_part(one.name, ' ', 1) where id = one.id;
  end loop;
end
$$;

-- correct:
set local role service_role;
do $$
declare
  one record;
begin
  for one in select id, name from app.users order by id loop
    update app.users set "first" = split_part(one.name, ' ', 1) where id = one.id;
  end loop;
end
$$;
reset role;

-- A block does the change.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
-- the guard stops:
do $$
begin
  update app.users set "first" = split_part(name, ' ', 1);
end
$$;

-- correct:
set local role service_role;
do $$
begin
  update app.users set "first" = split_part(name, ' ', 1);
end
$$;
reset role;

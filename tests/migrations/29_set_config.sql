-- The script switches row security on, in a block.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3
-- refused by reading

-- blind:
do $$
begin
-- the guard stops:
  perform set_config('row_security', 'on', true);

  update app.users set "first" = split_part(name, ' ', 1);
end
$$;

-- correct:
set local role service_role;
update app.users set "first" = split_part(name, ' ', 1);
reset role;

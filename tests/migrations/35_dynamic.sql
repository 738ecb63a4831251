-- A block puts its statement together.
-- changed: select count(*) from app.plans where status = 'open'
-- blind 0, correct 3

-- blind:
-- the guard stops:
do $$
begin
  execute format('update app.%I set status = %L', 'plans', 'open');
end
$$;

-- correct:
set local role service_role;
do $$
begin
  execute format('update app.%I set status = %L', 'plans', 'open');
end
$$;
reset role;

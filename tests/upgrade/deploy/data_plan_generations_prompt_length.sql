-- Deploy learnplan-db:data_plan_generations_prompt_length to pg
-- requires: table_plan_generations
--
-- No transaction around it: each batch commits, and holds its rows no longer than that. Killed
-- half-way it starts again and passes by what is filled in. The deployer is a member of the
-- service's role; what is borrowed lasts for one transaction.

set role service_role;

do $$
declare
  v_last uuid := '00000000-0000-0000-0000-000000000000';
begin
  while v_last is not null loop
    with batch as (
      select id from learnplan.plan_generations
      where id > v_last
      order by id
      limit 500
    ), filled as (
      update learnplan.plan_generations as g
      set prompt_length = length(g.prompt::text)
      from batch
      where g.id = batch.id and g.prompt_length is null
    )
    select (select id from batch order by id desc limit 1) into v_last;
    commit;
  end loop;
end
$$;

reset role;

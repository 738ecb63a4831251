-- The registry, unless another project or tool has made it.
do $learnplan_db$
declare
  v_messages text := current_setting('client_min_messages');
begin
  if to_regclass({registry_changes}) is null then
    if to_regnamespace({registry_schema}) is null then
      create schema {schema};
    end if;
{making}
    perform set_config('client_min_messages', v_messages, true);
  end if;
end
$learnplan_db$

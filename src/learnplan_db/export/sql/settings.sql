-- The settings as the host had them.
do $learnplan_db$
declare
  v_one record;
begin
  perform set_config('session_authorization', current_setting('learnplan_db.authorization'), true);
  perform set_config('role', current_setting('learnplan_db.role'), true);
  for v_one in
    select s.name, o.value
    from pg_settings as s
    inner join json_each_text(current_setting('learnplan_db.session')::json) as o
      on o.key = s.name
    where s.setting is distinct from o.value
    order by s.name = 'search_path'
  loop
    perform set_config(v_one.name, v_one.value, true);
  end loop;
end
$learnplan_db$

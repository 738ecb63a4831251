-- Nothing is done unless the database is exactly where this goes on from.
do $learnplan_db$
declare
  v_count bigint := 0;
  v_last  text;
  v_name  text;
  v_tags  text[] := '{{}}';
  v_uri   text;
begin
  if not pg_try_advisory_xact_lock({lock}) then
    raise exception E'learnplan-db: another deploy is running\n  fix  %',
      'run this again when it has ended' using errcode = 'lock_not_available';
  end if;
  if to_regclass({registry_changes}) is not null then
    if to_regclass({registry_releases}) is null
      or (select coalesce(max(version), 0)::numeric from {schema}.releases) <> {version}
    then
      raise exception E'learnplan-db: the registry is not of version {version}\n  fix  %',
        'learnplan-db upgrade' using errcode = 'object_not_in_prerequisite_state';
    end if;
    lock table {schema}.changes in exclusive mode;
    select uri into v_uri from {schema}.projects where project = {project};
    if found and v_uri is distinct from {uri} then
      raise exception E'learnplan-db: the database holds another project "%"\n  fix  %',
        {project}, 'look whether this is the right database'
        using errcode = 'object_not_in_prerequisite_state';
    end if;
    select count(*) into v_count from {schema}.changes where project = {project};
    select change_id, change into v_last, v_name from {schema}.changes
    where project = {project} order by committed_at desc limit 1;
    select coalesce(array_agg(tag order by tag collate "C"), '{{}}') into v_tags
    from {schema}.tags where change_id = v_last;
  end if;
  if v_last is distinct from {here} or v_count <> {count} or v_tags <> {tags} then
    raise exception E'learnplan-db: this goes on from %, and the database is at %\n  fix  %',
      {place},
      case when v_last is null then 'nothing' else array_to_string(v_name || v_tags, ' ') end,
      case when v_last is not distinct from {end} and v_count = {end_count}
        and v_tags = {end_tags} then {already} else {elsewhere} end
      using errcode = 'object_not_in_prerequisite_state';
  end if;
end
$learnplan_db$

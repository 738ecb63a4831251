-- Nothing has gone that was not counted, as by dynamic SQL.
do $learnplan_db$
declare
  v_lost text;
begin
  with standing as (
    select (o ->> 0)::oid as oid, o ->> 1 as name, (o ->> 2)::oid as node,
      (o ->> 3)::bigint as deleted, o -> 4 as known
    from json_array_elements(
      coalesce(nullif(current_setting('learnplan_db.standing', true), ''), '[]')::json) as o
  )
  select string_agg(s.name, ', ' order by s.name) into v_lost
  from standing as s
  left join pg_class as c on c.oid = s.oid
  where c.oid is null
    or pg_stat_get_xact_tuples_deleted(s.oid) > s.deleted
    or pg_relation_filenode(s.oid) <> s.node
      and (pg_relation_size(s.oid) = 0 or pg_stat_get_xact_tuples_inserted(s.oid) > 0)
    or exists (
      select from pg_attribute as a
      where a.attrelid = s.oid and a.attnum > 0 and a.attisdropped
        and a.attnum::text not in (select json_array_elements_text(s.known)));
  perform set_config('learnplan_db.standing', '', true);
  if v_lost is not null then
    raise exception E'learnplan-db: this would lose rows that nobody has counted\n  - %\n  fix  %',
      v_lost, 'save them, or let them go: set learnplan_db.allow_data_loss to on'
      using errcode = 'object_not_in_prerequisite_state';
  end if;
end
$learnplan_db$

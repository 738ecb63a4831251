-- Rows that would go, counted under the lock that the scripts take anyway.
do $learnplan_db$
declare
  v_one    record;
  v_thing  record;
  v_where  text;
  v_source text;
  v_number bigint;
  v_hidden boolean;
  v_path   text := current_setting('search_path');
  v_known  text[] := '{{}}';
  v_lost   text[] := '{{}}';
begin
  if coalesce(nullif(current_setting('learnplan_db.allow_data_loss', true), ''), 'off')::boolean then
    return;
  end if;
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    raise exception E'learnplan-db: in a transaction that is % newer rows are not seen\n  fix  %',
      current_setting('transaction_isolation'), 'go back in one that is read committed'
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  for v_one in
    select * from (values
{things}
    ) as listed (label, path, query, condition, alias)
    where query is not null
  loop
    perform set_config('search_path', current_setting('learnplan_db.path'), true);
    if v_one.path is not null then
      execute 'set local search_path to ' || v_one.path;
    end if;
    for v_thing in execute
      'select f.oid::regclass as oid, f.attnum::integer as attnum, quote_ident(a.attname) as name,'
      ' a.attgenerated as generated, format_type(a.atttypid, a.atttypmod) as kind,'
      ' pg_get_expr(d.adbin, d.adrelid) as usual'
      ' from (' || v_one.query || ') as f (oid, attnum)'
      ' left join pg_catalog.pg_attribute as a'
      ' on a.attrelid = f.oid and a.attnum = f.attnum and a.attnum > 0'
      ' left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum'
    loop
      if coalesce(v_one.condition, 'true') = 'true' then
        v_known := v_known || format('%s.%s', v_thing.oid::oid, v_thing.attnum) || array(
          select format('%s.%s', p.relid::oid, v_thing.attnum)
          from pg_catalog.pg_partition_tree(v_thing.oid) as p);
      end if;
      continue when v_thing.generated <> '';
      v_where := coalesce(v_one.condition, 'true');
      v_source := format('%s %s', v_thing.oid, 'as ' || nullif(v_one.alias, ''));
      if v_thing.attnum > 0 then
        v_where := format('counted.%s is not null', v_thing.name);
        v_source := format('%s as counted', v_thing.oid);
        if v_thing.usual ~ {constant} then
          v_where := v_where || format(' and counted.%s::text is distinct from (%s)::%s::text',
            v_thing.name, v_thing.usual, v_thing.kind);
        end if;
      end if;
      execute format('lock table %s in access exclusive mode', v_thing.oid);
      v_hidden := row_security_active(v_thing.oid);
      if v_hidden then
        execute format('alter table %s no force row level security', v_thing.oid);
      end if;
      execute format('select count(*) from (select from %s where %s limit {most}) as found',
        v_source, v_where) into v_number;
      if v_hidden then
        execute format('alter table %s force row level security', v_thing.oid);
      end if;
      if v_number > 0 then
        v_lost := v_lost || format('%s: %s%s %s%s', v_one.label, case
          when v_thing.attnum > 0 then format('column %s.%s', v_thing.oid, v_thing.name)
          when v_one.condition is null then format('table %s', v_thing.oid)
          else format('rows of table %s', v_thing.oid) end,
          ',' || case when v_number >= {most} then ' at least' else '' end, v_number,
          case when v_thing.attnum > 0 then ' value' else ' row' end ||
          case when v_number = 1 then '' else 's' end);
      end if;
    end loop;
  end loop;
  perform set_config('search_path', v_path, true);
  if v_lost <> '{{}}' then
    raise exception E'learnplan-db: this would lose rows\n  - %\n  fix  %',
      array_to_string(v_lost, E'\n  - '),
      'save them, or let them go: set learnplan_db.allow_data_loss to on'
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  perform set_config('learnplan_db.standing', (
    select coalesce(json_agg(json_build_array(c.oid::bigint, c.relname,
      pg_relation_filenode(c.oid)::bigint, pg_stat_get_xact_tuples_deleted(c.oid), array(
        select a.attnum from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0
          and (a.attisdropped or format('%s.%s', c.oid, a.attnum) = any (v_known))))), '[]')::text
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r' and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema', {registry})
      and format('%s.0', c.oid) <> all (v_known) and pg_relation_size(c.oid) > 0), true);
end
$learnplan_db$

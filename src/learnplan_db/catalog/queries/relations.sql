-- What holds rows, and what it is made of; part of frame.sql, as a member of its union.
select 'schema', name, nspowner, coalesce(nspacl, acldefault('n', nspowner)),
  null::oid[], obj_description(oid, 'pg_namespace'), '{}'::jsonb
from ours

union all
select 'default_acl', format('%s %s %s', n.name, w.name,
    case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences'
      when 'f' then 'functions' when 'T' then 'types' else d.defaclobjtype::text end),
  null, d.defaclacl, null, null, '{}'
from pg_default_acl as d
inner join ours as n on n.oid = d.defaclnamespace
inner join people as w on w.oid = d.defaclrole

union all
select
  case when c.relkind in ('v', 'm') then 'view' when c.relkind = 'S' then 'sequence'
    else 'table' end,
  c.name, c.relowner,
  coalesce(c.relacl,
    acldefault(case when c.relkind = 'S' then 's' else 'r' end::"char", c.relowner)),
  null, obj_description(c.oid, 'pg_class'),
  jsonb_build_object(
    'sort', case c.relkind when 'p' then 'partitioned' when 'f' then 'foreign'
      when 'm' then 'materialized' when 'S' then null else 'ordinary' end,
    'persistence', case when c.relkind not in ('v', 'm') then
      case c.relpersistence when 'u' then 'unlogged' else 'permanent' end end,
    -- What tunes a table, such as autovacuum and fillfactor, is the host's to say.
    'options', (
      select string_agg(option, ', ' order by option collate "C")
      from unnest(c.reloptions) as found (option)
      where c.relkind = 'v' or split_part(option, '=', 1) = 'user_catalog_table'
    )
  )
  || case when c.relkind in ('r', 'p', 'f') then jsonb_build_object(
    'row_security', case when c.relrowsecurity then 'enabled' else 'disabled' end,
    'forced', case when c.relforcerowsecurity then 'yes' else 'no' end,
    'replica_identity', case c.relreplident when 'd' then 'default' when 'n' then 'nothing'
      when 'f' then 'full' else 'index ' || (
        select quote_ident(x.relname) from pg_index as i
        inner join pg_class as x on x.oid = i.indexrelid
        where i.indrelid = c.oid and i.indisreplident
      ) end,
    'access_method', (select amname from pg_am as m where m.oid = c.relam),
    'partitioned_by', case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
    'bound', pg_get_expr(c.relpartbound, c.oid),
    'parents', (
      select string_agg(h.inhparent::regclass::text, ', ' order by h.inhseqno)
      from pg_inherits as h where h.inhrelid = c.oid
    ),
    'of_type', nullif(c.reloftype, 0)::regtype::text
  ) else '{}' end
  || case when c.relkind in ('v', 'm')
    then jsonb_build_object('query', pg_get_viewdef(c.oid)) else '{}' end
  || coalesce((
    select jsonb_build_object(
      'type', s.seqtypid::regtype::text, 'start', s.seqstart::text,
      'increment', s.seqincrement::text, 'min', s.seqmin::text, 'max', s.seqmax::text,
      'cache', s.seqcache::text, 'cycle', case when s.seqcycle then 'yes' else 'no' end,
      'owned_by', (
        select format('%s.%I', d.refobjid::regclass, a.attname)
        from pg_depend as d
        inner join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where d.classid = 'pg_class'::regclass and d.objid = c.oid
          and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
      ))
    from pg_sequence as s where s.seqrelid = c.oid
  ), '{}')
from relations as c
where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S')

union all
select 'column', format('%s.%I', c.name, a.attname), null, a.attacl, null,
  col_description(c.oid, a.attnum),
  jsonb_build_object(
    'type', format_type(a.atttypid, a.atttypmod),
    'position', (row_number() over (partition by c.oid order by a.attnum))::text,
    'not_null', case when a.attnotnull and not exists (
      select from pg_constraint as k where k.conrelid = c.oid and k.contype = 'n'
        and not k.convalidated and k.conkey = array[a.attnum]
    ) then 'yes' else 'no' end,
    'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
    'generated', case when a.attgenerated <> '' then
      case a.attgenerated when 's' then 'stored ' else 'virtual ' end
      || pg_get_expr(d.adbin, d.adrelid) end,
    'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
    'collation', case when a.attcollation <> t.typcollation then
      a.attcollation::regcollation::text end,
    'storage', case when a.attstorage <> t.typstorage then a.attstorage::text end,
    'compression', nullif(a.attcompression::text, ''),
    'statistics', nullif(a.attstattarget, -1)::text,
    -- Since November 2026 the server keeps account of a column's own type here, by itself.
    'options', (
      select string_agg(kept.word, ', ' order by kept.place)
      from unnest(a.attoptions) with ordinality as kept (word, place)
      where not starts_with(kept.word, 'pg_')
    )
  )
from relations as c
inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
inner join pg_type as t on t.oid = a.atttypid
left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where c.relkind in ('r', 'p', 'f', 'v', 'm', 'c')

union all
select 'constraint', format('%s.%I', coalesce(c.name, t.name), k.conname), null, null, null,
  obj_description(k.oid, 'pg_constraint'),
  jsonb_build_object(
    'definition', regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''),
    'validated', case when k.convalidated then 'yes' else 'no' end,
    -- A foreign key is held by triggers, which can be switched off.
    'held', (
      select string_agg(distinct case g.tgenabled when 'O' then 'yes' when 'D' then 'no'
        when 'A' then 'always' else 'replica' end, ', ')
      from pg_trigger as g where g.tgconstraint = k.oid and g.tgisinternal
    )
  )
from pg_constraint as k
left join relations as c on c.oid = k.conrelid
left join types as t on t.oid = k.contypid
-- What a foreign key to a partitioned table holds of each partition has no name of its own.
left join pg_constraint as u on u.oid = k.conparentid and u.conrelid = k.conrelid
where k.contype in ('c', 'p', 'u', 'f', 'x') and (c.oid is not null or t.oid is not null)
  and u.oid is null

union all
select 'index', c.name, null, null, null, obj_description(c.oid, 'pg_class'),
  jsonb_build_object(
    'definition', pg_get_indexdef(c.oid),
    'table', r.name,
    'valid', case when i.indisvalid and i.indisready and i.indislive then 'yes' else 'no' end
  )
from relations as c
inner join pg_index as i on i.indexrelid = c.oid
inner join relations as r on r.oid = i.indrelid

union all
select 'statistics', format('%s.%I', n.name, s.stxname), s.stxowner, null, null,
  obj_description(s.oid, 'pg_statistic_ext'),
  jsonb_build_object('definition', pg_get_statisticsobjdef(s.oid),
    'target', nullif(s.stxstattarget, -1)::text)
from pg_statistic_ext as s
inner join ours as n on n.oid = s.stxnamespace

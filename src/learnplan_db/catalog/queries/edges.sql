-- What in the schemas of learnplan_db.schemas stands on what: one row a pair, by kind and name
-- as reading.sql names them; what an extension brought is named after the extension.
-- Runs on PostgreSQL 15 to 18 with search_path = pg_catalog.
with
ours as materialized (
  select n.oid, quote_ident(n.nspname) as name
  from pg_namespace as n
  where n.nspname = any(current_setting('learnplan_db.schemas')::text[])
),
relations as materialized (
  select c.oid, c.relkind, format('%s.%I', n.name, c.relname) as name,
    case when c.relkind in ('v', 'm') then 'view' when c.relkind = 'S' then 'sequence'
      when c.relkind in ('i', 'I') then 'index' when c.relkind = 'c' then 'composite'
      else 'table' end as kind
  from pg_class as c
  inner join ours as n on n.oid = c.relnamespace
),
types as materialized (
  select t.oid, t.typarray, t.typrelid, format('%s.%I', n.name, t.typname) as name,
    case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range'
      else 'other' end as kind
  from pg_type as t
  inner join ours as n on n.oid = t.typnamespace
  where t.typcategory <> 'A' and t.typtype <> 'm'
),
named (class, id, part, kind, name) as materialized (
  select 'pg_namespace'::regclass, oid, 0, 'schema', name from ours
  union all
  select 'pg_class'::regclass, oid, 0, kind, name from relations
  union all
  select 'pg_class'::regclass, c.oid, a.attnum,
    case when c.kind = 'view' then c.kind else 'column' end,
    case when c.kind = 'view' then c.name else format('%s.%I', c.name, a.attname) end
  from relations as c
  inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.kind in ('table', 'view', 'composite')
  union all
  select 'pg_attrdef'::regclass, d.oid, 0, 'column', format('%s.%I', c.name, a.attname)
  from pg_attrdef as d
  inner join relations as c on c.oid = d.adrelid
  inner join pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
  union all
  select 'pg_type'::regclass, x.id, 0, coalesce(c.kind, t.kind), t.name
  from types as t
  left join relations as c on c.oid = t.typrelid
  cross join lateral (values (t.oid), (t.typarray)) as x (id)
  where x.id <> 0
  union all
  select 'pg_proc'::regclass, p.oid, 0, 'function', p.oid::regprocedure::text
  from pg_proc as p where p.pronamespace in (select oid from ours)
  union all
  select 'pg_constraint'::regclass, k.oid, 0,
    case when k.contype <> 'n' then 'constraint' when a.attname is null then 'domain'
      else 'column' end,
    case when k.contype <> 'n' then format('%s.%I', coalesce(c.name, t.name), k.conname)
      when a.attname is null then t.name else format('%s.%I', c.name, a.attname) end
  from pg_constraint as k
  left join relations as c on c.oid = k.conrelid
  left join types as t on t.oid = k.contypid
  left join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
  where c.oid is not null or t.oid is not null
  union all
  select 'pg_trigger'::regclass, g.oid, 0, 'trigger', format('%s.%I', c.name, g.tgname)
  from pg_trigger as g
  inner join relations as c on c.oid = g.tgrelid
  where not g.tgisinternal
  union all
  select 'pg_rewrite'::regclass, w.oid, 0,
    case when w.rulename = '_RETURN' then 'view' else 'rule' end,
    case when w.rulename = '_RETURN' then c.name else format('%s.%I', c.name, w.rulename) end
  from pg_rewrite as w
  inner join relations as c on c.oid = w.ev_class
  union all
  select 'pg_policy'::regclass, p.oid, 0, 'policy', format('%s.%I', c.name, p.polname)
  from pg_policy as p
  inner join relations as c on c.oid = p.polrelid
  union all
  select 'pg_statistic_ext'::regclass, s.oid, 0, 'statistics', format('%s.%I', n.name, s.stxname)
  from pg_statistic_ext as s
  inner join ours as n on n.oid = s.stxnamespace
  union all
  select 'pg_cast'::regclass, c.oid, 0, 'cast', i.identity
  from pg_cast as c
  cross join lateral pg_identify_object('pg_cast'::regclass, c.oid, 0) as i
  where c.castsource in (select oid from types) or c.casttarget in (select oid from types)
  union all
  select b.classid, b.objid, b.objsubid, 'extension', quote_ident(e.extname)
  from pg_depend as b
  inner join pg_extension as e on e.oid = b.refobjid
  where b.refclassid = 'pg_extension'::regclass and b.deptype = 'e'
)

select distinct o.kind, o.name, r.kind, r.name
from pg_depend as d
inner join named as o on o.class = d.classid and o.id = d.objid and o.part = d.objsubid
inner join named as r on r.class = d.refclassid and r.id = d.refobjid and r.part = d.refobjsubid
where (o.kind, o.name) <> (r.kind, r.name) and o.kind <> 'extension'

-- All that the schemas of learnplan_db.schemas hold: one row an object, its facts as text.
-- Runs on PostgreSQL 15 to 18 with search_path = pg_catalog, so that every name is qualified;
-- asks for no right but to read the catalog. What one major cannot say is said of none:
-- oids, column numbers, grantors, names of NOT NULL constraints. The other files' queries take
-- the place of the line in braces.
with
ours as materialized (
  select n.oid, quote_ident(n.nspname) as name, n.nspowner, n.nspacl
  from pg_namespace as n
  where n.nspname = any(current_setting('learnplan_db.schemas')::text[])
),
-- What an extension brought along is the extension's.
brought as materialized (
  select classid, objid from pg_depend where deptype = 'e'
),
-- The role that deployed is called owner, whatever its name here: it owns most.
deployer as materialized (
  select owner as oid from (
    select nspowner as owner, true as is_schema from ours
    union all
    select relowner, false from pg_class where relnamespace in (select oid from ours)
    union all
    select proowner, false from pg_proc where pronamespace in (select oid from ours)
  ) as owned
  group by owner
  order by count(*) desc, bool_or(is_schema) desc, owner
  limit 1
),
people as materialized (
  select r.oid, r.rolname,
    case when r.oid = (select oid from deployer) then 'owner'
      when r.rolname = 'owner' then '"owner"' else quote_ident(r.rolname) end as name
  from pg_roles as r
  union all
  select 0, 'public', 'public'
),
relations as materialized (
  select c.*, format('%s.%I', n.name, c.relname) as name
  from pg_class as c
  inner join ours as n on n.oid = c.relnamespace
  where not exists (
    select from brought as b where b.classid = 'pg_class'::regclass and b.objid = c.oid
  )
),
types as materialized (
  select t.*, format('%s.%I', n.name, t.typname) as name
  from pg_type as t
  inner join ours as n on n.oid = t.typnamespace
  left join pg_class as c on c.oid = t.typrelid
  where t.typtype <> 'm' and t.typcategory <> 'A' and coalesce(c.relkind, 'c') = 'c'
    and not exists (
      select from brought as b where b.classid = 'pg_type'::regclass and b.objid = t.oid
    )
),
functions as materialized (
  select p.*, p.oid::regprocedure::text as name
  from pg_proc as p
  where p.pronamespace in (select oid from ours)
    and not exists (
      select from brought as b where b.classid = 'pg_proc'::regclass and b.objid = p.oid
    )
),
-- Sorts of objects that are told by their name alone.
others (class, oid, schema) as (
  select 'pg_operator'::regclass, oid, oprnamespace from pg_operator
  union all select 'pg_opclass'::regclass, oid, opcnamespace from pg_opclass
  union all select 'pg_opfamily'::regclass, oid, opfnamespace from pg_opfamily
  union all select 'pg_collation'::regclass, oid, collnamespace from pg_collation
  union all select 'pg_conversion'::regclass, oid, connamespace from pg_conversion
  union all select 'pg_ts_config'::regclass, oid, cfgnamespace from pg_ts_config
  union all select 'pg_ts_dict'::regclass, oid, dictnamespace from pg_ts_dict
  union all select 'pg_ts_parser'::regclass, oid, prsnamespace from pg_ts_parser
  union all select 'pg_ts_template'::regclass, oid, tmplnamespace from pg_ts_template
),
objects (kind, name, owner, acl, roles, comment, facts) as materialized (
{objects}
),
rights as (
  select o.kind, o.name, a.grantee, a.privilege_type as word,
    bool_or(a.is_grantable) as grantable,
    count(*) over (partition by o.kind, o.name, a.grantee) as words
  from objects as o
  cross join lateral aclexplode(o.acl) as a
  group by o.kind, o.name, a.grantee, a.privilege_type
),
-- MAINTAIN came with 17: it is part of all that there is, and said where it stands alone.
granted as (
  select r.kind, r.name, jsonb_object_agg('acl:' || r.who, r.words) as facts
  from (
    select r.kind, r.name, coalesce(w.name, r.grantee::text) as who,
      lower(string_agg(r.word || case when r.grantable then '*' else '' end, ', '
        order by r.word collate "C")) as words
    from rights as r
    left join people as w on w.oid = r.grantee
    where r.word <> 'MAINTAIN' or r.words < 8
    group by 1, 2, 3
  ) as r
  group by r.kind, r.name
),
-- Roles that own, may or are named in a policy; the deployer's attributes are the host's.
concerned as materialized (
  select w.oid, w.rolname, w.name, r.rolsuper, r.rolbypassrls, r.rolcanlogin, r.rolinherit,
    exists (select from objects as o where o.owner = w.oid) as owns
  from people as w
  inner join pg_roles as r on r.oid = w.oid
  where w.name <> 'owner' and w.oid in (
    select owner from objects where owner is not null
    union select grantee from rights
    union select unnest(roles) from objects
  )
)

select o.kind, o.name,
  jsonb_strip_nulls(o.facts || jsonb_build_object('comment', o.comment, 'owner', w.name))
  || coalesce(g.facts, '{}')
from objects as o
left join granted as g on g.kind = o.kind and g.name = o.name
left join people as w on w.oid = o.owner

union all
select 'role', c.name,
  jsonb_build_object(
    'superuser', case when c.rolsuper then 'yes' else 'no' end,
    -- Whom the policies hide nothing from, as a host's service, may as well pass them by.
    'bypassrls', case when c.rolbypassrls and (c.owns or exists (
      select from objects as o
      where c.oid = any(o.roles)
        and (o.facts ->> 'using' <> 'true' or o.facts ->> 'check' <> 'true')
    )) then 'yes' else 'no' end
  )
  || case when c.owns then jsonb_build_object(
    'login', case when c.rolcanlogin then 'yes' else 'no' end) else '{}' end
  || coalesce((
    select jsonb_object_agg('member_of:' || m.name, m.options) from (
      select w.name, concat_ws(', ', 'member',
        case when bool_or(m.admin_option) then 'admin' end,
        case when bool_or(coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, c.rolinherit))
          then 'inherit' end,
        case when bool_or(coalesce((to_jsonb(m) ->> 'set_option')::boolean, true))
          then 'set' end) as options
      from pg_auth_members as m
      inner join people as w on w.oid = m.roleid
      where m.member = c.oid and (c.owns or m.roleid in (select oid from concerned))
      group by w.name
    ) as m
  ), '{}')
from concerned as c

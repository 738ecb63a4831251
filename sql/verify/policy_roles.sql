-- Verify learnplan-db:policy_roles on pg
-- GENERATED from policies/roles.sql.j2 (c1a1f6b67048); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'role anon',
  array['anon'],
  array(
    select rolname::text
    from pg_catalog.pg_roles
    where rolname = 'anon' and not rolsuper and not rolbypassrls
  )
);

select learnplan_private.assert_same(
  'role authenticated',
  array['authenticated'],
  array(
    select rolname::text
    from pg_catalog.pg_roles
    where rolname = 'authenticated' and not rolsuper and not rolbypassrls
  )
);

select learnplan_private.assert_same(
  'role service_role',
  array['service_role'],
  array(
    select rolname::text
    from pg_catalog.pg_roles
    where rolname = 'service_role' and not rolsuper
  )
);

select learnplan_private.assert_same(
  'memberships of anon, authenticated, service_role',
  array[]::text[],
  array(
    select concat_ws(' ', m.rolname, 'in', r.rolname)
    from pg_catalog.pg_roles as m
    cross join pg_catalog.pg_roles as r
    where m.rolname in ('anon', 'authenticated', 'service_role')
      and (r.rolname in ('anon', 'authenticated', 'service_role')
        or r.rolname in ('learnplan_identity', 'learnplan_reader'))
      and m.oid <> r.oid
      and pg_catalog.pg_has_role(m.oid, r.oid, 'member')
  )
);

select learnplan_private.assert_same(
  'grants on schema learnplan',
  array[
    'grant usage to authenticated',
    'grant usage to service_role'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_namespace as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.nspacl, pg_catalog.acldefault('n', o.nspowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan'::regnamespace
      and a.grantee <> o.nspowner
      and coalesce(r.rolname, 'public') not in ('learnplan_identity', 'learnplan_reader')
  )
);

select learnplan_private.assert_same(
  'grants on schema learnplan_private',
  array[]::text[],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_namespace as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.nspacl, pg_catalog.acldefault('n', o.nspowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan_private'::regnamespace
      and a.grantee <> o.nspowner
      and coalesce(r.rolname, 'public') not in ('learnplan_identity', 'learnplan_reader')
  )
);

rollback;

-- Verify learnplan-db:policy_roles on pg
-- GENERATED from policies/roles.sql.j2 (b035f8984944); edit, then: learnplan-db render

begin;

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
  'grants on schema learnplan',
  array[
    'grant usage to authenticated',
    'grant usage to service_role'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type), 'to',
      coalesce(r.rolname, 'public'))
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

rollback;

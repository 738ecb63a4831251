-- Verify learnplan-db:role_learnplan_identity on pg

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'role learnplan_identity',
  array['learnplan_identity nologin nosuperuser nobypassrls'],
  array(
    select concat_ws(' ', rolname,
      case when rolcanlogin then 'login' else 'nologin' end,
      case when rolsuper then 'superuser' else 'nosuperuser' end,
      case when rolbypassrls then 'bypassrls' else 'nobypassrls' end)
    from pg_catalog.pg_roles
    where rolname = 'learnplan_identity'
  )
);

select learnplan_private.assert_same(
  'memberships of learnplan_identity',
  array[]::text[],
  array(
    select r.rolname::text
    from pg_catalog.pg_auth_members as m
    inner join pg_catalog.pg_roles as r on r.oid = m.roleid
    where m.member = 'learnplan_identity'::regrole
  )
);

select learnplan_private.assert_same(
  'rights of learnplan_identity on the schemas',
  array['usage on learnplan'],
  array(
    select concat_ws(' ', lower(a.privilege_type collate "C"), 'on', n.nspname,
      case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_namespace as n
    cross join lateral pg_catalog.aclexplode(n.nspacl) as a
    where n.nspname in ('learnplan', 'learnplan_private')
      and a.grantee = 'learnplan_identity'::regrole
  )
);

rollback;

-- Verify learnplan-db:role_learnplan_reader on pg

begin;

select learnplan_private.assert_same(
  'role learnplan_reader',
  array['learnplan_reader nologin nosuperuser nobypassrls, uses learnplan'],
  array(
    select concat_ws(' ', rolname,
      case when rolcanlogin then 'login' else 'nologin' end,
      case when rolsuper then 'superuser' else 'nosuperuser' end,
      case when rolbypassrls then 'bypassrls' else 'nobypassrls' end || ',',
      case when has_schema_privilege(oid, 'learnplan', 'usage') then 'uses learnplan' end)
    from pg_catalog.pg_roles
    where rolname = 'learnplan_reader'
  )
);

rollback;

-- Verify learnplan-db:policy_functions on pg
-- GENERATED from policies/functions.sql.j2 (b195193b0e00); edit, then: learnplan-db render

begin;
set local search_path = pg_catalog, pg_temp;

select learnplan_private.assert_same(
  'grants on function learnplan.current_claims()',
  array[
    'grant execute to authenticated',
    'grant execute to learnplan_identity',
    'grant execute to service_role'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan.current_claims()'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan.current_subject()',
  array[
    'grant execute to authenticated',
    'grant execute to learnplan_identity',
    'grant execute to service_role'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan.current_subject()'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan.current_verified_email()',
  array[
    'grant execute to authenticated',
    'grant execute to service_role'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan.current_verified_email()'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan.current_user_id()',
  array[
    'grant execute to authenticated',
    'grant execute to learnplan_reader',
    'grant execute to service_role'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan.current_user_id()'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan_private.owns_plan(uuid, uuid)',
  array[
    'grant execute to authenticated'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan_private.owns_plan(uuid, uuid)'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan_private.owns_module(uuid, uuid)',
  array[
    'grant execute to authenticated'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan_private.owns_module(uuid, uuid)'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan_private.owns_task(uuid, uuid)',
  array[
    'grant execute to authenticated'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan_private.owns_task(uuid, uuid)'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan_private.can_read_task(uuid, uuid)',
  array[
    'grant execute to authenticated'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan_private.can_read_task(uuid, uuid)'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan.plan_tree(uuid)',
  array[
    'grant execute to authenticated'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan.plan_tree(uuid)'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan.plan_progress_of(uuid)',
  array[
    'grant execute to authenticated'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan.plan_progress_of(uuid)'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan.my_progress()',
  array[
    'grant execute to authenticated'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan.my_progress()'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan.search_public_plans(text, integer)',
  array[
    'grant execute to authenticated'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan.search_public_plans(text, integer)'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan.weekly_hours(text)',
  array[
    'grant execute to authenticated',
    'grant execute to service_role'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan.weekly_hours(text)'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan.reorder_modules(uuid, uuid[])',
  array[
    'grant execute to authenticated',
    'grant execute to service_role'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan.reorder_modules(uuid, uuid[])'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'grants on function learnplan.reorder_tasks(uuid, uuid[])',
  array[
    'grant execute to authenticated',
    'grant execute to service_role'
  ],
  array(
    select concat_ws(' ', 'grant', lower(a.privilege_type collate "C"), 'to',
      coalesce(r.rolname, 'public'), case when a.is_grantable then 'with grant option' end)
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where o.oid = 'learnplan.reorder_tasks(uuid, uuid[])'::regprocedure
      and a.grantee <> o.proowner
  )
);

select learnplan_private.assert_same(
  'other grants on functions of learnplan_private',
  array[]::text[],
  array(
    select o.oid::regprocedure::text
    from pg_catalog.pg_proc as o
    cross join lateral pg_catalog.aclexplode(
      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))
    ) as a
    where o.pronamespace = 'learnplan_private'::regnamespace
      and a.grantee <> o.proowner
      and o.oid not in (
        'learnplan_private.owns_plan(uuid, uuid)'::regprocedure,
        'learnplan_private.owns_module(uuid, uuid)'::regprocedure,
        'learnplan_private.owns_task(uuid, uuid)'::regprocedure,
        'learnplan_private.can_read_task(uuid, uuid)'::regprocedure
      )
  )
);

rollback;

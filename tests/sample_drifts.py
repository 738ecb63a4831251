"""
What may happen to a deployed database behind the plan's back, one thing at a time.

Each drift: the SQL that makes it, and every object that differs then, with the change
that owns it; an empty owner for what no change made.
"""

from __future__ import annotations

USERS = "learnplan.users"
PLANS = "learnplan.learning_plans"
RESOURCES = "learnplan.resources"
GENERATIONS = "learnplan.plan_generations"
PROGRESS = "learnplan.task_progress"
READ = "learnplan.users.users_select_authenticated"
WRITE = "learnplan.users.users_update_authenticated"
NAME = "learnplan.users.name"
OWNS = "learnplan_private.owns_plan(uuid,uuid)"
HOURS = "learnplan.weekly_hours(text)"
CLAIMS = "learnplan.current_claims()"
SET_COMPLETED = f"{PROGRESS}._200_set_completed_at"
WEEKS = "learnplan.plan_progress"
_HOURS = """create or replace function learnplan.weekly_hours(hours_range text)
returns integer language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp as $$ begin return 40; end $$"""

Drift = tuple[str, dict[str, str]]

# What SQL alone brings back.
DRIFTS: dict[str, Drift] = {
    # policies
    "policy-using": (
        f"alter policy users_select_authenticated on {USERS} using (true)",
        {f"policy {READ}": "policy_users"},
    ),
    "policy-check": (
        f"alter policy users_update_authenticated on {USERS} with check (true)",
        {f"policy {WRITE}": "policy_users"},
    ),
    "policy-check-dropped": (
        f"""drop policy users_update_authenticated on {USERS};
        create policy users_update_authenticated on {USERS} for update to authenticated
          using (id = (select learnplan.current_user_id()));
        comment on policy users_update_authenticated on {USERS} is
          'A user may update only their own row.'""",
        {f"policy {WRITE}": "policy_users"},
    ),
    "policy-roles": (
        f"alter policy users_select_authenticated on {USERS} to authenticated, anon",
        {f"policy {READ}": "policy_users"},
    ),
    "policy-to-public": (
        f"alter policy users_select_authenticated on {USERS} to public",
        {f"policy {READ}": "policy_users"},
    ),
    "policy-command": (
        f"""drop policy users_select_authenticated on {USERS};
        create policy users_select_authenticated on {USERS} for all to authenticated
          using (id = (select learnplan.current_user_id()));
        comment on policy users_select_authenticated on {USERS} is
          'A user may read only their own row.'""",
        {f"policy {READ}": "policy_users"},
    ),
    "policy-restrictive": (
        f"""drop policy users_select_authenticated on {USERS};
        create policy users_select_authenticated on {USERS} as restrictive for select
          to authenticated using (id = (select learnplan.current_user_id()));
        comment on policy users_select_authenticated on {USERS} is
          'A user may read only their own row.'""",
        {f"policy {READ}": "policy_users"},
    ),
    "policy-dropped": (
        f"drop policy users_select_authenticated on {USERS}",
        {f"policy {READ}": "policy_users"},
    ),
    "policy-renamed": (
        f"alter policy users_select_authenticated on {USERS} rename to seen",
        {f"policy {READ}": "policy_users", f"policy {USERS}.seen": ""},
    ),
    "policy-extra": (
        f"create policy all_of_it on {USERS} for select to anon using (true)",
        {f"policy {USERS}.all_of_it": ""},
    ),
    "policy-comment": (
        f"comment on policy users_select_authenticated on {USERS} is null",
        {f"policy {READ}": "policy_users"},
    ),
    # rights
    "grant-table": (
        f"grant delete on {USERS} to authenticated",
        {f"table {USERS}": "policy_users"},
    ),
    "grant-table-over-columns": (
        f"grant update on {USERS} to authenticated",
        {f"table {USERS}": "policy_users"},
    ),
    "grant-all": (
        f"grant all on {USERS} to authenticated",
        {f"table {USERS}": "policy_users"},
    ),
    "grant-passed-on": (
        f"""grant select on {WEEKS} to authenticated with grant option;
        set role authenticated; grant select on {WEEKS} to anon; reset role""",
        {f"view {WEEKS}": "policy_views"},
    ),
    "grant-table-to-public": (
        f"grant select on {RESOURCES} to public",
        {f"table {RESOURCES}": "policy_resources"},
    ),
    "grant-table-option": (
        f"grant select on {USERS} to authenticated with grant option",
        {f"table {USERS}": "policy_users"},
    ),
    "grant-table-revoked": (
        f"revoke insert on {GENERATIONS} from authenticated",
        {f"table {GENERATIONS}": "policy_plan_generations"},
    ),
    "grant-table-to-stranger": (
        f"grant truncate on {PLANS} to learnplan_identity",
        {f"table {PLANS}": "policy_learning_plans"},
    ),
    "grant-column": (
        f"grant update (email) on {USERS} to authenticated",
        {f"column {USERS}.email": "policy_users"},
    ),
    "grant-column-option": (
        f"grant update (name) on {USERS} to authenticated with grant option",
        {f"column {NAME}": "policy_users"},
    ),
    "grant-column-revoked": (
        f"revoke update (name) on {USERS} from authenticated",
        {f"column {NAME}": "policy_users"},
    ),
    "grant-function-to-public": (
        f"grant execute on function {HOURS} to public",
        {f"function {HOURS}": "policy_functions"},
    ),
    "grant-function-revoked": (
        f"revoke execute on function {OWNS} from authenticated",
        {f"function {OWNS}": "policy_functions"},
    ),
    "grant-function-option": (
        f"grant execute on function {HOURS} to service_role with grant option",
        {f"function {HOURS}": "policy_functions"},
    ),
    "grant-schema": (
        "grant usage on schema learnplan_private to authenticated",
        {"schema learnplan_private": "schema_learnplan_private"},
    ),
    "grant-schema-create": (
        "grant create on schema learnplan to authenticated",
        {"schema learnplan": "policy_roles"},
    ),
    "grant-schema-to-public": (
        "grant usage on schema learnplan to public",
        {"schema learnplan": "policy_roles"},
    ),
    "grant-schema-revoked": (
        "revoke usage on schema learnplan from service_role",
        {"schema learnplan": "policy_roles"},
    ),
    "grant-view": (
        f"grant select on {WEEKS} to anon",
        {f"view {WEEKS}": "policy_views"},
    ),
    "grant-view-revoked": (
        f"revoke select on {WEEKS} from service_role",
        {f"view {WEEKS}": "policy_views"},
    ),
    "grant-type-revoked": (
        "revoke usage on type learnplan.skill_level from public",
        {"enum learnplan.skill_level": "enum_skill_level"},
    ),
    "grant-owner-revoked": (
        f"revoke delete on {USERS} from current_user",
        {f"table {USERS}": "table_users"},
    ),
    "default-privileges": (
        "alter default privileges in schema learnplan grant select on tables to anon",
        {"default_acl learnplan owner tables": ""},
    ),
    # row security
    "rls-disabled": (
        f"alter table {USERS} disable row level security",
        {f"table {USERS}": "policy_users"},
    ),
    "rls-not-forced": (
        f"alter table {USERS} no force row level security",
        {f"table {USERS}": "policy_users"},
    ),
    # functions
    "function-body": (_HOURS, {f"function {HOURS}": "function_weekly_hours"}),
    "function-volatility": (
        f"alter function {HOURS} volatile",
        {f"function {HOURS}": "function_weekly_hours"},
    ),
    "function-not-strict": (
        f"alter function {HOURS} called on null input",
        {f"function {HOURS}": "function_weekly_hours"},
    ),
    "function-parallel": (
        f"alter function {HOURS} parallel unsafe",
        {f"function {HOURS}": "function_weekly_hours"},
    ),
    "function-leakproof": (
        f"alter function {HOURS} leakproof",
        {f"function {HOURS}": "function_weekly_hours"},
    ),
    "function-cost": (
        f"alter function {HOURS} cost 7",
        {f"function {HOURS}": "function_weekly_hours"},
    ),
    "function-path": (
        f"alter function {OWNS} set search_path = public",
        {f"function {OWNS}": "function_owns_plan"},
    ),
    "function-path-reset": (
        f"alter function {OWNS} reset search_path",
        {f"function {OWNS}": "function_owns_plan"},
    ),
    "function-setting-added": (
        f"alter function {HOURS} set work_mem = '1GB'",
        {f"function {HOURS}": "function_weekly_hours"},
    ),
    "function-definer": (
        f"alter function {CLAIMS} security definer",
        {f"function {CLAIMS}": "function_current_claims"},
    ),
    "function-invoker": (
        f"alter function {OWNS} security invoker",
        {f"function {OWNS}": "function_owns_plan"},
    ),
    "function-owner": (
        f"alter function {OWNS} owner to current_user",
        {f"function {OWNS}": "function_owns_plan"},
    ),
    "function-owner-of-plain": (
        f"alter function {HOURS} owner to learnplan_reader",
        {f"function {HOURS}": "function_weekly_hours"},
    ),
    "function-dropped": (
        f"drop function {HOURS}",
        {f"function {HOURS}": "function_weekly_hours"},
    ),
    "function-returns": (
        f"""drop function {HOURS};
        create function learnplan.weekly_hours(hours_range text) returns bigint
          language sql return 1""",
        {f"function {HOURS}": "function_weekly_hours"},
    ),
    "function-overloaded": (
        """create function learnplan.weekly_hours(hours integer) returns integer
          language sql return 1""",
        {"function learnplan.weekly_hours(integer)": ""},
    ),
    "function-renamed": (
        f"alter function {HOURS} rename to hours",
        {
            f"function {HOURS}": "function_weekly_hours",
            "function learnplan.hours(text)": "",
        },
    ),
    "function-comment": (
        f"comment on function {HOURS} is 'It''s mine.'",
        {f"function {HOURS}": "function_weekly_hours"},
    ),
    # triggers
    "trigger-disabled": (
        f"alter table {PROGRESS} disable trigger _200_set_completed_at",
        {f"trigger {SET_COMPLETED}": "trigger_task_progress"},
    ),
    "trigger-replica": (
        f"alter table {PROGRESS} enable replica trigger _200_set_completed_at",
        {f"trigger {SET_COMPLETED}": "trigger_task_progress"},
    ),
    "trigger-always": (
        f"alter table {PROGRESS} enable always trigger _200_set_completed_at",
        {f"trigger {SET_COMPLETED}": "trigger_task_progress"},
    ),
    "trigger-dropped": (
        f"drop trigger _200_set_completed_at on {PROGRESS}",
        {f"trigger {SET_COMPLETED}": "trigger_task_progress"},
    ),
    "trigger-redefined": (
        f"""create or replace trigger _200_set_completed_at before insert on {PROGRESS}
        for each row execute function
          learnplan_private.tg_task_progress__set_completed_at()""",
        {f"trigger {SET_COMPLETED}": "trigger_task_progress"},
    ),
    "trigger-extra": (
        f"""create trigger spy after insert on {USERS} for each row
        execute function learnplan_private.tg__touch_updated_at()""",
        {f"trigger {USERS}.spy": ""},
    ),
    "rule-extra": (
        f"create rule quiet as on delete to {USERS} do instead nothing",
        {f"rule {USERS}.quiet": ""},
    ),
    # indexes
    "index-dropped": (
        "drop index learnplan.idx_learning_plans_user_id",
        {"index learnplan.idx_learning_plans_user_id": "table_learning_plans"},
    ),
    "index-of-change-dropped": (
        "drop index learnplan.idx_learning_plans_topic_public",
        {
            "index learnplan.idx_learning_plans_topic_public": (
                "index_learning_plans_topic_public"
            )
        },
    ),
    "index-columns": (
        f"""drop index learnplan.idx_learning_plans_user_id;
        create index idx_learning_plans_user_id on {PLANS} (user_id, id)""",
        {"index learnplan.idx_learning_plans_user_id": "table_learning_plans"},
    ),
    "index-predicate": (
        f"""drop index learnplan.idx_learning_plans_created_at_public;
        create index idx_learning_plans_created_at_public on {PLANS}
          (created_at desc) where visibility = 'private'""",
        {
            "index learnplan.idx_learning_plans_created_at_public": (
                "table_learning_plans"
            )
        },
    ),
    "index-invalid": (
        """update pg_index set indisvalid = false
        where indexrelid = 'learnplan.idx_learning_plans_user_id'::regclass""",
        {"index learnplan.idx_learning_plans_user_id": "table_learning_plans"},
    ),
    "index-options": (
        "alter index learnplan.idx_learning_plans_user_id set (fillfactor = 70)",
        {"index learnplan.idx_learning_plans_user_id": "table_learning_plans"},
    ),
    "index-extra": (
        f"create unique index one_name on {USERS} (name)",
        {"index learnplan.one_name": ""},
    ),
    "index-renamed": (
        "alter index learnplan.idx_learning_plans_user_id rename to by_user",
        {
            "index learnplan.idx_learning_plans_user_id": "table_learning_plans",
            "index learnplan.by_user": "",
        },
    ),
    "statistics-extra": (
        f"create statistics learnplan.pair on email, name from {USERS}",
        {"statistics learnplan.pair": ""},
    ),
    # constraints
    "constraint-dropped": (
        f"alter table {PLANS} drop constraint learning_plans_weekly_hours_min",
        {
            f"constraint {PLANS}.learning_plans_weekly_hours_min": (
                "table_learning_plans"
            )
        },
    ),
    "constraint-not-valid": (
        f"""alter table {PLANS} drop constraint learning_plans_weekly_hours_min;
        alter table {PLANS} add constraint learning_plans_weekly_hours_min
          check (weekly_hours >= 0) not valid""",
        {
            f"constraint {PLANS}.learning_plans_weekly_hours_min": (
                "table_learning_plans"
            )
        },
    ),
    "constraint-expression": (
        f"""alter table {PLANS} drop constraint learning_plans_weekly_hours_min;
        alter table {PLANS} add constraint learning_plans_weekly_hours_min
          check (weekly_hours >= -1)""",
        {
            f"constraint {PLANS}.learning_plans_weekly_hours_min": (
                "table_learning_plans"
            )
        },
    ),
    "constraint-action": (
        f"""alter table {PLANS} drop constraint learning_plans_user_id_fkey;
        alter table {PLANS} add constraint learning_plans_user_id_fkey
          foreign key (user_id) references {USERS} (id)""",
        {f"constraint {PLANS}.learning_plans_user_id_fkey": "table_learning_plans"},
    ),
    "constraint-deferrable": (
        f"""alter table {PLANS} alter constraint learning_plans_user_id_fkey
        deferrable initially deferred""",
        {f"constraint {PLANS}.learning_plans_user_id_fkey": "table_learning_plans"},
    ),
    "constraint-unique-dropped": (
        f"alter table {USERS} drop constraint users_email_key",
        {f"constraint {USERS}.users_email_key": "table_users"},
    ),
    "constraint-key-dropped-with-what-refers": (
        f"alter table {USERS} drop constraint users_pkey cascade",
        {
            f"constraint {USERS}.users_pkey": "table_users",
            f"constraint {PLANS}.learning_plans_user_id_fkey": "table_learning_plans",
            f"constraint {PROGRESS}.task_progress_user_id_fkey": "table_task_progress",
        },
    ),
    "constraint-extra": (
        f"alter table {USERS} add constraint no_x check (name <> 'x')",
        {f"constraint {USERS}.no_x": ""},
    ),
    "constraint-comment": (
        f"comment on constraint users_pkey on {USERS} is 'The key.'",
        {f"constraint {USERS}.users_pkey": "table_users"},
    ),
    # columns
    "column-type": (
        f"alter table {USERS} alter column name type varchar(50)",
        {f"column {NAME}": "table_users"},
    ),
    "column-type-without-a-cast-back": (
        f"""alter table {RESOURCES} alter column duration_minutes type text
          using duration_minutes::text,
          drop constraint resources_duration_minutes_min""",
        {
            f"column {RESOURCES}.duration_minutes": "table_resources",
            f"constraint {RESOURCES}.resources_duration_minutes_min": (
                "table_resources"
            ),
        },
    ),
    "column-type-under-a-view": (
        f"""drop view {WEEKS}; drop view learnplan.module_progress;
        alter table learnplan.tasks alter column estimated_minutes type bigint""",
        {
            "column learnplan.tasks.estimated_minutes": "table_tasks",
            "view learnplan.module_progress": "view_module_progress",
            f"view {WEEKS}": "view_plan_progress",
        },
    ),
    "column-default": (
        f"alter table {PLANS} alter column visibility set default 'public'",
        {f"column {PLANS}.visibility": "table_learning_plans"},
    ),
    "column-default-dropped": (
        f"alter table {PLANS} alter column id drop default",
        {f"column {PLANS}.id": "table_learning_plans"},
    ),
    "column-default-added": (
        f"alter table {USERS} alter column name set default 'Ann'",
        {f"column {NAME}": "table_users"},
    ),
    "column-nullable": (
        f"alter table {USERS} alter column email drop not null",
        {f"column {USERS}.email": "table_users"},
    ),
    "column-not-null": (
        f"alter table {USERS} alter column name set not null",
        {f"column {NAME}": "table_users"},
    ),
    "column-identity": (
        f"""alter table {USERS} add column number bigint
        generated always as identity""",
        {f"column {USERS}.number": ""},
    ),
    "column-collation": (
        f'alter table {USERS} alter column name type text collate "C"',
        {f"column {NAME}": "table_users"},
    ),
    "column-statistics": (
        f"alter table {USERS} alter column name set statistics 7",
        {f"column {NAME}": "table_users"},
    ),
    "column-storage": (
        f"alter table {USERS} alter column name set storage external",
        {f"column {NAME}": "table_users"},
    ),
    "column-extra": (
        f"alter table {USERS} add column phone text",
        {f"column {USERS}.phone": ""},
    ),
    "column-comment": (
        f"comment on column {PLANS}.weekly_hours is 'Hours.'",
        {f"column {PLANS}.weekly_hours": "table_learning_plans"},
    ),
    "column-renamed": (
        f"alter table {GENERATIONS} rename column created_at to made_at",
        {
            f"column {GENERATIONS}.created_at": "table_plan_generations",
            f"column {GENERATIONS}.made_at": "",
        },
    ),
    "constraint-not-held": (
        f"""alter table {GENERATIONS} disable trigger all;
        alter table {GENERATIONS} enable trigger user""",
        {
            f"constraint {GENERATIONS}.plan_generations_plan_id_fkey": (
                "table_plan_generations"
            )
        },
    ),
    "last-column-dropped": (
        f"alter table {GENERATIONS} drop column created_at",
        {f"column {GENERATIONS}.created_at": "table_plan_generations"},
    ),
    # enums
    "enum-label-renamed": (
        "alter type learnplan.skill_level rename value 'advanced' to 'expert'",
        {"enum learnplan.skill_level": "enum_skill_level"},
    ),
    "enum-renamed": (
        "alter type learnplan.skill_level rename to level",
        {
            "enum learnplan.skill_level": "enum_skill_level",
            "enum learnplan.level": "",
            f"column {PLANS}.skill_level": "table_learning_plans",
        },
    ),
    "enum-comment": (
        "comment on type learnplan.skill_level is null",
        {"enum learnplan.skill_level": "enum_skill_level"},
    ),
    "enum-owner": (
        "alter type learnplan.skill_level owner to learnplan_reader",
        {"enum learnplan.skill_level": "enum_skill_level"},
    ),
    "enum-extra": (
        "create type learnplan.mood as enum ('ok')",
        {"enum learnplan.mood": ""},
    ),
    "domain-extra": (
        "create domain learnplan.score as integer check (value > 0)",
        {"domain learnplan.score": ""},
    ),
    # views
    "view-query": (
        f"""create or replace view {WEEKS} with (security_invoker = true) as
        select p.id as plan_id, p.user_id, 0::bigint as completed_tasks,
          0::bigint as total_tasks, 0.0 as percentage, 0::bigint as total_weeks,
          0::bigint as current_week, 0::bigint as completed_minutes,
          0::bigint as total_minutes, 0.0 as completed_hours, 0.0 as total_hours
        from {PLANS} as p""",
        {f"view {WEEKS}": "view_plan_progress"},
    ),
    "view-column-added": (
        f"""drop view {WEEKS};
        create view {WEEKS} with (security_invoker = true) as
          select id as plan_id from {PLANS}""",
        {f"view {WEEKS}": "view_plan_progress"},
    ),
    "view-under-a-view": (
        """create or replace view learnplan.module_progress
          with (security_invoker = true) as
        select m.id as module_id, m.plan_id, m.id as user_id, m."order",
          0::bigint as completed_tasks, 0::bigint as total_tasks,
          'completed'::learnplan.progress_status as status, 0.0 as percentage,
          0::bigint as completed_minutes, 0::bigint as total_minutes
        from learnplan.modules as m""",
        {"view learnplan.module_progress": "view_module_progress"},
    ),
    "view-definer": (
        f"alter view {WEEKS} reset (security_invoker)",
        {f"view {WEEKS}": "view_plan_progress"},
    ),
    "view-barrier": (
        f"alter view {WEEKS} set (security_barrier = true)",
        {f"view {WEEKS}": "view_plan_progress"},
    ),
    "view-owner": (
        f"alter view {WEEKS} owner to learnplan_reader",
        {f"view {WEEKS}": "view_plan_progress"},
    ),
    "view-dropped": (
        f"drop view {WEEKS}",
        {f"view {WEEKS}": "view_plan_progress"},
    ),
    "view-extra": (
        f"create view learnplan.everybody as select * from {USERS}",
        {"view learnplan.everybody": ""},
    ),
    "view-extra-on-one": (
        """create view learnplan.a_last as select 1 as i;
        create view learnplan.a_first as select * from learnplan.a_last;
        create view learnplan.z_last as select * from learnplan.a_first""",
        {
            "view learnplan.a_first": "",
            "view learnplan.a_last": "",
            "view learnplan.z_last": "",
        },
    ),
    "view-comment": (
        f"comment on view {WEEKS} is 'Weeks.'",
        {f"view {WEEKS}": "view_plan_progress"},
    ),
    # tables and schemas
    "table-owner": (
        f"alter table {USERS} owner to learnplan_reader",
        {f"table {USERS}": "table_users"},
    ),
    "table-comment": (
        f"comment on table {USERS} is 'All of them.'",
        {f"table {USERS}": "table_users"},
    ),
    "table-unlogged": (
        f"alter table {GENERATIONS} set unlogged",
        {f"table {GENERATIONS}": "table_plan_generations"},
    ),
    "table-of-catalog": (
        f"alter table {USERS} set (user_catalog_table = true)",
        {f"table {USERS}": "table_users"},
    ),
    "table-replica-identity": (
        f"alter table {USERS} replica identity full",
        {f"table {USERS}": "table_users"},
    ),
    "table-dropped": (
        f"drop table {GENERATIONS}",
        {f"table {GENERATIONS}": "table_plan_generations"},
    ),
    "table-extra": (
        "create table learnplan.notes (id integer primary key, words text)",
        {"table learnplan.notes": ""},
    ),
    "table-extra-in-use": (
        """create function learnplan.f() returns trigger language plpgsql as
          $$ begin return null; end $$;
        create table learnplan.b (id serial primary key);
        create table learnplan.a (id integer references learnplan.b);
        create trigger t after insert on learnplan.a
          for each row execute function learnplan.f()""",
        {
            "function learnplan.f()": "",
            "table learnplan.a": "",
            "table learnplan.b": "",
        },
    ),
    "sequence-extra": (
        "create sequence learnplan.numbers",
        {"sequence learnplan.numbers": ""},
    ),
    "schema-owner": (
        "alter schema learnplan_private owner to learnplan_reader",
        {"schema learnplan_private": "schema_learnplan_private"},
    ),
    "schema-comment": (
        "comment on schema learnplan is null",
        {"schema learnplan": "schema_learnplan"},
    ),
    # roles, of the whole cluster
    "role-login": (
        "alter role learnplan_reader login",
        {"role learnplan_reader": "role_learnplan_reader"},
    ),
    "role-bypassrls": (
        "alter role authenticated bypassrls",
        {"role authenticated": "policy_roles"},
    ),
    "role-superuser": (
        "alter role service_role superuser",
        {"role service_role": "policy_roles"},
    ),
    "role-member": (
        "grant service_role to authenticated",
        {"role authenticated": "policy_roles"},
    ),
    "role-member-of-keeper": (
        "grant learnplan_reader to authenticated",
        {"role authenticated": "policy_roles"},
    ),
}


# What a person has to decide: also a part of what is told, and what must not be lost.
Left = tuple[str, dict[str, str], str, str]
_ENUM = "learnplan.skill_level"
_MAKE_ROWS = f"""insert into {USERS} (clerk_user_id, email, name)
values ('user_1', 'a@example.org', 'Ann')"""
_MAKE_RESOURCE = f"""insert into {RESOURCES} (type, title, url)
values ('article', 'SQL', 'https://example.org/sql')"""
_LABELS = f"select enum_range(null::{_ENUM})::text"
_DROP = "would be lost"

LEFT: dict[str, Left] = {
    "table-with-rows": (
        "create table learnplan.notes as select 'mine' as words",
        {"table learnplan.notes": ""},
        _DROP,
        "select words from learnplan.notes",
    ),
    "table-with-rows-and-what-it-needs": (
        """create type learnplan.mood as enum ('ok');
        create table learnplan.notes as select 'ok'::learnplan.mood as mood""",
        {"enum learnplan.mood": "", "table learnplan.notes": ""},
        "column learnplan.notes.mood still needs it",
        "select mood from learnplan.notes",
    ),
    "column-with-values": (
        f"{_MAKE_ROWS}; alter table {USERS} add column phone text default '1'",
        {f"column {USERS}.phone": ""},
        _DROP,
        f"select phone from {USERS}",
    ),
    "column-of-another-type-with-values": (
        f"""{_MAKE_RESOURCE}; alter table {RESOURCES}
          drop constraint resources_cost_cents_min;
        alter table {RESOURCES} alter column cost_cents type text using '007'""",
        {
            f"column {RESOURCES}.cost_cents": "table_resources",
            f"constraint {RESOURCES}.resources_cost_cents_min": "table_resources",
        },
        "values may not be the same as integer",
        f"select cost_cents from {RESOURCES}",
    ),
    "column-dropped": (
        f"{_MAKE_ROWS}; alter table {USERS} drop column subscription_tier",
        {
            f"column {USERS}.subscription_tier": "table_users",
            f"constraint {USERS}.users_subscription_tier_allowed": "table_users",
        },
        "it comes last",
        f"select id, email, name from {USERS}",
    ),
    "column-without-a-default-dropped": (
        f"{_MAKE_RESOURCE}; alter table {RESOURCES} drop column title",
        {f"column {RESOURCES}.title": "table_resources"},
        "no row there has a value for it",
        f"select id, url from {RESOURCES}",
    ),
    "column-not-computed": (
        f"alter table {RESOURCES} alter column domain drop expression",
        {f"column {RESOURCES}.domain": "table_resources"},
        "only a new column is computed",
        "select 1",
    ),
    "columns-in-another-order": (
        f"""create table learnplan.copy as select * from {GENERATIONS};
        alter table {GENERATIONS} drop column model;
        alter table {GENERATIONS} add column model text not null;
        grant update (model) on {GENERATIONS} to authenticated;
        drop table learnplan.copy""",
        {
            f"column {GENERATIONS}.{name}": "table_plan_generations"
            for name in (
                *("model", "prompt", "parameters"),
                *("output_summary", "created_at"),
            )
        },
        "the order of columns",
        "select 1",
    ),
    "column-with-values-renamed": (
        f"{_MAKE_RESOURCE}; alter table {RESOURCES} rename column url to link",
        {
            f"column {RESOURCES}.url": "table_resources",
            f"column {RESOURCES}.link": "",
            f"column {RESOURCES}.domain": "table_resources",
            f"constraint {RESOURCES}.resources_url_key": "table_resources",
            f"constraint {RESOURCES}.resources_url_format": "table_resources",
            "index learnplan.resources_url_key": "table_resources",
        },
        f"withheld  alter table {RESOURCES} rename column link to url;",
        f"select link, domain from {RESOURCES}",
    ),
    "table-with-rows-renamed": (
        f"{_MAKE_RESOURCE}; alter table {RESOURCES} rename to things",
        {
            f"table {RESOURCES}": "table_resources",
            "table learnplan.things": "",
            "constraint learnplan.task_resources.task_resources_resource_id_fkey": (
                "table_task_resources"
            ),
        },
        "withheld  alter table learnplan.things rename to resources;",
        "select url from learnplan.things",
    ),
    "empty-table-renamed": (
        f"alter table {GENERATIONS} rename to generations",
        {
            f"table {GENERATIONS}": "table_plan_generations",
            "table learnplan.generations": "",
        },
        "it may be what is missing by another name",
        "select count(*) from learnplan.generations",
    ),
    "enum-label-added": (
        f"alter type {_ENUM} add value 'guru'",
        {f"enum {_ENUM}": "enum_skill_level"},
        "labels of an enum cannot be removed",
        _LABELS,
    ),
    "enum-label-inserted": (
        f"alter type {_ENUM} add value 'novice' before 'beginner'",
        {f"enum {_ENUM}": "enum_skill_level"},
        "labels of an enum cannot be removed",
        _LABELS,
    ),
    "enum-reordered": (
        f"""alter type {_ENUM} rename value 'beginner' to 'x';
        alter type {_ENUM} rename value 'advanced' to 'beginner';
        alter type {_ENUM} rename value 'x' to 'advanced'""",
        {f"enum {_ENUM}": "enum_skill_level"},
        "labels of an enum cannot be removed or reordered",
        _LABELS,
    ),
    "table-inherits": (
        f"""create table learnplan.base ();
        alter table {USERS} inherit learnplan.base""",
        {f"table {USERS}": "table_users", "table learnplan.base": ""},
        "no SQL is known for it",
        f"select count(*) from {USERS}",
    ),
}

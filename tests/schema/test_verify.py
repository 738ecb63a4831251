"""Verify fails when an object is missing or differs, and names the change."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from learnplan_db.engine import state
from learnplan_db.settings import config

# What is done to the database, and the change whose verify script must notice.
BREAKS = {
    "alter table learnplan.users rename to people": "table_users",
    "alter table learnplan.modules alter column title type varchar(80)": "table_modules",
    "alter table learnplan.modules alter column title drop not null": "table_modules",
    "alter table learnplan.tasks alter column created_at drop default": "table_tasks",
    "alter table learnplan.tasks add column extra integer": "table_tasks",
    "alter table learnplan.users drop column name": "table_users",
    "alter table learnplan.users alter subscription_tier set default 'pro'": "table_users",
    "alter table learnplan.tasks drop constraint tasks_order_min": "table_tasks",
    "alter table learnplan.task_progress drop constraint"
    " task_progress_completed_at_iff_completed": "table_task_progress",
    "alter table learnplan.resources drop constraint resources_url_key": (
        "table_resources"
    ),
    "alter table learnplan.modules drop constraint modules_plan_id_fkey,"
    " add constraint modules_plan_id_fkey foreign key (plan_id)"
    " references learnplan.learning_plans (id)": "table_modules",
    "drop index learnplan.idx_task_progress_user_id": "table_task_progress",
    "drop index learnplan.idx_learning_plans_topic_public": (
        "index_learning_plans_topic_public"
    ),
    "drop index learnplan.idx_learning_plans_created_at_public": (
        "table_learning_plans"
    ),
    "alter type learnplan.skill_level add value 'expert'": "enum_skill_level",
    "alter type learnplan.progress_status rename value 'completed' to 'done'": (
        "enum_progress_status"
    ),
    "alter table learnplan.users disable row level security": "policy_users",
    "alter table learnplan.users no force row level security": "policy_users",
    "drop policy modules_select_authenticated on learnplan.modules": "policy_modules",
    "create policy extra on learnplan.tasks for select to anon using (true)": (
        "policy_tasks"
    ),
    "alter policy users_select_authenticated on learnplan.users using (true)": (
        "policy_users"
    ),
    "alter policy modules_update_authenticated on learnplan.modules"
    " with check (true)": "policy_modules",
    "alter policy tasks_select_authenticated on learnplan.tasks to public": (
        "policy_tasks"
    ),
    "alter policy learning_plans_select_authenticated on learnplan.learning_plans"
    " rename to renamed": "policy_learning_plans",
    "comment on policy users_select_authenticated on learnplan.users is null": (
        "policy_users"
    ),
    "revoke delete on learnplan.modules from authenticated": "policy_modules",
    "revoke update (title) on learnplan.tasks from authenticated": "policy_tasks",
    "grant update (email) on learnplan.users to authenticated": "policy_users",
    "grant truncate on learnplan.resources to service_role": "policy_resources",
    "grant select on learnplan.resources to public": "policy_resources",
    "grant select on learnplan.tasks to authenticated with grant option": (
        "policy_tasks"
    ),
    "grant insert on learnplan.plan_progress to authenticated": "policy_views",
    "grant execute on function learnplan.reorder_tasks(uuid, uuid[]) to anon": (
        "policy_functions"
    ),
    "revoke execute on function learnplan.current_user_id() from authenticated": (
        "policy_functions"
    ),
    "grant usage on schema learnplan to anon": "policy_roles",
    "grant usage on schema learnplan to public": "policy_roles",
    "grant usage on schema learnplan_private to authenticated": "policy_roles",
    "grant create on schema learnplan_private to public": "policy_roles",
    "revoke usage on schema learnplan from service_role": "policy_roles",
    "grant usage on schema learnplan to authenticated with grant option": (
        "policy_roles"
    ),
    "grant authenticated to anon": "policy_roles",
    "grant service_role to authenticated": "policy_roles",
    "grant learnplan_identity to authenticated": "policy_roles",
    "grant learnplan_reader to service_role": "policy_roles",
    "create role between nologin; grant learnplan_reader to between;"
    " grant between to anon": "policy_roles",
    "grant usage on schema learnplan to learnplan_identity with grant option": (
        "role_learnplan_identity"
    ),
    "grant create on schema learnplan to learnplan_identity": (
        "role_learnplan_identity"
    ),
    "grant usage on schema learnplan_private to learnplan_reader": (
        "role_learnplan_reader"
    ),
    "revoke usage on schema learnplan from learnplan_reader": "role_learnplan_reader",
    "grant service_role to learnplan_identity": "role_learnplan_identity",
    "grant pg_read_all_data to learnplan_reader": "role_learnplan_reader",
    "alter role learnplan_reader bypassrls": "role_learnplan_reader",
    "grant execute on function learnplan.weekly_hours(text) to authenticated"
    " with grant option": "policy_functions",
    "grant execute on function learnplan_private.owns_plan(uuid, uuid)"
    " to service_role": "policy_functions",
    "grant execute on function learnplan.my_progress() to public": "policy_functions",
    "alter policy task_progress_select_reader on learnplan.task_progress"
    " using (true)": "policy_task_progress",
    "grant select (completed_at) on learnplan.task_progress to learnplan_reader": (
        "policy_task_progress"
    ),
    "alter function learnplan.plan_tree(uuid) reset plan_cache_mode": (
        "function_plan_tree"
    ),
    "grant execute on function learnplan_private.ensure_role(name) to public": (
        "policy_functions"
    ),
    "grant execute on function learnplan_private.tg__touch_updated_at()"
    " to learnplan_reader": "policy_functions",
    "create function learnplan_private.extra() returns integer language sql return 1": (
        "policy_functions"
    ),
    "alter table learnplan.modules disable trigger _100_touch_updated_at": (
        "trigger_modules"
    ),
    "alter table learnplan.users enable replica trigger _100_stamp_created_at": (
        "trigger_users"
    ),
    "drop trigger _200_set_completed_at on learnplan.task_progress": (
        "trigger_task_progress"
    ),
    "create trigger extra before insert on learnplan.tasks for each row execute"
    " function learnplan_private.tg__stamp_created_at()": "trigger_tasks",
    "alter function learnplan.current_user_id() immutable": "function_current_user_id",
    "alter function learnplan.current_user_id() security invoker": (
        "function_current_user_id"
    ),
    "alter function learnplan.current_user_id() reset search_path": (
        "function_current_user_id"
    ),
    "alter function learnplan_private.owns_plan(uuid, uuid) owner to current_user": (
        "function_owns_plan"
    ),
    "create or replace function learnplan_private.owns_plan(plan_id uuid, user_id uuid)"
    " returns boolean language plpgsql stable parallel safe security definer"
    " set search_path = pg_catalog, pg_temp as 'begin return true; end'": (
        "function_owns_plan"
    ),
    "drop function learnplan.weekly_hours(text)": "function_weekly_hours",
    "create or replace function learnplan_private.assert_same(subject text,"
    " expected text[], actual text[]) returns void language plpgsql immutable"
    " as 'begin end'": "function_assert_same",
    "alter function learnplan_private.assert_same(text, text[], text[])"
    " security definer": "function_assert_same",
    "alter function learnplan_private.assert_same(text, text[], text[])"
    " reset search_path": "function_assert_same",
    "alter function learnplan_private.assert_same(text, text[], text[]) volatile": (
        "function_assert_same"
    ),
    "alter function learnplan_private.describe_function(regprocedure)"
    " security definer": "function_describe_function",
    "alter function learnplan_private.describe_function(regprocedure)"
    " set search_path = public": "function_describe_function",
    "alter function learnplan_private.describe_function(regprocedure) immutable": (
        "function_describe_function"
    ),
    "alter function learnplan_private.describe_relation(regclass, text[])"
    " security definer": "function_describe_relation",
    "alter function learnplan_private.describe_relation(regclass, text[])"
    " reset all": "function_describe_relation",
    "alter function learnplan_private.describe_relation(regclass, text[]) volatile": (
        "function_describe_relation"
    ),
    "alter view learnplan.plan_progress set (security_invoker = false)": (
        "view_plan_progress"
    ),
    "create or replace view learnplan.module_progress with (security_invoker = true)"
    ' as select id as module_id, plan_id, null::uuid as user_id, "order",'
    " 0::bigint as completed_tasks, 0::bigint as total_tasks,"
    " 'completed'::learnplan.progress_status as status, 0::numeric as percentage,"
    " 0::bigint as completed_minutes, 0::bigint as total_minutes"
    " from learnplan.modules": "view_module_progress",
    "comment on schema learnplan is null": "schema_learnplan",
}


def verify_scripts(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Run each change's last verify script inside the transaction; return what fails."""
    project = state.load(config.project_root(None))
    failed: dict[str, str] = {}
    for change in project.plan.changes:
        if change.reworked_tags:  # what it says is what its rework replaced
            continue
        text = project.scripts.read("verify", change).decode()
        body = text.partition("\nbegin;\n")[2].rpartition("rollback;")[0]
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(body.encode())
        except psycopg.Error as error:
            failed[change.name] = str(error)
    return failed


# What a host may do, and no verify script minds.
HOSTS = (
    # What the minors of November 2026 keep on every column; no DDL sets it.
    "update pg_attribute set attoptions = '{pg_attver=7}' || attoptions"
    " from pg_class as class where class.oid = attrelid and class.relkind = 'r'"
    " and relnamespace = 'learnplan'::regnamespace and attnum > 0",
    "create role gate noinherit login; grant anon, authenticated, service_role to gate",
    "alter role service_role bypassrls",
    "create function learnplan.hosts() returns integer language sql return 1",
    "create role deployer; grant learnplan_identity, learnplan_reader to deployer",
)


def test_verify_is_silent_on_a_clean_database(tx: psycopg.Connection[Any]) -> None:
    """The state in which every verify script must stay silent."""
    assert {} == verify_scripts(tx)


@pytest.mark.parametrize("damage", BREAKS)
def test_verify_notices(tx: psycopg.Connection[Any], damage: str) -> None:
    """A verify script fails when its object is missing or differs."""
    tx.execute(damage.encode())
    assert BREAKS[damage] in verify_scripts(tx)


@pytest.mark.parametrize("deed", HOSTS)
def test_verify_does_not_mind(tx: psycopg.Connection[Any], deed: str) -> None:
    """What is the host's own business is no finding."""
    tx.execute(deed.encode())
    assert {} == verify_scripts(tx)

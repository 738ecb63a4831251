"""Conventions of the catalog, each as a query for the objects that break it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from fix_personas import TABLES

if TYPE_CHECKING:
    import psycopg

OURS = "('learnplan'::regnamespace, 'learnplan_private'::regnamespace)"

NONE_MAY = {
    "a table, view, enum or function without a comment": f"""
        select oid::regclass::text from pg_class
        where relnamespace in {OURS} and relkind in ('r', 'v')
          and obj_description(oid, 'pg_class') is null
        union all
        select oid::regtype::text from pg_type
        where typnamespace in {OURS} and typtype = 'e'
          and obj_description(oid, 'pg_type') is null
        union all
        select oid::regprocedure::text from pg_proc
        where pronamespace in {OURS} and obj_description(oid, 'pg_proc') is null""",
    "a policy without a comment": """
        select polname::text from pg_policy
        where obj_description(oid, 'pg_policy') is null""",
    "a table whose row security is not enabled and forced": f"""
        select oid::regclass::text from pg_class where relnamespace in {OURS}
          and relkind = 'r' and not (relrowsecurity and relforcerowsecurity)""",
    "two policies for one table, command and role, or a restrictive one": """
        select p.polrelid::regclass || ' ' || p.polcmd::text || ' ' || role.oid::regrole
        from pg_policy as p, unnest(p.polroles) as role (oid)
        group by p.polrelid, p.polcmd, role.oid
        having count(*) > 1 or not bool_and(p.polpermissive)""",
    "a policy for every command, or for PUBLIC": """
        select polname::text from pg_policy
        where polcmd = '*' or 0 = any(polroles)""",
    "a function whose search_path is not pinned": f"""
        select oid::regprocedure::text from pg_proc where pronamespace in {OURS}
          and (proconfig @> array['search_path=pg_catalog, pg_temp']) is not true""",
    "a definer function that belongs to the deployer": f"""
        select p.oid::regprocedure::text from pg_proc as p
        where pronamespace in {OURS} and prosecdef
          and proowner::regrole::text not in ('learnplan_identity', 'learnplan_reader')""",
    "a function that PUBLIC may execute": f"""
        select oid::regprocedure::text from pg_proc,
          aclexplode(coalesce(proacl, acldefault('f', proowner))) as a
        where pronamespace in {OURS} and a.grantee = 0""",
    "a grant that no rule asks for": """
        select c.oid::regclass || ' ' || a.privilege_type || ' ' || a.grantee
        from pg_class as c, aclexplode(c.relacl) as a
        where c.relnamespace = 'learnplan'::regnamespace and a.grantee <> c.relowner
          and (a.grantee = 0 or a.is_grantable or a.privilege_type
            not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))""",
    "a right of an API role on the private schema": """
        select r.rolname::text from pg_roles as r
        where rolname in ('anon', 'authenticated', 'service_role')
          and has_schema_privilege(r.oid, 'learnplan_private', 'usage, create')""",
    "a role of ours that logs in or is above row security": """
        select rolname::text from pg_roles where rolname in
          ('anon', 'authenticated', 'service_role', 'learnplan_identity',
            'learnplan_reader')
          and (rolcanlogin or rolsuper or rolbypassrls)""",
    "a member that a deploy left in an owner role": """
        select member::regrole::text from pg_auth_members
        where roleid in ('learnplan_identity'::regrole, 'learnplan_reader'::regrole)
          and member <> 10 and member::regrole::text !~ '^owner_' and not (select rolsuper from pg_roles where oid = member)""",
    "a foreign key that does not cascade": """
        select conname::text from pg_constraint
        where contype = 'f' and connamespace = 'learnplan'::regnamespace
          and confdeltype <> 'c'""",
    "a time without a time zone": """
        select attrelid::regclass || '.' || attname from pg_attribute
        inner join pg_class as c on c.oid = attrelid
        where c.relnamespace = 'learnplan'::regnamespace
          and atttypid = 'timestamp'::regtype""",
    "a view that does not run with the caller's rights": """
        select oid::regclass::text from pg_class
        where relnamespace = 'learnplan'::regnamespace and relkind in ('v', 'm')
          and not coalesce(reloptions @> '{security_invoker=true}', false)""",
    "a deferrable or exclusion constraint": """
        select conname::text from pg_constraint
        where connamespace = 'learnplan'::regnamespace
          and (condeferrable or contype = 'x')""",
    "a disabled trigger": """
        select tgname::text from pg_trigger where tgenabled <> 'O'""",
    "a constraint that is not validated": """
        select conname::text from pg_constraint where not convalidated""",
}


@pytest.mark.parametrize("fault", NONE_MAY)
def test_catalog_has_none(tx: psycopg.Connection[Any], fault: str) -> None:
    """No object of the catalog breaks the convention that the id names."""
    assert [] == tx.execute(NONE_MAY[fault].encode()).fetchall()


def test_tables_are_exactly_the_outlines(tx: psycopg.Connection[Any]) -> None:
    """Eight tables; no billing, no guest sessions (outline, tables and notes)."""
    rows = tx.execute(
        "select relname from pg_class where relkind in ('r', 'p', 'f')"
        " and relnamespace = 'learnplan'::regnamespace"
    )
    assert set(TABLES) == {row[0] for row in rows}


@pytest.mark.parametrize(
    ("enum", "labels"),
    [
        ("skill_level", "beginner | intermediate | advanced"),
        ("learning_style", "reading | video | practice | mixed"),
        ("resource_type", "youtube | article | course | doc | other"),
        ("progress_status", "not_started | in_progress | completed"),
    ],
)
def test_enums_are_the_outlines(
    tx: psycopg.Connection[Any], enum: str, labels: str
) -> None:
    """The enums of the outline, in its order."""
    row = tx.execute(
        "select string_agg(label::text, ' | ') from unnest(enum_range(null::"
        f"learnplan.{enum})) as value (label)".replace("as value (label)", "as label")
    ).fetchone()
    assert (labels,) == row


INDEXES = {
    "idx_learning_plans_user_id": "(user_id)",
    "idx_learning_plans_topic_public": "(topic gin_trgm_ops) WITH (fastupdate=off) WHERE"
    " (visibility = 'public'::text)",
    "idx_modules_plan_id": "(plan_id)",
    "idx_modules_plan_id_order": '(plan_id, "order")',
    "idx_tasks_module_id": "(module_id)",
    "idx_tasks_module_id_order": '(module_id, "order")',
    "idx_resources_type": "(type)",
    "resources_url_key": "(url)",
    "idx_task_resources_task_id": "(task_id)",
    "idx_task_resources_resource_id": "(resource_id)",
    "idx_task_progress_user_id": "(user_id)",
    "idx_task_progress_task_id": "(task_id)",
    "idx_plan_generations_plan_id": "(plan_id)",
    "task_resources_task_id_resource_id_key": "(task_id, resource_id)",
    "task_progress_task_id_user_id_key": "(task_id, user_id)",
    "users_clerk_user_id_key": "(clerk_user_id)",
    "users_email_key": "(email)",
}


@pytest.mark.parametrize("index", INDEXES)
def test_indexes_are_the_outlines(tx: psycopg.Connection[Any], index: str) -> None:
    """Each index of the outline exists under its name, on its columns."""
    row = tx.execute(
        "select indexdef from pg_indexes where indexname = %s", [index]
    ).fetchone()
    assert row is not None
    assert INDEXES[index] in row[0].replace("public.", "")


@pytest.mark.parametrize(
    ("pattern", "query"),
    [
        (
            r"^(\w+?)_(select|insert|update|delete)_\w+$",
            "select polname from pg_policy",
        ),
        (
            r"^(idx_\w+|\w+_(pkey|fkey|key|min|allowed|format|iff_completed))$",
            "select conname from pg_constraint where contype <> 'n'"
            " and connamespace = 'learnplan'::regnamespace",
        ),
        (r"^_\d00_[a-z_]+$", "select tgname from pg_trigger where not tgisinternal"),
    ],
)
def test_names_follow_the_rules(
    tx: psycopg.Connection[Any], pattern: str, query: str
) -> None:
    """Names of policies, constraints and triggers (style, naming)."""
    names = [row[0] for row in tx.execute(query.encode()).fetchall()]
    assert names
    assert [] == [name for name in names if not re.match(pattern, name)]

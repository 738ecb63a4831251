"""
Faults that no outcome shows: the rows are the same, and what is in them is not.

Each was green with every cell, every small world and 300 random ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from learnplan_db.engine.progress import silent
from learnplan_db.proof.prover import (
    DEFAULTS,
    cells_of,
    examining,
    left_behind,
    prepared,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from learnplan_db.security.render import Variables

pytestmark = pytest.mark.gate

PRIVATE, ME = "learnplan_private", "(select learnplan.current_user_id())"
TRIGGER = """create function pg_temp.fault() returns trigger language plpgsql
security definer as $$ begin {} end $$"""


def surprises(
    connection: psycopg.Connection[Any], variables: Variables = DEFAULTS
) -> list[str]:
    """Return the names of what is not as it must be."""
    cells = cells_of(None, variables)
    with (
        prepared(connection, cells, variables),
        examining(connection, cells, variables) as one,
    ):
        return [found.name for found in left_behind(one, set(), silent)[1]]


def changed(
    connection: psycopg.Connection[Any], function: str, old: str, new: str
) -> None:
    """Put other words into a function, which must have the old ones."""
    query = "select pg_get_functiondef(%s::regprocedure)"
    row = connection.execute(query, [function]).fetchone()
    assert row
    assert old in row[0]
    connection.execute(row[0].replace(old, new))


def test_as_deployed_nothing_is_a_surprise(tx: psycopg.Connection[Any]) -> None:
    """No false alarm."""
    assert surprises(tx) == []


FUNCTIONS = {
    "the subject, then the user_id": (
        "learnplan.current_user_id()",
        "if v_user_id is not null then",
        "if v_user_id is not null and v_claims ->> 'sub' is null then",
        "identity of the user_id, not the subject",
    ),
    "a flag that is a text": (
        "learnplan.current_verified_email()",
        "v_claims -> 'email_verified' = 'true'::jsonb",
        "(v_claims ->> 'email_verified')::boolean",
        'address when email_verified is "true"',
    ),
    "subjects in small letters": (
        "learnplan.current_user_id()",
        "v_sub := v_claims ->> 'sub'",
        "v_sub := lower(v_claims ->> 'sub')",
        "identity of the subject",
    ),
    "subjects in small letters, at sign-up": (
        "learnplan.current_subject()",
        "nullif(v_claims ->> 'sub', '')",
        "lower(nullif(v_claims ->> 'sub', ''))",
        "signup as oneself",
    ),
    "created_at of another day": (
        f"{PRIVATE}.tg__stamp_created_at()",
        "new.created_at := now()",
        "new.created_at := 'epoch'",
        "owner insert modules(title) private: what it leaves behind",
    ),
    "updated_at that stays": (
        f"{PRIVATE}.tg__touch_updated_at()",
        "new.updated_at := now()",
        "new.updated_at := case tg_op when 'INSERT' then now() else old.updated_at end",
        "owner update modules(title) private: what it leaves behind",
    ),
    "completed_at that moves": (
        f"{PRIVATE}.tg_task_progress__set_completed_at()",
        "coalesce(v_before, now())",
        "now()",
        "completed again stays as it was",
    ),
    "hours of another range": (
        "learnplan.weekly_hours(text)",
        '"20+": 25',
        '"20+": 20',
        "weekly hours of 20+",
    ),
    "an order that is no order": (
        "learnplan.reorder_tasks(uuid,uuid[])",
        "  select min(b.number)",
        "  return;\n  select min(b.number)",
        "reorder own private tasks",
    ),
    "a list that is a part": (
        "learnplan.reorder_modules(uuid,uuid[])",
        "v_given is distinct from v_current",
        "not v_given <@ v_current",
        "reorder part of modules",
    ),
    "a page for everybody": (
        "learnplan.plan_tree(uuid)",
        "(p.user_id = v_me or",
        "(p.user_id = v_me or p.visibility = 'private' or",
        "page of private for ben",
    ),
    "a public page for nobody": (
        "learnplan.plan_tree(uuid)",
        "and v_me is not null",
        "",
        "page of public for nemo",
    ),
    "a page for its owner alone": (
        "learnplan.plan_tree(uuid)",
        "(p.visibility = 'public' and v_me is not null)",
        "false",
        "page of public for ben",
    ),
    "progress for everybody": (
        "learnplan.plan_progress_of(uuid)",
        "(p.user_id = v_me or",
        "(p.user_id = v_me or p.visibility = 'private' or",
        "progress of ben on private",
    ),
    "progress that is only begun": (
        "learnplan.my_progress()",
        "tp.status = 'completed'",
        "tp.status <> 'not_started'",
        "progress of ada on all plans",
    ),
    "a search of all plans": (
        "learnplan.search_public_plans(text,integer)",
        "p.visibility = 'public'",
        "true",
        "search by ben for private",
    ),
    "a search for nobody": (
        "learnplan.search_public_plans(text,integer)",
        "if learnplan.current_user_id() is null then",
        "if false then",
        "search by nemo for public",
    ),
}


@pytest.mark.parametrize("fault", FUNCTIONS)
def test_function_that_answers_otherwise(
    tx: psycopg.Connection[Any], fault: str
) -> None:
    """It can be called by the same people, and is wrong."""
    function, old, new, name = FUNCTIONS[fault]
    changed(tx, function, old, new)
    assert name in surprises(tx)


STATEMENTS: dict[str, tuple[str, Sequence[str]]] = {
    "signup with another subject": (
        "signup with another subject",
        [
            f"""alter policy users_insert_authenticated on learnplan.users with check
            (id = {ME} and email = (select learnplan.current_verified_email()))"""
        ],
    ),
    "an address in capitals": (
        "signup with the address in capitals",
        [
            f"""alter policy users_insert_authenticated on learnplan.users with check
            (id = {ME} and clerk_user_id = (select learnplan.current_subject())
            and lower(email) = lower((select learnplan.current_verified_email())))"""
        ],
    ),
    "one column for anonymous": (
        "anonymous select no column of learning_plans",
        [
            "grant usage on schema learnplan to anon",
            "grant select (topic) on learnplan.learning_plans to anon",
        ],
    ),
    "objects of callers": (
        "user create in schema learnplan",
        ["grant create on schema learnplan to authenticated"],
    ),
    "a role without inheritance": (
        "user become service_role",
        ["grant service_role to authenticated"],
    ),
    "a role above row security": (
        "anonymous above all rules",
        ["alter role anon bypassrls"],
    ),
    "a right to pass on": (
        "user grant learning_plans",
        ["grant select on learnplan.learning_plans to authenticated with grant option"],
    ),
    "a name for everybody": (
        "owner update users(name) profile: what it leaves behind",
        [
            TRIGGER.format("update learnplan.users set name = new.name; return null;"),
            """create trigger fault after update of name on learnplan.users
            for each row when (pg_trigger_depth() = 0)
            execute function pg_temp.fault()""",
        ],
    ),
    "an update that does nothing": (
        "owner update tasks(title) private: what it leaves behind",
        [
            TRIGGER.format("return old;"),
            """create trigger fault before update on learnplan.tasks
            for each row execute function pg_temp.fault()""",
        ],
    ),
    "siblings that go along": (
        "owner delete tasks private: what it leaves behind",
        [
            TRIGGER.format(
                "delete from learnplan.tasks where module_id = old.module_id;"
                "return null;"
            ),
            """create trigger fault after delete on learnplan.tasks
            for each row execute function pg_temp.fault()""",
        ],
    ),
    "progress that goes with the plan": (
        "progress of a reader outlives a plan that turns private",
        [
            TRIGGER.format(
                "delete from learnplan.task_progress as p"
                " where p.user_id <> new.user_id; return null;"
            ),
            """create trigger fault after update of visibility
            on learnplan.learning_plans for each row
            when (new.visibility = 'private' and old.visibility = 'public')
            execute function pg_temp.fault()""",
        ],
    ),
    "public plans by default": (
        "insert learning_plans without visibility",
        [
            "alter table learnplan.learning_plans"
            " alter column visibility set default 'public'"
        ],
    ),
    "an address twice": (
        "insert users with email ada",
        ["alter table learnplan.users drop constraint users_email_key"],
    ),
}


@pytest.mark.parametrize("fault", STATEMENTS)
def test_right_outcome_with_another_effect(
    tx: psycopg.Connection[Any], fault: str
) -> None:
    """The command works for whom it must, and does something else."""
    name, statements = STATEMENTS[fault]
    for statement in statements:
        tx.execute(statement.encode())
    assert name in surprises(tx)


def test_view_that_counts_for_everybody(tx: psycopg.Connection[Any]) -> None:
    """The rows of a view are right, the figures are somebody else's."""
    tx.execute(
        """create function learnplan_private.done(uuid) returns bigint
        language sql stable security definer as $$
        select count(*) from learnplan.task_progress as p
        inner join learnplan.tasks as t on t.id = p.task_id
        where t.module_id = $1 and p.status = 'completed' $$"""
    )
    row = tx.execute("select pg_get_viewdef('learnplan.module_progress'::regclass)")
    view = row.fetchone()
    assert view
    counted = view[0].split(" AS completed_tasks")[0].rpartition("count(")
    text = view[0].replace(f"count({counted[2]} AS", f"{PRIVATE}.done(m.id) AS", 1)
    assert text != view[0]
    made = "create or replace view learnplan.module_progress"
    tx.execute(f"{made} with (security_invoker = true) as {text}".encode())
    assert "ada select module_progress: the figures" in surprises(tx)


@pytest.mark.parametrize(
    "statements",
    [
        [
            "alter table learnplan.tasks add column slug text"
            " generated always as (lower(title)) stored"
        ],
        [
            "alter table learnplan.learning_plans add column size int default 0",
            TRIGGER.format(
                "update learnplan.learning_plans set size = size + 1"
                " where id = new.plan_id; return null;"
            ),
            """create trigger host after insert on learnplan.modules
            for each row execute function pg_temp.fault()""",
        ],
    ],
    ids=["generated", "counter"],
)
def test_columns_of_the_host_are_its_own(
    tx: psycopg.Connection[Any], statements: Sequence[str]
) -> None:
    """What the matrix does not know may change as the host likes."""
    for statement in statements:
        tx.execute(statement.encode())
    assert surprises(tx) == []

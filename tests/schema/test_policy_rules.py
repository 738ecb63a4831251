"""Rules that keep row security cheap, and that each is seen when it is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import policy_rules
import volatile

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    Rule = Callable[[psycopg.Connection[Any]], list[str]]

RULES = (
    policy_rules.bare_session_calls,
    policy_rules.functions_of_rows,
    policy_rules.parents_asked_by_row,
    policy_rules.unindexed_columns,
    policy_rules.unindexed_foreign_keys,
    volatile.volatile_calls,
)
ME = "(select learnplan.current_user_id())"


def _policy(name: str, expression: str) -> str:
    """Return a statement that gives a policy for reading another condition."""
    return (
        f"alter policy {name}_select_authenticated on learnplan.{name}"
        f" using ({expression})"
    )


def _kept(once: str, key: str = "parent.id", result: str = "modules.plan_id") -> str:
    """Return the condition on a module's plan, with parts of it exchanged."""
    return (
        f"exists (select from (values {once}) as once (asked) inner join"
        f" learnplan.learning_plans as parent on {key} = case when once.asked"
        f" then {result} end)"
    )


FOUR = "(true), (false), (false), (false)"
BROKEN: tuple[tuple[Rule, str, list[str]], ...] = (
    (
        policy_rules.bare_session_calls,
        _policy("users", "id = learnplan.current_user_id()"),
        ["users_select_authenticated: current_user_id"],
    ),
    (
        policy_rules.bare_session_calls,
        _policy(
            "users", "id = (select learnplan.current_user_id() from pg_am limit 1)"
        ),
        ["users_select_authenticated: current_user_id"],
    ),
    (
        policy_rules.bare_session_calls,
        _policy("users", "id in (select id where email = current_setting('a.b'))"),
        ["users_select_authenticated: current_setting"],
    ),
    (
        policy_rules.bare_session_calls,
        _policy("users", "name = current_user"),
        ["users_select_authenticated: current_user or the like"],
    ),
    (
        policy_rules.functions_of_rows,
        _policy("tasks", f"learnplan_private.owns_module(module_id, {ME})"),
        ["tasks_select_authenticated: learnplan_private.owns_module(uuid,uuid)"],
    ),
    (
        policy_rules.parents_asked_by_row,
        _policy(
            "modules",
            "exists (select from learnplan.learning_plans as p where p.id = plan_id)",
        ),
        ["modules_select_authenticated: learnplan.learning_plans"],
    ),
    *(
        (
            policy_rules.parents_asked_by_row,
            _policy("modules", condition),
            ["modules_select_authenticated: learnplan.learning_plans"],
        )
        for condition in (
            _kept("(true), (false)"),
            _kept("(false), (true), (false), (false)"),
            _kept("(true), (true), (true), (true)"),
            _kept(FOUR, key="parent.user_id"),
            _kept(FOUR, result="parent.user_id"),
        )
    ),
    (
        policy_rules.unindexed_columns,
        "drop index learnplan.idx_task_progress_user_id",
        [
            f"task_progress_{policy}: learnplan.task_progress.user_id"
            for policy in (
                *("delete_authenticated", "insert_authenticated"),
                *("select_authenticated", "select_reader", "update_authenticated"),
            )
        ],
    ),
    (
        policy_rules.unindexed_columns,
        "drop index learnplan.idx_learning_plans_created_at_public;"
        " drop index if exists learnplan.idx_learning_plans_topic_public",
        ["learning_plans_select_authenticated: learnplan.learning_plans.visibility"],
    ),
    (
        policy_rules.unindexed_foreign_keys,
        "drop index learnplan.idx_task_resources_resource_id",
        ["task_resources_resource_id_fkey"],
    ),
    (
        volatile.volatile_calls,
        _policy("users", "random() < 2"),
        ["users_select_authenticated: random()"],
    ),
    (
        volatile.volatile_calls,
        "create function public.same(uuid, uuid) returns boolean language sql"
        " as 'select $1 = $2';"
        " create operator public.=== (function = public.same, leftarg = uuid,"
        " rightarg = uuid);" + _policy("users", f"id operator(public.===) {ME}"),
        ["users_select_authenticated: same(uuid,uuid)"],
    ),
    *(
        (
            volatile.volatile_calls,
            f"create function public.inner_one() returns boolean stable {body};"
            " create function public.outer_one() returns boolean language plpgsql"
            " stable as 'begin return public.inner_one(); end';"
            + _policy("users", "public.outer_one()"),
            [f"users_select_authenticated: outer_one() > inner_one() > {end}"],
        )
        for body, end in (
            (
                "language sql as 'select pg_catalog.clock_timestamp() is null'",
                "clock_timestamp()",
            ),
            ("language sql return gen_random_uuid() is null", "gen_random_uuid()"),
            (
                "language plpgsql as 'begin execute ''select 1''; return true; end'",
                "EXECUTE",
            ),
        )
    ),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_policies_keep_the_rule(tx: psycopg.Connection[Any], rule: Rule) -> None:
    """Nothing breaks the rule in the database as it is deployed."""
    assert [] == rule(tx)


@pytest.mark.parametrize(("rule", "statement", "found"), BROKEN)
def test_a_broken_rule_is_seen(
    tx: psycopg.Connection[Any], rule: Rule, statement: str, found: list[str]
) -> None:
    """Control: a database that breaks the rule in one place is caught, with its name."""
    tx.execute(statement.encode())
    assert found == rule(tx)


def test_no_operator_cast_or_type_is_volatile(tx: psycopg.Connection[Any]) -> None:
    """
    No body can become volatile through what it does not name as a call.

    Control: a volatile operator is found.
    """
    query = (
        "select p.proname::text from pg_proc as p where provolatile = 'v'"
        " and (exists (select from pg_operator where oprcode = p.oid)"
        " or exists (select from pg_cast where castfunc = p.oid)"
        " or exists (select from pg_type"
        " where typtype <> 'c' and p.oid in (typinput, typoutput)))"
    )
    assert [] == tx.execute(query).fetchall()
    tx.execute(
        "create function public.same(uuid, uuid) returns boolean language sql"
        " as 'select $1 = $2'; create operator public.===("
        " function = public.same, leftarg = uuid, rightarg = uuid)"
    )
    assert [("same",)] == tx.execute(query).fetchall()

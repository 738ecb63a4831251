"""What holds on every table: anonymous callers, TRUNCATE, and forced row security."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_personas import BY_GRANT, TABLES

if TYPE_CHECKING:
    from fix_personas import World

COMMANDS = {
    "select": "select from learnplan.{}",
    "insert": "insert into learnplan.{} default values",
    "update": "update learnplan.{} set id = id",
    "delete": "delete from learnplan.{}",
}


def fill(world: World) -> None:
    """Make one row in each table, on a public plan."""
    ann = world.user("ann")
    plan = world.plan(ann, "public")
    task = world.task(world.module(plan))
    world.link(task, world.resource())
    world.progress(ann, task)
    world.generation(plan)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("command", COMMANDS)
def test_anonymous_cannot_do_anything(world: World, table: str, command: str) -> None:
    """anon may read nothing (design, policies)."""
    fill(world)
    with world.as_anonymous():
        assert world.attempt(COMMANDS[command].format(table)).kind == BY_GRANT
    assert world.one(f"select count(*) from learnplan.{table}") == 1


@pytest.mark.parametrize("table", TABLES)
def test_nobody_cannot_truncate(world: World, table: str) -> None:
    """No TRUNCATE to anybody: it ignores row security (design, policies; threat 5)."""
    fill(world)
    statement = f"truncate learnplan.{table} cascade"
    for persona in (world.as_user("ann"), world.as_anonymous(), world.as_service()):
        with persona:
            assert world.attempt(statement).kind == BY_GRANT
    assert world.one(f"select count(*) from learnplan.{table}") == 1


@pytest.mark.parametrize(
    "helper", ["owns_plan", "owns_module", "owns_task", "can_read_task"]
)
def test_stranger_cannot_call_private_helpers(world: World, helper: str) -> None:
    """No USAGE on learnplan_private: a helper is no oracle (threat 12)."""
    ben = world.user("ben")
    with world.as_user("ben"):
        found = world.attempt(
            f"select learnplan_private.{helper}(%s::uuid, %s::uuid)", ben, ben
        )
    assert found.kind == BY_GRANT


@pytest.mark.parametrize("table", TABLES)
def test_service_cannot_be_reached_from_the_application_login(
    world: World, table: str
) -> None:
    """Two logins, never one: RESET ROLE does not lead to the service (threat 4)."""
    fill(world)
    with world.as_user("ann"):
        world.connection.execute("reset role")
        assert world.attempt("set local role service_role").kind == BY_GRANT
    assert world.one(f"select count(*) from learnplan.{table}") == 1

"""Outline, table 8: plan_generations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_personas import BY_GRANT, BY_POLICY, HIDDEN

if TYPE_CHECKING:
    import uuid

    from fix_personas import World

TABLE = "learnplan.plan_generations"
INSERT = (
    "insert into learnplan.plan_generations (plan_id, model, prompt)"
    " values (%s, 'gpt-5', '\"p\"')"
)
CHANGE, CHANGED = "model = 'x'", "model = 'x'"
FROZEN = ["id", "plan_id", "created_at"]


def make(world: World, owner: uuid.UUID, visibility: str) -> uuid.UUID:
    """Make a plan with one generation."""
    return world.generation(world.plan(owner, visibility))


def parent(world: World, owner: uuid.UUID, visibility: str) -> tuple[uuid.UUID]:
    """Make what a new generation needs."""
    return (world.plan(owner, visibility),)


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_owner_can_select_plan_generations(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may read (outline, table 8)."""
    row = make(world, world.user("ann"), visibility)
    with world.as_user("ann"):
        assert ((row,),) == world.attempt(f"select id from {TABLE}").rows


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_select_plan_generations(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may read generations (table 8; threat 51)."""
    row = make(world, world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(f"select from {TABLE}").kind == HIDDEN
    assert world.exists("plan_generations", row)


def test_owner_can_insert_plan_generations(world: World) -> None:
    """Only the owner of the parent plan may insert (outline, table 8)."""
    with_parent = parent(world, world.user("ann"), "private")
    with world.as_user("ann"):
        assert world.attempt(INSERT, *with_parent).kind == "rows"
    assert world.one(f"select count(*) from {TABLE}") == 1


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_insert_plan_generations(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may insert (outline, table 8; threat 51)."""
    with_parent = parent(world, world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(INSERT, *with_parent).kind == BY_POLICY
    assert world.one(f"select count(*) from {TABLE}") == 0


def test_owner_can_update_plan_generations(world: World) -> None:
    """Only the owner of the parent plan may update (outline, table 8)."""
    make(world, world.user("ann"), "private")
    with world.as_user("ann"):
        assert world.attempt(f"update {TABLE} set {CHANGE}").kind == "rows"
    assert world.one(f"select count(*) from {TABLE} where {CHANGED}") == 1


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_update_plan_generations(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may update (table 8); blind or not."""
    row = make(world, world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        aimed = world.attempt(f"update {TABLE} set {CHANGE} where id = %s", row)
        blind = world.attempt(f"update {TABLE} set {CHANGE}")
        locked = world.attempt(f"select 1 from {TABLE} for update")
    assert [HIDDEN] * 3 == [aimed.kind, blind.kind, locked.kind]
    assert world.one(f"select count(*) from {TABLE} where {CHANGED}") == 0


@pytest.mark.parametrize("column", FROZEN)
def test_owner_cannot_update_system_columns_of_plan_generations(
    world: World, column: str
) -> None:
    """Callers may not forge ids and stamps (design, tables; threat 52)."""
    row = make(world, world.user("ann"), "private")
    with world.as_user("ann"):
        found = world.attempt(f"update {TABLE} set {column} = {column}")
    assert found.kind == BY_GRANT
    assert world.exists("plan_generations", row)


def test_owner_cannot_backdate_plan_generations(world: World) -> None:
    """A record is stamped when it is made, whatever its owner says (threat 52)."""
    plan = world.plan(world.user("ann"))
    statement = (
        "insert into learnplan.plan_generations (plan_id, model, prompt, created_at)"
        " values (%s, 'x', '1', '1999-01-01') returning created_at = now()"
    )
    for persona, stamped in ((world.as_user("ann"), True), (world.as_service(), False)):
        with persona:
            assert ((stamped,),) == world.attempt(statement, plan).rows


def test_owner_can_delete_plan_generations(world: World) -> None:
    """Only the owner of the parent plan may delete (outline, table 8)."""
    row = make(world, world.user("ann"), "private")
    with world.as_user("ann"):
        assert world.attempt(f"delete from {TABLE}").kind == "rows"
    assert not world.exists("plan_generations", row)


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_delete_plan_generations(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may delete (outline, table 8)."""
    row = make(world, world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(f"delete from {TABLE} where id = %s", row).kind == HIDDEN
    assert world.exists("plan_generations", row)


def test_service_can_do_everything_with_plan_generations(world: World) -> None:
    """The service role manages every row (design, policies)."""
    ann = world.user("ann")
    row = make(world, ann, "private")
    with_parent = parent(world, ann, "private")
    with world.as_service():
        assert ((row,),) == world.attempt(f"select id from {TABLE}").rows
        assert world.attempt(INSERT, *with_parent).kind == "rows"
        assert world.attempt(f"update {TABLE} set {CHANGE}").kind == "rows"
        assert world.attempt(f"delete from {TABLE}").kind == "rows"
    assert not world.exists("plan_generations", row)

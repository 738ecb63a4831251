"""Outline, table 3: modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_personas import BY_GRANT, BY_POLICY, HIDDEN

if TYPE_CHECKING:
    import uuid

    from fix_personas import World

TABLE = "learnplan.modules"
INSERT = (
    'insert into learnplan.modules (plan_id, "order", title, estimated_minutes)'
    " values (%s, 2, 'new', 10)"
)
CHANGE, CHANGED = "title = 'x'", "title = 'x'"
FROZEN = ["id", "created_at", "updated_at"]


def make(world: World, owner: uuid.UUID, visibility: str) -> uuid.UUID:
    """Make a plan with one module."""
    return world.module(world.plan(owner, visibility))


def parent(world: World, owner: uuid.UUID, visibility: str) -> tuple[uuid.UUID]:
    """Make what a new module needs."""
    return (world.plan(owner, visibility),)


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_owner_can_select_modules(world: World, visibility: str) -> None:
    """Allowed if the current user can read the parent plan (outline, table 3)."""
    row = make(world, world.user("ann"), visibility)
    with world.as_user("ann"):
        assert ((row,),) == world.attempt(f"select id from {TABLE}").rows


def test_stranger_can_select_modules_when_plan_is_public(world: World) -> None:
    """Allowed if the plan is public (outline, table 3, select)."""
    row = make(world, world.user("ann"), "public")
    world.user("ben")
    with world.as_user("ben"):
        assert ((row,),) == world.attempt(f"select id from {TABLE}").rows


def test_stranger_cannot_select_modules_when_plan_is_private(world: World) -> None:
    """Allowed if the current user can read the parent plan (outline, table 3)."""
    row = make(world, world.user("ann"), "private")
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(f"select from {TABLE}").kind == HIDDEN
    assert world.exists("modules", row)


def test_reader_cannot_select_modules_when_plan_turned_private(world: World) -> None:
    """Reading ends with the visibility of the plan (outline, table 3, select)."""
    row = make(world, world.user("ann"), "public")
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(f"select from {TABLE}").kind == "rows"
    with world.as_user("ann"):
        world.attempt("update learnplan.learning_plans set visibility = 'private'")
    with world.as_user("ben"):
        assert world.attempt(f"select from {TABLE}").kind == HIDDEN
    assert world.exists("modules", row)


def test_owner_can_insert_modules(world: World) -> None:
    """Only the owner of the parent plan may insert (outline, table 3)."""
    with_parent = parent(world, world.user("ann"), "private")
    with world.as_user("ann"):
        assert world.attempt(INSERT, *with_parent).kind == "rows"
    assert world.one(f"select count(*) from {TABLE}") == 1


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_insert_modules(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may insert (outline, table 3; threat 40)."""
    with_parent = parent(world, world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(INSERT, *with_parent).kind == BY_POLICY
    assert world.one(f"select count(*) from {TABLE}") == 0


def test_owner_can_update_modules(world: World) -> None:
    """Only the owner of the parent plan may update (outline, table 3)."""
    make(world, world.user("ann"), "private")
    with world.as_user("ann"):
        assert world.attempt(f"update {TABLE} set {CHANGE}").kind == "rows"
    assert world.one(f"select count(*) from {TABLE} where {CHANGED}") == 1


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_update_modules(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may update (table 3); blind or not."""
    row = make(world, world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        aimed = world.attempt(f"update {TABLE} set {CHANGE} where id = %s", row)
        blind = world.attempt(f"update {TABLE} set {CHANGE}")
        locked = world.attempt(f"select 1 from {TABLE} for update")
    assert [HIDDEN] * 3 == [aimed.kind, blind.kind, locked.kind]
    assert world.one(f"select count(*) from {TABLE} where {CHANGED}") == 0


@pytest.mark.parametrize("column", FROZEN)
def test_owner_cannot_update_system_columns_of_modules(
    world: World, column: str
) -> None:
    """Callers may not forge ids and stamps (design, tables)."""
    row = make(world, world.user("ann"), "private")
    with world.as_user("ann"):
        found = world.attempt(f"update {TABLE} set {column} = {column}")
    assert found.kind == BY_GRANT
    assert world.exists("modules", row)


def test_owner_can_delete_modules(world: World) -> None:
    """Only the owner of the parent plan may delete (outline, table 3)."""
    row = make(world, world.user("ann"), "private")
    with world.as_user("ann"):
        assert world.attempt(f"delete from {TABLE}").kind == "rows"
    assert not world.exists("modules", row)


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_delete_modules(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may delete (outline, table 3)."""
    row = make(world, world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(f"delete from {TABLE} where id = %s", row).kind == HIDDEN
    assert world.exists("modules", row)


def test_service_can_do_everything_with_modules(world: World) -> None:
    """The service role manages every row (design, policies)."""
    ann = world.user("ann")
    row = make(world, ann, "private")
    with_parent = parent(world, ann, "private")
    with world.as_service():
        assert ((row,),) == world.attempt(f"select id from {TABLE}").rows
        assert world.attempt(INSERT, *with_parent).kind == "rows"
        assert world.attempt(f"update {TABLE} set {CHANGE}").kind == "rows"
        assert world.attempt(f"delete from {TABLE}").kind == "rows"
    assert not world.exists("modules", row)


def test_owner_can_move_modules_when_both_plans_are_own(world: World) -> None:
    """Moving is allowed when both ends are own (design, policies; threat 42)."""
    ann = world.user("ann")
    module, target = make(world, ann, "private"), world.plan(ann)
    with world.as_user("ann"):
        found = world.attempt("update learnplan.modules set plan_id = %s", target)
    assert found.kind == "rows"
    assert world.one("select plan_id from learnplan.modules") == target
    assert world.exists("modules", module)


def test_owner_cannot_move_modules_when_target_is_foreign(world: World) -> None:
    """Only the owner of the parent plan may update, the new parent's too (threat 40)."""
    ann, ben = world.user("ann"), world.user("ben")
    make(world, ann, "private")
    target = world.plan(ben, "public")
    with world.as_user("ann"):
        found = world.attempt("update learnplan.modules set plan_id = %s", target)
    assert found.kind == BY_POLICY
    assert world.one("select plan_id from learnplan.modules") != target


def test_stranger_cannot_steal_modules_when_plan_is_public(world: World) -> None:
    """Only the owner of the parent plan may update, the old parent's too (threat 41)."""
    ann, ben = world.user("ann"), world.user("ben")
    make(world, ann, "public")
    target = world.plan(ben)
    with world.as_user("ben"):
        found = world.attempt("update learnplan.modules set plan_id = %s", target)
    assert found.kind == HIDDEN
    assert world.one("select plan_id from learnplan.modules") != target

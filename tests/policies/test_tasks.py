"""Outline, table 4: tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_personas import BY_GRANT, BY_POLICY, HIDDEN

if TYPE_CHECKING:
    import uuid

    from fix_personas import World

TABLE = "learnplan.tasks"
INSERT = (
    'insert into learnplan.tasks (module_id, "order", title, estimated_minutes)'
    " values (%s, 2, 'new', 10)"
)
CHANGE, CHANGED = "title = 'x'", "title = 'x'"
FROZEN = ["id", "created_at", "updated_at"]


def make(world: World, owner: uuid.UUID, visibility: str) -> uuid.UUID:
    """Make a plan with one module and one task."""
    return world.task_of(owner, visibility)


def parent(world: World, owner: uuid.UUID, visibility: str) -> tuple[uuid.UUID]:
    """Make what a new task needs."""
    return (world.module(world.plan(owner, visibility)),)


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_owner_can_select_tasks(world: World, visibility: str) -> None:
    """Allowed if the current user can read the parent plan (outline, table 4)."""
    row = make(world, world.user("ann"), visibility)
    with world.as_user("ann"):
        assert ((row,),) == world.attempt(f"select id from {TABLE}").rows


def test_stranger_can_select_tasks_when_plan_is_public(world: World) -> None:
    """Allowed if the plan is public (outline, table 4, select)."""
    row = make(world, world.user("ann"), "public")
    world.user("ben")
    with world.as_user("ben"):
        assert ((row,),) == world.attempt(f"select id from {TABLE}").rows


def test_stranger_cannot_select_tasks_when_plan_is_private(world: World) -> None:
    """Allowed if the current user can read the parent plan (outline, table 4)."""
    row = make(world, world.user("ann"), "private")
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(f"select from {TABLE}").kind == HIDDEN
    assert world.exists("tasks", row)


def test_reader_cannot_select_tasks_when_plan_turned_private(world: World) -> None:
    """Reading ends with the visibility of the plan (outline, table 4, select)."""
    row = make(world, world.user("ann"), "public")
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(f"select from {TABLE}").kind == "rows"
    with world.as_user("ann"):
        world.attempt("update learnplan.learning_plans set visibility = 'private'")
    with world.as_user("ben"):
        assert world.attempt(f"select from {TABLE}").kind == HIDDEN
    assert world.exists("tasks", row)


def test_owner_can_insert_tasks(world: World) -> None:
    """Only the owner of the parent plan may insert (outline, table 4)."""
    with_parent = parent(world, world.user("ann"), "private")
    with world.as_user("ann"):
        assert world.attempt(INSERT, *with_parent).kind == "rows"
    assert world.one(f"select count(*) from {TABLE}") == 1


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_insert_tasks(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may insert (outline, table 4)."""
    with_parent = parent(world, world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(INSERT, *with_parent).kind == BY_POLICY
    assert world.one(f"select count(*) from {TABLE}") == 0


def test_owner_can_update_tasks(world: World) -> None:
    """Only the owner of the parent plan may update (outline, table 4)."""
    make(world, world.user("ann"), "private")
    with world.as_user("ann"):
        assert world.attempt(f"update {TABLE} set {CHANGE}").kind == "rows"
    assert world.one(f"select count(*) from {TABLE} where {CHANGED}") == 1


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_update_tasks(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may update (table 4); blind or not."""
    row = make(world, world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        aimed = world.attempt(f"update {TABLE} set {CHANGE} where id = %s", row)
        blind = world.attempt(f"update {TABLE} set {CHANGE}")
        locked = world.attempt(f"select 1 from {TABLE} for update")
    assert [HIDDEN] * 3 == [aimed.kind, blind.kind, locked.kind]
    assert world.one(f"select count(*) from {TABLE} where {CHANGED}") == 0


@pytest.mark.parametrize("column", FROZEN)
def test_owner_cannot_update_system_columns_of_tasks(world: World, column: str) -> None:
    """Callers may not forge ids and stamps (design, tables)."""
    row = make(world, world.user("ann"), "private")
    with world.as_user("ann"):
        found = world.attempt(f"update {TABLE} set {column} = {column}")
    assert found.kind == BY_GRANT
    assert world.exists("tasks", row)


def test_owner_can_delete_tasks(world: World) -> None:
    """Only the owner of the parent plan may delete (outline, table 4)."""
    row = make(world, world.user("ann"), "private")
    with world.as_user("ann"):
        assert world.attempt(f"delete from {TABLE}").kind == "rows"
    assert not world.exists("tasks", row)


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_delete_tasks(world: World, visibility: str) -> None:
    """Only the owner of the parent plan may delete (outline, table 4)."""
    row = make(world, world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(f"delete from {TABLE} where id = %s", row).kind == HIDDEN
    assert world.exists("tasks", row)


def test_service_can_do_everything_with_tasks(world: World) -> None:
    """The service role manages every row (design, policies)."""
    ann = world.user("ann")
    row = make(world, ann, "private")
    with_parent = parent(world, ann, "private")
    with world.as_service():
        assert ((row,),) == world.attempt(f"select id from {TABLE}").rows
        assert world.attempt(INSERT, *with_parent).kind == "rows"
        assert world.attempt(f"update {TABLE} set {CHANGE}").kind == "rows"
        assert world.attempt(f"delete from {TABLE}").kind == "rows"
    assert not world.exists("tasks", row)


def test_owner_can_move_tasks_when_both_modules_are_own(world: World) -> None:
    """Moving is allowed when both ends are own (design, policies)."""
    ann = world.user("ann")
    make(world, ann, "private")
    target = world.module(world.plan(ann))
    with world.as_user("ann"):
        found = world.attempt("update learnplan.tasks set module_id = %s", target)
    assert found.kind == "rows"
    assert world.one("select module_id from learnplan.tasks") == target


def test_owner_cannot_move_tasks_when_target_is_foreign(world: World) -> None:
    """Only the owner of the parent plan may update, the new parent's too (table 4)."""
    ann, ben = world.user("ann"), world.user("ben")
    make(world, ann, "private")
    target = world.module(world.plan(ben, "public"))
    with world.as_user("ann"):
        found = world.attempt("update learnplan.tasks set module_id = %s", target)
    assert found.kind == BY_POLICY
    assert world.one("select module_id from learnplan.tasks") != target

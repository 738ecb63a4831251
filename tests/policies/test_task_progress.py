"""Outline, table 7: task_progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_personas import BY_GRANT, BY_POLICY, HIDDEN

if TYPE_CHECKING:
    from fix_personas import World

INSERT = "insert into learnplan.task_progress (task_id, user_id) values (%s, %s)"
UPSERT = (
    "insert into learnplan.task_progress (task_id, user_id, status)"
    " values (%s, %s, 'completed')"
    " on conflict (task_id, user_id) do update set status = excluded.status"
)


def test_owner_can_select_own_progress(world: World) -> None:
    """A user may read only their own progress rows (table 7, select; threat 49)."""
    ann, ben = world.user("ann"), world.user("ben")
    task = world.task_of(ann, "public")
    mine = world.progress(ann, task)
    world.progress(ben, task)
    with world.as_user("ann"):
        found = world.attempt("select id from learnplan.task_progress")
    assert ((mine,),) == found.rows


def test_stranger_cannot_select_progress_when_plan_is_public(world: World) -> None:
    """A user may read only their own progress rows (outline, table 7, select)."""
    ann = world.user("ann")
    row = world.progress(ann, world.task_of(ann, "public"))
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt("select from learnplan.task_progress").kind == HIDDEN
    assert world.exists("task_progress", row)


def test_owner_can_insert_progress(world: World) -> None:
    """A user may create progress for tasks they can read: own (table 7, insert)."""
    ann = world.user("ann")
    task = world.task_of(ann)
    with world.as_user("ann"):
        assert world.attempt(INSERT, task, ann).kind == "rows"
    assert world.one("select user_id from learnplan.task_progress") == ann


def test_reader_can_insert_progress_when_plan_is_public(world: World) -> None:
    """A user may create progress for tasks they can read: public (table 7)."""
    task, ben = world.task_of(world.user("ann"), "public"), world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(UPSERT, task, ben).kind == "rows"
        assert world.attempt(UPSERT, task, ben).kind == "rows"
    assert world.one("select status::text from learnplan.task_progress") == "completed"


def test_stranger_cannot_insert_progress_when_plan_is_private(world: World) -> None:
    """Only for tasks they can read (table 7, insert); absent looks the same."""
    task, ben = world.task_of(world.user("ann")), world.user("ben")
    with world.as_user("ben"):
        hidden = world.attempt(INSERT, task, ben)
        absent = world.attempt(INSERT, ben, ben)
    assert (BY_POLICY, hidden.detail) == (hidden.kind, absent.detail)
    assert world.exists("tasks", task)


def test_stranger_cannot_insert_progress_for_others(world: World) -> None:
    """A user may create progress only for themselves (outline, table 7, insert)."""
    ann = world.user("ann")
    task = world.task_of(ann, "public")
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(INSERT, task, ann).kind == BY_POLICY
    assert world.one("select count(*) from learnplan.task_progress") == 0


def test_owner_can_update_own_progress(world: World) -> None:
    """A user may update only their own progress rows (outline, table 7, update)."""
    ann = world.user("ann")
    world.progress(ann, world.task_of(ann))
    with world.as_user("ann"):
        found = world.attempt(
            "update learnplan.task_progress set status = 'completed'"
            " returning completed_at = now()"
        )
        assert ((True,),) == found.rows
        again = world.attempt(
            "update learnplan.task_progress set status = 'in_progress'"
            " returning completed_at"
        )
    assert ((None,),) == again.rows


@pytest.mark.parametrize(
    "column", ["id", "task_id", "user_id", "completed_at", "created_at", "updated_at"]
)
def test_owner_cannot_update_frozen_columns_of_progress(
    world: World, column: str
) -> None:
    """Forbid changing task_id or user_id on update (table 7, update; threat 50)."""
    ann = world.user("ann")
    row = world.progress(ann, world.task_of(ann))
    with world.as_user("ann"):
        found = world.attempt(f"update learnplan.task_progress set {column} = {column}")
    assert found.kind == BY_GRANT
    assert world.exists("task_progress", row)


def test_stranger_cannot_update_progress(world: World) -> None:
    """A user may update only their own progress rows (table 7); blind or not."""
    ann = world.user("ann")
    row = world.progress(ann, world.task_of(ann, "public"))
    world.user("ben")
    change = "update learnplan.task_progress set status = 'completed'"
    with world.as_user("ben"):
        aimed = world.attempt(f"{change} where id = %s", row)
        blind = world.attempt(change)
    assert [HIDDEN] * 2 == [aimed.kind, blind.kind]
    assert (
        world.one("select status::text from learnplan.task_progress") == "in_progress"
    )


def test_owner_can_delete_own_progress(world: World) -> None:
    """A user may delete only their own progress rows (outline, table 7, delete)."""
    ann = world.user("ann")
    row = world.progress(ann, world.task_of(ann))
    with world.as_user("ann"):
        assert world.attempt("delete from learnplan.task_progress").kind == "rows"
    assert not world.exists("task_progress", row)


def test_stranger_cannot_delete_progress(world: World) -> None:
    """A user may delete only their own progress rows (outline, table 7, delete)."""
    ann = world.user("ann")
    row = world.progress(ann, world.task_of(ann, "public"))
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt("delete from learnplan.task_progress").kind == HIDDEN
    assert world.exists("task_progress", row)


def test_reader_can_keep_progress_when_plan_turned_private(world: World) -> None:
    """Own progress stays readable, updatable and deletable; a new row is refused."""
    ann, ben = world.user("ann"), world.user("ben")
    task = world.task_of(ann, "public")
    row = world.progress(ben, task)
    with world.as_user("ann"):
        world.attempt("update learnplan.learning_plans set visibility = 'private'")
    with world.as_user("ben"):
        assert world.one("select count(*) from learnplan.task_progress") == 1
        change = "update learnplan.task_progress set status = 'completed'"
        assert world.attempt(change).kind == "rows"
        assert world.attempt("delete from learnplan.task_progress").kind == "rows"
        assert world.attempt(INSERT, task, ben).kind == BY_POLICY
    assert not world.exists("task_progress", row)


def test_service_can_do_everything_but_change_the_keys(world: World) -> None:
    """Admin/service role may manage all; task_id and user_id never change (table 7)."""
    ann, ben = world.user("ann"), world.user("ben")
    task = world.task_of(ann)
    with world.as_service():
        given = world.attempt(
            "insert into learnplan.task_progress"
            " (task_id, user_id, status, completed_at) values"
            " (%s, %s, 'completed', '2020-01-01') returning completed_at = '2020-01-01'",
            task,
            ann,
        )
        assert ((True,),) == given.rows
        moved = world.attempt("update learnplan.task_progress set user_id = %s", ben)
        assert moved.kind == BY_GRANT
        change = "update learnplan.task_progress set status = 'in_progress'"
        assert world.attempt(change).kind == "rows"
        assert world.one("select count(*) from learnplan.task_progress") == 1
        assert world.attempt("delete from learnplan.task_progress").kind == "rows"

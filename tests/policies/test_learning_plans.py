"""Outline, table 2: learning_plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_personas import BY_GRANT, BY_POLICY, HIDDEN

if TYPE_CHECKING:
    from fix_personas import World

INSERT = (
    "insert into learnplan.learning_plans"
    " (user_id, topic, skill_level, weekly_hours, learning_style)"
    " values (%s, 'Go', 'beginner', 2, 'video')"
)


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_owner_can_select_plans(world: World, visibility: str) -> None:
    """The owner may read their own plans (outline, table 2, select)."""
    plan = world.plan(world.user("ann"), visibility)
    with world.as_user("ann"):
        found = world.attempt("select id from learnplan.learning_plans")
    assert ((plan,),) == found.rows


def test_stranger_can_select_plans_when_public(world: World) -> None:
    """Any authenticated user may read plans that are public (table 2, select)."""
    plan = world.plan(world.user("ann"), "public")
    world.user("ben")
    with world.as_user("ben"):
        found = world.attempt("select id from learnplan.learning_plans")
    assert ((plan,),) == found.rows


def test_stranger_cannot_select_plans_when_private(world: World) -> None:
    """The owner may read their own plans, others only public ones (table 2)."""
    plan = world.plan(world.user("ann"))
    world.user("ben")
    with world.as_user("ben"):
        found = world.attempt("select from learnplan.learning_plans")
    assert found.kind == HIDDEN
    assert world.exists("learning_plans", plan)


@pytest.mark.parametrize("claims", ["", "{}", '{"sub":"nobody"}', '{"sub":null}'])
def test_nobody_cannot_select_plans_when_public(world: World, claims: str) -> None:
    """Null identity sees nothing: a public plan is for authenticated users."""
    plan = world.plan(world.user("ann"), "public")
    with world.as_claims(claims):
        found = world.attempt("select from learnplan.learning_plans")
    assert found.kind == HIDDEN
    assert world.exists("learning_plans", plan)


def test_owner_can_insert_plans(world: World) -> None:
    """A user may create a plan only if user_id equals their id (table 2, insert)."""
    ann = world.user("ann")
    with world.as_user("ann"):
        assert world.attempt(INSERT, ann).kind == "rows"
    assert world.one("select user_id from learnplan.learning_plans") == ann


def test_owner_can_insert_plans_when_every_column_is_listed(world: World) -> None:
    """An ORM lists every column with DEFAULT; stamps are not forged by it."""
    ann = world.user("ann")
    with world.as_user("ann"):
        found = world.attempt(
            "insert into learnplan.learning_plans (id, user_id, topic, skill_level,"
            " weekly_hours, learning_style, start_date, deadline_date, visibility,"
            " origin, created_at, updated_at) values (default, %s, 'Go', 'beginner', 2,"
            " 'video', default, default, default, 'manual', '1999-01-01', '1999-01-01')"
            " returning origin, created_at = now(), updated_at = now()",
            ann,
        )
    assert (("manual", True, True),) == found.rows


def test_stranger_cannot_insert_plans(world: World) -> None:
    """A user may create a plan only if user_id equals their id (table 2, insert)."""
    ann = world.user("ann")
    world.user("ben")
    with world.as_user("ben"):
        assert world.attempt(INSERT, ann).kind == BY_POLICY
    assert world.one("select count(*) from learnplan.learning_plans") == 0


def test_owner_can_update_plans(world: World) -> None:
    """Only the owner may update; visibility and plan fields (table 2, update)."""
    plan = world.plan(world.user("ann"))
    with world.as_user("ann"):
        found = world.attempt(
            "update learnplan.learning_plans set visibility = 'public', topic = 'T',"
            " skill_level = 'advanced', weekly_hours = 9, learning_style = 'video',"
            " start_date = '2026-01-01', deadline_date = '2026-02-01'"
        )
    assert found.kind == "rows"
    assert world.one("select visibility from learnplan.learning_plans") == "public"
    assert world.exists("learning_plans", plan)


@pytest.mark.parametrize(
    "column", ["id", "user_id", "origin", "created_at", "updated_at"]
)
def test_owner_cannot_update_frozen_columns_of_plans(world: World, column: str) -> None:
    """Prevent changing user_id (outline, table 2, update)."""
    ann = world.user("ann")
    world.plan(ann)
    with world.as_user("ann"):
        found = world.attempt(
            f"update learnplan.learning_plans set {column} = {column}"
        )
    assert found.kind == BY_GRANT
    assert world.one("select user_id from learnplan.learning_plans") == ann


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_update_plans(world: World, visibility: str) -> None:
    """Only the owner may update (outline, table 2, update); blind or not."""
    plan = world.plan(world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        aimed = world.attempt(
            "update learnplan.learning_plans set topic = 'x' where id = %s", plan
        )
        blind = world.attempt("update learnplan.learning_plans set topic = 'x'")
        locked = world.attempt("select 1 from learnplan.learning_plans for update")
    assert [HIDDEN] * 3 == [aimed.kind, blind.kind, locked.kind]
    assert world.one("select topic from learnplan.learning_plans") == "SQL"


def test_owner_can_delete_plans(world: World) -> None:
    """Only the owner may delete (cascades to modules, tasks etc., table 2)."""
    ann = world.user("ann")
    task = world.task_of(ann)
    world.progress(ann, task)
    with world.as_user("ann"):
        assert world.attempt("delete from learnplan.learning_plans").kind == "rows"
    assert not world.exists("tasks", task)
    assert world.one("select count(*) from learnplan.task_progress") == 0


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_delete_plans(world: World, visibility: str) -> None:
    """Only the owner may delete (outline, table 2, delete)."""
    plan = world.plan(world.user("ann"), visibility)
    world.user("ben")
    with world.as_user("ben"):
        found = world.attempt(
            "delete from learnplan.learning_plans where id = %s", plan
        )
    assert found.kind == HIDDEN
    assert world.exists("learning_plans", plan)


def test_service_can_do_everything_but_give_plans_away(world: World) -> None:
    """Admin/service role may read all (table 2); user_id never changes."""
    ann, ben = world.user("ann"), world.user("ben")
    plan = world.plan(ann)
    with world.as_service():
        assert world.attempt("select from learnplan.learning_plans").kind == "rows"
        assert world.attempt(INSERT, ben).kind == "rows"
        assert world.attempt(
            "update learnplan.learning_plans set origin = 'manual',"
            " created_at = '2020-01-01', updated_at = '2020-01-01' where id = %s"
            " returning created_at = '2020-01-01', updated_at = '2020-01-01'",
            plan,
        ).rows == ((True, True),)
        given = world.attempt(
            "update learnplan.learning_plans set user_id = %s where id = %s", ben, plan
        )
        assert given.kind == BY_GRANT
        deleted = world.attempt("delete from learnplan.learning_plans")
        assert deleted.kind == "rows"
    assert not world.exists("learning_plans", plan)

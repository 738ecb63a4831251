"""What comes of a command by the reference model: refusals in order, cascades."""

from __future__ import annotations

import pytest

from learnplan_db.proof.nouns import Command, Row, words
from learnplan_db.proof.reference import identity, judge
from sample_worlds import (
    ADA,
    ANONYMOUS,
    BEN,
    LONG_AGO,
    SERVICE,
    a_world,
    add,
    change,
    progress,
    said,
    seen,
)


def test_progress_outlives_that_the_plan_turns_private() -> None:
    """Progress stays readable, updatable and deletable by its user (design § 6)."""
    world = a_world(progress("progress_1", "task_2", "ben"))
    turn = change("learning_plans", "plan_2", visibility="private")
    _, world = judge(world, ADA, turn)
    assert seen(BEN, "tasks", world) == {"task_3"}
    assert seen(BEN, "task_progress", world) == {"progress_1"}
    done = change("task_progress", "progress_1", status="completed")
    assert said(BEN, done, world) == "rows"
    assert said(ADA, done, world) == "hidden"
    _, world = judge(world, BEN, Command("delete", "task_progress", "progress_1"))
    again = add(progress("progress_1", "task_2", "ben"))
    assert said(BEN, again, world) == "refused-by-policy"


def test_refusals_come_in_the_order_of_the_server() -> None:
    """Privileges first, then the policy, then constraints."""
    bad = {"plan_id": "plan_1", "order": 0, "created_at": LONG_AGO}
    assert said(ANONYMOUS, add(Row("modules", "m", bad))) == "refused-by-grant"
    assert said(BEN, add(Row("modules", "m", bad))) == "refused-by-policy"
    assert said(ADA, add(Row("modules", "m", bad))) == "refused-by-constraint"
    sealed = change("modules", "module_3", order=0, created_at=LONG_AGO)
    assert said(ADA, sealed) == "refused-by-grant"
    assert said(ADA, change("modules", "module_3", order=0)) == "hidden"


def test_a_missing_parent_is_nobodys() -> None:
    """Whoever must own the parent is refused by policy; the service by the key."""
    lost = add(Row("modules", "m", {"plan_id": "nowhere", "order": 1}))
    assert said(ADA, lost) == "refused-by-policy"
    assert said(SERVICE, lost) == "refused-by-constraint"


@pytest.mark.parametrize(
    "row",
    [
        Row("modules", "m", {"plan_id": "plan_1", "order": 1}),
        Row("modules", "module_1", {"plan_id": "plan_1", "order": 2}),
        Row("modules", "m", {"plan_id": "plan_1", "order": 2, "title": None}),
        Row("modules", "m", {"plan_id": "plan_1", "order": 2, "estimated_minutes": -1}),
        Row("tasks", "t", {"module_id": "module_1", "order": 1}),
        Row("learning_plans", "p", {"user_id": "ada", "visibility": "secret"}),
        Row("learning_plans", "p", {"user_id": "ada", "weekly_hours": -1}),
        Row("task_resources", "l", {"task_id": "task_1", "resource_id": "resource_1"}),
        Row("task_resources", "l", {"task_id": "task_1", "resource_id": "nowhere"}),
    ],
)
def test_constraints_hold_for_the_owner_too(row: Row) -> None:
    """Enforce ordering uniqueness, non-negative integers, foreign keys (outline)."""
    assert said(ADA, add(row)) == "refused-by-constraint"


def test_time_is_the_databases() -> None:
    """A caller cannot forge created_at; completed_at follows status (design § 4)."""
    given_times = {"created_at": LONG_AGO, "completed_at": LONG_AGO}
    row = progress("p", "task_1", "ada", status="completed", **given_times)
    outcome, world = judge(a_world(), ADA, add(row))
    assert outcome.stamped == {"created_at", "completed_at"}
    assert "created_at" not in world.of("task_progress")["p"].values
    assert judge(a_world(), SERVICE, add(row))[0].stamped == set()
    open_row = progress("p", "task_1", "ada", **given_times)
    assert judge(a_world(), SERVICE, add(open_row))[0].stamped == {"completed_at"}


def test_a_blind_write_reaches_ones_own_rows_only() -> None:
    """UPDATE policies are complete by themselves (design § 6)."""
    outcome, _ = judge(a_world(), ADA, change("modules", None, title="X"))
    assert outcome.rows == {"module_1", "module_2"}
    outcome, world = judge(a_world(), BEN, Command("delete", "learning_plans"))
    assert outcome.rows == {"plan_3"}
    assert "plan_2" in words(world)


def test_deleting_a_plan_takes_what_is_below() -> None:
    """Only the owner may delete (cascades to modules/tasks/etc.) (§ 2)."""
    world = a_world(progress("progress_1", "task_2", "ben"))
    outcome, after = judge(world, ADA, Command("delete", "learning_plans", "plan_2"))
    assert outcome.rows == {"plan_2"}
    gone = {"plan_2", "module_2", "task_2", "link_2", "generation_2", "progress_1"}
    assert words(world) - words(after) == gone


def test_deleting_a_user_takes_their_plans_and_progress() -> None:
    """Foreign keys should generally use ON DELETE CASCADE (outline)."""
    world = a_world(progress("progress_1", "task_2", "ben"))
    ask = Command("delete", "users", "ben")
    assert said(BEN, ask, world) == "refused-by-grant"
    _, after = judge(world, SERVICE, ask)
    gone = {"ben", "plan_3", "module_3", "task_3", "link_3", "generation_3"}
    assert words(world) - words(after) == gone | {"progress_1"}
    assert identity(after, BEN) is None


def test_deleting_a_resource_takes_its_links() -> None:
    """System/admin only; end-users do not modify the global catalog (§ 5)."""
    ask = Command("delete", "resources", "resource_1")
    assert said(ADA, ask) == "refused-by-grant"
    _, after = judge(a_world(), SERVICE, ask)
    links = {"link_1", "link_2", "link_3"}
    assert words(a_world()) - words(after) == {"resource_1", *links}

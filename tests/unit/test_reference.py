"""Who may do what by the reference model, held to the outline's sentences."""

from __future__ import annotations

import pytest

from learnplan_db.proof.nouns import TABLES, VIEWS, Actor, Command, Row
from learnplan_db.proof.reference import judge
from sample_worlds import (
    ADA,
    ANONYMOUS,
    BEN,
    NEWCOMER,
    NOBODY,
    SERVICE,
    a_world,
    add,
    change,
    progress,
    said,
    seen,
)

MODULE = Row("modules", "new_module", {"plan_id": "plan_1", "order": 2})


def test_user_reads_own_row_only() -> None:
    """A user may read only their own row (outline § 1)."""
    assert seen(ADA, "users") == {"ada"}
    assert seen(SERVICE, "users") == {"ada", "ben"}


def test_user_reads_own_and_public_plans() -> None:
    """Any authenticated user may read plans where visibility = 'public' (§ 2)."""
    assert seen(ADA, "learning_plans") == {"plan_1", "plan_2"}
    assert seen(BEN, "learning_plans") == {"plan_2", "plan_3"}


@pytest.mark.parametrize(
    ("table", "noun"),
    [
        ("modules", "module"),
        ("tasks", "task"),
        ("task_resources", "link"),
        ("module_progress", "module"),
        ("plan_progress", "plan"),
    ],
)
def test_what_is_below_is_read_as_the_plan_is(table: str, noun: str) -> None:
    """Allowed if the current user can read the parent plan (§§ 3, 4, 6)."""
    assert seen(BEN, table) == {f"{noun}_2", f"{noun}_3"}


def test_generations_are_the_owners_even_of_a_public_plan() -> None:
    """Only the owner of the parent plan may read generation records (§ 8)."""
    assert seen(BEN, "plan_generations") == {"generation_3"}


def test_nobody_sees_nothing() -> None:
    """Null identity sees nothing (design § 5)."""
    assert {said(NOBODY, Command("select", t)) for t in (*TABLES, *VIEWS)} == {"hidden"}


def test_resources_are_open_to_anonymous_only_as_an_option() -> None:
    """Readable by all authenticated users (optionally by anonymous users) (§ 5)."""
    ask = Command("select", "resources")
    assert said(ANONYMOUS, ask) == "refused-by-grant"
    outcome, _ = judge(a_world(), ANONYMOUS, ask, anon_reads_resources=True)
    assert outcome.rows == {"resource_1"}
    plans = Command("select", "learning_plans")
    outcome, _ = judge(a_world(), ANONYMOUS, plans, anon_reads_resources=True)
    assert outcome.kind == "refused-by-grant"


@pytest.mark.parametrize(
    ("actor", "expected"),
    [
        (NEWCOMER, "rows"),
        (Actor("user", "cem", email="cem"), "refused-by-policy"),
        (Actor("user", "cem", email="ben", verified=True), "refused-by-policy"),
        (Actor("user", "cem"), "refused-by-policy"),
        (ADA, "refused-by-policy"),
        (ANONYMOUS, "refused-by-grant"),
        (SERVICE, "rows"),
    ],
)
def test_signing_up_needs_a_verified_identity(actor: Actor, expected: str) -> None:
    """The row's id must equal the current user id; email must be verified (§ 1)."""
    assert said(actor, add(Row("users", "cem"))) == expected


def test_signing_up_gives_the_id() -> None:
    """The row's id must equal the current user id: a random one does not (§ 1)."""
    assert said(NEWCOMER, Command("insert", "users", "cem")) == "refused-by-policy"
    assert said(SERVICE, Command("insert", "users", "cem")) == "rows"


def test_signing_up_twice_is_refused_by_a_constraint() -> None:
    """unique(clerk_user_id), unique(email) (§ 1)."""
    _, world = judge(a_world(), NEWCOMER, add(Row("users", "cem")))
    assert said(NEWCOMER, add(Row("users", "cem")), world) == "refused-by-constraint"


def test_user_updates_profile_fields_only() -> None:
    """Restrict updates to profile fields (e.g., name) (§ 1)."""
    assert said(ADA, change("users", "ada", name="A")) == "rows"
    assert said(ADA, change("users", "ben", name="A")) == "hidden"
    tier = change("users", "ada", subscription_tier="pro")
    assert said(ADA, tier) == "refused-by-grant"
    assert said(SERVICE, tier) == "rows"


@pytest.mark.parametrize("actor", [ADA, BEN, SERVICE, ANONYMOUS])
def test_a_plan_never_changes_hands(actor: Actor) -> None:
    """Prevent changing user_id (§ 2)."""
    move = change("learning_plans", "plan_1", user_id="ben")
    assert said(actor, move) == "refused-by-grant"


def test_user_makes_plans_for_themselves_only() -> None:
    """An authenticated user may create a plan only if user_id equals their id (§ 2)."""
    plan = add(Row("learning_plans", "new_plan", {"user_id": "ada"}))
    assert [said(a, plan) for a in (ADA, BEN)] == ["rows", "refused-by-policy"]
    own = add(Row("learning_plans", "new_plan", {"user_id": "cem"}))
    assert said(NEWCOMER, own) == "refused-by-constraint"  # No users row as yet.


@pytest.mark.parametrize(
    ("actor", "expected"),
    [(ADA, "rows"), (BEN, "refused-by-policy"), (SERVICE, "rows")],
)
def test_only_the_owner_inserts_modules(actor: Actor, expected: str) -> None:
    """Only the owner of the parent plan may insert modules (§ 3)."""
    assert said(actor, add(MODULE)) == expected


def test_a_move_needs_both_ends() -> None:
    """Moving a module or task is allowed when both ends are own (design § 6)."""
    world = a_world(Row("modules", "module_9", {"plan_id": "plan_1", "order": 9}))
    moves = [change("modules", "module_9", plan_id=f"plan_{n}") for n in (2, 3)]
    assert [said(ADA, m, world) for m in moves] == ["rows", "refused-by-policy"]
    assert [said(BEN, m, world) for m in moves] == ["hidden", "hidden"]


def test_progress_is_ones_own_on_what_one_reads() -> None:
    """Only for themselves and only for tasks they can read (§ 7)."""
    mine = [add(progress("new", f"task_{n}", "ben")) for n in (1, 2, 3)]
    assert [said(BEN, m) for m in mine] == ["refused-by-policy", "rows", "rows"]
    assert said(ADA, mine[1]) == "refused-by-policy"


@pytest.mark.parametrize("verb", ["truncate", "references", "trigger", "maintain"])
@pytest.mark.parametrize("actor", [ADA, ANONYMOUS, SERVICE])
def test_no_grant_that_no_rule_asks_for(verb: str, actor: Actor) -> None:
    """No TRUNCATE, REFERENCES, TRIGGER or MAINTAIN to anybody (design § 6)."""
    kinds = {said(actor, Command(verb, table)) for table in (*TABLES, *VIEWS)}
    assert kinds == {"refused-by-grant"}


@pytest.mark.parametrize(
    ("actor", "reorder", "read"),
    [
        (ADA, "rows", "rows"),
        (BEN, "refused-by-trigger", "rows"),
        (NOBODY, "refused-by-trigger", "rows"),
        (SERVICE, "rows", "rows"),
        (ANONYMOUS, "refused-by-grant", "refused-by-grant"),
    ],
)
def test_functions(actor: Actor, reorder: str, read: str) -> None:
    """reorder_modules and reorder_tasks are security invoker (design § 4)."""
    names = {"reorder_tasks": reorder, "current_user_id": read}
    for name, expected in {**names, "owns_plan": "refused-by-grant"}.items():
        assert said(actor, Command("execute", "functions", name)) == expected

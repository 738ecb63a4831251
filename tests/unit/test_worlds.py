"""Small and random worlds: all different, all whole, and what holds in each."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from learnplan_db.proof.nouns import World
from learnplan_db.proof.random_worlds import plays, worlds
from learnplan_db.proof.reference import judge
from learnplan_db.proof.worlds import actors, commands, small_worlds
from sample_worlds import SERVICE, add


def test_small_worlds_are_few_and_all_different() -> None:
    """What is tried without exception is done in minutes: at most 40,000 commands."""
    every = list(small_worlds())
    assert len({repr(world) for world in every}) == len(every)
    tried = [(w, a, c) for w in every for a in actors(w) for c in commands(w, a)]
    assert 30_000 < len(tried) <= 40_000
    kinds = {(a.kind, c.verb, judge(w, a, c)[0].kind) for w, a, c in tried}
    assert ("user", "update", "refused-by-policy") in kinds
    assert ("user", "insert", "refused-by-constraint") in kinds
    assert {kind for who, _, kind in kinds if who == "anonymous"} == {
        "refused-by-grant"
    }


def test_small_worlds_are_whole() -> None:
    """Each row comes after those that it refers to, or no world could be made."""
    for world in small_worlds():
        made = World()
        for row in world.rows:
            outcome, made = judge(made, SERVICE, add(row))
            assert outcome.kind == "rows", row
        assert made == world


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_refused_changes_nothing(data: st.DataObject) -> None:
    """A command that is not rows leaves the world as it is; no row is lost or double."""
    world = data.draw(worlds())
    for actor, command in data.draw(plays(world)):
        outcome, after = judge(world, actor, command)
        if outcome.kind != "rows" or command.verb == "select":
            assert after == world
        assert bool(outcome.rows) == (outcome.kind == "rows")
        assert len({(row.table, row.id) for row in after.rows}) == len(after.rows)
        made = World()
        for row in after.rows:
            _, made = judge(made, SERVICE, add(row))
        assert made == after
        world = after


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nobody_sees_or_touches_a_private_plan_of_another(data: st.DataObject) -> None:
    """What a user reads, changes or deletes is their own, or public to read."""
    world = data.draw(worlds())
    for actor, command in data.draw(plays(world)):
        outcome, after = judge(world, actor, command)
        if actor.kind == "user" and command.table in {
            "learning_plans",
            "plan_progress",
        }:
            plans = world.of("learning_plans") | after.of("learning_plans")
            for plan in map(plans.get, outcome.rows):
                assert plan is not None
                reads = command.verb == "select"
                public = plan.values.get("visibility") == "public"
                assert plan.values["user_id"] == actor.user or (reads and public)
        world = after

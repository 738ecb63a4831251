"""What a finding shows is enough to make it again, and in no language of the server."""

from __future__ import annotations

from itertools import islice

import pytest

from learnplan_db.proof import situations, worlds
from learnplan_db.proof.findings import needed
from learnplan_db.proof.nouns import (
    BY_CONSTRAINT,
    BY_GRANT,
    BY_POLICY,
    BY_TRIGGER,
    Actor,
    Command,
    Row,
    World,
)
from learnplan_db.proof.prover import DEFAULTS, cells_of
from learnplan_db.proof.reference import judge
from learnplan_db.proof.trial import outcome_of


def test_needed_rows_of_cells() -> None:
    """With the rows of its script alone, each cell comes out as in the whole world."""
    world, smaller = situations.world(), 0
    for cell in cells_of(None, DEFAULTS):
        play = situations.actor(cell), situations.command(cell)
        few = needed(world, [play])
        smaller += len(few.rows) < len(world.rows)
        assert judge(world, *play)[0] == judge(few, *play)[0], cell.name
    assert smaller > 1000


def test_needed_rows_of_small_worlds() -> None:
    """So does each command in a small world, even one that collides with a row."""
    for world in islice(worlds.small_worlds(), 0, None, 5):
        for actor in worlds.actors(world):
            for command in worlds.commands(world, actor):
                few = needed(world, [(actor, command)])
                expected, _ = judge(world, actor, command)
                assert expected == judge(few, actor, command)[0], command


def test_row_in_the_way_is_needed() -> None:
    """A row that takes the place of another one is part of the script."""
    user = Row("users", "ada")
    plan = Row("learning_plans", "p", {"user_id": "ada", "visibility": "private"})
    module = Row("modules", "m", {"plan_id": "p", "order": 1})
    spare = Row("users", "ben")
    world = World((user, spare, plan, module))
    values = {"id": "n", "plan_id": "p", "order": 2}
    play = Actor("user", "ada"), Command("insert", "modules", "n", values)
    assert (user, plan) == needed(world, [play]).rows
    play = play[0], Command("insert", "modules", "n", values | {"order": 1})
    assert module in needed(world, [play]).rows


CHECK = "ExecWithCheckOptions"


@pytest.mark.parametrize(
    ("state", "text", "function", "expected"),
    [
        ("42501", "permission denied for table x", "", BY_GRANT),
        ("42501", "keine Berechtigung für Tabelle x", "aclcheck_error", BY_GRANT),
        ("42501", "new row violates row-level security policy", "", BY_POLICY),
        ("42501", "neue Zeile verletzt Policy für Tabelle x", CHECK, BY_POLICY),
        ("LP001", "no", "", BY_TRIGGER),
        ("23505", "duplicate key", "", BY_CONSTRAINT),
        ("P0001", "no", "", "error P0001"),
    ],
)
def test_outcome_in_any_language(
    state: str, text: str, function: str, expected: str
) -> None:
    """A refusal is told by what the server does not translate."""
    assert expected == outcome_of(state, text, function)

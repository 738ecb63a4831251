"""
Each kind of drift: found, named with the change that owns it, and mended by SQL alone.

What would lose something, or what SQL has no words for, is left to a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from learnplan_db.catalog import telling
from sample_drifts import DRIFTS, LEFT

if TYPE_CHECKING:
    from fix_drift import Drifting
    from learnplan_db.catalog.drift import Drift

# Every second one, of all sorts, in the quick suite: each is a look and a repair.
CASES = [
    pytest.param(name, marks=[pytest.mark.long] if place % 2 else [])
    for place, name in enumerate(DRIFTS)
]


def owners(found: Drift) -> dict[str, str]:
    """Return the change that owns each difference, whichever version of it."""
    return {str(d.key): d.change.partition("@")[0] for d in found.differences}


@pytest.mark.parametrize("name", CASES)
def test_drift_is_found_named_and_mended(drifting: Drifting, name: str) -> None:
    """All that differs is named with its owner; the script brings all of it back."""
    statements, expected = DRIFTS[name]
    drifting.meddler.execute(statements.encode())
    found = drifting.drift()
    assert expected == owners(found)
    drifting.mend(found)
    assert drifting.clean == drifting.fingerprint()


def test_all_at_once_is_made_anew(drifting: Drifting) -> None:
    """Both schemas dropped: the script makes everything, in an order that works."""
    drifting.meddler.execute("drop schema learnplan, learnplan_private cascade")
    found = drifting.drift()
    assert {"missing"} == {one.state for one in found.differences}
    drifting.mend(found)
    assert drifting.clean == drifting.fingerprint()
    assert () == drifting.drift().differences


@pytest.mark.parametrize("name", LEFT)
def test_what_sql_cannot_mend_is_left_to_a_person(
    drifting: Drifting, name: str
) -> None:
    """It is named with the reason, what would lose data is a comment, nothing is lost."""
    statements, expected, reason, kept = LEFT[name]
    drifting.meddler.execute(statements.encode())
    before = drifting.meddler.execute(kept.encode()).fetchall()
    found = drifting.drift()
    assert expected == owners(found)
    assert reason in telling.as_text(found)
    drifting.mend(found)
    assert before == drifting.meddler.execute(kept.encode()).fetchall()
    left = drifting.drift().differences
    assert left
    for one in left:  # what came back as the last column has moved others
        moved = {fact.facet for fact in one.facts} == {"position"}
        assert moved or str(one.key) in expected


def test_what_became_full_meanwhile_is_not_dropped(drifting: Drifting) -> None:
    """A table was empty when it was looked at, and holds a row when the script runs."""
    drifting.meddler.execute("create table learnplan.notes (words text)")
    found = drifting.drift()
    assert "\ndrop table learnplan.notes;" in telling.as_sql(found, "")
    drifting.meddler.execute("insert into learnplan.notes values ('mine')")
    with pytest.raises(psycopg.errors.RaiseException, match="is not empty any more"):
        drifting.mend(found)
    drifting.meddler.execute("rollback")
    row = drifting.meddler.execute("select words from learnplan.notes").fetchone()
    assert ("mine",) == row

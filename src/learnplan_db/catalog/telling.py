"""
A drift in words: for a person, as JSON, and as the script that mends it.

May import lower floors of catalog; does no I/O.
"""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING, Any

from learnplan_db.catalog.script import script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.catalog.careful import Step
    from learnplan_db.catalog.difference import Difference, Fact
    from learnplan_db.catalog.drift import Drift
    from learnplan_db.catalog.objects import Key

SOME = 8  # parts that are named before the rest is counted
NOBODY = "no change made it"


def as_text(drift: Drift) -> str:
    """Return all differences, each with its owner and its repair."""
    parts = ["\n".join(_block(drift, one)) for one in drift.differences]
    return "\n\n".join([*parts, summary(drift)])


def summary(drift: Drift) -> str:
    """Return how many differences there are, and what was compared."""
    count = len(drift.differences)
    applied = drift.found.applied
    noun = "difference" if count == 1 else "differences"
    text = (
        f"{count or 'No'} {noun} from the plan as deployed up to {applied[-1].label}"
        f" ({len(applied)} changes)"
    )
    if people := sum(bool(_withheld(drift, one)) for one in drift.differences):
        text += f"; {people} for a person to decide"
    return text


def as_json(drift: Drift) -> dict[str, Any]:
    """Return the same for machines; ``sql`` is the whole script."""
    return {
        "differences": [
            {
                "kind": one.key.kind,
                "name": one.key.name,
                "state": one.state,
                "change": one.change or None,
                "script": drift.rebuilt.paths.get(one.change),
                "facts": [
                    {
                        "facet": fact.facet,
                        "expected": fact.expected,
                        "found": fact.found,
                        "change": fact.change,
                    }
                    for fact in one.facts
                ],
                "parts": [{"kind": key.kind, "name": key.name} for key in one.parts],
                "repair": [s for step in _steps(drift, one) for s in step.statements],
                "withheld": _withheld(drift, one),
                "notes": [step.note for step in _steps(drift, one) if step.note],
            }
            for one in drift.differences
        ],
        "deployed": drift.found.applied[-1].name,
        "left_out": drift.left_out,
        "sql": as_sql(drift, ""),
    }


def as_sql(drift: Drift, target: str) -> str:
    """Return the script that mends all that SQL alone can mend."""
    titles: dict[Key, str] = {}
    for one in drift.differences:
        title = f"{one.key} {_state(one)}: {_owner(drift, one.change)}"
        titles |= dict.fromkeys((*one.parts, one.key), title)
    where = f"{target}: " if target else ""
    head = [f"{where}{summary(drift)}."]
    if drift.steps:
        head.append(
            "What a person has to decide is a comment. Roles are the cluster's."
        )
    catalogs = (drift.rebuilt.history.catalog, drift.found.catalog)
    path = sorted({*drift.found.ground.extensions.values()} - {"pg_catalog"})
    return script(drift.steps, catalogs, path, titles, head)


def _block(drift: Drift, one: Difference) -> Iterator[str]:
    yield f"{one.key} {_state(one)}"
    yield f"  owner     {_owner(drift, one.change)}"
    for fact in one.facts:
        yield from _told(drift, one, fact)
    if one.parts:
        names = ", ".join(map(str, one.parts[:SOME]))
        more = f" and {len(one.parts) - SOME} more" if len(one.parts) > SOME else ""
        yield f"  with it   {names}{more}"
    for step in _steps(drift, one):
        for statement in step.statements:
            yield _column("repair", f"{statement};")
        if step.note:
            yield _column("note", step.note)
        for statement in step.withheld:
            yield _column("withheld", f"{statement};")


def _told(drift: Drift, one: Difference, fact: Fact) -> Iterator[str]:
    """Yield what was expected and found; of long texts the lines that differ."""
    by = "" if fact.change == one.change else f" ({_owner(drift, fact.change)})"
    yield f"  {fact.facet}{by}"
    expected, found = fact.expected, fact.found
    if expected and found and "\n" in expected + found:
        lines = unified_diff(expected.split("\n"), found.split("\n"), n=1, lineterm="")
        yield from (f"    {line}" for line in [*lines][2:])
        return
    yield _column("  expected", "nothing" if expected is None else expected)
    yield _column("  found", "nothing" if found is None else found)


def _column(word: str, text: str) -> str:
    """Return a word and a text whose lines stand below each other."""
    width = 14 if word.startswith(" ") else 12
    return f"  {word}".ljust(width) + text.replace("\n", "\n" + " " * width)


def _state(one: Difference) -> str:
    return one.state if one.state == "differs" else f"is {one.state}"


def _owner(drift: Drift, change: str) -> str:
    path = drift.rebuilt.paths.get(change)
    return f"change {change}, {path}" if path else NOBODY


def _steps(drift: Drift, one: Difference) -> list[Step]:
    return [s for s in drift.steps if s.key == one.key or s.key in one.parts]


def _withheld(drift: Drift, one: Difference) -> list[str]:
    return [s for step in _steps(drift, one) for s in step.withheld]

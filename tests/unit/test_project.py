"""The project's own files: pairs, headers, notes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from learnplan_db.plans import plan as plans

ROOT = Path(__file__).parents[2]
PLAN = plans.parse((ROOT / "sql" / "sqitch.plan").read_bytes(), "sql/sqitch.plan")
CHANGES = {change.name: change for change in PLAN.changes}
KINDS = ("schema", "role", "enum", "function", "table", "index", "trigger", "view")


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("kind", ["deploy", "revert", "verify"])
def test_change_has_three_scripts(name: str, kind: str) -> None:
    """Each change has a deploy, a revert and a verify script that name it."""
    text = (ROOT / "sql" / kind / f"{name}.sql").read_text()
    assert re.match(rf"-- {kind.title()} learnplan-db:{name} (to|from|on) pg\n", text)
    ending = "rollback;" if kind == "verify" else "commit;"
    assert text.rstrip().endswith(ending)


@pytest.mark.parametrize("kind", ["deploy", "revert", "verify"])
def test_script_belongs_to_a_change(kind: str) -> None:
    """No script is left of a change that is gone."""
    known = {
        change.name + "".join(f"@{tag}" for tag in change.reworked_tags[:1])
        for change in PLAN.changes
    }
    assert known == {path.stem for path in (ROOT / "sql" / kind).glob("*.sql")}


@pytest.mark.parametrize("name", CHANGES)
def test_header_requires_what_the_plan_requires(name: str) -> None:
    """The requires lines of a deploy script equal the plan's."""
    text = (ROOT / "sql" / "deploy" / f"{name}.sql").read_text()
    lines = re.findall(r"^-- requires: (\S+)$", text, re.MULTILINE)
    assert CHANGES[name].requires == tuple(lines)


@pytest.mark.parametrize("name", CHANGES)
def test_note_is_a_sentence(name: str) -> None:
    """Each change says in a sentence what it does."""
    assert re.match(r"^[A-Z].{10,}\.$", CHANGES[name].note)


@pytest.mark.parametrize("name", CHANGES)
def test_name_leads_with_its_kind(name: str) -> None:
    """A listing of the scripts is a catalogue (style, naming)."""
    assert name.split("_", maxsplit=1)[0] in (*KINDS, "policy")

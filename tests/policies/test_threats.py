"""Every threat of docs/threats.md has its test, and every test its line there."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from fix_database import ROOT

TABLE = ROOT / "docs" / "threats.md"
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
NAMED = re.compile(r"\(?\bthreats? (\d+(?:, \d+)*)\)")
TEST = re.compile(r"`(test_\w+)`")
THREATS = range(1, 73)
# What no test can hold on one server, and where it is said instead.
DOCUMENTED: dict[int, str] = {}


@cache
def docstrings() -> dict[str, str]:
    """Return the docstring of every test by its name."""
    found = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, FUNCTION) and node.name.startswith("test_"):
                found[node.name] = ast.get_docstring(node) or ""
    return found


@cache
def named() -> dict[int, set[str]]:
    """Return the tests that name each threat."""
    found: dict[int, set[str]] = {number: set() for number in THREATS}
    for name, text in docstrings().items():
        for match in NAMED.finditer(text):
            for number in match[1].split(", "):
                found[int(number)].add(name)
    return found


@cache
def rows() -> dict[int, tuple[str, str, str]]:
    """Return the rows of the table for users: threat, what holds it, tests."""
    found = ROW.findall(TABLE.read_text())
    return {int(number): (threat, holds, by) for number, threat, holds, by in found}


@pytest.mark.parametrize("number", THREATS)
def test_threat_is_tried_or_documented(number: int) -> None:
    """A test's docstring says its number, or it is a documented limit."""
    assert bool(named()[number]) != (number in DOCUMENTED)


@pytest.mark.parametrize("number", THREATS)
def test_threat_is_told_to_users(number: int) -> None:
    """The table says what holds it and which test tries it; the test agrees."""
    threat, holds, by = rows()[number]
    assert threat.strip()
    assert holds.strip()
    shown = set(TEST.findall(by))
    assert shown
    assert shown <= named()[number]


def test_table_has_no_other_threats() -> None:
    """No number twice, none that is not of the list, in order."""
    numbers = [int(row[0]) for row in ROW.findall(TABLE.read_text())]
    assert numbers == list(THREATS)


def test_limits_are_said_loudly() -> None:
    """What a test pins as a limit is also among the limits that users read."""
    limits = TABLE.read_text().partition("## Limits")[2]
    pinned = {
        number
        for number, names in named().items()
        if any(docstrings()[name].startswith("Limit:") for name in names)
    }
    told = {int(n) for n in re.findall(r"\b(\d+)\b(?=[^()]*\))", limits)}
    assert pinned - told == set()

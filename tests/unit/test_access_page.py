"""The tables of docs/access.md say each cell of the access matrix, and each just once."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product

import pytest

from fix_database import ROOT
from learnplan_db.proof.grid import FUNCTIONS
from learnplan_db.proof.matrix import read
from learnplan_db.proof.nouns import TABLES, VIEWS, Cell
from tools import matrix

CELLS = read(ROOT / "policies")
PAGE = (ROOT / "docs" / "access.md").read_text("utf-8")
SAYS = {
    "yes": ("rows", False),
    "yes, stamped": ("rows", True),
    "hidden": ("hidden", False),
    "no: policy": ("refused-by-policy", False),
    "no: grant": ("refused-by-grant", False),
    "no: trigger": ("refused-by-trigger", False),
}


def told(table: str) -> list[tuple[tuple[str, ...], tuple[str, bool]]]:
    """Return what the page says: command, row, column and persona, and the outcome."""
    section = PAGE.partition(f"\n### {table}\n")[2].partition("\n### ")[0]
    lines = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
    head, *rows = [line.split(" | ") for line in lines]
    every = {cell.column for cell in CELLS if cell.table == table and cell.column}
    found = []
    for row in rows:
        said = dict(zip(head, row, strict=True))
        kinds = [] if said["row"] == "the table" else said["row"].split(", ")
        listed = said.get("columns", "")
        columns = sorted(every) if listed == "all" else re.findall(r"`(\w+)`", listed)
        who = [name for name in head if name not in ("command", "row", "columns")]
        for command, kind, column, persona in product(
            said["command"].split(", "), kinds or [""], columns or [""], who
        ):
            found.append(
                ((command, kind.strip("`"), column, persona), SAYS[said[persona]])
            )
    return found


@pytest.mark.parametrize("table", [*TABLES, *VIEWS, FUNCTIONS])
def test_page_says_every_cell_once(table: str) -> None:
    """Read back line by line, a table of the page is the matrix of that table."""
    cells = {
        (one.command, one.row, one.column, one.persona): (one.outcome, one.stamped)
        for one in CELLS
        if one.table == table
    }
    said = told(table)
    assert [] == [
        cell for cell, count in Counter(c for c, _ in said).items() if count > 1
    ]
    assert cells == dict(said)


def test_every_outcome_has_its_words() -> None:
    """Each outcome is told apart from the others."""
    cells = {(one.outcome, one.stamped): one for one in CELLS}
    assert len(cells) == len({matrix.said(one) for one in cells.values()})
    constraint = Cell("t", "c", "p", "r", "", "refused-by-constraint", "", "")
    assert "no: constraint" == matrix.said(constraint)


def test_page_says_why() -> None:
    """The sentence behind each cell is on the page, and what a kind of row means."""
    for cell in CELLS:
        assert cell.because in PAGE, cell.where
    assert "- `turned-private`: The reader's progress on a task of a plan" in PAGE
    assert "- anonymous select `resources`: yes, not no: grant." in PAGE

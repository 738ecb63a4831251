"""
The access matrix as tables of Markdown, from ``policies/*.matrix.toml``.

Reads the files as the prover does, so that what it refuses is refused here too. May
import the package; only reads.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from typing import TYPE_CHECKING

from learnplan_db.pictures.reference import code
from learnplan_db.proof.grid import FUNCTIONS, personas
from learnplan_db.proof.matrix import CONDITIONS, SUFFIX, read
from learnplan_db.proof.nouns import TABLES, VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from learnplan_db.proof.nouns import Cell

WORDS = {
    "rows": "yes",
    "hidden": "hidden",
    "refused-by-policy": "no: policy",
    "refused-by-grant": "no: grant",
    "refused-by-trigger": "no: trigger",
    "refused-by-constraint": "no: constraint",
}


def as_markdown(policies: Path) -> str:
    """Return a section a table, a view and the functions."""
    cells = read(policies)
    meanings = {
        data["table"]: data.get("rows", {})
        for path in policies.glob(f"*{SUFFIX}")
        for data in [tomllib.loads(path.read_text("utf-8"))]
    }
    parts = []
    for table in (*TABLES, *VIEWS, FUNCTIONS):
        own = [one for one in cells if one.table == table]
        parts.append(_section(table, own, meanings[table]))
    parts += [_switched(policies, name, cells) for name in CONDITIONS]
    return "\n".join(parts)


def said(cell: Cell) -> str:
    """Return a cell's outcome in a word or two."""
    return "yes, stamped" if cell.stamped else WORDS[cell.outcome]


def _section(table: str, cells: Sequence[Cell], meanings: dict[str, str]) -> str:
    who = personas(table)
    lines = [f"### {table}", ""]
    head = ["command", "row", "columns", *who]
    if not any(cell.column for cell in cells):
        head.remove("columns")
    lines += [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for command, rows, columns, outcomes in _lines(cells):
        shown = [command, ", ".join(map(code, rows)) or "the table"]
        if "columns" in head:
            shown.append(columns)
        lines.append(f"| {' | '.join([*shown, *outcomes])} |")
    lines += ["", *_list("Kinds of row:", meanings.items()), ""]
    rules: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        if cell.because not in rules[cell.command]:
            rules[cell.command].append(cell.because)
    merged: dict[str, list[str]] = defaultdict(list)
    for command, sentences in rules.items():
        merged[" ".join(sentences)].append(command)
    told = [(", ".join(names), text) for text, names in merged.items()]
    return "\n".join([*lines, *_list("Rules:", told), ""])


def _list(title: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [title, "", *(f"- {code(name)}: {text}" for name, text in pairs)]


def _lines(cells: Sequence[Cell]) -> list[tuple[str, list[str], str, tuple[str, ...]]]:
    """Return what is alike in one line: commands, rows, columns, and who may."""
    outcomes: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    for cell in cells:
        outcomes[cell.command, cell.row, cell.column][cell.persona] = said(cell)
    columns: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (command, row, column), words in outcomes.items():
        by_persona = tuple(words[one] for one in personas(cells[0].table))
        columns[command, row, by_persona].append(column)
    every = {one.column for one in cells}
    rows: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (command, row, words_), names in columns.items():
        whole = set(names) >= every - {""} and names != [""]
        listed = "all" if whole else ", ".join(code(name) for name in names if name)
        rows[command, listed, words_].append(row)
    merged: dict[tuple[tuple[str, ...], str, tuple[str, ...]], list[str]] = defaultdict(
        list
    )
    for (command, listed, words_), kinds in rows.items():
        merged[tuple(filter(None, kinds)), listed, words_].append(command)
    return [
        (", ".join(commands), list(kinds), listed, words_)
        for (kinds, listed, words_), commands in merged.items()
    ]


def _switched(policies: Path, name: str, cells: Sequence[Cell]) -> str:
    """Return what a render variable changes."""
    on = read(policies, [name])
    changed = [
        f"- {new.persona} {new.command} {code(new.table)}: {said(new)}, "
        f"not {said(old)}. {new.because}"
        for old, new in zip(cells, on, strict=True)
        if said(old) != said(new)
    ]
    return "\n".join([f"### With `{name}` on", "", *changed, ""])

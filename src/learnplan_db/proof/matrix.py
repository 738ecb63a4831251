"""
The access matrix: who may do what, as written in ``policies/<table>.matrix.toml``.

Each file is read to cells; a cell that is missing, double or unknown is an error with
file and line. May import errors, nouns, grid and places; reads only one directory.
Source: style, personas and outcomes; docs/access.md, the format.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from learnplan_db.errors import MatrixError
from learnplan_db.proof import places
from learnplan_db.proof.grid import (
    BY_COLUMN,
    FUNCTIONS,
    PRIVILEGES,
    kinds,
    personas,
)
from learnplan_db.proof.nouns import OUTCOMES, PERSONAS, TABLES, VIEWS, Cell
from learnplan_db.proof.places import Lines

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

SUFFIX = ".matrix.toml"
CONDITIONS = ("anon_reads_resources",)
_KEYS = ("because", "when", "unless")
# Keys that belong to some commands alone.
_COLUMNS = ("columns", "stamped")


def read(directory: Path, conditions: Collection[str] = ()) -> list[Cell]:
    """
    Return the cells of all tables, views and functions.

    Args: conditions: the render variables that are on.
    Raises: MatrixError: a file or a cell is missing, double, unknown or malformed.
    """
    paths = sorted(directory.glob(f"*{SUFFIX}"))
    if not paths:
        raise MatrixError.none_there(directory.name)
    cells: dict[str, list[Cell]] = {}
    files: dict[str, str] = {}
    for path in paths:
        shown = f"{directory.name}/{path.name}"
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise MatrixError.unreadable(shown, str(error.strerror)) from error
        except UnicodeError as error:
            raise MatrixError.unreadable(shown, str(error)) from error
        table, found = parse(text, shown, conditions)
        if table in files:
            raise MatrixError.several_files(table, files[table], shown)
        files[table], cells[table] = shown, found
    known = (*TABLES, *VIEWS, FUNCTIONS)
    for table in known:
        if table not in cells:
            raise MatrixError.no_file(table, directory.name)
    return [cell for table in known for cell in cells[table]]


def parse(
    text: str, shown: str, conditions: Collection[str] = ()
) -> tuple[str, list[Cell]]:
    """
    Return the table that one file is about, and its cells.

    Args: shown: the file's name as errors show it.
    Raises: MatrixError: see read.
    """
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number may be too long
        where = f"{shown}:{places.of_fault(text, str(error))}"
        raise MatrixError.malformed(where, str(error)) from error
    grid = _Grid(data, Lines(text, shown), conditions)
    return grid.table, grid.cells()


@dataclass(slots=True)
class _Block:
    """One block: what it says, and where its keys stand."""

    name: str
    number: int
    said: dict[str, Any]
    lines: Lines
    columns: tuple[str, ...] = field(default=("",))

    def at(self, key: str = "") -> str:
        """Return file:line of a key."""
        return self.lines.at(self.name, self.number, key)

    def texts(self, key: str) -> list[str]:
        """Return a list of texts."""
        found = self.said[key]
        texts = isinstance(found, list) and all(isinstance(t, str) for t in found)
        if not texts or not found:
            raise MatrixError.wrong_kind(key, "a list of texts", self.at(key))
        if len(set(found)) < len(found):
            raise MatrixError.wrong_kind(key, "a list without doubles", self.at(key))
        return list(found)


class _Grid:
    """One file's table, and all that its blocks say."""

    def __init__(
        self, data: dict[str, Any], lines: Lines, conditions: Collection[str]
    ) -> None:
        self.lines, self.conditions = lines, conditions
        known = (*TABLES, *VIEWS, FUNCTIONS)
        self.table = str(data.pop("table", ""))
        if self.table not in known:
            where = lines.at(key="table")
            raise MatrixError.unknown("table", self.table, known, where)
        self.kinds: Mapping[str, Sequence[str]] = kinds(self.table)
        self.rows = data.pop("rows", {})
        self._check_rows()
        self.columns = self._columns(data)
        self.blocks = list(self._blocks(data))

    def _check_rows(self) -> None:
        named = isinstance(self.rows, dict) and all(
            isinstance(text, str) for text in self.rows.values()
        )
        if not named:
            where = self.lines.at("rows")
            raise MatrixError.wrong_kind("rows", "a table of texts", where)
        if self.table == FUNCTIONS:
            if not self.rows:
                where = self.lines.at("rows")
                raise MatrixError.wrong_kind("rows", "the names of functions", where)
            self.kinds = {"execute": tuple(self.rows)}
        words = {kind for row in self.kinds.values() for kind in row if kind}
        for word in self.rows:
            if word not in words:
                where = self.lines.at("rows", 0, word)
                raise MatrixError.unknown("row", word, sorted(words), where)

    def _columns(self, data: dict[str, Any]) -> tuple[str, ...]:
        """Return the columns that inserts and updates have cells for."""
        if self.table not in TABLES:
            return ()
        block = _Block("", 0, {"columns": data.pop("columns", None)}, self.lines)
        return tuple(block.texts("columns"))

    def _blocks(self, data: dict[str, Any]) -> Iterator[_Block]:
        for name, blocks in data.items():
            known = [c for c in self.kinds if c not in PRIVILEGES]
            if any(self.kinds[c] == ("",) for c in self.kinds):
                known.append("privilege")
            if name not in known:
                where = self.lines.at(name if isinstance(blocks, list) else "", 0, name)
                raise MatrixError.unknown("command", name, known, where)
            listed = isinstance(blocks, list) and all(
                isinstance(said, dict) for said in blocks
            )
            if not listed:
                where = self.lines.at(name)
                raise MatrixError.wrong_kind(name, f"blocks [[{name}]]", where)
            for number, said in enumerate(blocks):
                block = _Block(name, number, said, self.lines)
                self._check_keys(block)
                yield block

    def _check_keys(self, block: _Block) -> None:
        by_column = block.name in BY_COLUMN and self.table in TABLES
        for key in block.said:
            if key in _COLUMNS and not by_column:
                raise MatrixError.stray_columns(key, block.name, block.at(key))
            if key == "commands" and block.name != "privilege":
                raise MatrixError.stray_commands(block.name, block.at(key))
            known = (*personas(self.table), *_KEYS, *_COLUMNS, "commands")
            if key not in known:
                noun = "persona" if key in PERSONAS else "key"
                raise MatrixError.unknown(noun, key, known, block.at(key))
        reason = block.said.get("because")
        if not isinstance(reason, str) or not reason.strip():
            raise MatrixError.no_reason(block.at("because"))
        if by_column and "columns" not in block.said:
            raise MatrixError.no_columns(block.name, block.at())
        for key in ("when", "unless"):
            if key in block.said and block.said[key] not in CONDITIONS:
                word, where = str(block.said[key]), block.at(key)
                raise MatrixError.unknown("condition", word, CONDITIONS, where)

    def _meant(self, block: _Block) -> bool:
        """Tell whether the block holds under the render variables."""
        when, unless = block.said.get("when"), block.said.get("unless")
        return (when is None or when in self.conditions) and (
            unless is None or unless not in self.conditions
        )

    def cells(self) -> list[Cell]:
        """Return every cell, each said exactly once."""
        self._spread_columns()
        found: dict[str, Cell] = {}
        for block in self.blocks:
            cells = list(self._cells(block))  # checked, even if it is not meant
            for cell in cells if self._meant(block) else ():
                if cell.name in found:
                    where = found[cell.name].where
                    raise MatrixError.double(cell.name, where, cell.where)
                found[cell.name] = cell
        if missing := [cell for cell in self._wanted() if cell.name not in found]:
            where = self._block_of(missing[0])
            raise MatrixError.missing([cell.name for cell in missing], where)
        return list(found.values())

    def _block_of(self, cell: Cell) -> str:
        """Return file:line of the last block where a cell could stand."""
        rights = "privilege" if self.kinds[cell.command] == ("",) else cell.command
        mine = [b for b in self.blocks if b.name in {cell.command, rights}]
        return mine[-1].at() if mine else self.lines.at()

    def _spread_columns(self) -> None:
        """Give each block of an insert or update its columns; "*" is every one."""
        for block in self.blocks:
            if "columns" not in block.said:
                continue
            own = block.texts("columns")
            for column in own:
                if column not in {*self.columns, "*"}:
                    where = block.at("columns")
                    raise MatrixError.unknown("column", column, self.columns, where)
            block.columns = self.columns if "*" in own else tuple(own)

    def _commands(self, block: _Block) -> list[str]:
        if block.name != "privilege":
            return [block.name]
        if "commands" not in block.said:
            where = block.at()
            raise MatrixError.wrong_kind("commands", "a list of texts", where)
        known = [c for c in self.kinds if self.kinds[c] == ("",)]
        for command in block.texts("commands"):
            if command not in known:
                where = block.at("commands")
                raise MatrixError.unknown("command", command, known, where)
        return block.texts("commands")

    def _cells(self, block: _Block) -> Iterator[Cell]:
        reason = " ".join(block.said["because"].split())
        stamped = block.said.get("stamped", False)
        if not isinstance(stamped, bool):
            where = block.at("stamped")
            raise MatrixError.wrong_kind("stamped", "true or false", where)
        for command, persona in product(self._commands(block), personas(self.table)):
            if persona not in block.said:
                continue
            where = block.at(persona)
            for row, outcome in self._outcomes(block, command, persona):
                if outcome not in OUTCOMES:
                    raise MatrixError.unknown("outcome", str(outcome), OUTCOMES, where)
                for column in block.columns:
                    yield Cell(
                        self.table,
                        command,
                        persona,
                        row,
                        column,
                        outcome,
                        reason,
                        where,
                        stamped=stamped and outcome == "rows",
                    )

    def _outcomes(
        self, block: _Block, command: str, persona: str
    ) -> Iterator[tuple[str, Any]]:
        said, known = block.said[persona], self.kinds[command]
        if not isinstance(said, dict):
            yield from ((row, said) for row in known)
            return
        for row, outcome in said.items():
            if row not in known or not row:
                where = block.at(persona)
                raise MatrixError.unknown("row", row, known, where)
            yield row, outcome

    def _wanted(self) -> Iterator[Cell]:
        for command, rows in self.kinds.items():
            by_column = command in BY_COLUMN and self.table in TABLES
            columns = self.columns if by_column else ("",)
            for persona, row, column in product(personas(self.table), rows, columns):
                yield Cell(self.table, command, persona, row, column, "", "", "")

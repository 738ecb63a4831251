"""The access matrix is read to cells, or refused with the file and line to mend."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from learnplan_db.errors import MatrixError
from learnplan_db.proof import matrix
from learnplan_db.proof.nouns import OUTCOMES, TABLES, VIEWS
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable


PACKAGED = config.project_root(None) / "policies"
FILES = {
    path.name.partition(".")[0]: path.read_text(encoding="utf-8")
    for path in PACKAGED.glob("*.matrix.toml")
}
HERE = "policies/modules.matrix.toml"


def refused(act: Callable[[], object], where: str, *said: str) -> None:
    """Assert what a refusal says, and where."""
    with pytest.raises(MatrixError) as caught:
        act()
    error = caught.value
    assert where == error.where, str(error)
    for text in said:
        assert text in error.message
    assert error.fix


def line_of(text: str, part: str, occurrence: int = 1) -> int:
    """Return the number of the line in which a text stands for the n-th time."""
    lines = [n for n, line in enumerate(text.split("\n"), 1) if part in line]
    return lines[occurrence - 1]


def edited(old: str, new: str, table: str = "modules") -> str:
    """Return a packaged file with the first occurrence of a text replaced."""
    assert old in FILES[table]
    return FILES[table].replace(old, new, 1)


def test_packaged_matrix() -> None:
    """Every table, view and function has its cells, each once, each with a reason."""
    cells = matrix.read(PACKAGED)
    assert {*TABLES, *VIEWS, "functions"} == {cell.table for cell in cells}
    assert [] == [name for name, n in Counter(c.name for c in cells).items() if n > 1]
    assert set(OUTCOMES) >= {cell.outcome for cell in cells}
    for cell in cells:
        file, _, line = cell.where.partition(":")
        assert f"policies/{cell.table}.matrix.toml" == file
        assert cell.persona in FILES[cell.table].split("\n")[int(line) - 1]
        assert cell.because
    for table in TABLES:
        of = {c.command for c in cells if c.table == table}
        assert {"select", "insert", "update", "delete", *matrix.PRIVILEGES} <= of
    columns = {c.column for c in cells if (c.table, c.command) == ("modules", "insert")}
    assert {
        *("id", "plan_id", "order", "title", "description", "estimated_minutes"),
        *("created_at", "updated_at"),
    } == columns


def test_condition_changes_who_reads_the_catalog() -> None:
    """A block with "when" counts if its variable is on, one with "unless" if not."""

    def outcome(*on: str) -> set[str]:
        return {
            cell.outcome
            for cell in matrix.read(PACKAGED, on)
            if cell.name == "anonymous select resources catalog"
        }

    assert {"refused-by-grant"} == outcome()
    assert {"rows"} == outcome("anon_reads_resources")


DELETE = "[[delete]]\n"
SPREAD = 'columns   = ["created_at", "updated_at"]'
RIGHTS = '[[privilege]]\ncommands  = ["truncate", "references", "trigger", "maintain"]'
WHEN = 'when = "anon_reads_resources"\n'
# What is replaced by what in the packaged file of modules, and what is said of it. The
# sign ¶ marks the line that is named; it is taken away before the file is read.
DAMAGES = {
    "table": ('= "modules"', '= "moduls"¶', 'did you mean "modules"'),
    "table-list": ('= "modules"', '= ["modules"]¶', "is not a table, a view"),
    "table-number": ('= "modules"', "= 3¶", '"3" is not a table, a view'),
    "persona": ("stranger  =", "strangr  =¶", 'did you mean "stranger"'),
    "persona-else": ("stranger  =", "reader =¶", '"reader" is not a persona'),
    "command": (DELETE, "[[delte]]¶\n", 'did you mean "delete"'),
    "command-else": (DELETE, "[[execute]]¶\n", '"execute" is not a command'),
    "key-stray": ("[rows]", "foo = 1¶\n[rows]", '"foo" is not a command'),
    "key": ("because ", "becuse ¶", 'did you mean "because"'),
    "outcome": ('"hidden"', '"hiden"¶', 'did you mean "hidden"'),
    "outcome-list": ('= "hidden"', '= ["rows"]¶', "is not an outcome"),
    "outcome-number": ('= "hidden"', "= 0¶", '"0" is not an outcome'),
    "outcome-table": ('= "hidden"', "= {}¶", '"{}" is not an outcome'),
    "outcome-date": ('= "hidden"', "= 2001-01-01¶", "is not an outcome"),
    "outcome-unmeant": (
        *(DELETE, f'{DELETE}{WHEN}because = "x"\nowner = "x"¶\n{DELETE}'),
        '"x" is not an outcome',
    ),
    "row": ("{ private =", "{ privat =¶", '"privat" is not a kind of row'),
    "row-empty": ("{ private =", '{ "" =¶', '"" is not a kind of row'),
    "row-described": ("\nprivate ", "\nsecret ¶", '"secret" is not a kind of row'),
    "rows-number": ("[rows]\n", "[rows]¶\nx = 3\n", '"rows" is not a table of texts'),
    "column": ('columns   = ["id', 'columns   = ["ix¶', "is not a column"),
    "columns-text": (SPREAD, 'columns = "id"¶', '"columns" is not a list of texts'),
    "columns-number": (SPREAD, "columns = [3]¶", '"columns" is not a list of texts'),
    "columns-none": (SPREAD, "columns = []¶", '"columns" is not a list of texts'),
    "columns-absent": (
        *(f"[[insert]]\n{SPREAD}", "[[insert]]¶"),
        'insert has a cell a column, and this block has no "columns"',
    ),
    "columns-of-delete": (
        *(DELETE, f'{DELETE}columns = ["id"]¶\n'),
        '"columns" belongs to insert and update of a table, and this is delete',
    ),
    "columns-of-table": (
        *('table = "modules"\ncolumns', 'table = "modules"¶\ncolumn'),
        '"columns" is not a list of texts',
    ),
    "reason": ("[[select]]\n", "[[select]]¶\n# ", "the block has no reason"),
    "reason-blank": ("because ", 'because = " "¶ # ', "the block has no reason"),
    "reason-list": ("because ", "because = []¶ # ", "the block has no reason"),
    "when": (DELETE, f'{DELETE}when = "x"¶\n', '"x" is not a render variable'),
    "when-list": (DELETE, f"{DELETE}when = []¶\n", '"[]" is not a render variable'),
    "unless": (DELETE, f"{DELETE}unless = 3¶\n", '"3" is not a render variable'),
    "unless-too": (DELETE, f"{DELETE}{WHEN}unless = 3¶\n", '"3" is not a render'),
    "stamped": ("stamped   = true", "stamped = 1¶", '"stamped" is not true or false'),
    "stamped-delete": (
        *(DELETE, f"{DELETE}stamped = true¶\n"),
        '"stamped" belongs to insert and update of a table, and this is delete',
    ),
    "commands": ('"truncate"', '"trunkate"¶', 'did you mean "truncate"'),
    "commands-select": ('"truncate"', '"select"¶', '"select" is not a command'),
    "commands-text": (RIGHTS, '[[privilege]]\ncommands = "x"¶', "not a list of texts"),
    "commands-absent": (RIGHTS, "[[privilege]]¶", '"commands" is not a list of texts'),
    "commands-delete": (
        *(DELETE, f'{DELETE}commands = ["truncate"]¶\n'),
        '"commands" belongs to privilege, and this is delete',
    ),
    "double": (
        *("[[move]]\n", '[[delete]]\nbecause = "x"\nowner = "rows"¶\n\n[[move]]\n'),
        'the cell "owner delete modules private" is said twice',
    ),
    "missing-many": (
        *(RIGHTS, '[[privilege]]¶\ncommands = ["truncate"]'),
        'the cell "owner references modules" is missing and 11 more',
    ),
    "toml": (DELETE, "[[delete]¶\n", "not TOML"),
    "toml-quote": ('= "modules"', '= "modules¶', "not TOML"),
    "toml-double": ("[rows]", 'table = "x"¶\n[rows]', "not TOML"),
    "toml-number": ("[rows]", f"n = {'9' * 5000}¶\n[rows]", "not TOML"),
    "toml-depth": ("[rows]", f"n = {'[' * 5000}¶\n[rows]", "not TOML"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage(name: str) -> None:
    """Each damage is refused at its line."""
    old, new, said = DAMAGES[name]
    marked = edited(old, new)
    line = line_of(marked, "¶")
    refused(lambda: matrix.parse(marked.replace("¶", ""), HERE), f"{HERE}:{line}", said)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('table = "modules"', "", 1, '"" is not a table, a view'),
        ('private = "hidden", ', "", 26, '"stranger select modules private" is miss'),
        ('["plan_id", "order"', '["id"', 60, '"owner update modules(id) private" is s'),
    ],
)
def test_damage_seen_elsewhere(old: str, new: str, line: int, said: str) -> None:
    """What is missing is named where it should be, a double cell the second time."""
    refused(lambda: matrix.parse(edited(old, new), HERE), f"{HERE}:{line}", said)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, '"" is not a table'),
        ("\x00", 1, "not TOML"),
        ('table = "modules"', 1, '"columns" is not a list of texts'),
        ('\ntable = "modules"\ncolumns = ["id"]', 2, "is missing and"),
        ('table = "modules"\nrows = []', 2, '"rows" is not a table of texts'),
        ('table = "functions"', 1, '"rows" is not the names of functions'),
        ('table = "modules"\ncolumns = ["id"]\n[select]', 3, "blocks [[select]]"),
        ('table = "modules"\ncolumns = ["id"]\nselect = 3', 3, "blocks [[select]]"),
        ('table = "modules"\ncolumns = ["id"]\nselect = [3]', 3, "blocks [[select]]"),
        ('table = "modules"\ncolumns = [\n"id",\n', 3, "not TOML"),
        (
            'table = "modules"\ncolumns = ["id", "id"]',
            2,
            '"columns" is not a list without doubles',
        ),
    ],
)
def test_small_file(text: str, line: int, said: str) -> None:
    """A file that has hardly begun is refused at the line that is there."""
    refused(lambda: matrix.parse(text, HERE), f"{HERE}:{line}", said)

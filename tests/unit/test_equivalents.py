"""The list of mutants that change nothing: what it says, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from learnplan_db.errors import MutationError
from learnplan_db.mutation.equivalents import equivalents

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = '[[equivalent]]\nname = "a: b"\nreason = "No row can differ."\n'


def test_reasons_by_name(tmp_path: Path) -> None:
    """Each entry is a name and a reason."""
    path = tmp_path / "equivalent-mutants.toml"
    path.write_text("# Why.\n" + ENTRY + ENTRY.replace("a: b", "a: c"))
    assert {"a: b": "No row can differ.", "a: c": "No row can differ."} == equivalents(
        path
    )


def test_no_file_is_no_entry(tmp_path: Path) -> None:
    """A project without the file has no such mutants."""
    assert {} == equivalents(tmp_path / "equivalent-mutants.toml")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ('\n[[equivalent]]\nname = "a"\n', 'the entry has no "reason"', 2),
        (
            ENTRY + '[[equivalent]]\nname = "a"\nreason = " "',
            'the entry has no "reason"',
            4,
        ),
        ('[[equivalent]]\nreason = "r"', 'the entry has no "name"', 1),
        ('[[equivalent]]\nname = 1\nreason = "r"', 'the entry has no "name"', 1),
        (ENTRY + "\n" + ENTRY, '"a: b" is listed twice', 5),
        (
            ENTRY + 'reson = "r"\n',
            'unknown key "reson"; did you mean "reason"?',
            1,
        ),
        (
            ENTRY + '[[equivalents]]\nname = "a"\n',
            'unknown key "equivalents"; did you mean "equivalent"?',
            4,
        ),
        ("\nequivalent = 1\n", '"equivalent" is not a list of entries', 2),
        ('[equivalent]\nname = "a"\n', '"equivalent" is not a list of entries', 1),
        ("[[equivalent]]\nname =\n", "the file is not TOML: Invalid value", 2),
    ],
)
def test_each_mistake_has_its_line(
    tmp_path: Path, text: str, message: str, line: int
) -> None:
    """What is wrong is told with the file and the line."""
    path = tmp_path / "equivalent-mutants.toml"
    path.write_text(text)
    with pytest.raises(MutationError) as caught:
        equivalents(path, shown="policies/equivalent-mutants.toml")
    assert message == caught.value.message
    assert f"policies/equivalent-mutants.toml:{line}" == caught.value.where


def test_double_names_the_first(tmp_path: Path) -> None:
    """Which of two entries may go is the reader's choice: both lines are told."""
    path = tmp_path / "equivalent-mutants.toml"
    path.write_text(ENTRY + ENTRY)
    with pytest.raises(MutationError, match="the first is at list:1"):
        equivalents(path, shown="list")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A file in another encoding is told, not a traceback."""
    path = tmp_path / "equivalent-mutants.toml"
    path.write_bytes(b"# \xff\n")
    with pytest.raises(MutationError, match="it is not UTF-8"):
        equivalents(path)


def test_directory_in_its_place(tmp_path: Path) -> None:
    """What is no file is told, not a traceback."""
    with pytest.raises(MutationError, match="cannot read the file"):
        equivalents(tmp_path)

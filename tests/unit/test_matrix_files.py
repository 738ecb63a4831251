"""The files of the access matrix: however they are spelt, and whatever ails them."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from learnplan_db.errors import MatrixError
from learnplan_db.proof import matrix
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learnplan_db.proof.nouns import Cell

PACKAGED = config.project_root(None) / "policies"
FILES = {
    path.name.partition(".")[0]: path.read_text(encoding="utf-8")
    for path in PACKAGED.glob("*.matrix.toml")
}
HERE = "policies/modules.matrix.toml"
NOBODY = 65534


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """Provide a copy of the packaged matrix that may be damaged."""
    directory = tmp_path / "policies"
    directory.mkdir()
    for table, text in FILES.items():
        (directory / f"{table}.matrix.toml").write_text(text, encoding="utf-8")
    return directory


def refused(act: Callable[[], object], where: str, *said: str) -> None:
    """Assert what a refusal says, and where."""
    with pytest.raises(MatrixError) as caught:
        act()
    error = caught.value
    assert where == error.where, str(error)
    for text in said:
        assert text in error.message
    assert error.fix


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("[[select]]", '[["select"]]'),
        lambda text: text.replace("owner  ", '"owner"').replace("because", "'because'"),
        lambda text: text.replace("[[insert]]", " [[ insert ]] # by column"),
        lambda text: text.replace('["', '[\n  "').replace('", "', '",\n # x\n "'),
        lambda text: text + "\n" + "# much to say\n" * 100_000,
    ],
    ids=["crlf", "quoted-block", "quoted-key", "blanks", "long-arrays", "huge"],
)
def test_spelling_does_not_matter(change: Callable[[str], str]) -> None:
    """TOML spelt otherwise has the same cells, each at a line that names its persona."""
    text = change(FILES["modules"])
    _, cells = matrix.parse(text, HERE)
    _, usual = matrix.parse(FILES["modules"], HERE)

    def told(cell: Cell) -> Cell:
        return replace(cell, where="")

    assert [told(cell) for cell in usual] == [told(cell) for cell in cells]
    lines = text.split("\n")
    for cell in cells:
        assert cell.persona in lines[int(cell.where.rpartition(":")[2]) - 1]


def test_byte_order_mark(policies: Path) -> None:
    """An editor's mark at the start of a file is no part of it."""
    path = policies / "modules.matrix.toml"
    path.write_text(FILES["modules"], encoding="utf-8-sig")
    assert matrix.read(PACKAGED) == matrix.read(policies)


def test_directory(policies: Path, tmp_path: Path) -> None:
    """An empty directory, none, a table without file and two files are told apart."""
    (tmp_path / "empty").mkdir()
    refused(lambda: matrix.read(tmp_path / "empty"), "empty", "no access matrix")
    refused(lambda: matrix.read(tmp_path / "none"), "none", "no access matrix")
    (policies / "tasks.matrix.toml").unlink()
    refused(lambda: matrix.read(policies), "policies", '"tasks" has no access matrix')


def test_second_file(policies: Path) -> None:
    """Two files about one table are both named."""
    shutil.copy(policies / "tasks.matrix.toml", policies / "works.matrix.toml")
    with pytest.raises(MatrixError) as caught:
        matrix.read(policies)
    assert "policies/works.matrix.toml" == caught.value.where
    assert "policies/tasks.matrix.toml" in str(caught.value.fix)
    assert 'a second matrix for "tasks"' in caught.value.message


def test_unreadable_files(policies: Path) -> None:
    """What is not UTF-8, a directory or a broken link is named, and no path of ours."""
    path = policies / "users.matrix.toml"
    shown = "policies/users.matrix.toml"
    path.write_bytes(b'table = "\xff"')
    refused(
        lambda: matrix.read(policies), shown, "cannot read the access matrix", "0xff"
    )
    path.unlink()
    path.mkdir()
    refused(lambda: matrix.read(policies), shown, "Is a directory")
    path.rmdir()
    path.symlink_to("nowhere")
    refused(lambda: matrix.read(policies), shown, "No such file")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give the rights of root up for a while: nothing is forbidden to root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_no_permission() -> None:
    """A file that may not be read is named."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "policies"
        directory.mkdir()
        Path(scratch).chmod(0o755)
        path = directory / "users.matrix.toml"
        path.write_text(FILES["users"])
        path.chmod(0)
        with as_nobody():
            refused(
                lambda: matrix.read(directory),
                "policies/users.matrix.toml",
                "Permission denied",
            )


def lines_of(table: str) -> st.SearchStrategy[tuple[str, int]]:
    """Draw a line of a file."""
    return st.tuples(st.just(table), st.integers(0, FILES[table].count("\n")))


# What a slip of the hand makes of a line.
SLIPS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            *("", "[", "]", "[[select]]", "[select]", "[[rows]]", "[x.y]", "[[x.y]]"),
            *("owner = 3", "owner.private = 'rows'", 'owner = """', "owner = [[]]"),
            *("owner = {private = {}}", "select.x = 1", "table = []", "rows.x = 1"),
            *("columns = {}", "columns = ['*', '*']", "stamped = []", "because = {}"),
            *("commands = [[]]", "commands = ['', '*']", "when = {}", "[[privilege]]"),
        ]
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    place=st.sampled_from(sorted(FILES)).flatmap(lines_of),
    slip=SLIPS,
    way=st.sampled_from(["replaced", "inserted", "doubled", "lost", "cut"]),
    cut=st.integers(0, 80),
)
@example(place=("modules", 0), slip="\ufeff", way="inserted", cut=0)
@example(place=("functions", 40), slip="[[[[", way="replaced", cut=0)
def test_any_edit_of_a_line(
    place: tuple[str, int], slip: str, way: str, cut: int
) -> None:
    """Whatever becomes of one line, there are cells, or an error with a line."""
    table, number = place
    lines = FILES[table].split("\n")
    line = lines[number]
    lines[number : number + 1] = {
        "replaced": [slip],
        "inserted": [slip, line],
        "doubled": [line, line],
        "lost": [],
        "cut": [line[:cut] + slip + line[cut:]],
    }[way]
    text = "\n".join(lines)
    where = f"policies/x.matrix.toml:{len(lines)}"
    with suppress(MatrixError):
        try:
            assert matrix.parse(text, "policies/x.matrix.toml")[1]
        except MatrixError as error:
            where = str(error.where)
            raise
    file, _, at = where.partition(":")
    assert "policies/x.matrix.toml" == file
    assert 1 <= int(at) <= len(text.split("\n"))

"""The language of sqitch.conf, its layers, and edits that lose nothing."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from learnplan_db.errors import ConfigError
from learnplan_db.settings import gitconfig, gitedit
from learnplan_db.settings.configuration import MAX_DEPTH, Configuration, cast
from learnplan_db.settings.gitedit import Edit

if TYPE_CHECKING:
    from pathlib import Path


def value(text: str) -> str | None:
    """Return what a key means whose line goes on with a text."""
    return gitconfig.parse(f"[s]\nk{text}\n", "conf")[-1].value


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("= plain", "plain"),
        ("", None),
        (" # comment", None),
        ("=", ""),
        ("= a   b \t c", "a b c"),
        ("= a#b", "a#b"),
        ("= a #b", "a"),
        ("= a ", "a "),
        ('= "a ; b" c', "a ; b c"),
        (r"= a\tb\nc\\d", "a\tb\nc\\d"),
        (r"= \"a\"", '"a"'),
        (r'= "a\"b"', 'a\\"b'),
        ("= 'a'", "'a'"),
        ("= a\\\n  b", "a b"),
    ],
)
def test_values_are_read_as_in_sqitch(text: str, meant: str | None) -> None:
    """Blanks, comments, quotes and escapes of a value (Config::GitLike)."""
    assert meant == value(text)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("x = 1\n", 1),
        ("[core]\nk = 1\n[open\n", 3),
        ("[core]\n= 1\n", 2),
        ('[core]\nk = "open\n', 2),
        ("[core]\nk = \\z\n", 2),
        ('[a "b"c"]\n', 1),
        ("[]\nk = 1\n", 1),
        ("[core]\n\nk = \udcff\n", 3),
        ("\0\1\2ELF\n", 1),
    ],
)
def test_a_line_that_cannot_be_read_is_told_with_its_place(
    content: str, line: int
) -> None:
    """An error names file and line, and shows no control characters."""
    with pytest.raises(ConfigError) as caught:
        gitconfig.parse(content, "sqitch.conf")
    assert f"sqitch.conf:{line}" == caught.value.where
    assert "\0" not in caught.value.message


def test_long_lines_and_files_are_read_at_once() -> None:
    """A hostile file costs no more time than its length."""
    blanks = " " * 200_000
    content = f"[s]\nk{blanks}x = {blanks}y\nb{blanks}z\n" + "[s]\nk = 1\n" * 50_000
    start = time.monotonic()
    found = gitconfig.parse(content, "conf")
    assert 100_003 == len(found)
    assert time.monotonic() - start < 60


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("Core.Engine", "core.engine"),
        ("Target.De.V.URI", "target.De.V.uri"),
        ('a."b.c".D', "a.b.c.d"),
        ("a.'x.Y'", "a.x.y"),
    ],
)
def test_keys_ignore_case_but_for_the_middle(key: str, meant: str) -> None:
    """Section and name are compared without case, subsections with it."""
    assert meant == gitconfig.canonical(key)


@pytest.mark.parametrize(
    ("text", "kind", "meant"),
    [
        ("Yes", "bool", "true"),
        ("on", "bool", "true"),
        ("01", "bool", "true"),
        ("", "bool", "false"),
        ("OFF", "bool", "false"),
        (None, "bool", "true"),
        ("2k", "int", "2048"),
        ("-1m", "int", "-1048576"),
        ("1.9", "int", "1"),
        ("1.50", "num", "1.5"),
        ("3", "bool-or-int", "3"),
        ("yes", "bool-or-int", "true"),
    ],
)
def test_values_are_cast_as_in_sqitch(text: str | None, kind: str, meant: str) -> None:
    """Switches and numbers, with k, m and g."""
    assert meant == cast(text, kind, "conf")


@pytest.mark.parametrize(
    ("text", "kind"), [("maybe", "bool"), ("1x", "int"), ("x", "bool-or-int")]
)
def test_a_value_of_another_type_is_refused(text: str, kind: str) -> None:
    """What is no switch or number is not taken for one."""
    with pytest.raises(ConfigError, match="invalid"):
        cast(text, kind, "conf")


def test_edits_keep_all_else() -> None:
    """Comments, blanks and unknown sections stay where they are."""
    before = '; top\n[a]\n  k = 1 ; old\n\n# mid\n[Odd "x"]\n\tz\n'
    edits = [Edit("a.k", "2"), Edit("a.new", " x"), Edit("odd.x.z"), Edit("q.W.e", "")]
    after = '; top\n[a]\n  k = 2\n\tnew = " x"\n\n# mid\n[Odd "x"]\n[q "W"]\n\te = \n'
    assert after == gitedit.apply(before, edits, "conf")


@pytest.mark.parametrize(
    "edit",
    [
        Edit("nodot", "1"),
        Edit("a b.k", "1"),
        Edit("a.k=", "1"),
        Edit("a.k", "\udcff"),
        Edit("a.k", "1", pattern="("),
        Edit("a.gone"),
        Edit("a.two", "1"),
    ],
)
def test_an_edit_that_cannot_be_is_refused(edit: Edit) -> None:
    """What could not be read again is not written."""
    with pytest.raises(ConfigError):
        gitedit.apply("[a]\nk = 1\ntwo = 1\ntwo = 2\n", [edit], "conf")


def test_write_keeps_mode_link_and_line_ends(tmp_path: Path) -> None:
    """A link still leads to the file, which keeps its mode and its CR LF."""
    real, link = tmp_path / "real.conf", tmp_path / "sqitch.conf"
    real.write_bytes(b"[a]\r\nk = 1\r\n")
    real.chmod(0o640)
    link.symlink_to(real)
    text = gitconfig.read(link)
    assert text is not None
    content = gitedit.apply(text.content, [Edit("a.k", "2")], "conf")
    gitedit.write(link, gitconfig.Text(content, text.newline))
    assert b"[a]\r\nk = 2\r\n" == real.read_bytes()
    assert 0o640 == real.stat().st_mode & 0o777
    assert link.is_symlink()
    assert {"real.conf", "sqitch.conf"} == {path.name for path in tmp_path.iterdir()}


def test_write_leaves_what_is_no_regular_file(tmp_path: Path) -> None:
    """A pipe or a device is refused: a rename would put a file in its place."""
    pipe = tmp_path / "sqitch.conf"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="no regular file"):
        gitedit.write(pipe, gitconfig.Text("", "\n"))
    assert pipe.is_fifo()
    assert [pipe] == list(tmp_path.iterdir())


def test_write_that_fails_leaves_the_file(tmp_path: Path) -> None:
    """Somebody else's lock, or a directory in the way, and nothing is lost."""
    path = tmp_path / "sqitch.conf"
    path.write_text("[a]\nk = 1\n")
    lock = tmp_path / "sqitch.conf.lock"
    lock.touch()
    with pytest.raises(ConfigError, match="somebody else"):
        gitedit.write(path, gitconfig.Text("new\n"))
    assert lock.exists()
    assert "[a]\nk = 1\n" == path.read_text()
    (tmp_path / "directory").mkdir()
    with pytest.raises(ConfigError, match="cannot write"):
        gitedit.write(tmp_path / "directory", gitconfig.Text("new\n"))
    with pytest.raises(ConfigError, match="cannot write"):
        gitedit.write(path / "below", gitconfig.Text("new\n"))
    assert {"sqitch.conf", "sqitch.conf.lock", "directory"} == {
        one.name for one in tmp_path.iterdir()
    }


def load(root: Path, **environ: str) -> Configuration:
    """Return a directory's configuration, without this machine's."""
    return Configuration.load(root, {"HOME": str(root / "home"), **environ})


def test_files_that_include_each_other_are_refused(tmp_path: Path) -> None:
    """A circle of includes ends in an error, not in a stack."""
    (tmp_path / "sqitch.conf").write_text("[include]\n\tpath = other.conf\n")
    (tmp_path / "other.conf").write_text("[include]\n\tpath = sqitch.conf\n" * 9)
    with pytest.raises(ConfigError, match=f"more than {MAX_DEPTH} files"):
        load(tmp_path)


def test_an_old_encoding_is_kept_in_comments(tmp_path: Path) -> None:
    """A comment that is not UTF-8 harms nobody; a value is refused."""
    path = tmp_path / "sqitch.conf"
    path.write_bytes(b"# caf\xe9\n[core]\n\tengine = pg\n")
    assert "pg" == load(tmp_path).get("core.engine")
    text = gitconfig.read(path)
    assert text is not None
    content = gitedit.apply(text.content, [Edit("core.x", "1")], "conf")
    gitedit.write(path, gitconfig.Text(content))
    assert b"# caf\xe9\n[core]\n\tengine = pg\n\tx = 1\n" == path.read_bytes()
    path.write_bytes(b"[user]\n\tname = Caf\xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path)


def test_what_is_no_file_is_no_configuration(tmp_path: Path) -> None:
    """Devices and directories are passed by, as Sqitch does."""
    (tmp_path / "sqitch.conf").mkdir()
    found = load(tmp_path, SQITCH_USER_CONFIG="/dev/zero", SQITCH_SYSTEM_CONFIG="/")
    assert {} == found.settings
    assert not found.initialized


def test_the_packaged_plan_ignores_another_projects_file(tmp_path: Path) -> None:
    """SQITCH_CONFIG is about the directory at hand, not about the packaged plan."""
    (tmp_path / "other.conf").write_text("[core]\n\tengine = sqlite\n")
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    environ = {"HOME": "/", "SQITCH_CONFIG": "other.conf"}
    packaged = Configuration.load(tmp_path, environ, packaged=True)
    assert "pg" == packaged.get("core.engine")
    assert "sqlite" == Configuration.load(tmp_path, environ).get("core.engine")

"""The three files of a change, in directories made for the test."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, get_args

import pytest

from learnplan_db.errors import PlanError
from learnplan_db.plans import plan
from learnplan_db.plans.scripts import Kind, Scripts
from learnplan_db.settings import targets

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "sql/sqitch.plan"
STAMP = "2026-11-24T09:00:00Z Ann Dee <ann@example.org>"
BODY = ["a", "a/b//c", "@v1", "@v2", "a [a]", "x", "@v3", "a"]
TEXT = "%project=school\n\n" + "".join(f"{line} {STAMP}\n" for line in BODY)
FIRST, NESTED, SECOND, OTHER, LAST = plan.parse(TEXT.encode(), SOURCE).changes


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    """Return the scripts of a project without any file."""
    for kind in get_args(Kind):
        (tmp_path / "sql" / kind / "a" / "b").mkdir(parents=True)
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n\ttop_dir = sql\n")
    return Scripts(targets.resolve(tmp_path))


@pytest.mark.parametrize("kind", get_args(Kind))
def test_path_is_the_name_below_the_kind(scripts: Scripts, kind: Kind) -> None:
    """A change's file has its name; each slash is a directory."""
    assert scripts.target.root / "sql" / kind / "x.sql" == scripts.path(kind, OTHER)
    assert scripts.target.root / "sql" / kind / "a" / "b" / "c.sql" == scripts.path(
        kind, NESTED
    )


def test_latest_instance_has_the_plain_name(scripts: Scripts) -> None:
    """Only what is planned again further down uses a file with a tag."""
    assert "a.sql" == scripts.path("deploy", LAST).name
    assert "a@v3.sql" == scripts.path("deploy", SECOND).name


def test_reworked_file_is_the_first_tag_that_exists(scripts: Scripts) -> None:
    """Of several tags the first with a deploy file names all three files."""
    assert "a@v1.sql" == scripts.path("deploy", FIRST).name
    (scripts.target.root / "sql" / "deploy" / "a@v2.sql").touch()
    (scripts.target.root / "sql" / "revert" / "a@v1.sql").touch()
    names = [scripts.path(kind, FIRST).name for kind in get_args(Kind)]
    assert ["a@v2.sql"] * 3 == names
    (scripts.target.root / "sql" / "deploy" / "a@v1.sql").touch()
    assert "a@v1.sql" == scripts.path("verify", FIRST).name


def test_read_returns_the_bytes(scripts: Scripts) -> None:
    """Nothing is decoded and no line ending is changed."""
    scripts.path("revert", OTHER).write_bytes(b"\xff\r\n")
    assert b"\xff\r\n" == scripts.read("revert", OTHER)


def test_missing_script_is_told_with_path_and_plan_line(scripts: Scripts) -> None:
    """The error names the file to write and the line that plans the change."""
    with pytest.raises(PlanError) as caught:
        scripts.read("verify", NESTED)
    error, path = caught.value, "sql/verify/a/b/c.sql"
    message = f'change "a/b//c" has no readable {path}: no such file or directory'
    assert (message, f"{SOURCE}:4") == (error.message, error.where)
    assert f"write {path}, or remove the change" == error.fix


def test_directory_is_no_script(scripts: Scripts) -> None:
    """What cannot be read is told with the system's reason."""
    scripts.path("deploy", OTHER).mkdir()
    with pytest.raises(PlanError, match=r"sql/deploy/x\.sql: is a directory"):
        scripts.read("deploy", OTHER)
    assert None is scripts.script_hash(OTHER)


def test_script_hash_is_of_the_raw_bytes(scripts: Scripts) -> None:
    """The hash is SHA-1 of the deploy file as it is, and None without one."""
    assert None is scripts.script_hash(OTHER)
    scripts.path("revert", OTHER).write_bytes(b"other")
    scripts.path("deploy", OTHER).write_bytes(b"select 1;\r\n")
    digest = hashlib.sha1(b"select 1;\r\n", usedforsecurity=False).hexdigest()
    assert digest == scripts.script_hash(OTHER)

"""The commands that write settings: what they refuse, and what they give machines."""

from __future__ import annotations

import contextlib
import io
import json
import os
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from learnplan_db.cli import cli
from learnplan_db.settings import config

if TYPE_CHECKING:
    from pathlib import Path


def run(*words: str, cwd: Path) -> tuple[int, str, str]:
    """Run the command line in a directory: exit code, output, errors."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        patch.dict(os.environ, {"HOME": str(cwd / "home"), "PATH": os.environ["PATH"]}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as left,
    ):
        cli([*words], prog_name="learnplan-db")
    return int(left.value.code or 0), out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        "init flip",
        "config core.engine sqlite",
        "config --unset core.engine",
        "config --rename-section core x",
        "target add x db:pg:",
        "target rm x",
        "engine add pg",
        "engine alter pg --registry x",
    ],
)
def test_the_packaged_plan_is_read_only(words: str, tmp_path: Path) -> None:
    """Without -C nothing is written, and the error says what to name."""
    before = (config.project_root(None) / "sqitch.conf").read_bytes()
    code, _, err = run(*words.split(), cwd=tmp_path)
    assert (2, True) == (code, "name the directory with -C (-C . is this one)" in err)
    assert before == (config.project_root(None) / "sqitch.conf").read_bytes()
    assert [] == list(tmp_path.iterdir())


def test_the_packaged_plan_can_be_asked(tmp_path: Path) -> None:
    """Reading is fine without -C, and so is writing the user's own file."""
    assert (0, "pg\n", "") == run("config", "core.engine", cwd=tmp_path)
    assert (0, "", "") == run("config", "--user", "user.name", "Dee", cwd=tmp_path)
    assert (0, "Dee\n", "") == run("config", "user.name", cwd=tmp_path)


def test_listings_are_json_on_request(somebodys: Path) -> None:
    """Machines get the same facts as people."""
    words = ("-C", str(somebodys), "target", "show", "dev", "--json")
    code, out, _ = run(*words, cwd=somebodys)
    shown = json.loads(out)["targets"]["dev"]
    assert (0, "dev.plan", {"d": "engine", "e": "target"}) == (
        code,
        shown["plan_file"],
        shown["variables"],
    )
    _, out, _ = run("-C", str(somebodys), "target", "--json", cwd=somebodys)
    assert {"dev", "lite"} == set(json.loads(out)["targets"])
    _, out, _ = run(
        "-C", str(somebodys), "engine", "show", "pg", "--json", cwd=somebodys
    )
    assert "dev" == json.loads(out)["engines"]["pg"]["target"]
    _, out, _ = run("-C", str(somebodys), "config", "-l", "--json", cwd=somebodys)
    assert ["pg"] == json.loads(out)["settings"]["core.engine"]


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    """A second init, or one that fails, leaves every file as it was."""
    words = ("-C", ".", "init", "flip", "--engine", "pg")
    assert 0 == run(*words, cwd=tmp_path)[0]
    plan = tmp_path / "sqitch.plan"
    plan.write_text(plan.read_text() + "# mine\n")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert (0, "") == run(*words, cwd=tmp_path)[:2]
    assert 2 == run("-C", ".", "init", "flop", cwd=tmp_path)[0]
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


def test_an_editor_is_run_on_the_file(tmp_path: Path) -> None:
    """SQITCH_EDITOR may hold options; its failure is an error."""
    path = tmp_path / "a b.conf"
    with patch.dict(os.environ, {"SQITCH_EDITOR": "touch -c --"}):
        words = ("-C", ".", "config", "-e", "-f", path.name)
        assert 0 == run(*words, cwd=tmp_path)[0]
    with patch.dict(os.environ, {"SQITCH_EDITOR": "false"}):
        code, _, err = run("-C", ".", "config", "--edit", "-f", "x", cwd=tmp_path)
    assert (2, True) == (code, "the editor" in err)

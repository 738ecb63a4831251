"""The matrix of majors says what came of each, and what it could not try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import majors

if TYPE_CHECKING:
    from pathlib import Path

LOADER = "postgres: error while loading shared libraries: libxml2.so.2: cannot open"


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Provide a PostgreSQL 16 that does not run for want of a library."""
    programs = tmp_path / "home" / majors.WHEELS["16"] / "postgresql-x" / "bin"
    programs.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (programs / name).write_text(f"#!/bin/sh\necho '{LOADER}' >&2\nexit 127\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("LEARNPLAN_PG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(majors, "DEBIAN", tmp_path)


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_a_major_that_cannot_run_fails_in_ci_alone(
    *,
    broken: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ci: str,
    code: int,
) -> None:
    """It is told with the library that is missing; a laptop may do without."""
    monkeypatch.setenv("CI", ci)
    assert code == majors.main(["16"])
    assert f"\nPostgreSQL 16: not run: {majors.home()}" in (
        out := capsys.readouterr().out
    )
    assert f"{LOADER}\n" in out


@pytest.mark.parametrize(("outcome", "code"), [("True", 0), ("False", 1)])
def test_a_failure_on_any_major_fails(
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    outcome: str,
    code: int,
) -> None:
    """A line a major comes last, with the directory of its programs."""
    suite = tmp_path / "test_it.py"
    suite.write_text(
        f"import os\ndef test():\n    assert {outcome} and os.environ['LEARNPLAN_PG_BINDIR']\n"
    )
    monkeypatch.setattr(majors, "SUITES", [str(suite)])
    monkeypatch.setattr(majors, "ROOT", tmp_path)
    monkeypatch.delenv("CI", raising=False)
    assert code == majors.main(["18", "-q", "-p", "no:cacheprovider"])
    last = capfd.readouterr().out.splitlines()[-1]
    said = "passed" if outcome == "True" else "FAILED (1)"
    assert last.startswith(f"PostgreSQL 18: {said} in "), last
    assert last.endswith("/bin")


def test_an_unknown_major_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is run."""
    assert 2 == majors.main(["14"])
    assert "dev: no major 14: one of 15, 16, 17, 18\n" == capsys.readouterr().err

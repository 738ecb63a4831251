"""The command prove on real databases: what it prints, writes and refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg.conninfo import conninfo_to_dict

from fix_database import ROOT
from fix_proof import played, proof_of
from learnplan_db.cli import cli
from learnplan_db.engine import runner, session, state
from learnplan_db.proof import worlds
from learnplan_db.proof.nouns import TABLES, VIEWS
from learnplan_db.security import render
from learnplan_db.security.variables import Variables
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fix_database import TestServer
    from fix_proof import Clones
    from learnplan_db.proof.nouns import Finding

FEW = 30  # worlds: all of them take a while
FAULT = "alter policy tasks_delete_authenticated on learnplan.tasks using (true)"
CELL = "stranger delete tasks public"
# A package is as good as not installed to a program that starts like this.
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
from learnplan_db.cli import cli
cli()
"""


def run(*arguments: str) -> Result:
    """Run prove as at a terminal's prompt."""
    done = CliRunner().invoke(cli, ["prove", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done
    return done


@pytest.fixture(scope="module")
def wrong(clones: Clones) -> str:
    """Provide a database with one wrong policy."""
    dsn = clones.make()
    with psycopg.connect(dsn) as admin:
        admin.execute(FAULT)
    return dsn


def files(directory: Path) -> list[str]:
    """Return the options that ask for every report in a file."""
    names = {"junit": "p.xml", "sarif": "p.sarif", "html": "p.html"}
    return [w for k, v in names.items() for w in (f"--{k}", str(directory / v))]


def test_all_is_well(proved: str, tmp_path: Path) -> None:
    """Exit 0, a line a table, and reports that say that everything agrees."""
    done = run(proved, *files(tmp_path))
    assert 0 == done.exit_code, done.output
    for table in (*TABLES, *VIEWS, "functions"):
        assert re.search(rf" {table} \.\..* ok \(\d+\)\n", done.output)
    assert re.search(r"1,[67]\d\d cells of 11 tables: all accounts agree", done.output)
    suites = ET.fromstring((tmp_path / "p.xml").read_text())  # noqa: S314 - ours
    assert "0" == suites.get("failures")
    sarif = json.loads((tmp_path / "p.sarif").read_text())
    assert [] == sarif["runs"][0]["results"]
    assert "<html" in (tmp_path / "p.html").read_text()


def test_finding(wrong: str, psql: str, tmp_path: Path) -> None:
    """Exit 1, and each report names the cell that a wrong policy breaks."""
    done = run(wrong, "--table", "tasks", "--json", *files(tmp_path))
    assert 1 == done.exit_code
    told = json.loads(done.stdout)
    found = next(one for one in told["findings"] if one["name"] == CELL)
    assert {"account", "rule", "who", "did", "expected", "got", "where"} <= set(found)
    assert "Only the owner of the parent plan may delete tasks" in found["rule"]
    assert found["policies"][0].startswith("tasks_delete_authenticated for delete")
    assert any(line.startswith("authenticated: ") for line in found["grants"])
    assert "rows" == played(psql, wrong, found["script"])
    suites = ET.fromstring((tmp_path / "p.xml").read_text())  # noqa: S314 - ours
    failed = [one.get("name") for one in suites.iter("testcase") if len(one)]
    named = {one["name"] for one in told["findings"]}
    assert named <= set(failed)
    results = json.loads((tmp_path / "p.sarif").read_text())["runs"][0]["results"]
    assert len(named) == len(results)
    assert CELL in (tmp_path / "p.html").read_text()


def test_finding_in_text_and_tap(wrong: str) -> None:
    """A person reads all of a finding; a TAP reader counts it."""
    done = run(wrong, "--table", "tasks")
    assert 1 == done.exit_code
    for word in ("rule", "who", "did", "expected", "got", "policies", "grants"):
        assert f"  {word}" in done.output, done.output
    done = run(wrong, "--table", "tasks", "--tap")
    assert 1 == done.exit_code
    assert done.stdout.startswith("TAP version")
    lines = [line for line in done.stdout.split("\n") if line.startswith("not ok ")]
    assert any(CELL in line for line in lines)


def test_only_a_table(wrong: str) -> None:
    """Cells of other tables are not tried, so their faults are not found."""
    done = run(wrong, "--table", "users", "--table", "plan_progress")
    assert 0 == done.exit_code
    assert re.search(r"1[45]\d cells of 2 tables", done.output)  # before 17 fewer


def again(psql: str, dsn: str, fault: str, finding: Finding) -> None:
    """Assert that a finding's script makes it again where the fault is."""
    script = finding.script.replace("begin;\n", f"begin;\n{fault};\n", 1)
    assert finding.got.startswith(played(psql, dsn, script)), script


def test_exhaustive(proved: str, psql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among the small worlds is a caller of whom no cell speaks: who has no row."""
    few = list(worlds.small_worlds())[:FEW]
    monkeypatch.setattr(worlds, "small_worlds", lambda: few)
    fault = "alter table learnplan.resources disable row level security"
    assert () == proof_of(proved, fault).findings
    proof = proof_of(proved, fault, tables=["functions"], exhaustive=True)
    assert {"exhaustive"} == {one.account for one in proof.findings}
    first = proof.findings[0]
    assert ("nemo select resources", "hidden (model)") == (first.name, first.expected)
    again(psql, proved, fault, first)


def test_search_has_no_rows_of_the_matrix(
    proved: str, psql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blind write is found in a world with a row for it, and not in an empty one."""
    fault = (
        "alter policy modules_update_authenticated on learnplan.modules"
        " using (true) with check (true)"
    )
    few = list(worlds.small_worlds())[:FEW]
    monkeypatch.setattr(worlds, "small_worlds", lambda: few)
    proof = proof_of(proved, fault, tables=["functions"], exhaustive=True)
    assert proof.findings
    for finding in proof.findings:
        assert "insert into learnplan.modules" in finding.script, finding.name
    again(psql, proved, fault, proof.findings[0])


@pytest.mark.gate
def test_random(proved: str, psql: str) -> None:
    """The same seed finds the same, and what it finds is small."""
    fault = (
        "alter policy learning_plans_select_authenticated on learnplan.learning_plans"
        " using (true)"
    )
    seen = []
    for _ in range(2):
        proof = proof_of(proved, fault, tables=["functions"], random=40, seed=3)
        assert 3 == proof.seed
        (found,) = proof.findings
        seen.append((found.name, found.expected, found.got, found.script, proof.tried))
    assert seen[0] == seen[1]
    assert "random" == found.account
    rows = re.findall(r"\ninsert into learnplan\.(\w+)", found.script)
    assert ["users", "learning_plans"] == rows
    assert 1 == found.script.count("\nsavepoint play;")
    again(psql, proved, fault, found)


def test_random_at_the_terminal(proved: str) -> None:
    """The seed is told, so that somebody else can repeat what was tried."""
    done = run(proved, "--table", "functions", "--random", "3", "--seed", "7")
    assert 0 == done.exit_code
    assert "(seed 7)" in done.output
    done = run(proved, "--table", "functions", "--random", "3")
    assert 0 == done.exit_code
    assert "(seed " in done.output


@pytest.mark.parametrize(
    ("package", "options", "said"),
    [
        ("hypothesis", ["--random", "3"], "--random needs hypothesis, which is not"),
        ("sqlglot", ["--mutate"], "sqlglot is not installed"),
    ],
)
def test_extra_is_missing(
    proved: str, package: str, options: list[str], said: str
) -> None:
    """What needs a package of the extra names both; the rest works without it."""
    start = [sys.executable, "-c", WITHOUT.format(package=package), "prove", proved]
    done = subprocess.run(
        [*start, "--table", "functions", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (2, "Traceback" in done.stderr) == (done.returncode, False), done
    assert "functions .. ok" in done.stdout
    assert said in done.stderr
    assert 'pip install "learnplan-db[proof]"' in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tap", "--json"], "both print to standard output"),
        (["--table", "user"], "'user' is not one of"),
        (["--seed", "3"], "--seed is that of --random"),
        (["--random", "0"], "Invalid value for '--random'"),
        (["--random", "3", "--seed", "-1"], "Invalid value for '--seed'"),
        (["--set", "anon"], "anon"),
        (["--set", "anon=nobody_at_all"], 'there is no role "nobody_at_all"'),
        (["--html", "{here}"], "is a directory"),
        (["--html", "{here}/none/p.html"], "the report cannot be written"),
        (["--html", "/proc/none.html"], "the report cannot be written"),
        (["--html", "{here}/p", "--junit", "{here}/x/../p"], "to the same file"),
        (["-C", "{here}"], "the plan cannot be read"),
    ],
)
def test_wrong_use(proved: str, tmp_path: Path, options: list[str], said: str) -> None:
    """Exit 2 and one error, and no report is written."""
    (tmp_path / "x").mkdir()
    done = run(proved, *(word.format(here=tmp_path) for word in options))
    assert 2 == done.exit_code, done.output
    assert said.format(here=tmp_path) in done.stderr
    assert {"x"} == {path.name for path in tmp_path.iterdir()}


def test_project_without_policies(proved: str, somebodys: Path) -> None:
    """A project of somebody else's has no access matrix."""
    done = run(proved, "-C", str(somebodys), "-t", proved)
    assert 2 == done.exit_code
    assert "there is no access matrix" in done.stderr
    assert "policies/<table>.matrix.toml" in done.stderr


def test_other_role_names(
    server: TestServer, fresh_dsn: Callable[..., str], tmp_path: Path
) -> None:
    """A host's names are those of --set; without it, the roles are not the ones."""
    tail = uuid.uuid4().hex[:8]
    names = {"authenticated": "user", "anon": "guest", "service_role": "system"}
    settings = [f"{key}={value}_{tail}" for key, value in names.items()]
    settings.append("anon_reads_resources=on")
    render.export(ROOT, tmp_path / "host", Variables.from_settings(settings))
    dsn = fresh_dsn()
    with session.connect(dsn) as connection:
        project = state.load(config.project_root(tmp_path / "host"))
        runner.deploy(connection, project)
    options = [word for one in settings for word in ("--set", one)]
    try:
        done = run(dsn, *options)
        assert 0 == done.exit_code, done.output
        assert "all accounts agree" in done.output
        done = run(dsn, *options[:-2], "--table", "resources", "--json")
        assert 1 == done.exit_code, done.output
        found = {one["name"] for one in json.loads(done.stdout)["findings"]}
        assert "anonymous select resources catalog" in found
    finally:
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
            name = conninfo_to_dict(dsn)["dbname"]
            admin.execute(f'drop database "{name}" with (force)'.encode())
            for role in names.values():
                admin.execute(f"drop role {role}_{tail}".encode())

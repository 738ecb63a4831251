"""The real sqitch and our engine on one database: same rows, either may follow."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from learnplan_db import errors
from learnplan_db.catalog.fingerprint import lines
from learnplan_db.catalog.reading import read
from learnplan_db.engine import runner, session, state, verification

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
WHO = {"SQITCH_FULLNAME": "Dee Ba", "SQITCH_EMAIL": "dee@example.org"}
ROWS = {
    "projects": "select project, uri, creator_name, creator_email",
    "changes": "select change_id, script_hash, change, project, note, committer_name,"
    " committer_email, planned_at, planner_name, planner_email",
    "tags": "select tag_id, tag, project, change_id, note, committer_name, planned_at",
    "dependencies": "select change_id, type, dependency, dependency_id",
    "events": "select event, change_id, change, project, note, requires, conflicts,"
    " tags, committer_name, committer_email, planned_at, planner_name, planner_email",
    "releases": "select version, installer_name, installer_email",
}
PLAN = """%syntax-version=1.0.0
%project=small

a 2026-01-01T00:00:00Z P <p@x.org> # First.
b [a] 2026-01-01T00:00:01Z P <p@x.org> # Second,\\nin two lines.
@v1 2026-01-01T00:00:02Z P <p@x.org> # One.
c [b@v1 !z] 2026-01-01T00:00:03Z P <p@x.org> # Third.
d [c] 2026-01-01T00:00:04Z P <p@x.org> # Fourth, which fails.
"""

SHAPE = {
    "columns": "select c.relname, a.attnum, a.attname, format_type(atttypid, atttypmod),"
    " attnotnull, pg_get_expr(adbin, adrelid), col_description(c.oid, a.attnum)"
    " from pg_class as c inner join pg_attribute as a on a.attrelid = c.oid"
    " left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum"
    " where relnamespace = 'sqitch'::regnamespace and relkind = 'r' and attnum > 0",
    "constraints": "select conrelid::regclass, conname, pg_get_constraintdef(oid)"
    " from pg_constraint where connamespace = 'sqitch'::regnamespace",
    "indexes": "select tablename, indexname, indexdef from pg_indexes"
    " where schemaname = 'sqitch'",
    "comments": "select oid::regclass, obj_description(oid, 'pg_class') from pg_class"
    " where relnamespace = 'sqitch'::regnamespace and relkind = 'r'",
    "schema": "select obj_description('sqitch'::regnamespace, 'pg_namespace')",
}


@pytest.fixture(autouse=True)
def identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both tools work for the same person."""
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Make a project of four changes, the last of which fails."""
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n\ttop_dir = sql\n")
    for kind in ("deploy", "revert", "verify"):
        (tmp_path / "sql" / kind).mkdir(parents=True)
    plan = PLAN.replace("c [b@v1 !z]", "c [b@v1]")
    (tmp_path / "sql" / "sqitch.plan").write_text(plan)
    for name in "abcd":
        fails = "select 1 / 0;\n" if name == "d" else ""
        for kind, text in (
            ("deploy", f"begin;\ncreate table t_{name} (i int);\n{fails}commit;\n"),
            ("revert", f"begin;\ndrop table t_{name};\ncommit;\n"),
            ("verify", f"begin;\nselect i from t_{name};\nrollback;\n"),
        ):
            (tmp_path / "sql" / kind / f"{name}.sql").write_text(text)
    return tmp_path


def run(
    sqitch: str, directory: Path, command: str, dsn: str, *more: str
) -> subprocess.CompletedProcess[str]:
    """Run the real sqitch on a database."""
    known = conninfo_to_dict(dsn)
    socket = f"?host={known['host']}&port={known['port']}"
    target = f"db:pg://{known['user']}@/{known['dbname']}{socket}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    if known.get("password"):
        environment["PGPASSWORD"] = str(known["password"])
    return subprocess.run(
        [sqitch, command, target, *more],
        cwd=directory,
        env=environment | WHO | {"LC_ALL": "C.UTF-8", "HOME": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )


def rows(dsn: str) -> dict[str, list[Any]]:
    """Return the registry without its times, in a fixed order."""
    with psycopg.connect(dsn) as connection:
        return {
            table: sorted(
                map(str, connection.execute(f"{query} from sqitch.{table}".encode()))
            )
            for table, query in ROWS.items()
        }


def test_sqitch_says_up_to_date_after_our_deploy(sqitch: str, database: str) -> None:
    """sqitch status on our database: "Nothing to deploy (up-to-date)"."""
    with session.connect(database) as connection:
        runner.deploy(connection, state.load(ROOT))
    done = run(sqitch, ROOT, "status", database)
    assert done.stdout.endswith("Nothing to deploy (up-to-date)\n"), done
    assert run(sqitch, ROOT, "verify", database).returncode == 0
    checked = run(sqitch, ROOT, "check", database)
    assert "Check successful" in checked.stdout


@pytest.mark.gate
def test_we_say_up_to_date_after_sqitch_deploy(
    sqitch: str, database: str, admin_dsn: str
) -> None:
    """Our status says the same after sqitch deploy, and all is as if we had deployed."""
    done = run(sqitch, ROOT, "deploy", database, "--verify")
    assert done.returncode == 0, done.stderr
    project = state.load(ROOT)
    with session.connect(database) as connection:
        assert () == state.status(connection, project).pending
        assert () == runner.deploy(connection, project)
        assert () == verification.verify(connection, project).failures
        with psycopg.connect(admin_dsn) as ours:
            expected = lines(read(ours, ["learnplan", "learnplan_private"]))
        assert expected == lines(read(connection, ["learnplan", "learnplan_private"]))
        reverted = runner.revert(connection, project)
    assert len(project.plan.changes) == len(reverted)


def test_registry_rows_are_equal(
    sqitch: str, small: Path, fresh_dsn: Callable[[], str]
) -> None:
    """Deploy, failing deploy, revert: the same rows, times aside."""
    ours, theirs = fresh_dsn(), fresh_dsn()
    project = state.load(small)
    with session.connect(ours) as connection:
        with pytest.raises(errors.ScriptError):
            runner.deploy(connection, project, mode="change")
        run(sqitch, small, "deploy", theirs, "--mode", "change")
        assert rows(theirs) == rows(ours)
        runner.revert(connection, project, to="a")
        run(sqitch, small, "revert", theirs, "--to", "a", "-y")
        assert rows(theirs) == rows(ours)
        runner.deploy(connection, project, to="c", verify=True)
        run(sqitch, small, "deploy", theirs, "--to", "c", "--verify")
        assert rows(theirs) == rows(ours)


def test_registry_is_made_as_sqitch_makes_it(
    sqitch: str, small: Path, fresh_dsn: Callable[[], str]
) -> None:
    """Columns, defaults, constraints, indexes and comments, by name."""
    ours, theirs = fresh_dsn(), fresh_dsn()
    with session.connect(ours) as connection:
        runner.deploy(connection, state.load(small), to="a")
    assert run(sqitch, small, "deploy", theirs, "--to", "a").returncode == 0
    with psycopg.connect(ours) as one, psycopg.connect(theirs) as other:
        for query in SHAPE.values():
            mine, sqitchs = (
                sorted(map(str, c.execute(query.encode()))) for c in (one, other)
            )
            assert sqitchs == mine
            assert mine


def test_failing_verify_leaves_the_same_rows(
    sqitch: str, small: Path, fresh_dsn: Callable[[], str]
) -> None:
    """A change that does not verify is taken back and recorded as failed."""
    (small / "sql" / "verify" / "c.sql").write_text("select 1 / 0;\n")
    ours, theirs = fresh_dsn(), fresh_dsn()
    with (
        session.connect(ours) as connection,
        pytest.raises(errors.VerifyError, match="division by zero"),
    ):
        runner.deploy(connection, state.load(small), to="c", mode="change", verify=True)
    run(sqitch, small, "deploy", theirs, "--to", "c", "--mode", "change", "--verify")
    assert rows(theirs) == rows(ours)
    with psycopg.connect(ours) as connection:
        found = connection.execute("select to_regclass('t_b'), to_regclass('t_c')")
        assert ("t_b", None) == found.fetchone()


def test_each_tool_continues_where_the_other_stopped(
    sqitch: str, small: Path, database: str
) -> None:
    """Hand-over in both directions, change by change."""
    project = state.load(small)
    assert run(sqitch, small, "deploy", database, "--to", "a").returncode == 0
    with session.connect(database) as connection:
        assert ["b"] == [c.name for c in runner.deploy(connection, project, to="b")]
    assert run(sqitch, small, "deploy", database, "--to", "c").returncode == 0
    with session.connect(database) as connection:
        assert ("c", "b") == runner.revert(connection, project, to="a")
    assert run(sqitch, small, "revert", database, "-y").returncode == 0
    with psycopg.connect(database) as connection:
        left = connection.execute("select count(*) from sqitch.changes").fetchone()
        assert (0,) == left


def test_both_tools_exclude_each_other(sqitch: str, small: Path, database: str) -> None:
    """Sqitch's own lock is held while we deploy, and named when it is in the way."""
    project = state.load(small)
    with psycopg.connect(database, autocommit=True) as holder:
        holder.execute("select pg_advisory_lock(75474063)")
        blocked = run(sqitch, small, "deploy", database, "--lock-timeout", "1")
        assert "Timed out waiting" in blocked.stderr
        with (
            session.connect(database) as connection,
            pytest.raises(errors.RegistryError) as caught,
        ):
            runner.deploy(connection, project, to="a", lock_timeout=0.3)
        assert f"pid {holder.info.backend_pid}" in str(caught.value.where)

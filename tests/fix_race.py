"""Small projects, and both tools at work on one of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

PLAN = """%syntax-version=1.0.0
%project=race

a 2026-01-01T00:00:00Z P <p@x.org> # First.
@v1 2026-01-01T00:00:01Z P <p@x.org> # A tag.
b [a] 2026-01-01T00:00:02Z P <p@x.org> # Second.
c [b] 2026-01-01T00:00:03Z P <p@x.org> # Third.
"""
IDENTITY = {"SQITCH_FULLNAME": "Dee Ba", "SQITCH_EMAIL": "dee@example.org"}


def write(root: Path, kind: str, name: str, text: str) -> None:
    """Write a script of a project."""
    (root / "sql" / kind / f"{name}.sql").write_text(f"{text}\n")


def wrapped(text: str) -> str:
    """Return a script that is one transaction."""
    return f"begin;\n{text}\ncommit;"


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Provide a maker of projects of three changes, each of which makes a table."""

    def make() -> Path:
        root = tmp_path_factory.mktemp("project")
        conf = "[core]\n\tengine = pg\n\ttop_dir = sql\n"
        (root / "sqitch.conf").write_text(conf)
        for kind in ("deploy", "revert", "verify"):
            (root / "sql" / kind).mkdir(parents=True)
        (root / "sql" / "sqitch.plan").write_text(PLAN)
        for name in "abc":
            write(root, "deploy", name, wrapped(f"create table t_{name} (i int);"))
            write(root, "revert", name, wrapped(f"drop table t_{name};"))
            write(root, "verify", name, f"begin;\nselect i from t_{name};\nrollback;")
        return root

    return make


@pytest.fixture
def project(make_project: Callable[[], Path]) -> Path:
    """Provide one project of three changes."""
    return make_project()


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection[Any]]:
    """Provide a second session, which looks and gets in the way."""
    with psycopg.connect(database, autocommit=True) as opened:
        yield opened


def environment(root: Path, password: object = None) -> Mapping[str, str]:
    """Return the environment of a tool: nobody's configuration, a fixed identity."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "SQITCH_")) and name != "DATABASE_URL"
    }
    more = {"LC_ALL": "C.UTF-8", "HOME": str(root)} | IDENTITY
    return kept | more | ({"PGPASSWORD": str(password)} if password else {})


def start(
    tool: str, root: Path, command: str, dsn: str, *more: str
) -> subprocess.Popen[str]:
    """Start one of the tools, ``ours`` or the path of the real sqitch."""
    known = conninfo_to_dict(dsn)
    where = f"?host={known['host']}&port={known['port']}"
    target = f"db:pg://{known['user']}@/{known['dbname']}{where}"
    ours = [sys.executable, "-m", "learnplan_db", "-C", str(root)]
    return subprocess.Popen(
        [*(ours if tool == "ours" else [tool]), command, target, *more],
        cwd=root,
        env=environment(root, known.get("password")) | {"PYTHONPATH": _source()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(
    tool: str, root: Path, command: str, dsn: str, *more: str
) -> subprocess.CompletedProcess[str]:
    """Run one of the tools to its end, a minute at most."""
    process = start(tool, root, command, dsn, *more)
    try:
        out, err = process.communicate(timeout=60)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _source() -> str:
    return os.pathsep.join(filter(None, sys.path))


SLEEPS = (
    "select pid from pg_stat_activity"
    " where wait_event = 'PgSleep' and datname = current_database()"
)


def wait_for(admin: psycopg.Connection[Any], query: str, seconds: float = 40) -> None:
    """Wait until a query returns a row."""
    end = time.monotonic() + seconds
    while not admin.execute(query.encode()).fetchone():
        assert time.monotonic() < end, query
        time.sleep(0.02)


def faults(admin: psycopg.Connection[Any]) -> list[str]:
    """
    Return where the registry, its history and the catalog of a project disagree.

    What is deployed has its table and nothing else has; the events of each change,
    failures aside, are deploy and revert in turn and end as the change stands.
    """
    tables = {
        row[0]
        for row in admin.execute(
            "select tablename from pg_tables where tablename like 't\\__'"
            " and schemaname = 'public'"
        )
    }
    if not admin.execute("select to_regclass('sqitch.changes')").fetchone()[0]:  # type: ignore[index]
        return [f"no registry, and {tables}"] if tables else []
    found = admin.execute(
        "select change from sqitch.changes order by committed_at"
    ).fetchall()
    deployed = [row[0] for row in found]
    wrong = []
    if {f"t_{name}" for name in deployed} != tables:
        wrong.append(f"{deployed} are recorded, {sorted(tables)} are there")
    if deployed != sorted(deployed):
        wrong.append(f"deployed in the order {deployed}")
    if deployed != list("abcdefgh")[: len(deployed)]:
        wrong.append(f"there is a hole: {deployed}")
    for name in "abc":
        events = [
            row[0]
            for row in admin.execute(
                "select event from sqitch.events where change = %s and event <> 'fail'"
                " order by committed_at",
                [name],
            )
        ]
        turns = [("deploy", "revert")[n % 2] for n in range(len(events))]
        if events != turns or (name in deployed) != (len(events) % 2 == 1):
            wrong.append(f"events of {name}: {events}")
    counted = (
        "select count(*), count(distinct tag), (select count(*) from sqitch.projects)"
    )
    tags, different, projects = admin.execute(f"{counted} from sqitch.tags").fetchone()  # type: ignore[misc]
    if (tags, different, projects) != ("a" in deployed, "a" in deployed, 1):
        wrong.append(f"{tags} tags, {projects} projects")
    return wrong


def deployed(admin: psycopg.Connection[Any]) -> str:
    """Return the names of what the registry has."""
    query = "select coalesce(string_agg(change, '' order by change), '')"
    row = admin.execute(f"{query} from sqitch.changes".encode()).fetchone()
    return str(row[0]) if row else ""


def events(admin: psycopg.Connection[Any]) -> list[str]:
    """Return the history."""
    query = "select event || ' ' || change from sqitch.events order by committed_at"
    return [row[0] for row in admin.execute(query)]

"""Copies of a database with rows: made by PostgreSQL's own programs, and looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from fix_catalog import OURS
from fix_database import ROOT
from learnplan_db.catalog.fingerprint import lines
from learnplan_db.catalog.reading import read
from learnplan_db.engine import runner, session, state, verification
from learnplan_db.proof.prover import prove
from learnplan_db.server import binaries, processes
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Three people with a plan each, and all that hangs on it.
ROWS = """
insert into learnplan.users (clerk_user_id, email, created_at)
  select 'user_' || i, i || '@x.org', '2020-01-01' from generate_series(1, 3) as i;
insert into learnplan.learning_plans (user_id, topic, skill_level, weekly_hours, learning_style)
  select id, 'SQL', 'beginner', 5, 'mixed' from learnplan.users;
insert into learnplan.modules (plan_id, "order", title, estimated_minutes)
  select id, i, 'm', 60 from learnplan.learning_plans, generate_series(1, 4) as i;
insert into learnplan.tasks (module_id, "order", title, estimated_minutes)
  select id, i, 't', 30 from learnplan.modules, generate_series(1, 5) as i;
insert into learnplan.resources (type, title, url)
  select 'doc', 'r', 'https://example.org/' || i from generate_series(1, 9) as i;
insert into learnplan.task_resources (task_id, resource_id, "order")
  select t.id, r.id, 1 from learnplan.tasks as t, learnplan.resources as r;
insert into learnplan.task_progress (task_id, user_id, status)
  select t.id, p.user_id, 'completed' from learnplan.tasks as t
  join learnplan.modules as m on m.id = t.module_id
  join learnplan.learning_plans as p on p.id = m.plan_id;
"""
TABLES = (
    *("learning_plans", "modules", "plan_generations", "resources", "task_progress"),
    *("task_resources", "tasks", "users"),
)


def sums(dsn: str) -> dict[str, Any]:
    """Return the number of rows and a checksum of each table, those of the registry too."""
    with psycopg.connect(dsn) as connection:
        connection.execute("set timezone = 'UTC'")
        found = {}
        for table in (
            *map("learnplan.{}".format, TABLES),
            "sqitch.changes",
            "sqitch.events",
        ):
            query = f"select count(*), md5(string_agg(t::text, '' order by t::text)) from {table} as t"
            found[table] = connection.execute(query.encode()).fetchone()
        return found


def told(dsn: str) -> list[str]:
    """Return the fingerprint of each object."""
    with psycopg.connect(dsn) as connection:
        return lines(read(connection, OURS))


def assert_whole(dsn: str, source: tuple[list[str], dict[str, Any]]) -> None:
    """A copy has the rows and objects of its source, and nobody finds anything amiss."""
    assert source == (told(dsn), sums(dsn))
    project = state.load(ROOT)
    with session.connect(dsn) as connection:
        assert () == state.status(connection, project).pending
        assert () == verification.verify(connection, project).failures
        assert () == runner.deploy(connection, project)
        proof = prove(connection, effects=False)
    assert () == proof.findings
    assert len(proof.results) > 1000


@contextmanager
def restartable(bindir: Path | None = None) -> Iterator[Server]:
    """Provide a server whose directory is kept when it stops, until the end."""
    root = processes.scratch_base(os.environ) / f"lp-kept-{uuid.uuid4().hex[:8]}"
    server = Server(root, environ=os.environ, bindir=bindir)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(root)


@pytest.fixture(scope="module")
def programs() -> Path:
    """Provide the directory of pg_dump, pg_restore and psql of the server's major."""
    account = binaries.Account.current()
    return binaries.runnable(binaries.find_bindir(os.environ), account)


def ran(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs."""
    return subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("PG")},
    )


def run(program: Path, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, which succeeds and has nothing to say."""
    done = ran(program, *arguments)
    assert (0, "") == (done.returncode, done.stderr), done


def wait_until(connection: psycopg.Connection[Any], question: str) -> None:
    """Wait until a question is answered by true; a minute at most."""
    end = time.monotonic() + 60
    while connection.execute(question.encode()).fetchone() != (True,):
        assert time.monotonic() < end, question
        time.sleep(0.02)

"""Nothing of a proof stays behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row, tuple_row

from fix_proof import fingerprint
from learnplan_db.errors import ProofError
from learnplan_db.proof.prover import prove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fix_proof import Clones
    from learnplan_db.engine.progress import Progress

pytestmark = pytest.mark.gate

SLOW = (
    "create schema host",
    """create function host.slow() returns trigger language plpgsql
    as 'begin perform pg_catalog.pg_sleep(9); return new; end'""",
    """create trigger slow before update on learnplan.modules
    for each row execute function host.slow()""",
)
# What a session has beside its rows; libraries that it has loaded bring settings too.
SESSION = """select pg_catalog.jsonb_build_object(
  'settings', (select jsonb_object_agg(name, setting) from pg_catalog.pg_settings
    where name !~ '[.]'),
  'role', current_user, 'session', session_user,
  'claims', coalesce(current_setting('request.jwt.claims', true), ''),
  'mine', current_setting('host.mine', true),
  'prepared', (select count(*) from pg_catalog.pg_prepared_statements),
  'cursors', (select count(*) from pg_catalog.pg_cursors where not is_holdable),
  'listening', (select count(*) from pg_catalog.pg_listening_channels()),
  'locks', (select count(*) from pg_catalog.pg_locks
    where pid = pg_backend_pid() and locktype = 'advisory'),
  'temporary', (select count(*) from pg_catalog.pg_class
    where relpersistence = 't' and relkind = 'r'))"""


@pytest.fixture(scope="module")
def host(clones: Clones) -> str:
    """Provide a database that has rows, a sequence and a slow trigger of the host."""
    dsn = clones.make()
    with psycopg.connect(dsn, autocommit=True) as admin:
        for statement in SLOW:
            admin.execute(statement)
        admin.execute("create sequence host.numbers")
        admin.execute("select nextval('host.numbers')")
        admin.execute(
            "insert into learnplan.users (clerk_user_id, email)"
            " select n, n || '@example.org' from generate_series(1, 20) as n"
        )
        admin.execute("alter table learnplan.modules disable trigger slow")
    return dsn


def look(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Return what a session is like."""
    row = (
        psycopg.Cursor(connection, row_factory=tuple_row)
        .execute(SESSION, prepare=False)
        .fetchone()
    )
    assert row
    return dict(row[0])


def errs(connection: psycopg.Connection[Any]) -> None:
    """Prove with a name that the service cannot insert under."""
    connection.execute("revoke insert on learnplan.users from service_role")
    with pytest.raises(ProofError, match="cannot make the rows"):
        prove(connection)


def finds(connection: psycopg.Connection[Any]) -> None:
    """Prove, and find something."""
    connection.execute(
        "alter policy tasks_delete_authenticated on learnplan.tasks using (true)"
    )
    assert prove(connection, effects=False, random=5, seed=1).findings


def succeeds(connection: psycopg.Connection[Any]) -> None:
    """Prove three times: the fifth use of a query would have it prepared."""
    assert () == prove(connection).findings
    for _ in range(2):
        proof = prove(connection, tables=["functions"], effects=False, random=3, seed=1)
        assert () == proof.findings


ODD = (
    *("set statement_timeout = '77s'", "set lock_timeout = '78s'"),
    *("set search_path = pg_temp, public", "set host.mine = 'kept'"),
    *("set row_security = off", "set jit = on", "set datestyle = 'SQL, DMY'"),
    """set request.jwt.claims = '{"sub": "kept"}'""",
    *("create temporary table mine (i int)", "listen mine"),
    "select pg_advisory_lock(7)",
)


@pytest.mark.parametrize("autocommit", [True, False])
def test_callers_session(proved: str, *, autocommit: bool) -> None:
    """A caller's odd session is afterwards as it was, and in no transaction."""
    connect: Any = psycopg.connect
    with closing(
        connect(proved, row_factory=dict_row, autocommit=autocommit)
    ) as connection:
        for statement in ODD:
            connection.execute(statement)
        connection.commit()
        before = look(connection)
        connection.commit()
        succeeds(connection)
        assert TransactionStatus.IDLE == connection.info.transaction_status
        assert before == look(connection)


@pytest.mark.parametrize("act", [succeeds, finds, errs])
def test_callers_transaction(
    proved: str, act: Callable[[psycopg.Connection[Any]], None]
) -> None:
    """A caller's open transaction goes on, with its rows, its role and its settings."""
    with closing(psycopg.connect(proved)) as connection:
        connection.execute("create temporary table mine on commit drop as select 1")
        connection.execute("set local statement_timeout = '66s'")
        connection.execute("select set_config('request.jwt.claims', '{}', true)")
        if act is not succeeds:
            connection.execute("set local lock_timeout = '55s'")
        before = look(connection)
        act(connection)
        assert TransactionStatus.INTRANS == connection.info.transaction_status
        assert before == look(connection)
        assert connection.execute("select * from mine").fetchall() == [(1,)]


def test_database_is_as_it_was(host: str) -> None:
    """Rows, catalogs, roles and sequences are the same after success and findings."""
    before = fingerprint(host)
    with psycopg.connect(host, autocommit=True) as connection:
        succeeds(connection)
        with connection.transaction(force_rollback=True):
            finds(connection)
        with connection.transaction(force_rollback=True):
            errs(connection)
    assert before == fingerprint(host)


def others(admin: psycopg.Connection[Any], condition: str) -> list[int]:
    """Return the processes of other sessions on this database."""
    rows = admin.execute(
        "select pid from pg_catalog.pg_stat_activity where datname = current_database()"
        f" and pid <> pg_backend_pid() and backend_type = 'client backend' {condition}"
    )
    return [row[0] for row in rows]


def wait_for(what: Callable[[], object]) -> Any:
    """Wait until something is so, and return it; ten seconds at most."""
    end = time.monotonic() + 10
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class Running:
    """A prover at the terminal, in the middle of a slow statement."""

    process: subprocess.Popen[str]
    backend: int
    admin: psycopg.Connection[Any]


@pytest.fixture
def running(host: str) -> Iterator[Running]:
    """Provide a prover that runs; all must be as before when its session is gone."""
    with psycopg.connect(host, autocommit=True) as admin:
        admin.execute("alter table learnplan.modules enable trigger slow")
        before = fingerprint(host)
        process = subprocess.Popen(
            [sys.executable, "-m", "learnplan_db", "prove", host],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if k != "DATABASE_URL"},
        )
        try:
            asleep = "and wait_event = 'PgSleep'"
            backend = wait_for(lambda: others(admin, asleep))[0]
            yield Running(process, backend, admin)
            wait_for(lambda: not others(admin, f"and pid = {backend}"))
        finally:
            process.kill()
            process.communicate()
        assert before == fingerprint(host)
        admin.execute("alter table learnplan.modules disable trigger slow")


def test_killed_client(running: Running) -> None:
    """The session of a killed prover ends by itself within seconds."""
    running.process.kill()
    started = time.monotonic()
    wait_for(lambda: not others(running.admin, f"and pid = {running.backend}"))
    assert time.monotonic() - started < 30


def test_interrupt(running: Running) -> None:
    """Ctrl-C ends the prover at once, not when the slow statement does."""
    started = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    _, said = running.process.communicate(timeout=20)
    assert time.monotonic() - started < 30
    assert "Traceback" not in said
    assert 130 == running.process.returncode


def test_terminated_session(running: Running) -> None:
    """A session that an administrator ends is one error, with what to do."""
    running.admin.execute("select pg_terminate_backend(%s)", [running.backend])
    _, said = running.process.communicate(timeout=20)
    assert 2 == running.process.returncode
    assert "Traceback" not in said
    assert "error: the connection was lost, so nothing is proved: terminating" in said
    assert "fix  see the server's log" in said


def test_terminated_session_is_no_counterexample(proved: str) -> None:
    """Hypothesis does not try to shrink the loss of a connection."""
    with closing(psycopg.connect(proved, autocommit=True)) as connection:

        def end(step: Progress) -> None:
            if "random" in step.label and step.state == "start":
                with psycopg.connect(proved, autocommit=True) as admin:
                    backend = connection.info.backend_pid
                    admin.execute("select pg_terminate_backend(%s)", [backend])

        with pytest.raises(ProofError, match="the connection was lost"):
            prove(
                connection,
                tables=["functions"],
                effects=False,
                random=50,
                seed=1,
                tell=end,
            )

"""A lock that an application holds: asked for in turns, and its holder is named."""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fix_race import faults, run, start, wait_for, wrapped, write
from learnplan_db import errors
from learnplan_db.engine import onlooker, runner, session, state
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from learnplan_db.engine.progress import Progress

QUEUED = (
    "select 1 from pg_locks where not granted and relation = 't_a'::regclass"
    " and mode = 'AccessShareLock'"
)
ASKED = QUEUED.replace("AccessShare", "AccessExclusive")
ALTER = "alter table t_a add column j int;\ncreate table t_b (i int);"


@pytest.fixture
def begun(project: Path, database: str) -> Path:
    """Provide a project of which a is deployed, and b alters the table of a."""
    write(project, "deploy", "b", wrapped(ALTER))
    with session.connect(database) as connection:
        runner.deploy(connection, state.load(project), to="a")
    return project


@contextmanager
def holding(
    dsn: str, statement: str = "select from t_a"
) -> Iterator[psycopg.Connection[Any]]:
    """Provide an application in a transaction that has a lock on the table of a."""
    with psycopg.connect(make_conninfo(dsn, application_name="a report")) as holder:
        holder.execute(statement.encode())
        yield holder


def who(holder: psycopg.Connection[Any]) -> str:
    """Return what anybody may know of it."""
    return f"pid {holder.info.backend_pid}, {holder.info.user}, a report, "


class Deploy:
    """A deploy in a thread: what it told, and how it ended."""

    def __init__(self, dsn: str, project: Path, seconds: float = 60) -> None:
        self.told: list[Progress] = []
        self.ended: Exception | None = None
        self.wanted = dsn, project, seconds
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        dsn, project, seconds = self.wanted
        with session.connect(dsn) as connection:
            try:
                loaded, tell = state.load(project), self.told.append
                runner.deploy(connection, loaded, lock_timeout=seconds, tell=tell)
            except errors.LearnplanError as error:
                self.ended = error

    def end(self) -> None:
        """Wait for the end."""
        self.thread.join(60)
        assert not self.thread.is_alive()

    def named(self) -> list[str]:
        """Return whom it named while it waited."""
        return [step.detail for step in self.told if step.action == "waiting"]


def test_queue_passes_between_two_attempts(
    begun: Path,
    database: str,
    admin: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who reads behind a waiting deploy gets on, although the lock is still held."""
    monkeypatch.setattr(session, "TABLE_LOCK_TIMEOUT", 0.7)
    with holding(database) as holder, psycopg.connect(database) as reader:
        deploy = Deploy(database, begun)
        wait_for(admin, ASKED)
        reading = threading.Thread(target=reader.execute, args=["select i from t_a"])
        reading.start()
        wait_for(admin, QUEUED)  # behind us
        reading.join(30)
        assert not reading.is_alive()
        assert deploy.thread.is_alive()
        reader.rollback()
        wait_for(admin, ASKED)  # and we ask again
        assert [True] == [n.startswith(who(holder)) for n in deploy.named()]
        holder.rollback()
        deploy.end()
    assert deploy.ended is None
    assert [] == faults(admin)


def test_queue_stands_when_one_waits_without_end(
    begun: Path, database: str, admin: psycopg.Connection[Any]
) -> None:
    """The control of the test above: with no lock_timeout nobody gets on."""
    with holding(database) as holder, psycopg.connect(database) as reader:
        text = wrapped(f"set local lock_timeout = 0;\n{ALTER}")
        write(begun, "deploy", "b", text)
        deploy = Deploy(database, begun)
        wait_for(admin, ASKED)
        reader.execute("set statement_timeout = '2.5s'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            reader.execute("select i from t_a")
        holder.rollback()
        deploy.end()
    assert deploy.ended is None


def test_blocker_is_named_while_it_is_waited_for(
    begun: Path, database: str, admin: psycopg.Connection[Any]
) -> None:
    """A line on stderr, once, with what is known of the session but no literal."""
    query = "select from t_a where 'hunter''2' <> E'hunter2' or i = 1"
    with holding(database, query) as holder:
        deploying = start("ours", begun, "deploy", database)
        assert deploying.stderr
        remedy = f"select pg_terminate_backend({holder.info.backend_pid}); waiting "
        begins = (
            f"# Blocked by {who(holder)}idle in transaction, in its transaction for "
        )
        told = deploying.stderr.readline()  # no sooner than it is told
        holder.rollback()
        out, more = deploying.communicate(timeout=60)
        quiet = run("ours", begun, "revert", database, "-y", "--to", "a")
    assert (0, "") == (deploying.returncode, more)
    assert told.startswith(begins)
    shown = " s ago: select from t_a where '...' <> E'...' or i = 1; to end it: "
    assert " s, query of " in told
    assert shown + remedy in told
    assert told.endswith(" seconds...\n")
    assert "hunter" not in told
    assert out.endswith("  + b .. ok\n  + c .. ok\n")
    assert (0, "") == (quiet.returncode, quiet.stderr)


def test_blocker_is_named_to_a_script_without_a_transaction(
    begun: Path, database: str, admin: psycopg.Connection[Any]
) -> None:
    """An index that is built concurrently waits for writers in one statement."""
    text = "create index concurrently on t_a (i);\ncreate table t_b (i int);"
    write(begun, "deploy", "b", text)
    with holding(database, "insert into t_a values (1)") as holder:
        deploy = Deploy(database, begun)
        wait_for(
            admin, "select 1 from pg_stat_activity where wait_event = 'virtualxid'"
        )
        while not deploy.named():
            assert deploy.thread.is_alive()
            threading.Event().wait(0.02)
        [told] = deploy.named()
        assert told.startswith(who(holder))
        holder.rollback()
        deploy.end()
    assert deploy.ended is None
    assert "insert into t_a values (1)" in told


@pytest.mark.long
def test_prepared_transaction_is_named(project: Path) -> None:
    """It has no session, so the view that lists it is named."""
    with Server(None, environ=os.environ) as own:
        with psycopg.connect(own.dsn(), autocommit=True) as admin:
            admin.execute("alter system set max_prepared_transactions = 2")
        subprocess.run(
            [own.binary("pg_ctl"), "-D", own.data, "-w", "-s", "restart"],
            check=True,
            stdout=subprocess.DEVNULL,
            **own.account.popen,
        )
        dsn = own.dsn()
        write(project, "deploy", "b", wrapped(ALTER))
        with session.connect(dsn) as connection:
            runner.deploy(connection, state.load(project), to="a")
        with holding(dsn) as holder:
            holder.execute("prepare transaction 'left over'")
            deploy = Deploy(dsn, project, seconds=1.5)
            deploy.end()
    assert ["a prepared transaction, see pg_prepared_xacts"] == deploy.named()


@pytest.fixture
def plain(
    fresh_dsn: Callable[..., str], server: Any, project: Path
) -> Iterator[tuple[str, str]]:
    """Provide a database's conninfo as its plain owner, who has a only, and a DBA's."""
    name = "learnplan_plain_owner"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as dba:
        dba.execute(f"create role {name} login password 'secret'".encode())
        theirs = fresh_dsn(name)
        ours = make_conninfo(theirs, user=name, password="secret")  # noqa: S106
        write(project, "deploy", "b", wrapped(ALTER))
        with session.connect(ours) as connection:
            runner.deploy(connection, state.load(project), to="a")
        yield ours, theirs
        dba.execute(
            f"alter database {psycopg.conninfo.conninfo_to_dict(theirs)['dbname']} owner to current_user".encode()
        )
        with psycopg.connect(theirs, autocommit=True) as admin:
            admin.execute(f"reassign owned by {name} to current_user".encode())
            admin.execute(f"drop owned by {name}".encode())
        dba.execute(f"drop role {name}".encode())


def test_plain_owner_is_told_what_it_may_know(
    plain: tuple[str, str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another role's session: who it is, and which role would see the rest."""
    monkeypatch.setattr(session, "TABLE_LOCK_TIMEOUT", 0.2)
    ours, theirs = plain
    with holding(theirs) as holder:
        deploy = Deploy(ours, project, seconds=1.5)
        deploy.end()
        hidden = f"{who(holder)}the rest is hidden from this role"
    assert [True] == [told.startswith(hidden) for told in deploy.named()]
    assert "pg_read_all_stats" in deploy.named()[0]
    fix = getattr(deploy.ended, "fix", "")
    assert fix.endswith(f" and run it again: locks are held by {deploy.named()[0]}")


def test_deploy_needs_no_second_session(
    plain: tuple[str, str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is none to be had nothing is told meanwhile, and nothing fails."""
    monkeypatch.setattr(session, "TABLE_LOCK_TIMEOUT", 0.2)
    monkeypatch.setattr(onlooker, "AFTER", 0.1)
    ours, theirs = plain
    with holding(theirs) as holder:
        holder.execute("alter role learnplan_plain_owner connection limit 1")
        holder.commit()
        holder.execute("select from t_a")
        deploy = Deploy(ours, project, seconds=1.5)
        deploy.end()
        assert [] == deploy.named()
        assert "55P03" == getattr(deploy.ended, "sqlstate", "")
        assert f"pid {holder.info.backend_pid}, " in str(deploy.ended)
        gone = "not exists (select from pg_stat_activity where usename = "
        with psycopg.connect(theirs, autocommit=True) as admin:
            wait_for(admin, f"select 1 where {gone}'learnplan_plain_owner')")
        deploy = Deploy(ours, project)
        holder.rollback()
        deploy.end()
    assert deploy.ended is None

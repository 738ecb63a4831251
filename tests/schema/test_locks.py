"""Who waits for whom: both tools, their lock, and locks on the registry's tables."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fix_race import SLEEPS, faults, run, start, wait_for, wrapped, write
from learnplan_db import errors
from learnplan_db.engine import runner, session, state, verification

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = 75474063
HELD = (
    f"select 1 from pg_locks where locktype = 'advisory' and objid = {KEY} and granted"
)
WAITS = "select pid from pg_locks where not granted and pid <> pg_backend_pid()"


@pytest.fixture
def connection(database: str) -> Iterator[session.Connection]:
    """Provide a connection as the engine opens it."""
    with session.connect(database) as opened:
        yield opened


@pytest.mark.parametrize("ours_first", [True, False])
def test_each_tool_waits_for_the_other(
    sqitch: str,
    project: Path,
    database: str,
    admin: psycopg.Connection[Any],
    *,
    ours_first: bool,
) -> None:
    """Both say so in the same words, give up after their time, and exit with 2."""
    write(project, "deploy", "c", wrapped("select pg_sleep(20);"))
    first, second = ("ours", sqitch) if ours_first else (sqitch, "ours")
    holder = start(first, project, "deploy", database)
    try:
        wait_for(admin, SLEEPS)
        waiters = [
            start(second, project, command, database, *more, "--lock-timeout", "1")
            for command, *more in (["deploy"], ["revert", "-y"], ["rebase", "-y"])
        ]
        said = [waiter.communicate(timeout=20) for waiter in waiters]
    finally:
        admin.execute(f"select pg_terminate_backend(pid) from ({SLEEPS}) as s".encode())
        holder.communicate(timeout=20)
    assert [2, 2, 2] == [waiter.returncode for waiter in waiters], said
    timed_out = "did not end in 1 s" if ours_first is False else "Timed out waiting 1"
    for out, err in said:
        blocked = "Blocked by another instance of Sqitch working on db:pg:"
        assert blocked in out
        assert "; waiting 1 seconds...\n" in out
        assert timed_out in err
    assert [] == faults(admin)


def test_readers_are_not_blocked(
    sqitch: str, project: Path, database: str, admin: psycopg.Connection[Any]
) -> None:
    """Nothing that only looks takes the lock; neither does an idle deploy of ours."""
    assert 0 == run("ours", project, "deploy", database).returncode
    admin.execute("select pg_advisory_lock(%s)", [KEY])
    for command in ("status", "log", "verify", "check"):
        done = run("ours", project, command, database)
        assert 0 == done.returncode, done
    assert 0 == run(sqitch, project, "verify", database).returncode
    assert 0 == run("ours", project, "deploy", database).returncode


def test_lock_timeout_is_checked(
    project: Path, database: str, admin: psycopg.Connection[Any]
) -> None:
    """
    What the server could not wait is refused before anything is done.

    Sqitch says "waiting 0 seconds" or "-1 seconds" and then waits for ever.
    """
    admin.execute("select pg_advisory_lock(%s)", [KEY])
    for value in ("-1", "nan", "99999999999", "soon"):
        done = run("ours", project, "deploy", database, "--lock-timeout", value)
        assert (2, "") == (done.returncode, done.stdout), value
        assert "'--lock-timeout'" in done.stderr
        assert "Traceback" not in done.stderr
    began = time.monotonic()
    done = run("ours", project, "deploy", database, "--lock-timeout", "0")
    assert 2 == done.returncode
    assert "did not end in 0 s" in done.stderr
    assert time.monotonic() - began < 30
    assert [] == faults(admin)


def test_zero_patience_is_not_for_ever(
    connection: session.Connection, project: Path, admin: psycopg.Connection[Any]
) -> None:
    """A script outside of a transaction gives up at once when a table is locked."""
    write(
        project, "deploy", "b", "alter table t_a add j int;\ncreate table t_b (i int);"
    )
    runner.deploy(connection, state.load(project), to="a")
    with admin.transaction():
        admin.execute("select from t_a")
        loaded = state.load(project)
        with pytest.raises(errors.ScriptError) as caught:
            runner.deploy(connection, loaded, lock_timeout=0)
    assert "55P03" == caught.value.sqlstate
    assert f"pid {admin.info.backend_pid}" in (caught.value.fix or "")
    assert [] == faults(admin)


def test_waiting_deploy_does_not_stall_an_index_build(
    project: Path, database: str, admin: psycopg.Connection[Any]
) -> None:
    """
    Our waiter asks for the lock again and again, so an index is built meanwhile.

    A waiter inside a statement holds a snapshot, for whose end the build waits.
    """
    text = "select pg_advisory_lock(1);\nselect pg_advisory_unlock(1);\n"
    text += "create table t_c (i int);\ncreate index concurrently on t_b (i);"
    write(project, "deploy", "c", text)
    admin.execute("select pg_advisory_lock(1)")
    first = start("ours", project, "deploy", database)
    wait_for(admin, WAITS)
    second = start("ours", project, "deploy", database)
    asks = "query like '%pg_try_advisory_lock%' or query like '%pg_locks%'"
    ours = "application_name = 'learnplan-db' and state = 'idle'"
    wait_for(admin, f"select 1 from pg_stat_activity where {ours} and ({asks})")
    admin.execute("select pg_advisory_unlock(1)")
    out, err = first.communicate(timeout=20)
    assert 0 == first.returncode, err
    said, err = second.communicate(timeout=20)
    assert 0 == second.returncode, err
    assert "Blocked by another instance" in said
    assert out.endswith("ok\n")
    assert [] == faults(admin)


def test_waiting_sqitch_stalls_an_index_build(
    sqitch: str, project: Path, database: str, admin: psycopg.Connection[Any]
) -> None:
    """The control of the test above: Sqitch waits in a statement, the build for it."""
    assert 0 == run("ours", project, "deploy", database).returncode
    admin.execute("select pg_advisory_lock(%s)", [KEY])
    waiter = start(sqitch, project, "revert", database, "-y", "--lock-timeout", "20")
    try:
        wait_for(admin, f"{WAITS} and locktype = 'advisory'")
        admin.execute("set statement_timeout = '700ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            admin.execute("create index concurrently stalled on t_a (i)")
    finally:
        waiter.kill()
        waiter.communicate()
    admin.execute("reset statement_timeout")
    # Its session does not notice, and would stall every build until it has the lock.
    admin.execute(
        f"select pg_terminate_backend(pid, 5000) from ({WAITS}) as w".encode()
    )
    admin.execute("drop index stalled")
    ours = start("ours", project, "revert", database, "-y", "--lock-timeout", "20")
    assert ours.stdout
    assert any("Blocked by" in line for line in iter(ours.stdout.readline, ""))
    admin.execute("set statement_timeout = '10s'")
    admin.execute("create index concurrently built on t_a (i)")
    admin.execute("select pg_advisory_unlock(%s)", [KEY])
    _, err = ours.communicate(timeout=60)
    assert 0 == ours.returncode, err


TOUCHES = {
    "writes": "update sqitch.changes set note = note || '.';",
    "locks": "lock table sqitch.changes in access exclusive mode;",
    "indexes": "create index if not exists {name} on sqitch.changes (note);",
    "refers": "create table if not exists {name} (i text references sqitch.changes);",
    "alters": "alter table sqitch.changes add column if not exists {name} int;",
}


@pytest.mark.parametrize("how", TOUCHES)
def test_script_that_touches_the_registry_does_not_hang_us(
    connection: session.Connection,
    project: Path,
    admin: psycopg.Connection[Any],
    how: str,
) -> None:
    """
    In a transaction and without one, in deploy, verify and revert.

    Sqitch waits for its own script for ever: they are two sessions.
    """
    for change in "bc":
        for kind in ("deploy", "verify", "revert"):
            text = TOUCHES[how].format(name=f"x_{kind}_{change}")
            made = {"deploy": "create table", "revert": "drop table"}.get(kind)
            text += (
                f"\n{made} t_{change}{' (i int)' if kind == 'deploy' else ''};"
                if made
                else ""
            )
            if change == "b" or how == "locks":  # LOCK TABLE needs a transaction
                text = wrapped(text)
            write(project, kind, change, text)
    began = time.monotonic()
    loaded = state.load(project)
    assert 3 == len(runner.deploy(connection, loaded, verify=True, lock_timeout=5))
    assert [] == faults(admin)
    assert () == verification.verify(connection, loaded).failures
    # What the scripts have made refers to the rows that a revert deletes.
    for (name,) in admin.execute(
        "select tablename from pg_tables where tablename like 'x\\_%'"
    ).fetchall():
        admin.execute(f"drop table {name}".encode())
    if how == "refers":
        write(project, "revert", "b", wrapped("drop table t_b;"))
        write(project, "revert", "c", wrapped("drop table t_c;"))
    loaded = state.load(project)
    assert ("c", "b", "a") == runner.revert(connection, loaded, lock_timeout=5)
    assert [] == faults(admin)
    assert time.monotonic() - began < 45


@pytest.mark.parametrize("mode", ["exclusive", "access exclusive"])
def test_who_locks_the_registry_is_named(
    connection: session.Connection,
    database: str,
    project: Path,
    admin: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    *,
    mode: str,
) -> None:
    """Another session's lock on the registry is waited for, then it is named."""
    monkeypatch.setattr(session, "TABLE_LOCK_TIMEOUT", 0.2)
    session.set_up(connection)
    loaded = state.load(project)
    runner.deploy(connection, loaded, to="b")
    named = make_conninfo(database, application_name="a report")
    with psycopg.connect(named) as other:
        other.execute(f"lock table sqitch.changes in {mode} mode".encode())
        for command in (runner.deploy, runner.revert):
            began = time.monotonic()
            with pytest.raises(errors.LearnplanError) as caught:
                command(connection, loaded, lock_timeout=0.3)
            assert 0.3 < time.monotonic() - began < 30
            assert "registry is locked by another session" in caught.value.message
            fix = caught.value.fix or ""
            assert f"pid {other.info.backend_pid}" in fix
            assert "a report" in fix
    assert [] == faults(admin)
    assert not admin.execute(HELD.encode()).fetchone()


def test_lock_on_the_registry_is_waited_for(
    connection: session.Connection,
    project: Path,
    admin: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lock that goes within the time stops nothing, though each try was shorter."""
    monkeypatch.setattr(session, "TABLE_LOCK_TIMEOUT", 0.05)
    session.set_up(connection)
    loaded = state.load(project)
    runner.deploy(connection, loaded, to="b")
    with admin.transaction():
        admin.execute("lock table sqitch.changes")
        timer = threading.Timer(0.8, admin.execute, ["rollback"])
        timer.start()
        done = runner.deploy(connection, loaded, lock_timeout=10)
        timer.join()
    assert ["c"] == [change.name for change in done]
    assert [] == faults(admin)

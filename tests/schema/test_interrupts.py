"""
Ended in the middle, in every way and mode: the next run goes on from what is there.

A process is killed, interrupted or its session terminated while it deploys, takes back,
reverts or verifies. Then registry and catalog agree, and the next deploy completes.
"""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from fix_race import SLEEPS, deployed, events, faults, start, wait_for, wrapped, write
from learnplan_db.engine import runner, session, state, verification

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import psycopg

    Admin = psycopg.Connection[Any]
    End = Callable[[subprocess.Popen[str], Admin], None]

SLEEP = "select pg_sleep(20);"
PAUSE = "select pg_sleep(1);"


def kill(process: subprocess.Popen[str], _: Admin) -> None:
    """End the process as the system does when memory is short."""
    process.kill()


def interrupt(process: subprocess.Popen[str], _: Admin) -> None:
    """Press Ctrl-C: the signal goes to the whole group."""
    os.killpg(process.pid, signal.SIGINT)


def stop(process: subprocess.Popen[str], _: Admin) -> None:
    """End the process as a container's supervisor does."""
    process.terminate()


def end_session(_: subprocess.Popen[str], admin: Admin) -> None:
    """End the session as a DBA does."""
    admin.execute(
        f"select pg_terminate_backend(pid, 5000) from ({SLEEPS}) as s".encode()
    )


def cancel(_: subprocess.Popen[str], admin: Admin) -> None:
    """Cancel the statement as a DBA does."""
    admin.execute(f"select pg_cancel_backend(pid) from ({SLEEPS}) as s".encode())


ENDS: tuple[End, ...] = (kill, interrupt, stop, end_session, cancel)


def crossed(quick: set[tuple[str, str]], names: Iterable[str]) -> list[Any]:
    """Return each name with each end; all but the quick ones are for the long run."""
    return [
        pytest.param(
            name,
            how,
            id=f"{name}-{how.__name__}",
            marks=() if (name, how.__name__) in quick else pytest.mark.long,
        )
        for name in names
        for how in ENDS
    ]


def end(
    how: End,
    process: subprocess.Popen[str],
    admin: Admin,
) -> tuple[int, str, str]:
    """End a process once its script sleeps; return what it left with and said."""
    try:
        wait_for(admin, SLEEPS)
        how(process, admin)
        out, err = process.communicate(timeout=15)
    finally:
        process.kill()
        process.wait()
    # The server looks once a second whether the client of a statement lives.
    wait_for(admin, f"select 1 where not exists ({SLEEPS})")
    assert "Traceback" not in err
    return process.returncode, out, err


def heal(project: Path, dsn: str, admin: Admin) -> None:
    """Take the sleep out of the scripts; deploy, verify and revert must just work."""
    for path in (project / "sql").rglob("*.sql"):
        text = path.read_text().replace(SLEEP, "").replace("select 1 / 0;", "")
        path.write_text(text)
    loaded = state.load(project)
    with session.connect(dsn) as connection:
        runner.deploy(connection, loaded, lock_timeout=5)
        assert ("abc", []) == (deployed(admin), faults(admin))
        assert () == verification.verify(connection, loaded).failures
        runner.revert(connection, loaded, lock_timeout=5)
        assert ("", []) == (deployed(admin), faults(admin))


def deploy(project: Path, dsn: str) -> None:
    """Deploy the whole project."""
    with session.connect(dsn) as connection:
        runner.deploy(connection, state.load(project))


@pytest.mark.parametrize(
    ("mode", "how"),
    crossed(
        {("all", "interrupt"), ("tag", "cancel"), ("change", "kill")},
        ("all", "tag", "change"),
    ),
)
def test_deploy_is_ended(
    project: Path,
    database: str,
    admin: Admin,
    *,
    mode: str,
    how: End,
) -> None:
    """
    In the last script: what a live process can take back is taken back, as in Sqitch.

    Ctrl-C and a cancelled statement are a failure like any other; who is killed or has
    no session leaves what was committed, whatever the mode.
    """
    write(project, "deploy", "c", wrapped(f"create table t_c (i int);\n{SLEEP}"))
    process = start("ours", project, "deploy", database, "--mode", mode)
    code, _, _ = end(how, process, admin)
    assert 0 != code
    assert [] == faults(admin)
    alive = how in {interrupt, cancel}
    left = {"all": "", "tag": "a", "change": "ab"}[mode] if alive else "ab"
    assert left == deployed(admin)
    assert alive == ("fail c" in events(admin))
    heal(project, database, admin)


@pytest.mark.parametrize(
    ("mode", "how"), crossed({("all", "interrupt"), ("tag", "kill")}, ("all", "tag"))
)
def test_taking_back_is_ended(
    project: Path,
    database: str,
    admin: Admin,
    *,
    mode: str,
    how: End,
) -> None:
    """While a failed deploy is taken back: what is not yet taken back stays whole."""
    write(project, "deploy", "c", wrapped("select 1 / 0;\ncreate table t_c (i int);"))
    last = "b" if mode == "tag" else "a"  # of those that are taken back
    write(project, "revert", last, wrapped(f"drop table t_{last};\n{SLEEP}"))
    process = start("ours", project, "deploy", database, "--mode", mode)
    code, _, _ = end(how, process, admin)
    assert 0 != code
    assert [] == faults(admin)
    assert ("ab" if mode == "tag" else "a") == deployed(admin)
    heal(project, database, admin)


@pytest.mark.parametrize(
    ("to", "how"), crossed({("a", "interrupt"), ("", "end_session")}, ("a", ""))
)
def test_revert_is_ended(
    project: Path,
    database: str,
    admin: Admin,
    *,
    to: str,
    how: End,
) -> None:
    """In the second script: the first stays reverted, the second is not."""
    deploy(project, database)
    write(project, "revert", "b", wrapped(f"drop table t_b;\n{SLEEP}"))
    more = ["--to", to] if to else []
    process = start("ours", project, "revert", database, "-y", *more)
    code, _, _ = end(how, process, admin)
    assert 0 != code
    assert [] == faults(admin)
    assert "ab" == deployed(admin)
    heal(project, database, admin)


@pytest.mark.parametrize(
    ("command", "how"),
    crossed({("verify", "interrupt"), ("deploy", "kill")}, ("verify", "deploy")),
)
def test_verify_is_ended(
    project: Path,
    database: str,
    admin: Admin,
    *,
    command: str,
    how: End,
) -> None:
    """Alone it has changed nothing; in a deploy, its change is taken back or whole."""
    write(project, "verify", "b", f"begin;\nselect i from t_b;\n{SLEEP}\nrollback;")
    more = ["--verify", "--mode", "change"] if command == "deploy" else []
    if command == "verify":
        deploy(project, database)
    process = start("ours", project, command, database, *more)
    code, _, _ = end(how, process, admin)
    assert 0 != code
    assert [] == faults(admin)
    heal(project, database, admin)


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
def test_interrupted_verify_leaves_no_gap(
    project: Path, database: str, admin: Admin, *, again: bool
) -> None:
    """
    Ctrl-C while a change just deployed is verified: it goes before those under it.

    Twice, the second one while it is reverted: it is known to stand, and goes too.
    """
    write(project, "verify", "b", f"begin;\nselect i from t_b;\n{SLEEP}\nrollback;")
    if again:
        write(project, "revert", "b", wrapped(f"drop table t_b;\n{PAUSE}"))
    process = start("ours", project, "deploy", database, "--verify")
    if again:
        wait_for(admin, SLEEPS)
        interrupt(process, admin)
        reverting = "query like '%drop table t_b%' and pid <> pg_backend_pid()"
        wait_for(admin, f"select 1 from pg_stat_activity where {reverting}")
        interrupt(process, admin)
        process.communicate(timeout=15)
        assert ("", True) == (deployed(admin), "revert b" in events(admin))
    else:
        end(interrupt, process, admin)
        assert ("", True) == (deployed(admin), "fail b" in events(admin))
    assert 2 == process.returncode
    assert [] == faults(admin)
    heal(project, database, admin)


@pytest.mark.parametrize("command", ["deploy", "revert"])
def test_interrupted_waiter_changes_nothing(
    project: Path, database: str, admin: Admin, command: str
) -> None:
    """Ctrl-C while Sqitch's lock is asked for ends the command, not the holder."""
    deploy(project, database)
    if command == "deploy":
        with session.connect(database) as connection:
            runner.revert(connection, state.load(project), to="a")
    before = events(admin)
    admin.execute("select pg_advisory_lock(75474063)")
    more = ["-y"] if command == "revert" else []
    process = start("ours", project, command, database, *more)
    try:
        asking = "select 1 from pg_stat_activity where query like '%pg_locks as l%'"
        wait_for(admin, f"{asking} and pid <> pg_backend_pid()")
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=5)
    finally:
        process.kill()
        process.wait()
    assert (130, False) == (process.returncode, "Traceback" in err), err
    assert before == events(admin)
    assert admin.execute("select pg_advisory_unlock(75474063)").fetchone() == (True,)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_ended_at_any_moment(
    project: Path, database: str, admin: Admin, seed: int
) -> None:
    """Ended at random, again and again: at no moment do registry and catalog differ."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice, not a secret
    for name in "abc":
        text = f"select pg_sleep(0.03);\ncreate table t_{name} (i int);"
        write(project, "deploy", name, wrapped(text))
        write(project, "revert", name, wrapped(f"drop table t_{name};"))
        write(project, "verify", name, f"select pg_sleep(0.03), i from t_{name};")
    sessions = (
        "from pg_stat_activity where application_name = 'learnplan-db'"
        " and datname = current_database()"
    )
    for number in range(12):
        command = ("deploy", "revert")[number % 2]
        more = ["-y"] if command == "revert" else ["--verify"]
        process = start("ours", project, command, database, *more)
        query = f"select 1 {sessions}"
        while process.poll() is None and not admin.execute(query.encode()).fetchone():
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.25))
        how = chance.choice(("kill", "interrupt", "interrupt twice", "end"))
        if how == "end":
            admin.execute(f"select pg_terminate_backend(pid, 5000) {sessions}".encode())
        elif process.poll() is None:
            process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGINT)
            time.sleep(chance.uniform(0, 0.02))
            if how == "interrupt twice":
                process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        wait_for(admin, f"select 1 where not exists (select {sessions})")
        assert [] == faults(admin), (number, how, err)
    heal(project, database, admin)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_psql_does_not_outlive_us(
    psql: str, project: Path, database: str, admin: Admin, number: signal.Signals
) -> None:
    """
    With --client, a signal to us alone ends psql before its script can commit.

    Sqitch's psql goes on: its objects are there, and no row says so.
    """
    text = "create table t_c (i int);\nselect pg_sleep(20);"
    write(project, "deploy", "c", wrapped(text))
    more = ["--client", psql, "--mode", "change"]
    process = start("ours", project, "deploy", database, *more)
    wait_for(admin, SLEEPS)
    began = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=15)
    wait_for(admin, f"select 1 where not exists ({SLEEPS})")
    assert time.monotonic() - began < 15
    assert 0 != process.returncode
    assert ("ab", []) == (deployed(admin), faults(admin))

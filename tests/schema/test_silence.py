"""
A network that goes silent: both ends believe that they are connected.

The client asks over a second connection what its session does, and the server ends a
session that is silent; a statement that runs is never disturbed.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fix_lost import LOCKS
from fix_race import SLEEPS, deployed, faults, wait_for, wrapped, write
from learnplan_db import errors
from learnplan_db.engine import runner, session, state, watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fix_lost import Fault, Proxy
    from learnplan_db.engine.progress import Progress

    Admin = psycopg.Connection[Any]


@pytest.fixture
def connection(proxy: Proxy) -> Iterator[session.Connection]:
    """Provide a connection of the engine's, through the proxy."""
    with session.connect(proxy.dsn) as opened:
        yield opened


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look into silence soon."""
    monkeypatch.setattr(watch, "PATIENCE", 0.3)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["silent", "deaf"])
def test_silence_is_a_loss(
    project: Path,
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    *,
    fault: Fault,
) -> None:
    """Each waits for the other: the client ends it, and looks up what is so."""
    proxy.on("create table t_b", fault)
    loaded = state.load(project)
    if fault == "deaf":
        runner.deploy(connection, loaded, lock_timeout=20)
    else:
        # The old session is ended, not waited for: the server would keep it for 30 s.
        with pytest.raises(errors.LostError, match="it waits for us") as caught:
            runner.deploy(connection, loaded, lock_timeout=20)
        assert "nothing of the deploy" in caught.value.message
    left = "abc" if fault == "deaf" else "a"
    assert (left, []) == (deployed(admin), faults(admin))
    assert (0,) == admin.execute(LOCKS.encode()).fetchone()


@pytest.mark.usefixtures("impatient")
def test_session_that_is_gone_is_a_loss(
    connection: session.Connection, proxy: Proxy, admin: Admin
) -> None:
    """The server's farewell, too, can be lost."""
    proxy.on("pg_sleep(60)", "deaf")
    end = threading.Thread(target=_end_sleep, args=[admin])
    end.start()
    with pytest.raises(psycopg.OperationalError, match="knows our session no more"):
        connection.execute("select pg_sleep(60)")
    end.join()
    assert connection.closed


def _end_sleep(admin: Admin) -> None:
    wait_for(admin, SLEEPS)
    admin.execute(f"select pg_terminate_backend(pid) from ({SLEEPS}) as s".encode())


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("held", "statement"),
    [
        ("lock table t", "insert into t values (1)"),
        (
            "insert into t values (2)",
            "do $$ begin while not exists (select from t) loop"
            " perform pg_sleep(0.05); end loop; end $$",
        ),
    ],
    ids=["waits", "works"],
)
def test_statement_that_runs_is_not_disturbed(
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    *,
    held: str,
    statement: str,
) -> None:
    """However often it is looked at, it runs, and so does one that waits for a lock."""
    admin.execute("create table t (i int)")
    connection.execute("set lock_timeout = 0")

    def release() -> None:
        end = time.monotonic() + 20
        while proxy.accepted < 4 and time.monotonic() < end:
            time.sleep(0.02)
        admin.execute("commit")

    with admin.transaction():
        admin.execute(held.encode())
        other = threading.Thread(target=release)
        other.start()
        connection.execute(statement.encode())
        other.join()
    assert 4 <= proxy.accepted
    assert (1,) == admin.execute("select count(*) from t").fetchone()


@pytest.mark.usefixtures("impatient")
def test_index_build_is_not_disturbed(
    project: Path, connection: session.Connection, proxy: Proxy, admin: Admin
) -> None:
    """It waits for every snapshot of others: those who look on leave none."""
    slow = "create function slow(int) returns int immutable language plpgsql as"
    admin.execute(f"{slow} $$ begin perform pg_sleep(0.5); return 1; end $$".encode())
    build = "create index concurrently i on t_a (slow(i));\ncreate table t_b (i int);"
    write(project, "deploy", "a", wrapped("create table t_a as select 1 as i;"))
    write(project, "deploy", "b", build)
    runner.deploy(connection, state.load(project), lock_timeout=20)
    assert ("abc", []) == (deployed(admin), faults(admin))
    assert 2 <= proxy.accepted
    valid = "select indisvalid from pg_index where indexrelid = 'i'::regclass"
    assert (True,) == admin.execute(valid.encode()).fetchone()


@pytest.mark.usefixtures("impatient")
def test_long_script_may_be_on_its_way(
    project: Path, connection: session.Connection, proxy: Proxy
) -> None:
    """That the server waits for us says nothing while a network may still bring it."""
    long = f"/* {'long ' * 200_000} */\ncreate table t_b (i int);"
    write(project, "deploy", "b", wrapped(long))
    proxy.on("create table t_b", "deaf")

    def give_up() -> None:
        end = time.monotonic() + 20
        while proxy.accepted < 4 and time.monotonic() < end:
            time.sleep(0.02)
        proxy.close()

    other = threading.Thread(target=give_up)
    other.start()
    with pytest.raises(errors.LostError, match="is unknown") as caught:
        runner.deploy(connection, state.load(project), lock_timeout=0.2)
    other.join()
    assert "waits for us" not in caught.value.message
    assert 4 <= proxy.accepted


@pytest.mark.usefixtures("impatient")
def test_who_has_asked_nothing_may_wait(
    connection: session.Connection, admin: Admin
) -> None:
    """To listen for notifications is no silence."""
    connection.execute("listen news")
    assert [] == list(connection.notifies(timeout=1.2))
    admin.execute("notify news")
    assert 1 == len(list(connection.notifies(timeout=5, stop_after=1)))


@pytest.mark.usefixtures("impatient")
def test_nobody_can_be_asked(
    connection: session.Connection, proxy: Proxy, admin: Admin
) -> None:
    """Where a second connection cannot be had, the answer is waited for."""
    proxy.refuse()
    connection.execute("select pg_sleep(1)")
    assert connection.execute("select 1").fetchone() == (1,)


def test_lock_of_a_vanished_deploy_ends(
    project: Path,
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server ends the session of a deploy that is silent; the next one goes on."""
    monkeypatch.setattr("learnplan_db.engine.work.IDLE", "1s")
    loaded = state.load(project)
    found: list[BaseException] = []

    def vanish() -> None:
        try:
            runner.deploy(connection, loaded, lock_timeout=0)
        except errors.LostError as error:
            found.append(error)

    proxy.on("create table t_b", "deaf")
    first = threading.Thread(target=vanish)
    first.start()
    assert proxy.struck.wait(20)
    with session.connect(admin.info.dsn) as second:
        done = runner.deploy(second, loaded, lock_timeout=20)
    assert ["c"] == [change.name for change in done]
    assert ("abc", []) == (deployed(admin), faults(admin))
    proxy.close()
    first.join()
    assert ["is unknown" in str(error) for error in found] == [True]


def test_deploy_that_was_asleep_goes_on(
    project: Path, database: str, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads its output page by page may be slow: the session is had again."""
    monkeypatch.setattr("learnplan_db.engine.work.IDLE", "200ms")
    ours = (
        "select 1 from pg_stat_activity where application_name = 'learnplan-db'"
        " and datname = current_database()"
    )

    def slow(step: Progress) -> None:
        if ("b", "start") == (step.label, step.state):
            wait_for(admin, f"select 1 where not exists ({ours})")

    with session.connect(database) as connection:
        runner.deploy(connection, state.load(project), tell=slow)
    assert ("abc", []) == (deployed(admin), faults(admin))


def test_nothing_of_it_goes_back(project: Path, networked: str) -> None:
    """What makes the server impatient with us is there, and ends with the deploy."""
    query = (
        "select name, setting from pg_settings where name like 'tcp\\_%'"
        " or name like 'idle\\_%' order by name"
    )
    seen = f"create table t_b (i int);\ncreate table seen as {query};"
    write(project, "deploy", "b", wrapped(seen))
    with psycopg.connect(networked, autocommit=True) as given:
        before = given.execute(query.encode()).fetchall()
        runner.deploy(given, state.load(project))
        assert before == given.execute(query.encode()).fetchall()
        inside = given.execute("select * from seen order by name").fetchall()
    assert [
        ("idle_in_transaction_session_timeout", "30000"),
        *(("idle_session_timeout", "30000"), ("tcp_keepalives_count", "4")),
        *(("tcp_keepalives_idle", "10"), ("tcp_keepalives_interval", "5")),
        ("tcp_user_timeout", "30000"),
    ] == [one for one in inside if "replication" not in one[0]]


@pytest.mark.parametrize(
    ("script", "idle"),
    [
        ("select 1;", "30s"),
        ("\\set x `echo 1`\nselect :x;", "0"),
        (f"/* {'long ' * 200_000} */", "0"),
    ],
    ids=["plain", "program", "long"],
)
def test_program_of_a_script_has_time(
    project: Path, connection: session.Connection, admin: Admin, script: str, idle: str
) -> None:
    """While a script runs a program, or arrives, the server waits; not after it."""
    seen = "select current_setting('idle_in_transaction_session_timeout') as value"
    for name, text in (("b", script), ("c", "")):
        more = f"{text}\ncreate table t_{name} (i int);\n"
        write(
            project,
            "deploy",
            name,
            wrapped(f"{more}create table seen_{name} as {seen};"),
        )
    runner.deploy(connection, state.load(project))
    assert (idle,) == admin.execute("select value from seen_b").fetchone()
    assert ("30s",) == admin.execute("select value from seen_c").fetchone()


def test_change_is_still_one_message(
    project: Path, connection: session.Connection, tmp_path: Path
) -> None:
    """All that watches over a deploy costs no round trip per change."""
    loaded, counts = state.load(project), []
    for first, last in (("a", "b"), ("a", "c")):
        runner.deploy(connection, loaded, to=first)
        with (tmp_path / "trace").open("w+") as trace:
            connection.pgconn.trace(trace.fileno())
            runner.deploy(connection, loaded, to=last)
            connection.pgconn.untrace()
            trace.seek(0)
            counts.append(sum("\tF\t" in line for line in trace))
        runner.revert(connection, loaded, to=first)
    assert 1 == counts[1] - counts[0]


def test_conninfo_has_its_own_say(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the target says of timeouts holds; only what it does not say is ours."""
    with session.connect(proxy.dsn) as plain:
        known = conninfo_to_dict(plain.info.dsn)
    assert "10" == known["keepalives_idle"]
    assert "30" == known["connect_timeout"]
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "7")
    given = make_conninfo(proxy.dsn, keepalives_idle=99)
    with session.connect(given) as theirs:
        known = conninfo_to_dict(theirs.info.dsn)
    assert ("99", "7") == (known["keepalives_idle"], known.get("connect_timeout"))

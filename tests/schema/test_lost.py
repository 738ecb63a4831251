"""
The connection is lost in the middle: what became of the change is looked up.

A proxy on TCP ends it before the server has the message, after the server has done
what it says, or goes silent. Nothing is guessed, and nothing is done twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from psycopg.conninfo import make_conninfo

from fix_lost import LOCKS, words
from fix_race import deployed, events, faults, wrapped, write
from learnplan_db import errors
from learnplan_db.engine import lost, recovery, runner, session, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import psycopg

    from fix_lost import Fault, Proxy
    from learnplan_db.engine.progress import Progress

    Admin = psycopg.Connection[Any]

# The signal comes in the last that a transaction does before it commits.
ENDED_IN_COMMIT = """create function pg_temp.ended() returns trigger language plpgsql as
  $$ begin return nullif(pg_terminate_backend({pid}), true); end $$;
create constraint trigger ended after insert on t_b deferrable initially deferred
  for each row execute function pg_temp.ended();
insert into t_b values (1);"""


@pytest.fixture
def connection(proxy: Proxy) -> Iterator[session.Connection]:
    """Provide a connection of the engine's, through the proxy."""
    with session.connect(proxy.dsn) as opened:
        yield opened


@pytest.fixture
def told() -> list[Progress]:
    """Provide a list for what is told."""
    return []


def test_commit_whose_answer_is_lost_goes_on(
    project: Path,
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    told: list[Progress],
) -> None:
    """Each change is there once, each step is ok, and no session or lock stays."""
    proxy.on("create table t_a", "after")
    proxy.on("create table t_c", "after")
    done = runner.deploy(connection, state.load(project), tell=told.append)
    assert ["a", "b", "c"] == [change.name for change in done]
    assert ("abc", []) == (deployed(admin), faults(admin))
    assert ["deploy a", "deploy b", "deploy c"] == events(admin)
    assert 2 == words(told).count("during COMMIT; looked up: committed")
    states = [step.state for step in told if step.action == "deploy"]
    assert ["start", "ok"] * 3 == states
    assert connection.closed  # the caller's, to whom it is left
    assert (0,) == admin.execute(LOCKS.encode()).fetchone()
    assert 3 == proxy.accepted


def test_message_that_never_arrives_stops(
    project: Path,
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    told: list[Progress],
) -> None:
    """Nothing of it was applied, which is said; mode all reverts nothing then."""
    proxy.on("create table t_b", "before")
    with pytest.raises(errors.LostError) as caught:
        runner.deploy(connection, state.load(project), tell=told.append)
    assert 'nothing of the deploy of change "b" was applied' in caught.value.message
    assert ("run deploy again", 2) == (caught.value.fix, caught.value.exit_code)
    assert "sql/deploy/b.sql:" in (caught.value.where or "")
    assert "nothing is reverted, since the connection was lost; deployed: a" in words(
        told
    )
    assert ("a", []) == (deployed(admin), faults(admin))
    assert (0,) == admin.execute(LOCKS.encode()).fetchone()
    with session.connect(proxy.dsn) as fresh:
        runner.deploy(fresh, state.load(project))
    assert ("abc", []) == (deployed(admin), faults(admin))


@pytest.mark.parametrize(("fault", "left"), [("after", ""), ("before", "ab")])
def test_revert(
    project: Path,
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    *,
    fault: Fault,
    left: str,
) -> None:
    """The same: gone is gone, and the rest follows; else it is said and all stays."""
    loaded = state.load(project)
    runner.deploy(connection, loaded)
    proxy.on("drop table t_b", fault)
    if fault == "after":
        assert ("c", "b", "a") == runner.revert(connection, loaded)
    else:
        with pytest.raises(errors.LostError, match="nothing of the revert") as caught:
            runner.revert(connection, loaded)
        assert "run revert again" == caught.value.fix
    assert (left, []) == (deployed(admin), faults(admin))


def test_take_back_goes_on(
    project: Path, connection: session.Connection, proxy: Proxy, admin: Admin
) -> None:
    """A failed change is no loss: what it takes back is looked up like any other."""
    write(project, "deploy", "c", wrapped("select 1 / 0;"))
    proxy.on("drop table t_b", "after")
    with pytest.raises(errors.ScriptError, match="division by zero"):
        runner.deploy(connection, state.load(project))
    assert ("", []) == (deployed(admin), faults(admin))


@pytest.mark.parametrize("word", ["create table sqitch.", "insert into ", '"tags"'])
@pytest.mark.parametrize("fault", ["before", "after"])
def test_statement_of_the_registry(
    project: Path,
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    *,
    word: str,
    fault: Fault,
) -> None:
    """What makes the registry, or writes tags, is looked at again and goes on."""
    loaded = state.load(project)
    if word == '"tags"':
        runner.deploy(connection, loaded, to="a")
        admin.execute("delete from sqitch.tags")
        word = 'insert into "sqitch".tags'
    elif word == "create table sqitch.":
        word = "create schema"
    else:
        word = 'insert into "sqitch".projects'
    proxy.on(word, fault)
    runner.deploy(connection, loaded)
    assert ("abc", [], 0) == (deployed(admin), faults(admin), len(proxy.faults))


def test_fail_event_is_lost(
    project: Path, connection: session.Connection, proxy: Proxy, admin: Admin
) -> None:
    """The script's own error is told, not that its event could not be written."""
    write(project, "deploy", "b", wrapped("select 1 / 0;"))
    proxy.on("values ('fail'", "before")
    with pytest.raises(errors.ScriptError, match="division by zero"):
        runner.deploy(connection, state.load(project))
    assert [] == proxy.faults
    assert ("a", []) == (deployed(admin), faults(admin))
    assert "fail b" not in events(admin)


@pytest.mark.parametrize("fault", ["before", "after"])
def test_rows_of_a_script_without_transaction(
    project: Path,
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    *,
    fault: Fault,
) -> None:
    """The script has run to its end, so its rows are written after all, once."""
    write(project, "deploy", "b", "create table t_b (i int);\nselect 1;")
    loaded = state.load(project)
    runner.deploy(connection, loaded, to="a")
    proxy.on('insert into "sqitch".changes', fault)
    runner.deploy(connection, loaded)
    assert ("abc", []) == (deployed(admin), faults(admin))


def test_script_without_transaction(
    project: Path, connection: session.Connection, proxy: Proxy, admin: Admin
) -> None:
    """What it did before stays, which is said; it is not recorded."""
    write(project, "deploy", "b", "create table t_b (i int);\nselect 'here';")
    proxy.on("'here'", "before")
    with pytest.raises(errors.LostError, match="not one transaction") as caught:
        runner.deploy(connection, state.load(project))
    assert 'change "b" is not deployed' in caught.value.message
    assert "a" == deployed(admin)


def test_verify_is_lost(
    project: Path,
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    told: list[Progress],
) -> None:
    """The change is deployed and not verified, which is said; nothing is reverted."""
    proxy.on("select i from t_b", "before")
    with pytest.raises(errors.LostError) as caught:
        runner.deploy(connection, state.load(project), verify=True, tell=told.append)
    assert 'change "b" is deployed and not verified' in caught.value.message
    assert "run verify, then deploy again to go on" == caught.value.fix
    assert ("ab", []) == (deployed(admin), faults(admin))


@pytest.mark.parametrize("fault", ["before", "after"])
def test_server_that_is_gone(
    project: Path,
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    *,
    fault: Fault,
) -> None:
    """Nothing is guessed: the outcome is unknown, and the next deploy finds out."""
    proxy.on("create table t_b", fault)
    proxy.refuse()
    with pytest.raises(errors.LostError) as caught:
        runner.deploy(connection, state.load(project), lock_timeout=0.5)
    assert 'whether change "b" is deployed is unknown' in caught.value.message
    assert "connection refused" in caught.value.message.lower()
    assert "it looks, and goes on" in (caught.value.fix or "")
    assert [] == faults(admin)
    with session.connect(admin.info.dsn) as fresh:
        runner.deploy(fresh, state.load(project))
    assert ("abc", []) == (deployed(admin), faults(admin))


@pytest.mark.parametrize("committed", [True, False])
def test_administrator_is_heeded(
    project: Path,
    connection: session.Connection,
    admin: Admin,
    *,
    committed: bool,
) -> None:
    """Who ends the session wants an end: it is looked up and told, and nothing more."""
    text = ENDED_IN_COMMIT if committed else "select pg_terminate_backend({pid});"
    text = text.replace("{pid}", "pg_backend_pid()")
    write(project, "deploy", "b", wrapped(f"create table t_b (i int);\n{text}"))
    with pytest.raises(errors.LostError, match="SQLSTATE 57P01") as caught:
        runner.deploy(connection, state.load(project))
    said = 'change "b" is deployed' if committed else "nothing of the deploy"
    assert said in caught.value.message
    assert ("ab" if committed else "a", []) == (deployed(admin), faults(admin))


def test_somebody_else_was_faster(
    project: Path,
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who takes the lock before we are back may change things: then we stop."""
    loaded, way = state.load(project), lost.again

    def later(conninfo: str, seconds: float) -> session.Connection:
        proxy.struck.wait(5)
        with session.connect(admin.info.dsn) as other:
            runner.deploy(other, loaded, to="c")
        return way(conninfo, seconds)

    monkeypatch.setattr("learnplan_db.engine.tenure.again", later)
    proxy.on("create table t_b", "after")
    with pytest.raises(errors.LostError, match="somebody else changed") as caught:
        runner.deploy(connection, loaded)
    assert 'change "b" is deployed' in caught.value.message
    assert ("abc", []) == (deployed(admin), faults(admin))


def test_loss_after_loss_ends(
    project: Path,
    connection: session.Connection,
    proxy: Proxy,
    admin: Admin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A network that loses every answer is not tried for ever."""
    monkeypatch.setattr(recovery, "MOST", 1)
    for name in "abc":
        proxy.on(f"create table t_{name}", "after")
    with pytest.raises(errors.LostError) as caught:
        runner.deploy(connection, state.load(project))
    assert 'change "b" is deployed' in caught.value.message
    assert ("ab", []) == (deployed(admin), faults(admin))


def test_password_is_kept_and_never_shown(
    project: Path,
    networked: str,
    make_proxy: Callable[[str], Proxy],
    told: list[Progress],
) -> None:
    """The server demands it when we come again; nobody gets to see it."""
    proxy = make_proxy(networked)
    with (
        session.connect(proxy.dsn) as connection,
        session.connect(networked) as admin,
    ):
        with pytest.raises(errors.ConnectError, match="authentication failed"):
            session.connect(make_conninfo(proxy.dsn, password="hush"))  # noqa: S106
        proxy.on("create table t_b", "after")
        proxy.on("create table t_c", "before")
        with pytest.raises(errors.LostError) as caught:
            runner.deploy(connection, state.load(project), tell=told.append)
        assert ("ab", []) == (deployed(admin), faults(admin))
        assert "hush" not in f"{caught.value} {words(told)}"


def test_rebase_goes_on_after_a_loss(
    project: Path, proxy: Proxy, admin: Admin, make_proxy: Callable[[str], Proxy]
) -> None:
    """The deploy after a revert that lost its connection has one of its own."""
    from fix_race import run  # noqa: PLC0415

    with session.connect(proxy.dsn) as connection:
        runner.deploy(connection, state.load(project))
    proxy.on("drop table t_b", "after")
    done = run("ours", project, "rebase", proxy.dsn, "-y", "--onto", "a")
    assert 0 == done.returncode, done
    assert "looked up: committed" in done.stderr
    assert ("abc", []) == (deployed(admin), faults(admin))

"""The library for asyncio: the loop goes on, and a cancelled call leaves nothing half."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

import learnplan_db
from fix_race import wrapped, write
from learnplan_db import AheadWarning, BehindError, aio
from learnplan_db.errors import ApiError, RegistryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from learnplan_db import Event

AsyncConnection = psycopg.AsyncConnection[Any]
SLEEPS = "select pg_sleep(600);"
RUNS = "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid() and state = 'active'"
THERE = """select array(select relname::text from pg_class
    where relname like 't\\__' order by 1),
  array(select change::text from sqitch.changes order by committed_at),
  (select count(*) from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())),
  (select count(*) from pg_stat_activity where datname = current_database()
    and pid <> pg_backend_pid() and application_name like 'learnplan-db%')"""


@pytest.fixture
async def connection(database: str) -> AsyncIterator[AsyncConnection]:
    """Provide an asynchronous connection, which is not in autocommit."""
    async with await psycopg.AsyncConnection.connect(database) as opened:
        yield opened


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so; a minute at most."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the server has no event for us
            await asyncio.sleep(0.02)


def nothing_is_left(admin: psycopg.Connection[Any]) -> bool:
    """Tell whether no table, row, lock and session of a deploy is there any more."""
    tables, rows, *others = admin.execute(THERE).fetchone() or ()
    assert ([], []) == (tables, rows)
    return others == [0, 0]


def test_module_has_the_calls_of_the_library() -> None:
    """The same names with the same arguments, each to be awaited."""
    for name in aio.__all__:
        ours, theirs = getattr(aio, name), getattr(learnplan_db, name)
        assert inspect.signature(theirs).parameters.keys() == (
            inspect.signature(ours).parameters.keys()
        )
        assert inspect.iscoroutinefunction(ours) == (name != "acting_as")


async def test_calls_work_over_an_async_connection(
    connection: AsyncConnection, project: Path
) -> None:
    """In its own session, which is as it was; and in the order of the result."""
    connection.row_factory = dict_row
    await connection.execute("set search_path = pg_catalog, public")
    await connection.commit()
    heard: list[Event] = []
    loop_thread = []

    def hear(event: Event) -> None:
        """Note what happens."""
        loop_thread.append(asyncio.get_running_loop())
        heard.append(event)

    done = await aio.deploy(connection, project=project, progress=hear)
    assert ["a", "b", "c"] == [one.name for one in done.changes]
    kinds = [(one.change, one.state) for one in heard if one.kind == "deploy"]
    assert ("c", "ok") == kinds[-1]
    assert {asyncio.get_running_loop()} == set(loop_thread)
    assert "c" == (await aio.require("c", connection, project=project)).deployed
    assert (await aio.status(connection, project=project)).up_to_date
    assert (await aio.verify(connection, project=project)).ok
    cursor = await connection.execute("show search_path")
    assert {"search_path": "pg_catalog, public"} == await cursor.fetchone()
    await connection.rollback()
    assert None is (await aio.revert(connection, to=None, project=project)).after


async def test_calls_work_over_a_pool_and_an_address(
    database: str, project: Path
) -> None:
    """A pool of one is whole after each call."""
    async with AsyncConnectionPool(
        database, min_size=0, max_size=1, open=False
    ) as pool:
        assert "b" == (await aio.deploy(pool, to="b", project=project)).after
        with pytest.raises(BehindError, match="is at b"):
            await aio.require("c", pool, project=project)
        async with pool.connection(timeout=5) as lent:
            assert lent.info.transaction_status.name == "IDLE"
    assert "c" == (await aio.deploy(database, project=project)).after
    with pytest.warns(AheadWarning) as caught:
        await aio.require("b", database, project=project)
    assert __file__ == caught[0].filename


async def test_transaction_of_an_async_connection_is_refused(
    connection: AsyncConnection, project: Path
) -> None:
    """As with the other kind; asking is allowed."""
    await connection.execute("select")
    with pytest.raises(ApiError, match="INTRANS"):
        await aio.deploy(connection, project=project)
    assert 3 == len((await aio.status(connection, project=project)).pending)


async def test_loop_goes_on_while_a_deploy_waits_for_a_lock(
    database: str, project: Path
) -> None:
    """The one who holds it lets go from within the same loop."""
    first = await psycopg.AsyncConnection.connect(database, autocommit=True)
    async with first as holder:
        await holder.execute("select pg_advisory_lock(75474063)")
        heard: list[str] = []
        task = asyncio.create_task(
            aio.deploy(
                database, project=project, progress=lambda e: heard.append(e.kind)
            )
        )
        await until(lambda: "blocked" in heard)
        assert not task.done()
        await holder.execute("select pg_advisory_unlock(75474063)")
        assert "c" == (await task).after


async def test_deploy_without_a_lock_gives_up(database: str, project: Path) -> None:
    """Its time is over, and the error names who has it."""
    first = await psycopg.AsyncConnection.connect(database, autocommit=True)
    async with first as holder:
        await holder.execute("select pg_advisory_lock(75474063)")
        with pytest.raises(RegistryError, match="another deploy is running"):
            await aio.deploy(database, project=project, lock_timeout=0.1)


@pytest.mark.parametrize("kind", ["address", "connection"])
async def test_cancelled_deploy_ends_and_leaves_nothing_half(
    database: str, admin: psycopg.Connection[Any], project: Path, kind: str
) -> None:
    """What it did is taken back, no lock and no session stays, the server is idle."""
    write(project, "deploy", "c", wrapped(SLEEPS))
    async with await psycopg.AsyncConnection.connect(database) as connection:
        source: Any = database if kind == "address" else connection
        task = asyncio.create_task(aio.deploy(source, project=project))
        await until(lambda: admin.execute(RUNS).fetchone() == (1,))
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert "interrupted" in str(caught.value.__cause__)
        assert (0,) == admin.execute(RUNS).fetchone()
        await until(lambda: nothing_is_left(admin))
        assert "IDLE" == connection.info.transaction_status.name
        write(project, "deploy", "c", wrapped("create table t_c ();"))
        assert "c" == (await aio.deploy(source, project=project)).after


async def test_cancelled_twice_still_takes_back(
    database: str, admin: psycopg.Connection[Any], project: Path
) -> None:
    """A second cancel does not end what puts things right."""
    write(project, "deploy", "c", wrapped(SLEEPS))
    write(project, "revert", "b", wrapped("select pg_sleep(0.3);\ndrop table t_b;"))
    heard: list[str] = []
    task = asyncio.create_task(
        aio.deploy(database, project=project, progress=lambda e: heard.append(e.kind))
    )
    await until(lambda: admin.execute(RUNS).fetchone() == (1,))
    task.cancel()
    await until(lambda: "taking-back" in heard)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: nothing_is_left(admin))


async def test_cancelled_while_waiting_for_the_lock(
    database: str, admin: psycopg.Connection[Any], project: Path
) -> None:
    """It stops to ask; nothing was begun."""
    admin.execute("select pg_advisory_lock(75474063)")
    heard: list[str] = []
    task = asyncio.create_task(
        aio.deploy(database, project=project, progress=lambda e: heard.append(e.kind))
    )
    await until(lambda: "blocked" in heard)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    admin.execute("select pg_advisory_unlock(75474063)")
    row = admin.execute("select to_regnamespace('sqitch')").fetchone()
    assert (None,) == row


async def test_cancelled_while_connecting(project: Path) -> None:
    """To something that says nothing, it is given up at once, not when libpq would."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"postgresql://a@127.0.0.1:{silent.getsockname()[1]}/x"
        task = asyncio.create_task(aio.status(where, project=project))
        heard, _ = await asyncio.to_thread(silent.accept)
        with heard:
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=15)
        assert done == {task}
        assert task.cancelled()


async def test_calls_that_wait_leave_threads_to_others(
    database: str, admin: psycopg.Connection[Any], project: Path
) -> None:
    """As many as asyncio has threads, and more: another call is still answered."""
    admin.execute("select pg_advisory_lock(75474063)")
    waiting: set[int] = set()

    def hear(number: int) -> Callable[[Event], object]:
        """Note what happens."""
        return lambda event: event.kind == "blocked" and waiting.add(number)

    count = min(32, (os.cpu_count() or 1) + 4) + 1
    tasks = [
        asyncio.create_task(aio.deploy(database, project=project, progress=hear(n)))
        for n in range(count)
    ]
    await until(lambda: count == len(waiting))
    assert 3 == len((await aio.status(database, project=project)).pending)
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert {asyncio.CancelledError} == {type(end) for end in ends}


async def test_listener_to_be_awaited_is_refused(database: str, project: Path) -> None:
    """Nobody would await it; nothing is deployed."""

    async def listen(_: Event) -> None:
        """Never be called."""

    with pytest.raises(ApiError, match="progress="):
        await aio.deploy(database, project=project, progress=listen)
    with pytest.raises(ApiError, match="progress="):
        learnplan_db.deploy(database, project=project, progress=listen)
    assert 3 == len((await aio.status(database, project=project)).pending)


async def test_timeout_is_a_cancellation(
    database: str, admin: psycopg.Connection[Any], project: Path
) -> None:
    """asyncio.timeout raises its own error, once the deploy has ended."""
    write(project, "deploy", "a", wrapped(SLEEPS))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await aio.deploy(database, project=project)
    assert (0,) == admin.execute(RUNS).fetchone()
    with suppress(psycopg.errors.UndefinedTable):  # if it never came so far
        await until(lambda: nothing_is_left(admin))


async def test_other_tasks_wait_for_the_connection(
    connection: AsyncConnection, project: Path
) -> None:
    """A query of another task on the same connection comes after the deploy."""
    begun = asyncio.Event()
    write(
        project, "deploy", "a", wrapped("select pg_sleep(0.2);\ncreate table t_a ();")
    )

    async def ask() -> Any:
        """Use the connection meanwhile."""
        await begun.wait()
        cursor = await connection.execute("select to_regclass('t_c')::text")
        return await cursor.fetchone()

    other = asyncio.create_task(ask())
    await aio.deploy(connection, project=project, progress=lambda _: begun.set())
    assert ("t_c",) == await other


async def test_notification_finds_its_handler_in_the_loop(
    connection: AsyncConnection, project: Path
) -> None:
    """One that arrives while the thread asks is not lost."""
    heard: list[tuple[str, asyncio.AbstractEventLoop]] = []
    connection.add_notify_handler(
        lambda one: heard.append((one.payload, asyncio.get_running_loop()))
    )
    await connection.execute("listen news")
    await connection.commit()
    await connection.execute("notify news, 'mine'")
    async with await psycopg.AsyncConnection.connect(connection.info.dsn) as other:
        await other.execute("notify news, 'theirs'")
    await aio.status(connection, project=project)
    await connection.commit()
    assert {"mine", "theirs"} == {payload for payload, _ in heard}
    assert {asyncio.get_running_loop()} == {loop for _, loop in heard}


async def test_async_connection_can_prove(admin_dsn: str) -> None:
    """The proof is the same object as without asyncio."""
    async with await psycopg.AsyncConnection.connect(admin_dsn) as opened:
        proof = await aio.prove(opened, tables=["resources"])
    assert (True, {"resources"}) == (proof.ok, {r.cell.table for r in proof.results})

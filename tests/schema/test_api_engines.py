"""The library over engines of SQLAlchemy: their pool lends, and gets back the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

import learnplan_db
from fix_alchemy import async_engine
from fix_race import wrapped, write
from learnplan_db import LearnplanError, aio
from learnplan_db.errors import ApiError, ConnectError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

SESSION = """select pg_backend_pid(), current_setting('search_path'),
  current_setting('lock_timeout'), current_setting('row_security')"""


def test_engine_lends_its_connection_and_gets_it_back(
    database: str, project: Path, make_engine: Callable[..., Engine]
) -> None:
    """All calls run in the one session of the pool, which is as it was."""
    engine = make_engine(
        database, connect_args={"options": "-c search_path=public,pg_catalog"}
    )
    with engine.connect() as connection:
        before = connection.execute(text(SESSION)).one()
    assert "c" == learnplan_db.deploy(engine, project=project).after
    assert "c" == learnplan_db.require("c", engine, project=project).deployed
    assert learnplan_db.status(engine, project=project).up_to_date
    assert learnplan_db.verify(engine, project=project).ok
    assert None is learnplan_db.revert(engine, to=None, project=project).after
    with engine.connect() as connection:
        assert before == connection.execute(text(SESSION)).one()


async def test_async_engine_lends_its_connection_and_gets_it_back(
    database: str, project: Path
) -> None:
    """As without asyncio."""
    async with async_engine(database) as engine:
        async with engine.connect() as connection:
            before = (await connection.execute(text(SESSION))).one()
        assert "c" == (await aio.deploy(engine, project=project)).after
        assert "c" == (await aio.require("c", engine, project=project)).deployed
        assert (await aio.verify(engine, project=project)).ok
        async with engine.connect() as connection:
            assert before == (await connection.execute(text(SESSION))).one()


def test_connection_that_is_lost_leaves_the_pool(
    database: str, project: Path, make_engine: Callable[..., Engine]
) -> None:
    """The engine connects anew, and the next deploy goes on."""
    write(
        project,
        "deploy",
        "b",
        wrapped("select pg_terminate_backend(pg_backend_pid());"),
    )
    engine = make_engine(database)
    with pytest.raises(LearnplanError, match="terminat"):
        learnplan_db.deploy(engine, project=project, mode="change")
    write(project, "deploy", "b", wrapped("create table t_b ();"))
    assert "c" == learnplan_db.deploy(engine, project=project).after


async def test_what_is_no_engine_of_psycopg_is_refused(
    database: str, project: Path, make_engine: Callable[..., Engine]
) -> None:
    """Each is told what to hand in; the positive is above."""
    given: list[tuple[Any, str]] = [
        (create_engine("sqlite://"), r"the engine's driver is sqlite\+pysqlite"),
        (Session(make_engine(database)), "hand in its engine"),
        (make_engine(database).connect(), "hand in its engine"),
    ]
    for source, message in given:
        with pytest.raises(ApiError) as caught:
            learnplan_db.deploy(source, project=project)
        caught.match(message)
        source.close() if hasattr(source, "close") else source.dispose()
    async with async_engine(database) as engine:
        given = [
            (engine, "learnplan_db.aio"),
            (AsyncSession(engine), "learnplan_db.aio"),
        ]
        for source, message in given:
            with pytest.raises(ApiError, match="is not what") as caught:
                learnplan_db.deploy(source, project=project)
            assert message in str(caught.value)
        source = make_engine(database)
        with pytest.raises(ApiError, match="is not what"):
            await aio.deploy(source, project=project)  # type: ignore[arg-type]


@pytest.mark.gate
@pytest.mark.parametrize("driver", ["psycopg2", "asyncpg"])
async def test_other_drivers_are_told_what_runs_scripts(
    database: str, project: Path, make_engine: Callable[..., Engine], driver: str
) -> None:
    """acting_as works with them, scripts do not."""
    message = f"driver is postgresql.{driver}"
    if driver == "psycopg2":
        with pytest.raises(ApiError, match=message):
            learnplan_db.deploy(make_engine(database, driver), project=project)
    else:
        async with async_engine(database, driver) as engine:
            with pytest.raises(ApiError, match=message):
                await aio.deploy(engine, project=project)


def test_engine_without_a_server_is_told_without_the_password(project: Path) -> None:
    """In our words, with the address."""
    where = URL.create("postgresql+psycopg", "ann", "geheim", "127.0.0.1", 1, "app")
    engine = create_engine(where)
    with pytest.raises(ConnectError, match="no connection") as caught:
        learnplan_db.deploy(engine, project=project)
    assert "127.0.0.1" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_password_among_the_options_of_a_url_is_not_shown(project: Path) -> None:
    """Where a driver takes it too; host and port still are."""
    options = "host=127.0.0.1&port=1&user=ann&password=geheim"
    engine = create_engine(f"postgresql+psycopg:///app?{options}")
    with pytest.raises(ConnectError, match="port=1") as caught:
        learnplan_db.status(engine, project=project)
    assert "geheim" not in str(caught.value)


def test_engine_without_a_free_connection_is_told(
    database: str, project: Path, make_engine: Callable[..., Engine]
) -> None:
    """Once the time of its pool is over."""
    engine = make_engine(database, pool_timeout=0.1)
    with (
        engine.connect(),
        pytest.raises(ConnectError, match="QueuePool limit"),
    ):
        learnplan_db.status(engine, project=project)


def test_failed_script_is_told_as_it_is(
    database: str, project: Path, make_engine: Callable[..., Engine]
) -> None:
    """Not as an error of SQLAlchemy's, and the pool is whole."""
    write(project, "deploy", "c", wrapped("select 1 / 0;"))
    engine = make_engine(database)
    with pytest.raises(learnplan_db.LearnplanError, match="division by zero"):
        learnplan_db.deploy(engine, project=project)
    assert 3 == len(learnplan_db.status(engine, project=project).pending)

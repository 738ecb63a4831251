"""
Engines of SQLAlchemy lend psycopg's connections to whatever runs scripts.

Imported when somebody hands in an engine. May import errors; never prints.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, TimeoutError  # noqa: A004 - the pool's

from learnplan_db.errors import ApiError, ConnectError
from learnplan_db.ext.async_kinds import AsyncConnection, AsyncEngine, AsyncSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_SHOWN = {"host", "port", "user", "dbname", "service"}  # of the options in a URL


@contextmanager
def driver_connection(engine: object) -> Iterator[psycopg.Connection[Any]]:
    """
    Lend psycopg's connection from the pool of an engine.

    Raises: ApiError: it is no Engine, or of another driver. ConnectError.
    """
    if not isinstance(engine, Engine):
        fix = "hand in its engine"
        if isinstance(engine, (AsyncEngine, AsyncConnection, AsyncSession)):
            fix = "call it from learnplan_db.aio, with the engine"
        raise ApiError.not_usable(engine, "an Engine", fix)
    with _reached(engine), engine.connect() as connection:
        given = connection.connection.driver_connection
        if not isinstance(given, psycopg.Connection):
            raise _other_driver(engine)
        try:
            yield given
        finally:
            if given.closed:
                connection.invalidate()


@asynccontextmanager
async def async_driver_connection(
    engine: object,
) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """
    Lend psycopg's connection from the pool of an async engine.

    Raises: ApiError: it is no AsyncEngine, or of another driver. ConnectError.
    """
    if not isinstance(engine, AsyncEngine):
        fix = "hand in its engine, or call it from learnplan_db itself"
        raise ApiError.not_usable(engine, "an AsyncEngine", fix)
    with _reached(engine.sync_engine):
        async with engine.connect() as connection:
            given = (await connection.get_raw_connection()).driver_connection
            if not isinstance(given, psycopg.AsyncConnection):
                raise _other_driver(engine.sync_engine)
            try:
                yield given
            finally:
                if given.closed:
                    await connection.invalidate()


def _other_driver(engine: Engine) -> ApiError:
    driver = f"{engine.dialect.name}+{engine.dialect.driver}"
    return ApiError.other_driver(driver, "this", "postgresql+psycopg://")


@contextmanager
def _reached(engine: Engine) -> Iterator[None]:
    """Tell in our words that there is no connection."""
    try:
        yield
    except (DBAPIError, TimeoutError) as error:
        # A driver takes options there, and a password is one of them.
        query = {k: v for k, v in engine.url.query.items() if k in _SHOWN}
        where = engine.url.set(query=query).render_as_string(hide_password=True)
        reason = str(error.orig if isinstance(error, DBAPIError) else error)
        raise ConnectError.refused(where, reason) from error

"""
What a caller hands in, and the connection and the project that come of it.

Nothing here reads our settings of the environment: what is meant is said in the call,
or in the sqitch.conf of the project. (libpq fills in what an address leaves out, as it
does for psycopg.connect: PGHOST, PGPASSWORD, .pgpass.)
May import lower floors; never prints.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import psycopg

from learnplan_db.api.lending import Handed, kept, lent, undisturbed
from learnplan_db.engine import session, state
from learnplan_db.errors import ApiError, ConfigError, ConnectError
from learnplan_db.model import Planner
from learnplan_db.settings import config, targets
from learnplan_db.settings.configuration import FILE, Configuration
from learnplan_db.settings.identity import committer as account

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from learnplan_db.engine.state import Project

    Connection = psycopg.Connection[Any]

TAKES = "a psycopg.Connection, a ConnectionPool, an SQLAlchemy Engine, or an address"
_COMMITTER = re.compile(r"(?P<name>[^<>\n]+?)\s*<(?P<email>[^<>\n]+)>")


class Pool(Protocol):
    """What lends connections: psycopg_pool.ConnectionPool and NullConnectionPool."""

    def connection(self) -> AbstractContextManager[psycopg.Connection[Any]]:
        """Lend a connection for a block."""


class AsyncPool(Protocol):
    """What lends connections: psycopg_pool.AsyncConnectionPool, and its null one."""

    def connection(self) -> AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]:
        """Lend a connection for a block."""


Source: TypeAlias = "psycopg.Connection[Any] | Pool | Engine | str"
AsyncSource: TypeAlias = "psycopg.AsyncConnection[Any] | AsyncPool | AsyncEngine | str"


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that is ours to work with, and the project that is meant."""

    connection: Connection
    project: Project
    configuration: Configuration

    def variables(self, command: str, given: Mapping[str, str]) -> dict[str, str]:
        """Return psql's variables for the scripts of a command."""
        target = self.project.target
        return targets.script_variables(self.configuration, target, command, given)


@dataclass(frozen=True, slots=True)
class Choice:
    """What of a project a caller chose: its directory, its registry, who deploys."""

    project: Path | str | None = None
    registry: str | None = None
    committer: str | None = None


@contextmanager
def working(source: object, choice: Choice, *, reading: bool) -> Iterator[Opened]:
    """
    Provide a session in which scripts may run, and leave it as it was found.

    Args: reading: nothing is to be written, so that a standby will do.
    Raises: LearnplanError: it cannot be had, or what the work met.
    """
    with _connected(source) as connection, _told(connection):
        found = _opened(connection, source, choice)
        if isinstance(source, str):
            yield found
        else:
            with kept(connection, reading=reading):
                yield found


@contextmanager
def looking(source: object, choice: Choice, *, alone: bool = False) -> Iterator[Opened]:
    """
    Provide a session in which something is looked at, in a transaction or not.

    Args: alone: not in one.
    Raises: LearnplanError: it cannot be had, or what the look met.
    """
    with (
        _connected(source) as connection,
        _told(connection),
        undisturbed(connection, alone=alone),
    ):
        yield _opened(connection, source, choice)


@contextmanager
def _connected(source: object) -> Iterator[Connection]:
    """Provide a connection of our own, new or around one that is handed in."""
    if isinstance(source, str):
        with session.connect(config.conninfo(source)) as connection:
            yield connection
    elif isinstance(source, (psycopg.Connection, Handed)):
        with lent(source) as connection:
            yield connection
    elif type(source).__module__.startswith("sqlalchemy."):
        from learnplan_db.ext.engines import driver_connection  # noqa: PLC0415 - an extra

        with driver_connection(source) as given, lent(given) as connection:
            yield connection
    elif is_pool(source, asynchronous=False):
        with from_pool(), source.connection() as given, lent(given) as connection:  # type: ignore[attr-defined]
            yield connection
    elif isinstance(source, psycopg.AsyncConnection) or is_pool(
        source, asynchronous=True
    ):
        raise ApiError.not_usable(source, TAKES, "call it from learnplan_db.aio")
    else:
        raise ApiError.not_usable(source, TAKES, "hand in another")


def is_pool(source: object, *, asynchronous: bool) -> bool:
    """Tell whether something lends connections, of this kind."""
    get = getattr(source, "getconn", None)
    return get is not None and iscoroutinefunction(get) == asynchronous


@contextmanager
def from_pool() -> Iterator[None]:
    """Tell in our words that a pool has no connection."""
    try:
        yield
    except psycopg.Error as error:
        raise ConnectError.refused("the pool", str(error)) from error


@contextmanager
def _told(connection: Connection) -> Iterator[None]:
    """Turn what the server says into an error with an address."""
    try:
        yield
    except NotImplementedError as error:  # psycopg's, of a DateStyle
        raise ApiError.unreadable(str(error)) from error
    except psycopg.Error as error:
        text = error.diag.message_primary or str(error).partition("\n")[0]
        if connection.closed:
            raise ConnectError.lost(text) from error
        raise ConnectError.database_said(text, error.sqlstate) from error


def _opened(connection: Connection, source: object, choice: Choice) -> Opened:
    """Read the project for a connection."""
    given = {"registry": choice.registry} if choice.registry else {}
    configuration = configured(choice.project)
    if isinstance(source, str):
        target = targets.resolve(configuration, config.conninfo(source), given)
    else:
        chosen = targets.choose(configuration, connection.info.dsn)
        target = targets.target_of(configuration, chosen, given)
    by = _committer(choice.committer) or account(configuration)
    return Opened(connection, state.load(target, committer=by), configuration)


def planned(choice: Choice) -> tuple[Project, Configuration]:
    """Return the project that is meant, without a database, and its configuration."""
    configuration = configured(choice.project)
    given = {"registry": choice.registry} if choice.registry else {}
    chosen = targets.choose(configuration, "db:pg:")
    target = targets.target_of(configuration, chosen, given)
    by = _committer(choice.committer) or account(configuration)
    return state.load(target, committer=by), configuration


def configured(project: Path | str | None) -> Configuration:
    """
    Return what the sqitch.conf of a project says, of the packaged one for None.

    Raises: ConfigError: there is none in the directory, or it cannot be read.
    """
    root = config.project_root(None if project is None else Path(project))
    file = root / FILE
    if not file.is_file():
        raise ConfigError.no_project([str(file)])
    return Configuration.of_file(file, {})


def _committer(text: str | None) -> Planner | None:
    """Return who deploys. Raises: ApiError: it is not ``name <email>``."""
    if text is None:
        return None
    if not (match := _COMMITTER.fullmatch(text)):
        raise ApiError.bad_option("committer", text, 'text like "Ann <ann@x.org>"')
    return Planner(match["name"], match["email"])


def demand_one_of(name: str, given: str, known: tuple[str, ...]) -> None:
    """Raise ApiError unless a word is one of those known."""
    if given not in known:
        raise ApiError.bad_option(name, given, "one of " + ", ".join(known))


def demand_seconds(name: str, given: float) -> None:
    """Raise ApiError unless it is a time that can be waited."""
    if not 0 <= given <= session.LONGEST:  # nan neither
        takes = f"seconds from 0 to {session.LONGEST}"
        raise ApiError.bad_option(name, given, takes)

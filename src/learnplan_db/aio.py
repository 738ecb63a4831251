"""
The library for asyncio: the same names and arguments, to be awaited.

``conn_or_dsn`` is an AsyncConnection, an AsyncConnectionPool, an SQLAlchemy
AsyncEngine, or an address. The work is done in a thread, in the session of the
connection that is handed in; the event loop goes on meanwhile, and ``progress`` is
called in it. A task that is cancelled ends the statement that runs, as Ctrl-C does:
the call takes back what it did, as ``mode`` says, and then the task is cancelled.
May import lower floors; never prints, never reads the environment.
"""

from __future__ import annotations

import asyncio
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from psycopg import AsyncConnection

from learnplan_db.api import questions, scripts
from learnplan_db.api.lending import Handed
from learnplan_db.api.recording import demand_plain
from learnplan_db.api.sources import from_pool, is_pool
from learnplan_db.engine.progress import NO_VARIABLES
from learnplan_db.engine.watch import STOP, Stop
from learnplan_db.errors import AheadWarning, ApiError
from learnplan_db.security.personas import acting_as

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
    from pathlib import Path

    from learnplan_db.api.results import Event, Listener, Requirement
    from learnplan_db.api.sources import AsyncSource, Source

__all__ = [
    "acting_as",
    "deploy",
    "plan_sql",
    "prove",
    "require",
    "revert",
    "status",
    "verify",
]
TAKES = (
    "an AsyncConnection, an AsyncConnectionPool, an SQLAlchemy AsyncEngine, or an "
    "address"
)
P = ParamSpec("P")
R = TypeVar("R")


class _Interrupted(Exception):  # noqa: N818 - no error, and seen by nobody
    """The work has ended because it was asked to."""


def _awaited(
    function: Callable[Concatenate[Source, P], R],
) -> Callable[Concatenate[AsyncSource, P], Coroutine[Any, Any, R]]:
    """Return a function to be awaited, which does the same in a thread."""

    async def run(conn_or_dsn: AsyncSource, *args: P.args, **named: P.kwargs) -> R:
        if progress := named.get("progress"):
            named["progress"] = _in_loop(cast("Listener", progress))
        async with _handed(conn_or_dsn) as source:
            return await _in_thread(lambda: function(source, *args, **named))

    update_wrapper(run, function)
    return cast("Callable[Concatenate[AsyncSource, P], Coroutine[Any, Any, R]]", run)


deploy = _awaited(scripts.deploy)
revert = _awaited(scripts.revert)
verify = _awaited(scripts.verify)
status = _awaited(questions.status)
prove = _awaited(questions.prove)


async def require(
    requirement: str,
    conn_or_dsn: AsyncSource,
    *,
    project: Path | str | None = None,
    registry: str | None = None,
) -> Requirement:
    """Make sure that a change or a tag is deployed, as learnplan_db.require does."""
    async with _handed(conn_or_dsn) as source:
        met = await _in_thread(
            lambda: questions.required(
                requirement, source, project=project, registry=registry
            )
        )
    if met.ahead:
        warnings.warn(questions.told_ahead(met), AheadWarning, stacklevel=2)
    return met


async def plan_sql(  # noqa: PLR0913 - the options of the command
    conn_or_dsn: AsyncSource | None,
    *,
    to: str | None = None,
    since: str | None = None,
    variables: Mapping[str, str] = NO_VARIABLES,
    project: Path | str | None = None,
    registry: str | None = None,
) -> str:
    """Return what a deploy would execute, as learnplan_db.plan_sql does."""

    def work() -> str:
        """Run it in a thread of its own."""
        return questions.plan_sql(
            source,
            to=to,
            since=since,
            variables=variables,
            project=project,
            registry=registry,
        )

    if conn_or_dsn is None:
        source = None
        return await _in_thread(work)
    async with _handed(conn_or_dsn) as source:
        return await _in_thread(work)


def _in_loop(listener: Listener) -> Callable[[Event], object]:
    """
    Return what lets a listener hear of events in the loop that runs now.

    What it raises is the loop's exception handler's to tell.
    """
    demand_plain(listener)
    loop = asyncio.get_running_loop()
    return lambda event: loop.call_soon_threadsafe(listener, event)


@asynccontextmanager
async def _handed(source: Any) -> AsyncIterator[Any]:
    """Provide what a thread can work with; nobody else uses the session meanwhile."""
    if isinstance(source, str):
        yield source
    elif isinstance(source, AsyncConnection):
        async with source.lock:
            handed = Handed(source)
            try:
                yield handed
            finally:
                if hear := source.pgconn.notify_handler:
                    for one in handed.notifies:
                        hear(one)
    elif type(source).__module__.startswith("sqlalchemy."):
        from learnplan_db.ext.engines import async_driver_connection  # noqa: PLC0415 - an extra

        async with async_driver_connection(source) as given, _handed(given) as handed:
            yield handed
    elif is_pool(source, asynchronous=True):
        with from_pool():
            async with source.connection() as given, _handed(given) as handed:
                yield handed
    else:
        raise ApiError.not_usable(source, TAKES, "call it from learnplan_db itself")


async def _in_thread(work: Callable[[], R]) -> R:
    """
    Do work in a thread; when the task is cancelled, end it, and wait until it has.

    Raises: CancelledError: with what the work met at its end as its cause.
    """
    stop = Stop()

    def run() -> R:
        STOP.set(stop)  # of this thread's context, which is a copy
        try:
            return work()
        except KeyboardInterrupt as end:  # would end the loop
            raise _Interrupted from end

    # A thread of its own: calls that wait for a lock would use up the loop's.
    own = ThreadPoolExecutor(1, "learnplan-db")
    context = copy_context()
    thread = asyncio.get_running_loop().run_in_executor(own, context.run, run)
    own.shutdown(wait=False)  # when it is done
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError as cancelled:
        stop.ask()
        while not thread.done():
            try:
                await asyncio.wait([thread])
            except asyncio.CancelledError:
                continue  # it is being ended already
        if error := thread.exception():
            raise cancelled from error
        raise

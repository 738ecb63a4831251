"""
A session that works on a project: locked, left as it was, and had again when lost.

May import lower floors; never prints, and tells progress through a callback.
Source: Sqitch 1.3.1; design, the engine.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from learnplan_db.engine.execution import Execution
from learnplan_db.engine.locks import lock, unlock
from learnplan_db.engine.lost import again
from learnplan_db.engine.onlooker import Onlooker
from learnplan_db.engine.progress import Progress
from learnplan_db.engine.session import clean, explained, fit
from learnplan_db.engine.watch import end_waiting, way_back

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.engine.losses import Keeper
    from learnplan_db.engine.progress import Tell
    from learnplan_db.engine.session import Manner
    from learnplan_db.engine.state import Project

    Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Output:
    """What a script prints, on its way to whoever is told."""

    tell: Tell
    action: str = "output"

    def out(self, text: str) -> None:
        """Pass on what psql prints on standard output."""
        self.tell(Progress(self.action, detail=text))

    def err(self, text: str) -> None:
        """Pass on what psql prints on standard error."""
        self.tell(Progress("notice", detail=text))


class Tenure:
    """
    A session with the registry of a project, and how scripts run in it.

    ``losses``: how often the connection was lost. Args: manner: how the session is.
    """

    def __init__(
        self, connection: Connection, project: Project, tell: Tell, manner: Manner
    ) -> None:
        """Look at nothing yet."""
        self.project, self.tell, self.manner = project, tell, manner
        self.losses = 0
        self.onlooker = Onlooker(connection, tell)
        self.keeper: Keeper | None = None  # of rows that a revert would lose
        self._given = connection
        self._use(connection)

    def _use(self, connection: Connection) -> None:
        self.connection = connection
        self._identity = getattr(connection, "identity", None)
        self.registry = self.project.registry(connection)
        if self.keeper:
            self.keeper.census.use(connection, self.registry)
        lock_sql = self.registry.rows.lock()
        self.execution = Execution(
            *(connection, Output(self.tell), self.onlooker, lock_sql, self.manner)
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """
        Hold Sqitch's lock in a session set up for scripts; leave it as it was.

        Raises: RegistryError, ConnectError: what the server said of the registry.
        """
        try:
            self._way_back = way_back(self.connection)
            self._take_lock()
            try:
                with self.onlooker:
                    yield
            finally:
                self.leave(unlocking=True)
                if self.connection is not self._given:
                    self.connection.close()
        except psycopg.Error as error:
            raise explained(error, self.connection) from error

    def _take_lock(self) -> None:
        """Set the session up first, so that the lock of a vanished client ends."""
        whole, told = self.manner.seconds, False

        def blocked(who: str, left: float) -> None:
            nonlocal told
            action = "still-waiting" if told else "blocked"
            seconds = left if told else whole
            told = True
            self.tell(
                Progress(action, seconds=seconds, detail=who, waited=whole - left)
            )

        try:
            self.execution.prepare()
            lock(self.connection, self.manner.seconds, blocked)
        except BaseException:
            self.leave()
            raise

    def connect_again(self, seconds: float) -> None:
        """
        Take up the work over a connection of our own, with the lock.

        Args: seconds: how long to try to connect.
        Raises: ConnectError: there is no connection. RegistryError: somebody else
            has the lock.
        """
        self.losses += 1
        fresh, identity = again(self._way_back, seconds), self._identity
        self._use(fresh)
        with fit(fresh):
            if identity:
                end_waiting(fresh, identity)
            self._take_lock()

    def leave(self, *, unlocking: bool = False) -> None:
        """Leave the session as it was: nothing of ours goes back to a pool."""
        try:
            clean(self.connection)
            if not self.connection.closed:
                with suppress(psycopg.Error):
                    if unlocking:
                        unlock(self.connection)
                    self.connection.execute("reset all")
        except BaseException:  # such as a second Ctrl-C: the lock must not stay
            self.connection.close()
            raise

    def upgrade(self, found: float) -> None:
        """Bring the registry to our version, telling each step."""
        old, state = f"{found:g}", "start"
        for _, version in self.registry.upgrade(found, self.project.committer):
            new = f"{version:.1f}"
            self.tell(Progress("upgrade-registry", old, state, detail=new))
            old, state = new, ""

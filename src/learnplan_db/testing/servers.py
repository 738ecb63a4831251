"""
The server of a test run: the one that is named, or one that lives as long as the run.

May import errors, options, the embedded server and the one in a container; it never
prints.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import make_conninfo

from learnplan_db.errors import ConfigError, ServerError, SuiteError
from learnplan_db.server.embedded import Server
from learnplan_db.settings import config
from learnplan_db.testing import containers, options

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_SECONDS = 10
MAINTENANCE = "postgres"


@dataclass(frozen=True, slots=True)
class Source:
    """
    Where the server comes from: None is the embedded one; who said so.

    The word ``container`` instead of conninfo is one in a container of an image.
    """

    conninfo: str | None = None
    said_by: str = "nobody"
    image: str = options.IMAGE

    @property
    def begins_empty(self) -> bool:
        """Whether the server starts with the run, and has nothing of a host's yet."""
        return self.conninfo in {None, containers.WORD}

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Provide conninfo of the server's maintenance database while it is needed."""
        if self.conninfo == containers.WORD:
            with containers.running(self.image, self.said_by) as conninfo:
                yield conninfo
            return
        if self.conninfo is not None:
            yield self._maintenance(self.conninfo)
            return
        with contextlib.ExitStack() as stack:
            try:
                server = stack.enter_context(Server(None, environ=os.environ))
            except ServerError as error:
                raise SuiteError.no_embedded_server(str(error)) from error
            yield server.dsn(MAINTENANCE)

    def connect(self, conninfo: str) -> psycopg.Connection[Any]:
        """Return a connection in autocommit. Raises: SuiteError: there is none."""
        try:
            return psycopg.connect(
                conninfo,
                autocommit=True,
                connect_timeout=TIMEOUT_SECONDS,
                fallback_application_name="learnplan-db tests",
            )
        except (psycopg.Error, ValueError) as error:
            shown = config.display(conninfo)
            raise SuiteError.no_answer(self.said_by, shown, str(error)) from error

    def describe(self) -> str:
        """Return which PostgreSQL it is and where; asks a named server, if it runs."""
        if self.conninfo == containers.WORD:
            return f"a container of {self.image}, from {self.said_by}"
        if self.conninfo is None:
            try:
                return f"PostgreSQL {Server(None, environ=os.environ).major}, embedded"
            except ServerError as error:
                return error.message
        try:
            conninfo = self._maintenance(self.conninfo)
            shown = config.display(conninfo)
            with contextlib.closing(self.connect(conninfo)) as connection:
                version = connection.info.parameter_status("server_version")
        except SuiteError as error:
            return error.message
        return f"PostgreSQL {version}, {shown}, from {self.said_by}"

    def _maintenance(self, conninfo: str) -> str:
        """Return conninfo with a database to create others from."""
        try:
            return make_conninfo(config.usable(conninfo), dbname=MAINTENANCE)
        except (ConfigError, psycopg.ProgrammingError) as error:
            # Not shown: nobody knows which part of it is a password.
            raise SuiteError.bad_conninfo(self.said_by, str(error)) from error

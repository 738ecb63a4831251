"""
Where a script is played: its variables, and each statement sent and answered.

May import lower floors; prints only through the streams it is given.
Source: psql, ON_ERROR_STOP, "Variables"; common.c of PostgreSQL 15.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, pq
from psycopg.pq import ExecStatus, TransactionStatus

from learnplan_db.errors import OwnSqlError, ScriptError
from learnplan_db.psql.failure import failure
from learnplan_db.psql.guard import before, behind, turns
from learnplan_db.psql.variables import DEFAULTS, Variables, complaint, special
from learnplan_db.psql.wire import BROKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from psycopg.pq.abc import PGresult

    from learnplan_db.psql.script import Script, Statement
    from learnplan_db.psql.wire import Wire

_COPY_LINE = re.compile(r"^COPY .*?, \w+ (\d+)", re.MULTILINE)
_COPY_STATES = ("22", "23")


class Stage:
    """
    The session as a script sees it, and our own SQL around the script's transaction.

    ``inside`` tells whether ``before_end`` went into that transaction.
    """

    def __init__(  # noqa: PLR0913 - what surrounds a script
        self,
        wire: Wire,
        script: Script,
        after_begin: Sequence[bytes] = (),
        before_end: Sequence[bytes] = (),
        skip: Callable[[str, str], bool] | None = None,
        *,
        guarded: bool = False,
    ) -> None:
        self.wire, self.script, self.skip = wire, script, skip
        self.guarded = guarded
        self.after_begin, self.before_end = after_begin, before_end
        self.inside = False
        self.began = False
        self.last: PGresult | None = None
        self.data_line = 0  # where the data of the COPY that runs starts

    def variables(self) -> Variables:
        """Return psql's variables as they are when a script starts."""
        info, parameter = self.wire.connection.info, self.wire.pgconn.parameter_status
        libpq = pq.version()
        name = f"{libpq // 10000}.{libpq % 10000}"
        live = {
            "DBNAME": info.dbname,
            "USER": info.user,
            "HOST": info.host,
            "PORT": str(info.port),
            "ENCODING": (parameter(b"client_encoding") or b"").decode(),
            "SERVER_VERSION_NAME": (parameter(b"server_version") or b"").decode(),
            "SERVER_VERSION_NUM": str(info.server_version),
            "VERSION": f"PostgreSQL {name}",
            "VERSION_NAME": name,
            "VERSION_NUM": str(libpq),
        }
        given = self.script.variables
        stop = {"ON_ERROR_STOP": "1"}  # Sqitch sets it last: only a script unsets it
        return Variables({**DEFAULTS, **given, **live, **stop})

    @property
    def healthy(self) -> bool:
        """Tell whether the session is in a transaction that can go on."""
        return self.wire.pgconn.transaction_status == TransactionStatus.INTRANS

    def own(self, phase: str, statements: Sequence[bytes]) -> None:
        """
        Run statements of ours, in one round trip.

        Raises: OwnSqlError: one failed.
        """
        if not statements:
            return
        broken: list[PGresult] = []
        self.wire.place = lambda: None

        def take(result: PGresult) -> None:
            if result.status in BROKEN:
                broken.append(result)

        try:
            self.wire.send(b";\n".join(statements), take)
        except psycopg.OperationalError as error:
            raise OwnSqlError(phase, error) from error
        if broken:
            told = errors.error_from_result(broken[0], encoding=self.wire.codec)
            raise OwnSqlError(phase, told) from told

    def perform(  # noqa: PLR0913, PLR0917 - what surrounds a statement
        self,
        text: str,
        statement: Callable[[], Statement],
        source: str,
        line: Callable[[], int],
        edge: str = "",
        feed: Callable[[], Iterable[bytes]] = tuple,
        drain: Callable[[bytes], object] | None = None,
        *,
        keep: bool = False,
    ) -> psycopg.Error | None:
        """
        Run one statement of the script; return the error that it met, if any.

        Args: line: where psql is when it runs; edge: "first" or "last" of a wrapped
            script; keep: leave the last result in ``last``, unprinted.
        Raises: ScriptError: the connection is lost, or lacks a character.
        """
        self.carry(edge)
        self.hold("before", text, statement, source)
        broken: list[PGresult] = []
        self.last, self.data_line = None, 0
        if self._done(text, statement, source):
            return None
        self.wire.place = lambda: f"{source}:{line()}"

        def take(result: PGresult) -> None:
            if result.status in BROKEN:
                broken.append(result)
                return
            if keep and self.last is not None:
                self.wire.rows(self.last)
            if not keep:
                self.wire.rows(result)
            self.last = result

        codec = self.wire.codec
        try:
            self.wire.send(text.encode(codec), take, feed, drain)
        except UnicodeEncodeError as error:
            where = f"{source}:{statement().line}"
            letter = text[error.start]
            raise ScriptError.not_encodable(where, letter, codec) from error
        except psycopg.OperationalError as error:
            if not broken:  # else the server said why before it went
                raise failure(error, statement(), source) from error
        if broken:
            self.last = broken[0]
            return self.broke(broken[0], statement, source)
        self.begin(edge)
        self.hold("behind", text, statement, source)
        return None

    def _done(self, text: str, statement: Callable[[], Statement], source: str) -> bool:
        """Tell whether a statement is not to run, since it was done before."""
        try:
            return self.skip is not None and self.skip(
                text, f"{source}:{statement().line}"
            )
        except psycopg.Error as error:
            raise failure(error, statement(), source) from error

    def begin(self, edge: str) -> None:
        """Put our SQL into the script's transaction, just after it begins."""
        self.began = self.began or (edge == "first" and self.healthy)
        if edge == "first" and self.began:
            self.own("after_begin", self.after_begin)

    def hold(
        self, when: str, text: str, statement: Callable[[], Statement], source: str
    ) -> None:
        """Keep row security off, before or behind a statement that bears on it."""
        if not self.guarded:
            return
        inside = self.wire.pgconn.transaction_status != TransactionStatus.IDLE
        every = (one.text for one in self.script.statements if not turns(one.text))
        ours = (
            before(text, local=inside)
            if when == "before"
            else behind(text, every, local=inside)
        )
        try:
            self.own("guard", ours)
        except OwnSqlError as error:
            raise failure(error.error, statement(), source) from error

    def carry(self, edge: str) -> None:
        """Put our SQL into the script's transaction, just before it ends."""
        if edge == "last" and self.began and self.healthy and not self.inside:
            self.own("before_end", self.before_end)
            self.inside = True

    def broke(
        self, result: PGresult, statement: Callable[[], Statement], source: str
    ) -> psycopg.Error:
        """Return the error of a result; raise it if the connection went with it."""
        error = errors.error_from_result(result, encoding=self.wire.codec)
        if self.wire.connection.closed:
            raise failure(error, statement(), source) from error
        return error

    def failure(
        self, error: psycopg.Error, statement: Statement, source: str
    ) -> ScriptError:
        """Return the error of a statement with its address in the file."""
        position = error.diag.statement_position
        counted = _COPY_LINE.search(error.diag.context or "")
        line = None
        if self.data_line and counted and not position:
            line = self.data_line + int(counted[1]) - 1
        return failure(
            error, statement, source, int(position) if position else None, line
        )


def remember(variables: Variables, result: PGresult | None) -> None:
    """Put into psql's variables what became of a statement."""
    if result is None:
        return
    failed = result.status in BROKEN
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    variables["ERROR"] = "true" if failed else "false"
    variables["SQLSTATE"] = state if failed else "00000"
    count = result.command_tuples
    variables["ROW_COUNT"] = "0" if failed else str(count or 0)
    if failed:
        told = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b""
        variables["LAST_ERROR_MESSAGE"] = told.decode("utf-8", "replace")
        variables["LAST_ERROR_SQLSTATE"] = state


def gathered(
    variables: Variables, result: PGresult | None, prefix: str, codec: str
) -> tuple[list[str], str | None]:
    r"""Put a row into variables, as \gset does; return warnings, and a complaint."""
    if result is None or result.status != ExecStatus.TUPLES_OK:
        return [], None
    rows = result.ntuples
    if rows == 0:
        return [], "no rows returned for \\gset"
    if rows > 1:
        return [], "more than one row returned for \\gset"
    warnings = []
    for column in range(result.nfields):
        name = prefix + (result.fname(column) or b"").decode(codec)
        value = result.get_value(0, column)
        if special(name):
            warnings.append(
                f'attempt to \\gset into specially treated variable "{name}" ignored'
            )
        elif told := complaint(name, ""):
            return warnings, told
        elif value is None:
            variables.pop(name, None)
        else:
            variables[name] = value.decode(codec)
    return warnings, None

"""No connection, or one on which a command must not run."""

from __future__ import annotations

from learnplan_db.errors.base import LearnplanError

# What PostgreSQL and PgBouncer say when no session is left; libpq has no SQLSTATE then.
_FULL = (
    "too many clients already",
    "too many connections for",
    "remaining connection slots are reserved",
    "no more connections allowed",
)
_MAKE_ROOM = (
    "wait until sessions end, end idle ones (pg_stat_activity), or raise "
    "max_connections, or the connection limit of the role or database that it names"
)


class ConnectError(LearnplanError):
    """No connection to the target, or one on which the command must not run."""

    @classmethod
    def refused(cls, target: str, text: str) -> ConnectError:
        """The server cannot be reached or will not have us."""
        reason = " ".join(text.split())
        fix = "check host, port, database, user and password (PGPASSWORD, .pgpass)"
        if any(words in reason for words in _FULL):
            fix = _MAKE_ROOM
        return cls(f"no connection: {reason}", where=target, fix=fix)

    @classmethod
    def standby(cls, target: str) -> ConnectError:
        """A standby cannot be written."""
        return cls(
            "the server is a standby, which only its primary can change",
            where=target,
            fix="name the primary; status, log, check and verify work here",
        )

    @classmethod
    def pooler(cls, target: str) -> ConnectError:
        """A pooler stands between, and what we set or lock would be another's."""
        return cls(
            "there is a connection pooler in between, and scripts need a session of "
            "their own",
            where=target,
            fix="connect to PostgreSQL directly; status, log and check work here",
        )

    @classmethod
    def too_old(cls, target: str) -> ConnectError:
        """A server below the oldest supported version."""
        return cls(
            "PostgreSQL below 15 is not supported",
            where=target,
            fix="upgrade the server to 15, 16, 17 or 18",
        )

    @classmethod
    def database_said(cls, text: str, state: str | None) -> ConnectError:
        """Whatever the server refused outside of a script."""
        error = cls(
            " ".join(text.split()),
            where=f"SQLSTATE {state or 'unknown'}",
            fix="see what the server says; nothing is left half done",
        )
        error.sqlstate = state
        return error

    @classmethod
    def lost(cls, text: str) -> ConnectError:
        """The connection ended under us."""
        return cls(
            f"the connection to the server is lost: {text}",
            fix="see what became of the server, then run the command again",
        )

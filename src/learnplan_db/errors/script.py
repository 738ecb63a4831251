"""A script that cannot be read, or fails in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnplan_db.errors.base import LearnplanError

if TYPE_CHECKING:
    import psycopg


_GUARDED = (
    "row security would hide rows from this statement: before it, set local role "
    "service_role;, or another role whose policies let all rows pass, and reset role; "
    "after it (docs/data-migrations.md)"
)
_KEY = (
    "a foreign key is validated with the eyes of the table's owner, from whom row "
    "security would hide rows: alter table ... no force row level security; before it, "
    "and force row level security; after it (docs/upgrading.md)"
)


class ScriptError(LearnplanError):
    """
    A script failed in the database, or cannot be run by the built-in reader.

    ``statement`` is the text sent, with the values of variables in it: never shown.
    ``excerpt`` holds the lines of the file as they stand there. ``rows_alone``: the
    script, if any, had run; only the registry's rows were refused or lost. ``begun``:
    how many statements were, of a script that is not one transaction.
    """

    detail: str | None = None
    hint: str | None = None
    statement: str | None = None
    excerpt: str | None = None
    rows_alone = False
    begun: int | None = None

    def __str__(self) -> str:
        parts = (
            ("  at   ", self.where),
            ("  SQLSTATE ", self.sqlstate),
            ("", self.excerpt),
            ("  DETAIL  ", self.detail),
            ("  HINT  ", self.hint),
            ("  fix  ", self.fix),
        )
        shown = [label + text for label, text in parts if text]
        return "\n".join([self.message, *shown])

    def as_json(self) -> dict[str, Any]:
        """Return the error as JSON holds it, with what the server said of it."""
        told = {"detail": self.detail, "hint": self.hint, "excerpt": self.excerpt}
        return super().as_json() | told

    @classmethod
    def refused(cls, what: str, where: str, fix: str | None = None) -> ScriptError:
        """The reader does not take the script; nothing of it has run."""
        return cls(what, where=where, fix=fix)

    @classmethod
    def not_utf8(cls, where: str) -> ScriptError:
        """The script is not text that PostgreSQL could be sent."""
        return cls.refused(
            "the script is not UTF-8", where, "save it as UTF-8 without NUL characters"
        )

    @classmethod
    def psql_only(cls, command: str, where: str, reason: str = "") -> ScriptError:
        """The script uses something that lives in psql, not in the server."""
        reason = f": {reason}" if reason else ""
        return cls.refused(
            f'"{command}" is not known to the built-in reader{reason}',
            where,
            'use "--client psql"',
        )

    @classmethod
    def no_if(cls, command: str, where: str) -> ScriptError:
        """A branch is taken up or ended that was never begun."""
        return cls.refused(
            f'"\\{command}" has no matching "\\if"',
            where,
            'add the "\\if", or remove it',
        )

    @classmethod
    def bad_copy(cls, word: str, where: str) -> ScriptError:
        r"""The arguments of a \copy make no sense to psql either."""
        return cls.refused(
            f'"\\copy" is not understood at "{word}"',
            where,
            "write \\copy TABLE from|to 'FILE' [options]",
        )

    @classmethod
    def command_failed(cls, told: str, where: str) -> ScriptError:
        """A meta-command failed, with what psql says of it."""
        return cls(told, where=where, fix="mend the command, or what it works on")

    @classmethod
    def client_missing(cls, client: str, reason: str) -> ScriptError:
        """The program that is to run the scripts cannot be started."""
        return cls.refused(
            f'"{client}" failed to start: "{reason}"',
            client,
            "install psql, or name it with --client",
        )

    @classmethod
    def client_failed(cls, client: str, ending: str, where: str) -> ScriptError:
        """The client ran the script, and said on stderr what was wrong."""
        return cls(
            f'"{client}" {ending}',
            where=where,
            fix="see what it says above",
        )

    @classmethod
    def unterminated(cls, what: str, where: str) -> ScriptError:
        """The file ends inside something that was opened."""
        return cls.refused(
            f"the {what} opened here is not closed", where, "close it, or remove it"
        )

    @classmethod
    def bad_variable(cls, name: str, where: str) -> ScriptError:
        """The value of a psql variable would spoil the script around it."""
        return cls.refused(
            f'the value of variable "{name}" cannot stand here',
            where,
            "give it text that closes each quote and comment it opens",
        )

    @classmethod
    def not_encodable(cls, where: str, character: str, encoding: str) -> ScriptError:
        """The connection's encoding lacks a character of the statement."""
        return cls(
            f'the client encoding "{encoding}" has no character "{character}"',
            where=where,
            fix="set client_encoding to UTF8",
        )

    @classmethod
    def failed(cls, error: psycopg.Error, where: str) -> ScriptError:
        """The server refused a statement."""
        told = error.diag
        failure = cls(
            told.message_primary or str(error).partition("\n")[0], where=where
        )
        failure.sqlstate = error.sqlstate
        failure.detail, failure.hint = told.message_detail, told.message_hint
        if told.source_function == "check_enable_rls":  # by row_security = off
            key = "SELECT fk." in (told.context or "")  # PostgreSQL's own query
            failure.hint, failure.fix = None, _KEY if key else _GUARDED
        return failure

    @classmethod
    def guard_undone(cls, where: str) -> ScriptError:
        """A script lets row security hide rows from it."""
        return cls.refused(
            "row_security would be on, and rows be hidden from the script without a "
            "word",
            where,
            "remove it; where rows are to be changed: set local role service_role; "
            "before, and reset role; after it (docs/data-migrations.md)",
        )

    @classmethod
    def connection_lost(cls, error: psycopg.Error, where: str) -> ScriptError:
        """The connection ended while a statement ran, or before it could."""
        failure = cls.failed(error, where)
        failure.fix = "see what became of the server, then run the command again"
        if error.sqlstate is None:
            failure.detail = failure.message
            failure.message = "the connection to the server is lost"
        return failure

    @classmethod
    def index_in_making(cls, index: str, pid: int, where: str) -> ScriptError:
        """Somebody else builds the index and has not come to an end."""
        return cls(
            f"index {index} is INVALID, and pid {pid} is building one on its table",
            where=where,
            fix="wait until it has ended, then run the command again",
        )

    @classmethod
    def left_open(cls, source: str) -> ScriptError:
        """The file ends in a transaction: what it did in there is not committed."""
        return cls(
            "the script ends in an open transaction, which was rolled back",
            where=source,
            fix="end it with commit;",
        )

    @classmethod
    def interrupted(cls, source: str) -> ScriptError:
        """A person pressed Ctrl-C while the script ran; the server has ended it."""
        return cls("interrupted", where=source, fix="run the command again")


class OwnSqlError(Exception):
    """
    A statement failed that was sent along with a script, and is not the script's.

    ``phase`` is "after_begin", "before_end" or "after"; in the last the script has
    committed. ``error`` is what the server said.
    """

    def __init__(self, phase: str, error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.phase, self.error = phase, error

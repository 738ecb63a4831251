"""The package used as a library: what it was handed, and what it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 5  # changes that an error lists by name


class ApiError(LearnplanError):
    """A call that cannot be made like this; nothing was done."""

    @classmethod
    def not_usable(cls, given: object, takes: str, fix: str) -> ApiError:
        """What was handed in is no connection, pool or address."""
        kind = type(given)
        return cls(
            f"{kind.__module__}.{kind.__qualname__} is not what this function takes",
            where="conn_or_dsn",
            fix=f"{fix}: it takes {takes}",
        )

    @classmethod
    def in_transaction(cls, status: str) -> ApiError:
        """The connection has something open that we would have to commit."""
        return cls(
            f"the connection is in use (transaction status {status}), and scripts have "
            "transactions of their own",
            where="conn_or_dsn",
            fix="commit or roll back first, or hand in another connection",
        )

    @classmethod
    def in_pipeline(cls) -> ApiError:
        """Answers of a pipeline are still on their way."""
        return cls(
            "the connection is in pipeline mode",
            where="conn_or_dsn",
            fix="call after the pipeline block, or hand in another connection",
        )

    @classmethod
    def no_requirement(cls) -> ApiError:
        """An address or a connection stands where the change is named."""
        return cls(
            "the first argument of require is what must be deployed, and no address",
            where="requirement",
            fix='turn the two round: require("@v1.2.0", conn_or_dsn)',
        )

    @classmethod
    def closed(cls) -> ApiError:
        """The connection is no more."""
        return cls(
            "the connection is closed",
            where="conn_or_dsn",
            fix="hand in an open one, a pool or an address",
        )

    @classmethod
    def no_encoding(cls) -> ApiError:
        """The client encoding is SQL_ASCII, in which text is bytes."""
        return cls(
            "the connection's client_encoding is SQL_ASCII, which says nothing of text",
            where="conn_or_dsn",
            fix="set client_encoding to UTF8 in it, or hand in an address",
        )

    @classmethod
    def unreadable(cls, reason: str) -> ApiError:
        """The session writes dates in a way that psycopg does not read."""
        return cls(
            f"the session's answers cannot be read: {reason}",
            where="conn_or_dsn",
            fix="set datestyle to ISO in it, or hand in an address",
        )

    @classmethod
    def would_forget(cls, what: Sequence[str]) -> ApiError:
        """The session holds what scripts would drop, and nobody can put back."""
        return cls(
            f"the session would lose what it holds: {', '.join(what)}",
            where="conn_or_dsn",
            fix="hand in a connection without them, a pool or an address",
        )

    @classmethod
    def on_the_path(cls, path: Sequence[str], ours: Sequence[str]) -> ApiError:
        """Alembic would compare our tables with the host's, and drop them."""
        return cls(
            f"the search_path finds what is in {', '.join(ours)} without a schema, and "
            "Alembic would take it for the host's own, to be dropped",
            where=f"search_path {', '.join(path)}, of the connection in env.py",
            fix="connect with another path for autogenerate: "
            'create_engine(url, connect_args={"options": "-c search_path=public"})',
        )

    @classmethod
    def bad_option(cls, name: str, given: object, takes: str) -> ApiError:
        """An argument that has no meaning."""
        return cls(
            f"{name}={given!r} has no meaning here",
            where=name,
            fix=f"give {takes}",
        )

    @classmethod
    def no_extra(cls, extra: str, package: str, what: str) -> ApiError:
        """A package is not installed that only some people need."""
        return cls(
            f"{what} needs {package}, which is not installed",
            where=f"extra {extra}",
            fix=f'pip install "learnplan-db[{extra}]"',
        )

    @classmethod
    def other_driver(cls, driver: str, what: str, takes: str) -> ApiError:
        """An SQLAlchemy engine whose driver cannot run scripts."""
        return cls(
            f"{what} runs over psycopg 3, and the engine's driver is {driver}",
            where="conn_or_dsn",
            fix=f"make an engine for {takes}, or hand in an address",
        )


class BehindError(LearnplanError):
    """
    The database lacks changes that ``require`` was asked for.

    ``missing`` are their labels in plan order, ``deployed`` the newest change that is
    there, or None.
    """

    missing: tuple[str, ...] = ()
    deployed: str | None = None

    @classmethod
    def lacks(
        cls, required: str, missing: Sequence[str], deployed: str | None, where: str
    ) -> BehindError:
        """Changes up to what is required are not deployed."""
        stands = f"is at {deployed}" if deployed else "has nothing deployed"
        error = cls(
            f"the database {stands}, and {required} is required: {_listed(missing)}",
            where=where,
            fix=f"learnplan-db deploy --to {required} TARGET",
        )
        error.missing, error.deployed = tuple(missing), deployed
        return error

    @classmethod
    def gap(
        cls, required: str, missing: Sequence[str], deployed: str | None, where: str
    ) -> BehindError:
        """Changes before what is required are not in the registry, though it is."""
        error = cls(
            f"the database has {required}, but not all before it: {_listed(missing)}",
            where=where,
            fix="the registry was edited; see what is there: learnplan-db drift TARGET",
        )
        error.missing, error.deployed = tuple(missing), deployed
        return error


def _listed(missing: Sequence[str]) -> str:
    count = len(missing)
    listed = ", ".join(missing[:SHOWN])
    if count > SHOWN:
        listed = f"{listed} and {count - SHOWN} more"
    noun = "change is" if count == 1 else "changes are"
    return f"{count} {noun} missing: {listed}"


class AheadWarning(UserWarning):
    """The database has more than ``require`` was asked for: a newer release's."""

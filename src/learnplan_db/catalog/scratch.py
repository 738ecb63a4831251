"""
The plan deployed on a scratch server, and its catalog looked at after every change.

May import lower floors; starts a server, or makes and drops a database on one. Never
prints, and tells progress through a callback.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from learnplan_db.catalog import edges, reading
from learnplan_db.catalog.names import schema, unquoted
from learnplan_db.catalog.ownership import History
from learnplan_db.engine import runner, session
from learnplan_db.engine.progress import NO_VARIABLES, Progress, silent
from learnplan_db.errors import CatalogError, LearnplanError
from learnplan_db.plans.scripts import Scripts
from learnplan_db.server.embedded import Server
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from learnplan_db.catalog.edges import Ground
    from learnplan_db.engine.progress import Tell
    from learnplan_db.engine.state import Project
    from learnplan_db.model import Change

PREFIX = "learnplan_drift_"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """
    What a plan makes, up to a change.

    ``paths`` are the deploy scripts by the names that ``history`` gives the changes.
    """

    history: History
    ground: Ground
    paths: Mapping[str, str]
    schemas: tuple[str, ...]


@contextlib.contextmanager
def database(conninfo: str | None) -> Iterator[str]:
    """
    Provide the conninfo of an empty database, which is gone afterwards.

    Args: conninfo: of a server to make it on; None: an embedded one of our own.
    Raises: ServerError: there is none. ConnectError, CatalogError: it cannot be made.
    """
    if conninfo is None:
        with Server(None, environ=os.environ) as server:
            yield server.dsn()
        return
    name = f"{PREFIX}{secrets.token_hex(6)}"
    quoted = sql.Identifier(name)
    with session.connect(conninfo) as admin:
        try:
            admin.execute(
                sql.SQL("create database {} template template0").format(quoted)
            )
        except psycopg.Error as error:
            raise CatalogError.no_scratch(config.display(conninfo), error) from error
    try:
        yield make_conninfo(conninfo, dbname=name)
    finally:
        with session.connect(conninfo) as admin:
            drop = sql.SQL("drop database if exists {} with (force)")
            admin.execute(drop.format(quoted))


def rebuild(  # noqa: PLR0913 - what a deploy asks
    conninfo: str,
    project: Project,
    changes: Sequence[Change],
    schemas: Sequence[str],
    *,
    variables: Mapping[str, str] = NO_VARIABLES,
    client: str | None = None,
    tell: Tell = silent,
) -> Rebuilt:
    """
    Deploy changes of a plan, its first ones, and return what each made.

    Args: conninfo: of an empty database; schemas: to look at, all if empty.
    Raises: CatalogError: it cannot be deployed there.
    """
    target = replace(project.target, conninfo=conninfo, name=config.display(conninfo))
    copy = replace(project, target=target, scripts=Scripts(target))
    paths: dict[str, str] = {}
    left = iter(changes)
    with (
        session.connect(conninfo) as connection,
        psycopg.connect(conninfo, autocommit=True) as looking,
    ):
        history = History(reading.read(looking, _schemas(looking, copy, schemas)))

        def look(step: Progress) -> None:
            tell(step)
            if (step.action, step.state) == ("deploy", "ok"):
                change = next(left)
                path = copy.scripts.shown("deploy", change)
                name = change.name
                if change.reworked_tags:
                    name += f"@{change.reworked_tags[0]}"
                paths[name] = path
                history.add(
                    name, reading.read(looking, _schemas(looking, copy, schemas))
                )

        _deploy(connection, copy, changes, look, variables=variables, client=client)
        used = {unquoted(schema(key.name)) for key in history.catalog}
        found = [n for n in _schemas(looking, copy, schemas) if schemas or n in used]
        ground = edges.read(looking, found)
    return Rebuilt(history, ground, paths, tuple(found))


def _schemas(
    connection: psycopg.Connection[Any], project: Project, named: Sequence[str]
) -> list[str]:
    return list(named) or reading.schemas(connection, project.target.registry)


def _deploy(
    connection: session.Connection,
    project: Project,
    changes: Sequence[Change],
    tell: Tell,
    **options: Any,
) -> None:
    """Deploy what is to be looked at; other projects' changes are not there."""
    for change in changes:
        if foreign := [name for name in change.requires if ":" in name]:
            raise CatalogError.other_project(change.name, foreign[0])
    if not changes:
        return
    try:
        runner.deploy(connection, project, to=changes[-1].id, **options, tell=tell)
    except LearnplanError as error:
        raise CatalogError.not_rebuilt(error) from error

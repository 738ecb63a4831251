"""
How a live database differs from the plan that was deployed there, and what mends it.

The database is read in one transaction that only reads; the plan is deployed on a
scratch server. May import lower floors; never prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

from learnplan_db.catalog import difference, edges, reading, scratch
from learnplan_db.catalog.altering import Altering
from learnplan_db.catalog.losses import Looking
from learnplan_db.catalog.making import Making
from learnplan_db.catalog.names import OWNER
from learnplan_db.catalog.objects import Key
from learnplan_db.catalog.repair import Repair
from learnplan_db.engine import state
from learnplan_db.engine.progress import NO_VARIABLES, silent
from learnplan_db.engine.session import told
from learnplan_db.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from learnplan_db.catalog.careful import Step
    from learnplan_db.catalog.difference import Difference
    from learnplan_db.catalog.edges import Ground
    from learnplan_db.catalog.objects import Catalog
    from learnplan_db.catalog.scratch import Rebuilt
    from learnplan_db.engine.progress import Tell
    from learnplan_db.engine.registry import Applied
    from learnplan_db.engine.state import Project

    Connection = psycopg.Connection[Any]

_SNAPSHOT = "set transaction isolation level repeatable read, read only"
# Whose name "owner" stands for: what a catalog calls so has him.
_OWNERS = {
    "schema": "select nspowner from {}.pg_namespace where oid = %s::{}.regnamespace",
    "table": "select relowner from {}.pg_class where oid = %s::{}.regclass",
    "view": "select relowner from {}.pg_class where oid = %s::{}.regclass",
    "sequence": "select relowner from {}.pg_class where oid = %s::{}.regclass",
    "function": "select proowner from {}.pg_proc where oid = %s::{}.regprocedure",
}


@dataclass(frozen=True, slots=True)
class Found:
    """
    What a live database holds, as of one moment.

    Args: owner: who deployed, quoted.
    """

    catalog: Catalog
    ground: Ground
    applied: tuple[Applied, ...]
    owner: str


@dataclass(frozen=True, slots=True)
class Drift:
    """
    All differences and the steps that mend them, in their order.

    Args: rebuilt, found: what was compared; left_out: changes that used an extension
        that is not there, so that nothing is said of what they made; unknown:
        extensions that only the target has.
    """

    differences: tuple[Difference, ...]
    steps: tuple[Step, ...]
    rebuilt: Rebuilt
    found: Found
    left_out: Mapping[str, str]
    unknown: tuple[str, ...]


def find(  # noqa: PLR0913 - what a deploy asks
    connection: Connection,
    project: Project,
    *,
    schemas: Sequence[str] = (),
    server: str | None = None,
    variables: Mapping[str, str] = NO_VARIABLES,
    client: str | None = None,
    tell: Tell = silent,
) -> Drift:
    """
    Deploy on a scratch server what is deployed on the target, and compare.

    Args: schemas: to look at, else those in which the plan makes something; server:
        conninfo of the scratch server, else one of our own; variables, client: as of a
        deploy.
    Raises: RegistryError: the registry is not there, or disagrees with the plan.
        CatalogError: nothing can be compared. ServerError: there is no server.
    """
    applied = deployed(connection, project)
    registry = project.registry(connection)
    changes = project.plan.changes[: state.position(project, applied, registry)]
    with scratch.database(server) as where:
        options: dict[str, Any] = {"variables": variables, "client": client}
        rebuilt = scratch.rebuild(
            where, project, changes, schemas, **options, tell=tell
        )
    found = look(connection, project, rebuilt.schemas)
    if list(found.applied) != applied:
        raise CatalogError.changed_meanwhile(project.target.name)
    return compare(connection, rebuilt, found)


def deployed(connection: Connection, project: Project) -> list[Applied]:
    """
    Return what is deployed of a project, which is the start of its plan.

    Raises: RegistryError: it is not. CatalogError: nothing is.
    """
    registry = project.registry(connection)
    with told(connection):
        state.demand_registry(registry, project.target)
        applied = registry.applied(project.plan.project)
        if not applied:
            name = project.target.name
            raise CatalogError.nothing_deployed(project.plan.project, name)
        state.position(project, applied, registry)
    return applied


def look(connection: Connection, project: Project, schemas: Sequence[str]) -> Found:
    """Return what a database holds, as of one moment; only reads."""
    with told(connection), connection.transaction(force_rollback=True):
        connection.execute(_SNAPSHOT)
        applied = project.registry(connection).applied(project.plan.project)
        catalog = reading.read(connection, schemas)
        ground = edges.read(connection, schemas)
        owner = _owner(connection, catalog, project.target.registry)
    return Found(catalog, ground, tuple(applied), owner)


def _owner(connection: Connection, catalog: Catalog, registry: str) -> str:
    """Return the role that a catalog calls owner, quoted."""
    known = (k for k in catalog if k.kind in _OWNERS and catalog[k]["owner"] == OWNER)
    one = next(known, Key("schema", sql.Identifier(registry).as_string(connection)))
    asked = _OWNERS[one.kind].replace("{}", "pg_catalog")
    query = f"pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(({asked})))"
    row = connection.execute(f"select {query}".encode(), [one.name]).fetchone()
    return str(row[0]) if row else ""


def compare(connection: Connection, rebuilt: Rebuilt, found: Found) -> Drift:
    """
    Return how what was found differs from what the plan makes; only reads.

    Args: connection: to what was found, of which it asks what a repair would lose.
    """
    history = rebuilt.history
    left_out = _left_out(rebuilt, found)
    catalog = history.concerned(found.catalog)
    differences = tuple(
        one
        for one in difference.compare(history, catalog, found.ground.roles)
        if one.change not in left_out
    )
    version = connection.info.server_version
    expected = Making(history.catalog, rebuilt.ground.sources, found.owner)
    work = Altering(expected, catalog, Looking(connection), version)
    grounds = (rebuilt.ground.edges, found.ground.edges)
    steps = tuple(Repair(work, grounds, differences).steps())
    used = {base.name for base in _extensions(found.ground)}
    unknown = tuple(sorted(used - rebuilt.ground.extensions.keys()))
    return Drift(differences, steps, rebuilt, found, left_out, unknown)


def _left_out(rebuilt: Rebuilt, found: Found) -> dict[str, str]:
    """Return the changes that used what an extension brought, which is not there."""
    lacking: dict[str, str] = {}
    for base, users in _extensions(rebuilt.ground).items():
        if base.name not in found.ground.extensions:
            lacking |= {rebuilt.history.maker(user): base.name for user in users}
    return lacking


def _extensions(ground: Ground) -> dict[Key, list[Key]]:
    """Return what stands on an extension, by the extension."""
    users: dict[Key, list[Key]] = {}
    for key, bases in ground.edges.items():
        for base in bases:
            if base.kind == "extension":
                users.setdefault(base, []).append(key)
    return users

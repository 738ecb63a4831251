"""What exported migrations are compared with: the same plan, deployed by ourselves."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from fix_database import ROOT, plain_owner
from hosts import HOSTS, WHO
from learnplan_db.catalog.fingerprint import fingerprint
from learnplan_db.catalog.reading import read
from learnplan_db.engine import runner, session, state
from learnplan_db.model import Planner
from twins import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fix_database import TestServer
    from hosts import Host
    from learnplan_db.engine.state import Project

SCHEMAS = ("learnplan", "learnplan_private")
STAGES = ("@v1.0.0", "@v1.2.0", "back at @v1.0.0", "back at nothing")


@dataclass(frozen=True)
class Standing:
    """A database as it stands: the registry but its times, and the schemas' hash."""

    rows: dict[str, list[Any]]
    shape: list[Any]
    fingerprint: str


def standing(dsn: str) -> Standing:
    """Return how a database stands."""
    side = Side(Path(), dsn)
    try:
        catalog = read(side.connection, SCHEMAS)
        return Standing(side.rows(), side.shape(), fingerprint(catalog))
    finally:
        side.close()


def ours() -> Project:
    """Return the packaged plan, with whom the hosts' sessions name."""
    return state.load(ROOT, committer=Planner(*WHO))


@dataclass(frozen=True)
class Deployer:
    """A plain role that owns databases; it may make roles, and no more."""

    name: str
    make: Callable[[], str]
    admin: Callable[[str], str]

    def as_admin(self, dsn: str, *statements: str) -> None:
        """Execute statements in one of its databases as a superuser."""
        with psycopg.connect(self.admin(dsn), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@pytest.fixture(scope="module")
def deployer(server: TestServer) -> Iterator[Deployer]:
    """Provide the role that deploys, everywhere in a module."""

    def create(owner: str) -> str:
        name = f"learnplan_host_{uuid.uuid4().hex[:10]}"
        text = "create database {} template template0 owner {} strategy file_copy"
        statement = sql.SQL(text).format(sql.Identifier(name), sql.Identifier(owner))
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
            admin.execute(statement)
        return server.dsn(name)

    with plain_owner(server, create, "createrole") as (name, first):
        fresh = [first]

        def make() -> str:
            if fresh:
                return fresh.pop()
            known = psycopg.conninfo.conninfo_to_dict(create(name))
            return psycopg.conninfo.make_conninfo(first, dbname=known["dbname"])

        def admin(dsn: str) -> str:
            known = psycopg.conninfo.conninfo_to_dict(dsn)
            return server.dsn(str(known["dbname"]))

        yield Deployer(name, make, admin)


@pytest.fixture(scope="module")
def stages(deployer: Deployer) -> dict[str, Standing]:
    """Provide how a database stands after each of our own deploys and reverts."""
    dsn, project = deployer.make(), ours()
    found = []
    with session.connect(dsn) as connection:
        runner.deploy(connection, project, to="@v1.0.0")
        found.append(standing(dsn))
        runner.deploy(connection, project)
        found.append(standing(dsn))
        runner.revert(connection, project, to="@v1.0.0")
        found.append(standing(dsn))
        runner.revert(connection, project)
        found.append(standing(dsn))
    return dict(zip(STAGES, found, strict=True))


@pytest.fixture
def host(request: pytest.FixtureRequest, tmp_path: Path, deployer: Deployer) -> Host:
    """Provide the host of the tool that a test names, with an empty database."""
    return HOSTS[request.param](tmp_path / "host", deployer.make())


@pytest.fixture(scope="module")
def newest(deployer: Deployer) -> Callable[..., str]:
    """Provide a maker of databases on which we deployed, up to a place."""

    def make(to: str | None = None) -> str:
        dsn = deployer.make()
        with session.connect(dsn) as connection:
            runner.deploy(connection, ours(), to=to)
        return dsn

    return make


def untouched(dsn: str) -> tuple[dict[str, list[Any]], list[Any]]:
    """Return what a refused migration must not have changed."""
    side = Side(Path(), dsn)
    with suppress(psycopg.Error):
        found = side.rows()
    relations = side.connection.execute(
        "select relnamespace::regnamespace::text, relname from pg_catalog.pg_class"
        " where relnamespace::regnamespace::text !~ '^(pg_|information_schema)'"
        " order by 1, 2"
    ).fetchall()
    side.close()
    return found, relations

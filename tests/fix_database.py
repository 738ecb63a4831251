"""
Databases: one server a worker, one template, then a clone or a rolled-back transaction.

LEARNPLAN_TEST_SERVER names another server (a superuser's conninfo); without it each
worker starts an embedded one, since roles belong to a whole cluster.
"""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pytest_postgresql import factories
from pytest_postgresql.janitor import DatabaseJanitor

from learnplan_db.engine import runner, session, state
from learnplan_db.server.embedded import Server
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class TestServer:
    """What pytest-postgresql asks of a server, and conninfo for everybody else."""

    __test__ = False
    host: str
    port: int
    user: str
    password: str | None
    options: str = ""
    dbname: str = "postgres"
    maintenance_dbname: str = "postgres"
    template_dbname: str | None = None

    def dsn(self, dbname: str, **more: Any) -> str:
        """Return conninfo for one of the databases."""
        parameters = {"host": self.host, "port": self.port, "user": self.user}
        if self.password:
            parameters["password"] = self.password
        return make_conninfo("", **(parameters | {"dbname": dbname} | more))


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    """Provide the server of this worker."""
    if named := os.environ.get("LEARNPLAN_TEST_SERVER"):
        given = conninfo_to_dict(named)
        password = given.get("password")
        yield TestServer(
            host=str(given["host"]),
            port=int(given.get("port") or 5432),
            user=str(given.get("user") or "postgres"),
            password=str(password) if password else None,
        )
        return
    with Server(None, environ=os.environ) as own:
        yield TestServer(str(own.socket), own.port, "postgres", None)


def deploy_plan(**parameters: Any) -> None:
    """Deploy the packaged plan: pytest-postgresql calls it to fill the template."""
    parameters.pop("autocommit", None)
    with session.connect(make_conninfo("", **parameters)) as connection:
        runner.deploy(connection, state.load(config.project_root(None)))


learnplan_noproc = factories.postgresql_noproc(
    depends_on="server", dbname="learnplan", load=[deploy_plan]
)
cloned = factories.postgresql("learnplan_noproc")


@pytest.fixture(scope="session")
def _shared(learnplan_noproc: Any) -> Iterator[psycopg.Connection[Any]]:
    found = learnplan_noproc
    name = f"learnplan_shared_{uuid.uuid4().hex[:8]}"
    janitor = DatabaseJanitor(
        user=found.user,
        host=found.host,
        port=found.port,
        password=found.password,
        dbname=name,
        template_dbname=found.template_dbname,
    )
    with (
        janitor,
        psycopg.connect(
            host=found.host,
            port=found.port,
            user=found.user,
            password=found.password,
            dbname=name,
        ) as connection,
    ):
        yield connection


@pytest.fixture
def tx(_shared: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Provide a superuser's transaction that is rolled back after the test."""
    with _shared.transaction(force_rollback=True):
        yield _shared


@pytest.fixture
def fresh_dsn(server: TestServer) -> Iterator[Callable[[], str]]:
    """Provide a maker of empty databases, dropped after the test."""
    names: list[str] = []

    def make(owner: str | None = None) -> str:
        names.append(f"learnplan_empty_{uuid.uuid4().hex[:10]}")
        statement = sql.SQL("create database {} template template0").format(
            sql.Identifier(names[-1])
        )
        if owner:
            statement += sql.SQL(" owner {}").format(sql.Identifier(owner))
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
            if admin.info.server_version >= 150000:  # half of the time
                statement += sql.SQL(" strategy file_copy")
            admin.execute(statement)
        return server.dsn(names[-1])

    yield make
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        for name in names:
            drop = sql.SQL("drop database if exists {} with (force)")
            admin.execute(drop.format(sql.Identifier(name)))


@pytest.fixture
def database(fresh_dsn: Callable[[], str]) -> str:
    """Provide the conninfo of one empty database."""
    return fresh_dsn()


@pytest.fixture
def admin_dsn(cloned: psycopg.Connection[Any], server: TestServer) -> str:
    """Provide a superuser's conninfo of a database with the plan deployed."""
    return server.dsn(cloned.info.dbname)


def _login(admin_dsn: str, name: str, roles: str) -> str:
    with (
        psycopg.connect(admin_dsn, autocommit=True) as admin,
        suppress(errors.DuplicateObject, errors.UniqueViolation),
    ):
        admin.execute(f"create role {name} login password 'secret' in role {roles}")
    return make_conninfo(admin_dsn, user=name, password="secret")  # noqa: S106


@pytest.fixture
def app_dsn(admin_dsn: str) -> str:
    """Provide the conninfo of what serves users: anon and authenticated only."""
    return _login(admin_dsn, "learnplan_login_app", "anon, authenticated")


@pytest.fixture
def service_dsn(admin_dsn: str) -> str:
    """Provide the conninfo of what serves the system."""
    return _login(admin_dsn, "learnplan_login_service", "service_role")


@contextmanager
def plain_owner(
    server: TestServer, fresh_dsn: Callable[..., str], *options: str
) -> Iterator[tuple[str, str]]:
    """Make an owner of databases that is no superuser; yield its name and a conninfo."""
    name = f"owner_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"create role {name} login password 'secret' {' '.join(options)}")
        if "createrole" not in options:
            admin.execute(f"grant learnplan_identity, learnplan_reader to {name}")
        else:  # internal roles that are there were made by somebody else
            for role in ("learnplan_identity", "learnplan_reader"):
                there = admin.execute(
                    "select 1 from pg_roles where rolname = %s", [role]
                ).fetchone()
                if there:
                    admin.execute(f"grant {role} to {name} with admin option")
        yield name, make_conninfo(fresh_dsn(name), user=name, password="secret")  # noqa: S106
        for database in admin.execute(
            "select datname from pg_database where datdba = %s::regrole", [name]
        ).fetchall():
            admin.execute(f"drop database {database[0]} with (force)")
        admin.execute(f"reassign owned by {name} to current_user")
        admin.execute(f"drop owned by {name} cascade")
        admin.execute(f"drop role {name}")

"""A database that drifts from the plan and is mended, again and again; one a worker."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from learnplan_db.catalog import drift, reading, scratch, telling
from learnplan_db.catalog.fingerprint import fingerprint
from learnplan_db.engine import session, state
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fix_database import TestServer
    from learnplan_db.catalog.drift import Drift
    from learnplan_db.catalog.scratch import Rebuilt
    from learnplan_db.engine.state import Project

SCHEMAS = ("learnplan", "learnplan_private")
# A failed test may leave them, and roles are the whole cluster's.
ROLES = """alter role learnplan_reader nologin; alter role authenticated nobypassrls;
alter role service_role nosuperuser; revoke service_role from authenticated;
revoke learnplan_reader from authenticated"""


@pytest.fixture(scope="session")
def packaged_plan() -> Project:
    """Return the packaged plan."""
    return state.load(config.project_root(None))


@pytest.fixture(scope="session")
def rebuilt(server: TestServer, packaged_plan: Project) -> Rebuilt:
    """Return what the plan makes, deployed in a scratch database of the server."""
    with scratch.database(server.dsn("postgres")) as conninfo:
        return scratch.rebuild(
            conninfo, packaged_plan, packaged_plan.plan.changes, SCHEMAS
        )


@dataclass
class Drifting:
    """A deployed database, with a superuser who meddles and one who looks."""

    dsn: str
    meddler: psycopg.Connection[Any]
    looking: session.Connection
    project: Project
    rebuilt: Rebuilt
    clean: str = ""
    seen: str = ""

    def drift(self) -> Drift:
        """Return how it differs now."""
        found = drift.look(self.looking, self.project, SCHEMAS)
        return drift.compare(self.looking, self.rebuilt, found)

    def mend(self, found: Drift) -> None:
        """Run the script that mends it."""
        self.meddler.execute(telling.as_sql(found, "here").encode())

    def fingerprint(self) -> str:
        """Return the fingerprint as it is now."""
        self.seen = fingerprint(reading.read(self.looking, SCHEMAS))
        return self.seen


class Copies:
    """Makes one copy of the template, another when a test leaves it otherwise."""

    def __init__(self, server: TestServer, *rest: Any) -> None:
        self._server, (self._template, self._project, self._rebuilt) = server, rest
        self._admin = psycopg.connect(server.dsn("postgres"), autocommit=True)
        self._kept: Drifting | None = None

    def get(self) -> Drifting:
        """Return the copy, made if there is none."""
        if self._kept is None:
            name = f"learnplan_drifting_{uuid.uuid4().hex[:8]}"
            self._admin.execute(f"create database {name} template {self._template}")
            dsn = self._server.dsn(name)
            meddler = psycopg.connect(dsn, autocommit=True)
            looking = session.connect(dsn)
            one = Drifting(dsn, meddler, looking, self._project, self._rebuilt)
            one.clean = one.fingerprint()
            self._kept = one
        self._kept.seen = ""
        return self._kept

    def drop(self) -> None:
        """Drop the copy, and what it left in the roles of the cluster."""
        if self._kept:
            name = self._kept.looking.info.dbname
            self._kept.meddler.close()
            self._kept.looking.close()
            self._admin.execute(f"drop database {name} with (force)")
            self._admin.execute(ROLES)
            self._kept = None

    def close(self) -> None:
        """Leave nothing behind."""
        self.drop()
        self._admin.close()


@pytest.fixture(scope="session")
def _copies(
    server: TestServer, learnplan_noproc: Any, packaged_plan: Project, rebuilt: Rebuilt
) -> Iterator[Copies]:
    copies = Copies(server, learnplan_noproc.template_dbname, packaged_plan, rebuilt)
    yield copies
    copies.close()


@pytest.fixture
def drifting(_copies: Copies) -> Iterator[Drifting]:
    """Provide a deployed database as the plan made it; a test may well leave it so."""
    one = _copies.get()
    yield one
    if one.seen != one.clean:
        _copies.drop()

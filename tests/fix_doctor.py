"""A deployed database to be made ill, and the doctor who looks at it."""

from __future__ import annotations

import shlex
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo

from learnplan_db.cli import cli
from learnplan_db.engine import session, state
from learnplan_db.health.examination import CHECKS, Report, _made, examine
from learnplan_db.health.patient import Patient
from learnplan_db.security.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.engine.state import Project
    from learnplan_db.health.nouns import Verdict


@dataclass
class Sick:
    """
    A database with a superuser who makes it ill and who runs what mends it.

    ``logins`` are gone after the test.
    """

    dsn: str
    admin: psycopg.Connection[Any]
    project: Project
    roles: Variables = field(default_factory=Variables)
    command: str = "learnplan-db"
    app: str | None = None
    logins: list[str] = field(default_factory=list)

    @contextmanager
    def patient(self, **login: Any) -> Iterator[Patient]:
        """Connect as who asks: the superuser unless another is named."""
        dsn = make_conninfo(self.dsn, **login)
        with session.connect(dsn) as connection:
            known = (self.command, self.dsn, self.app)
            yield Patient(connection, self.project, self.roles, *known)

    def check(self, name: str, **login: Any) -> Verdict:
        """Make one check, as the doctor makes it."""
        with self.patient(**login) as patient:
            return _made(patient, CHECKS[name])

    def examine(self, **login: Any) -> Report:
        """Make all checks."""
        with self.patient(**login) as patient:
            return examine(patient)

    def login(self, roles: str = "", options: str = "") -> str:
        """Make a login of its own."""
        name = f"doctor_{uuid.uuid4().hex[:8]}"
        member = f"in role {roles}" if roles else ""
        self.run(f"create role {name} login {options} {member}")
        self.logins.append(name)
        return name

    def run(self, statements: str) -> None:
        """Run statements as the superuser, each by itself."""
        for statement in filter(None, map(str.strip, statements.split(";"))):
            self.admin.execute(statement.encode())

    def mend(self, verdict: Verdict) -> None:
        """Do what the doctor says."""
        assert verdict.fix, verdict
        if verdict.fix.kind == "sql":
            self.run(verdict.fix.text)
            return
        assert verdict.fix.kind == "shell", verdict
        program, *words = shlex.split(verdict.fix.text)
        assert program == "learnplan-db"
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.output

    def ill(self, name: str, state: str, *said: str, **login: Any) -> None:
        """Assert what a check says now, do what it advises, and that all is well then."""
        found = self.check(name, **login)
        assert state == found.state, found
        for text in said:
            assert text in found.what
        self.mend(found)
        after = self.check(name, **login)
        assert after.state == "ok", after

    @property
    def line(self) -> str:
        """Return the database as a command line names it."""
        return shlex.quote(self.dsn)

    def of(self, root: Any) -> Sick:
        """Return the same database, of somebody's project."""
        command = f"learnplan-db -C {root}"
        return replace(self, project=state.load(root), command=command)


def _opened(dsn: str, project: Project) -> Iterator[Sick]:
    with psycopg.connect(dsn, autocommit=True) as admin:
        one = Sick(dsn, admin, project)
        yield one
        for name in one.logins:
            admin.execute(f"reassign owned by {name} to current_user".encode())
            admin.execute(f"drop owned by {name} cascade".encode())
            admin.execute(f"drop role {name}".encode())


@pytest.fixture
def sick(admin_dsn: str, packaged_plan: Project) -> Iterator[Sick]:
    """Provide a database with the plan deployed."""
    yield from _opened(admin_dsn, packaged_plan)


@pytest.fixture
def empty(database: str, packaged_plan: Project) -> Iterator[Sick]:
    """Provide a database with nothing in it."""
    yield from _opened(database, packaged_plan)

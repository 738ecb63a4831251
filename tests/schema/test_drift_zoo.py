"""
One of everything that a schema may hold drifts, each fact of it, and is mended.

What SQL is not known for, such as a partition, is named with the reason; whatever it
is, the script runs, and nothing of it is half done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from fix_catalog import ZOO
from fix_race import wrapped, write
from learnplan_db.catalog import drift, reading, scratch, telling
from learnplan_db.catalog.fingerprint import fingerprint
from learnplan_db.engine import runner, session, state
from sample_edits import EDITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fix_database import TestServer

PLAN = """%syntax-version=1.0.0
%project=zoo

zoo 2026-01-01T00:00:00Z P <p@x.org> # One of everything.
"""
OURS = [line for line in EDITS.strip().split("\n") if " zoo." in line]
# The whole list takes half a minute.
CASES = [
    pytest.param(line, id=line, marks=[] if not place % 6 else pytest.mark.long)
    for place, line in enumerate([*OURS, "all: drop schema zoo cascade"])
]
# What is left to a person, whatever it is called.
BY_HAND = (
    "no SQL is known",
    "it comes last",
    "the order of columns",
    "has to be there",
)


class Zoo:
    """A deployed database, made anew when a test leaves it otherwise."""

    def __init__(self, server: TestServer, project: state.Project) -> None:
        self.project, self._server = project, server
        self._admin = psycopg.connect(server.dsn("postgres"), autocommit=True)
        self._admin.execute("create database zoo_template")
        with session.connect(server.dsn("zoo_template")) as connection:
            runner.deploy(connection, project)
        with scratch.database(server.dsn("postgres")) as where:
            changes = project.plan.changes
            self.rebuilt = scratch.rebuild(where, project, changes, ["zoo"])
        self.connection = session.connect(server.dsn("zoo_template"))
        self.fresh()
        self.clean = self.fingerprint()

    def fresh(self) -> None:
        """Make the database anew."""
        self.connection.close()
        self._admin.execute("drop database if exists zoo with (force)")
        self._admin.execute("create database zoo template zoo_template")
        self.connection = session.connect(self._server.dsn("zoo"))

    def drift(self) -> drift.Drift:
        """Return how it differs now."""
        found = drift.look(self.connection, self.project, ["zoo"])
        return drift.compare(self.connection, self.rebuilt, found)

    def fingerprint(self) -> str:
        """Return the fingerprint as it is now."""
        return fingerprint(reading.read(self.connection, ["zoo"]))

    def close(self) -> None:
        """Leave nothing behind."""
        self.connection.close()
        self._admin.execute("drop database if exists zoo with (force)")
        self._admin.execute("drop database zoo_template with (force)")
        self._admin.close()


@pytest.fixture(scope="module")
def _zoo(server: TestServer, make_project: Callable[[], Path]) -> Iterator[Zoo]:
    root = make_project()
    (root / "sql" / "sqitch.plan").write_text(PLAN)
    text = f"create extension pg_trgm schema public;\n{ZOO.read_text()}"
    write(root, "deploy", "zoo", wrapped(text))
    one = Zoo(server, state.load(root))
    yield one
    one.close()


@pytest.fixture
def zoo(_zoo: Zoo) -> Iterator[Zoo]:
    """Provide a database whose plan made the zoo."""
    yield _zoo
    if _zoo.fingerprint() != _zoo.clean:
        _zoo.fresh()


@pytest.mark.parametrize("line", CASES)
def test_every_fact_of_everything_is_found_and_mended(zoo: Zoo, line: str) -> None:
    """Found in any case; the script runs, and mends it or says why it cannot."""
    zoo.connection.execute(line.partition(": ")[2].encode())
    found = zoo.drift()
    assert found.differences
    assert {"zoo", ""} >= {one.change for one in found.differences}
    zoo.connection.execute(telling.as_sql(found, "").encode())
    if zoo.fingerprint() != zoo.clean:
        told = telling.as_text(zoo.drift())
        assert any(reason in told for reason in BY_HAND), told

"""What a test database costs must not come back: nobody waits, plans are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fix_database import deploy_plan
from learnplan_db.security.variables import Variables
from learnplan_db.testing.databases import Databases
from learnplan_db.testing.servers import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fix_database import TestServer

PRESENT = """
select count(*) from pg_stat_activity
where datname = %s and backend_type = 'client backend'"""


class Onlooker:
    """The session that makes and drops databases; notes who is in one that goes."""

    def __init__(self, owner: psycopg.Connection[Any]) -> None:
        self._owner = owner
        self.name = ""
        self.statements: list[str] = []
        self.present: list[int] = []

    def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Run a statement as asked; before a drop, count the sessions."""
        text = statement if isinstance(statement, str) else statement.as_string(None)
        self.statements.append(text)
        if text.startswith("drop database"):
            row = self._owner.execute(PRESENT, [self.name]).fetchone()
            self.present.append(row[0] if row else -1)
        return self._owner.execute(statement, parameters)


@pytest.fixture
def databases(server: TestServer) -> Iterator[Databases]:
    """Provide the databases of a run on this worker's server."""
    made = Databases(Source(server.dsn("postgres"), "the test"), Variables(), None)

    def deploy(conninfo: str) -> None:
        deploy_plan(**conninfo_to_dict(conninfo))
        with psycopg.connect(conninfo) as connection:
            connection.execute("create sequence public.counted")

    try:
        made.prepare(deploy)
        yield made
    finally:
        made.close()


@pytest.fixture
def onlooker(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Onlooker]:
    """Provide who looks on while the test runs."""
    found = Onlooker(databases._owner)
    with monkeypatch.context() as patch:
        patch.setattr(databases, "_owner", found)
        yield found


def test_nobody_is_left_in_a_clone_when_it_is_dropped(
    databases: Databases, onlooker: Onlooker
) -> None:
    """A DROP that finds a session sleeps for a tenth of a second; so it finds none."""
    with databases.clone() as database:
        onlooker.name = database.name
        left_open = database.connect()
        row = onlooker.execute(PRESENT, [database.name]).fetchone()
        assert (1,) == row
    with left_open:
        assert [0] == onlooker.present
        with pytest.raises(psycopg.OperationalError):
            left_open.execute("select 1")


def test_a_server_without_fsync_copies_files(
    databases: Databases, onlooker: Onlooker
) -> None:
    """A named server is treated as ours, if it does not wait for its disk either."""
    shown = databases._owner.execute("show fsync").fetchone()
    with databases.clone():
        pass
    (create,) = [s for s in onlooker.statements if s.startswith("create database")]
    assert (shown == ("off",)) == create.endswith(" strategy file_copy")


def test_a_session_goes_on_without_what_was_left_in_it(databases: Databases) -> None:
    """The server's process and its plans are kept; sequences and statements are not."""
    with databases.transaction() as connection:
        first = connection.info.backend_pid
        connection.execute("select nextval('public.counted')")
        assert (1,) == connection.execute("select lastval()").fetchone()
        connection.execute("prepare mine as select 1")
        connection.execute("select pg_advisory_lock(7)")
    with databases.transaction() as connection:
        assert first == connection.info.backend_pid
        prepared = connection.execute("select name from pg_prepared_statements")
        assert [] == prepared.fetchall()
        held = "select from pg_locks where locktype = 'advisory' and pid = %s"
        assert [] == connection.execute(held, [first]).fetchall()
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            connection.execute("select lastval()")

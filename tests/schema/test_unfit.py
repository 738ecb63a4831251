"""Where a deploy must not run: behind the real PgBouncer, and on a real standby."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fix_race import faults, run
from learnplan_db import errors
from learnplan_db.engine import runner, session, state, verification

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fix_servers import Pooler, Standby

# What a session could keep of a command that ran in it.
LEFT = (
    "select pg_backend_pid(), (select array_agg(name || '=' || setting order by name)"
    " from pg_settings where source = 'session' and name !~ '^(application_name$|transaction_)'),"
    " (select count(*) from pg_locks where locktype = 'advisory'),"
    " (select count(*) from pg_prepared_statements), current_setting('role')"
)


@pytest.fixture
def pooled(pgbouncer: Pooler, database: str) -> str:
    """Provide the conninfo of the empty database through the pool."""
    return pgbouncer.dsn(str(conninfo_to_dict(database)["dbname"]))


@pytest.fixture
def application(pooled: str) -> Iterator[psycopg.Connection[Any]]:
    """Provide an application's connection through the pool, with a setting of its own."""
    with psycopg.connect(pooled, autocommit=True, prepare_threshold=None) as opened:
        opened.execute("set work_mem = '5MB'; prepare theirs as select 1")
        yield opened


def test_scripts_do_not_run_through_a_pooler(
    pooled: str,
    database: str,
    project: Path,
    application: psycopg.Connection[Any],
) -> None:
    """
    Deploy, revert, verify and upgrade are refused and leave nothing in the session.

    The application gets the session that the command was lent.
    """
    loaded = state.load(project)
    with session.connect(database) as direct:
        runner.deploy(direct, loaded, to="b")
    before = application.execute(LEFT).fetchone()
    assert before
    assert (["work_mem=5120"], 0, 1) == tuple(before[1:4])
    with session.connect(pooled) as connection:
        for command in (runner.deploy, runner.revert, verification.verify):
            with pytest.raises(
                errors.ConnectError, match="connection pooler"
            ) as caught:
                command(connection, loaded)
            assert "connect to PostgreSQL directly" in (caught.value.fix or "")
            assert "learnplan_empty_" in (caught.value.where or "")
    for words in (["deploy"], ["revert", "-y"], ["rebase", "-y"], ["upgrade"]):
        done = run("ours", project, words[0], pooled, *words[1:])
        assert (2, "") == (done.returncode, done.stdout), done
        assert "there is a connection pooler in between" in done.stderr
    assert before == application.execute(LEFT).fetchone()
    with psycopg.connect(database) as admin:
        assert [] == faults(admin)
        names = admin.execute("select change from sqitch.changes order by 1").fetchall()
        assert [("a",), ("b",)] == names


def test_reading_works_through_a_pooler(
    pooled: str, database: str, project: Path, application: psycopg.Connection[Any]
) -> None:
    """Status, log and check say what they say directly, and leave nothing."""
    with session.connect(database) as direct:
        runner.deploy(direct, state.load(project), to="b")
    before = application.execute(LEFT).fetchone()
    for command in ("status", "log", "check"):
        through, straight = (
            run("ours", project, command, dsn) for dsn in (pooled, database)
        )
        assert 0 == through.returncode, through
        shown = [done.stdout.splitlines()[1:] for done in (through, straight)]
        assert shown[0] == shown[1]
        assert len(shown[0]) > 0 or command == "check"
    assert before == application.execute(LEFT).fetchone()


def test_sqitch_leaves_its_lock_in_the_pool(
    sqitch: str, pooled: str, database: str, project: Path
) -> None:
    """The control: the same PgBouncer lends sessions, and Sqitch spoils them."""
    assert 0 == run(sqitch, project, "deploy", pooled).returncode
    applications = [psycopg.connect(pooled) for _ in range(3)]  # in a transaction each
    rows = [application.execute(LEFT).fetchone() for application in applications]
    for application in applications:
        application.rollback()  # else the pool would close the session, lock and all
        application.close()
    assert "search_path=sqitch" in str(rows)
    assert {1} == {row[2] for row in rows if row}
    done = run("ours", project, "revert", database, "-y", "--lock-timeout", "0")
    assert 2 == done.returncode
    assert "another deploy is running" in done.stderr


def test_standby_is_only_read(standby: Standby) -> None:
    """Writing is refused with the reason; looking and verifying work."""
    for words in (["deploy"], ["revert", "-y"], ["rebase", "-y"], ["upgrade"]):
        done = run("ours", standby.root, words[0], standby.dsn, *words[1:])
        assert (2, "") == (done.returncode, done.stdout), done
        assert "the server is a standby" in done.stderr
        assert "fix  name the primary" in done.stderr
    for command in ("status", "log", "verify", "check"):
        done = run("ours", standby.root, command, standby.dsn)
        assert (0, "") == (done.returncode, done.stderr), done
        assert standby.dsn.partition("host=")[2].split()[0] in done.stdout
    with psycopg.connect(standby.dsn) as connection:
        assert (True,) == connection.execute("select pg_is_in_recovery()").fetchone()
        assert [] == faults(connection)

"""
Suites of tests that do the same, each with another way to keep tests apart.

A test inserts a user and a plan, reads all plans and finds the one: so a way that lets
rows through to the next test is caught. Never prints.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict

from bench.errors import BenchError
from bench.tools import timed

if TYPE_CHECKING:
    from pathlib import Path

ALONE, BY_HAND, OURS = "alone", "rollback by hand", "learnplan_db"
CLONED, OUR_CLONE = "postgresql", "learnplan_clone"
WAYS = (ALONE, BY_HAND, OURS, CLONED, OUR_CLONE)
# Which of ours does the job of which of theirs.
RIVALS = {OURS: BY_HAND, OUR_CLONE: CLONED}

INI = """\
[pytest]
addopts = -q -p no:cacheprovider -W ignore
asyncio_default_fixture_loop_scope = function
"""
TEST = """\
import pytest

USER = (
    "insert into learnplan.users (clerk_user_id, email)"
    " values ('user_1', 'user_1@example.org') returning id"
)
PLAN = (
    "insert into learnplan.learning_plans"
    " (user_id, topic, skill_level, weekly_hours, learning_style)"
    " values (%s, %s, 'beginner', 5, 'mixed')"
)


@pytest.mark.parametrize("number", range({count}))
def test_a_plan_is_read_back(connection, number):
    (user,) = connection.execute(USER).fetchone()
    connection.execute(PLAN, [user, f"Topic {{number}}"])
    found = connection.execute("select topic from learnplan.learning_plans").fetchall()
    assert found == [(f"Topic {{number}}",)]
"""
TEST_ALONE = """\
import pytest


@pytest.mark.parametrize("number", range({count}))
def test_nothing(number):
    assert number >= 0
"""
# What a project writes that takes pytest-postgresql as its pages show it.
THEIRS = """\
from pathlib import Path

import psycopg
import pytest
from pytest_postgresql import factories
from pytest_postgresql.janitor import DatabaseJanitor

LOAD = [Path({load!r})]
server = factories.{factory}({arguments}, dbname="bench_theirs", load=LOAD)
postgresql = factories.postgresql("server")
"""
THEIR_CLONE = """

@pytest.fixture
def connection(postgresql):
    return postgresql
"""
THEIR_ROLLBACK = """

@pytest.fixture(scope="session")
def shared(server):
    where = {
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "dbname": "bench_shared",
    }
    with DatabaseJanitor(**where, template_dbname=server.template_dbname):
        with psycopg.connect(**where) as connection:
            yield connection


@pytest.fixture
def connection(shared):
    with shared.transaction(force_rollback=True):
        yield shared
"""
OUR_ROLLBACK = """\
import pytest


@pytest.fixture
def connection(learnplan_db):
    return learnplan_db
"""
OUR_CLONES = """\
import pytest


@pytest.fixture
def connection(learnplan_clone):
    with learnplan_clone.connect() as connection:
        yield connection
"""


def write(way: str, count: int, home: Path, load: Path, place: str | Path) -> Path:
    """
    Write a suite of so many tests into a new directory, and return it.

    Args: load: SQL that makes the schema, for those that do not bring it; place:
        conninfo of the server for all, or the directory of the programs with which
        each starts its own.
    """
    home.mkdir()
    (home / "pytest.ini").write_text(INI)
    text = TEST_ALONE if way == ALONE else TEST
    (home / "test_suite.py").write_text(text.format(count=count))
    (home / "conftest.py").write_text(conftest(way, load, place))
    return home


def conftest(way: str, load: Path, place: str | Path) -> str:
    """Return the conftest.py of a way."""
    ours = {ALONE: "", OURS: OUR_ROLLBACK, OUR_CLONE: OUR_CLONES}
    if way in ours:
        return ours[way]
    if isinstance(place, str):
        known = conninfo_to_dict(place)
        given = {name: known[name] for name in ("host", "port", "user")}
        factory = "postgresql_noproc"
    else:
        given, factory = {"executable": str(place / "pg_ctl")}, "postgresql_proc"
    arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
    head = THEIRS.format(load=str(load), factory=factory, arguments=arguments)
    return head + (THEIR_CLONE if way == CLONED else THEIR_ROLLBACK)


def environment(before: dict[str, str], place: str | Path) -> dict[str, str]:
    """Return the environment of all suites: ours is told here where the server is."""
    kept = {k: v for k, v in before.items() if not k.startswith("PYTEST_")}
    if isinstance(place, str):
        return kept | {"LEARNPLAN_TEST_SERVER": place}
    return kept | {"LEARNPLAN_PG_BINDIR": str(place)}


def seconds(home: Path, count: int, environ: dict[str, str], *prefix: str) -> float:
    """
    Run a suite in a process of its own, and return the seconds from start to exit.

    Args: prefix: what starts the process as somebody else.
    Raises: BenchError: not all of its tests passed.
    """
    argv = [*prefix, sys.executable, "-m", "pytest", "--basetemp", str(home / "tmp")]
    took, printed = timed([*argv, str(home)], home, environ)
    if f"{count} passed" not in printed.splitlines()[-1]:
        raise BenchError.tests_missing(home.name, count, printed)
    return round(took, 5)

"""The matrix as pgTAP on a real server: all say the same, and a fault is seen by all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from bench import proofs, provers, tools
from bench.errors import BenchError
from bench.prove import Contest, cells
from fix_tools import absent, program

if TYPE_CHECKING:
    from pathlib import Path

    from fix_database import TestServer

pytestmark = pytest.mark.gate

TABLES = ("users", "modules", "plan_progress", "functions")


@pytest.fixture
def contest(server: TestServer, admin_dsn: str, psql: str, tmp_path: Path) -> Contest:
    """Provide two parts of the matrix on a deployed database with pgTAP."""
    program("pg_prove")
    try:
        with psycopg.connect(admin_dsn) as connection:
            provers.add_pgtap(connection)
            version = connection.info.server_version
    except BenchError as error:
        absent(str(error))
    link = tools.Link(server.host, server.port, server.user, server.password)
    dbname = str(conninfo_to_dict(admin_dsn)["dbname"])
    every = cells(version)
    parts = (
        provers.write(proofs.WHOLE, every, TABLES, tmp_path / "large"),
        provers.write(proofs.SMALL, every, ("resources",), tmp_path / "small"),
    )
    return Contest(link, dbname, tools.environment(tmp_path, link), parts, None)


def test_all_try_the_same_cells_and_find_the_same(contest: Contest) -> None:
    """Each tool has a figure a round; a count that differs would have raised."""
    found, others = contest.run(1, lambda _: None)
    assert [part.cells for part in contest.parts] == [one.changes for one in found]
    assert all(one.changes > 50 for one in found)
    for one in found:
        figures = one.seconds[proofs.STEP]
        assert dict.fromkeys(tools.PROVERS, 1) == {
            t: len(s) for t, s in figures.items()
        }
    assert [] == others


@pytest.mark.parametrize(
    "fault",
    [
        "alter policy resources_select_authenticated on learnplan.resources using (false)",
        "grant delete on learnplan.resources to authenticated",
        "grant insert on learnplan.resources to authenticated",
    ],
)
def test_a_fault_is_seen_by_all_that_judge(
    contest: Contest, admin_dsn: str, fault: str
) -> None:
    """A right lost, rows hidden for want of a policy, refused by another guard."""
    case = (contest.parts[1], contest.link, contest.dbname, contest.environ)
    judges = [tool for tool in tools.PROVERS if tool != "loop"]
    assert all(provers.seconds(tool, *case) > 0 for tool in judges)
    with psycopg.connect(admin_dsn) as connection:
        connection.execute(fault.encode())
    for tool in judges:
        with pytest.raises(BenchError):
            provers.seconds(tool, *case)


def test_who_tries_less_is_caught(contest: Contest) -> None:
    """A tool that skips a cell has no figure."""
    small = contest.parts[1]
    more = provers.Part("x", small.cells + 1, small.tables, small.files, small.loop)
    for tool in tools.PROVERS:
        with pytest.raises(BenchError, match=r"did not prove all \d+ cells"):
            provers.seconds(tool, more, contest.link, contest.dbname, contest.environ)

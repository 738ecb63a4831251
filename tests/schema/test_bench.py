"""The benchmark on a real server: a round of all three, and who does less is caught."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from bench import projects
from bench.errors import BenchError
from bench.measure import Bench, Case
from bench.tools import TOOLS, Link

if TYPE_CHECKING:
    from fix_database import TestServer

pytestmark = pytest.mark.gate

STEPS = ("deploy", "revert", "deploy --verify")


@pytest.fixture
def bench(server: TestServer, tmp_path: Path) -> Bench:
    """Provide a benchmark on this worker's server."""
    home = tmp_path / "home"
    home.mkdir()
    links = {0: Link(server.host, server.port, server.user, server.password)}
    end = time.monotonic() + 60
    return Bench(server.dsn, links, home, end, lambda _: None)


def databases(server: TestServer) -> int:
    """Return how many databases of the benchmark there are."""
    with psycopg.connect(server.dsn("postgres")) as connection:
        query = "select count(*) from pg_database where datname like 'bench\\_%'"
        row = connection.execute(query).fetchone()
    return row[0] if row else 0


def test_a_round_times_every_tool_at_every_step(
    sqitch: str, psql: str, server: TestServer, bench: Bench, tmp_path: Path
) -> None:
    """Each tool has as many figures as rounds, and no database is left."""
    work = projects.generated(2, tmp_path / "made")
    rounds = {"sqitch": 1, "ours": 1, "floor": 2}
    found = bench.run(Case("tiny", work, 0, STEPS, rounds, ()))
    assert list(STEPS) == list(found.seconds)
    for by_tool in found.seconds.values():
        assert rounds == {tool: len(each) for tool, each in by_tool.items()}
        assert all(took > 0 for each in by_tool.values() for took in each)
    assert 0 == databases(server)


def test_a_tool_that_does_less_is_caught(
    psql: str, bench: Bench, tmp_path: Path
) -> None:
    """A floor without one of the tables is no floor."""
    work = projects.generated(3, tmp_path / "made")
    short = tmp_path / "short.sql"
    short.write_text("create schema shop; create table shop.items_0001 (i int);")
    work = replace(work, floor=work.floor | {"deploy": short})
    rounds = dict.fromkeys(TOOLS, 1) | {"sqitch": 0}
    with pytest.raises(BenchError, match="left different databases behind"):
        bench.run(Case("tiny", work, 0, ("deploy",), rounds, ()))


def test_a_tool_that_fails_is_caught(
    server: TestServer, bench: Bench, tmp_path: Path
) -> None:
    """A program that fails is fast; its time is not taken."""
    work = projects.generated(2, tmp_path / "made")
    (work.root / "sql" / "deploy" / "items_0001.sql").write_text("select 1 / 0;\n")
    rounds = dict.fromkeys(TOOLS, 0) | {"ours": 1}
    with pytest.raises(BenchError, match="division by zero"):
        bench.run(Case("tiny", work, 0, ("deploy",), rounds, ()))
    assert 0 == databases(server)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(
    sqitch: str, psql: str, number: signal.Signals
) -> None:
    """Ctrl-C or a kill ends the server too, and no file is left."""
    with tempfile.TemporaryDirectory(prefix="lp-") as directory:
        scratch, files = Path(directory) / "pg", Path(directory) / "files"
        for path in (Path(directory), scratch, files):
            path.mkdir(exist_ok=True)
            path.chmod(0o755)  # the server runs as another account when we are root
        run = subprocess.Popen(
            [sys.executable, "-m", "bench.deploy", "--quick", "--only", "packaged"],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"LEARNPLAN_PG_TMP": str(scratch), "TMPDIR": str(files)},
            stderr=subprocess.PIPE,
            text=True,
        )
        with run:
            assert run.stderr is not None
            while "round 1" not in (line := run.stderr.readline()):
                assert line, "it ended before it measured"
            assert 1 == len(list(scratch.glob("*/data/postmaster.pid")))
            run.send_signal(number)
            run.stderr.read()
        assert 0 != run.returncode
        assert [] == [*scratch.iterdir(), *files.iterdir()]

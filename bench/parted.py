"""
Two databases with the same rows: one as deployed, one split by docs/scaling's scripts.

Never prints.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from bench.errors import BenchError
from learnplan_db.engine import runner, session, state
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.server.embedded import Server

    Tell = Callable[[str], None]

PARTITIONS = 16
SIDES = ("whole", "parts")
SCRIPTS = Path(__file__).parents[1] / "docs" / "scaling"
WORLD = Path(__file__).with_name("partitions.sql")
GIVEN = {
    "task_progress": f"partitions={PARTITIONS}",
    "plan_generations": "until=2025-01-01",
}


def make(server: Server, plans: int, tell: Tell) -> float:
    """
    Make both databases.

    Returns: seconds that it took to split task_progress with all its rows.
    """
    whole, parts = SIDES
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute("alter system set autovacuum = off")
        admin.execute("alter system set jit = off")
        admin.execute("select pg_reload_conf()")
        admin.execute(f"create database {whole}".encode())
        with session.connect(server.dsn(whole)) as connection:
            runner.deploy(connection, state.load(config.project_root(None)))
        fill(server.dsn(whole), plans)
        tell(f"{plans:,} plans")
        admin.execute(f"create database {parts} template {whole}".encode())
    # The script leaves rows that are there in one part; here each month has its own.
    with psycopg.connect(server.dsn(parts), autocommit=True) as owner:
        owner.execute("create table public.kept as table learnplan.plan_generations")
        owner.execute("truncate learnplan.plan_generations")
        split(server, parts, "plan_generations")
        owner.execute("set session_replication_role = replica")
        owner.execute("insert into learnplan.plan_generations table public.kept")
        owner.execute("drop table public.kept")
        began = time.perf_counter()
        split(server, parts, "task_progress")
        took = time.perf_counter() - began
        owner.execute("vacuum (freeze, analyze)")
    tell(f"the same in parts: task_progress split in {took:.1f} s")
    return took


def fill(dsn: str, plans: int) -> None:
    """Make the rows of bench/partitions.sql in a database that has the tables."""
    with psycopg.connect(dsn, autocommit=True) as owner:
        for statement in WORLD.read_text().format(plans=plans).split(";\n"):
            owner.execute(statement.encode())


def split(server: Server, dbname: str, table: str) -> None:
    """
    Run the script of docs/scaling that partitions a table.

    Raises: BenchError: it fails.
    """
    script = str(SCRIPTS / f"partition_{table}.sql")
    argv = ["psql", "-Xqv", GIVEN[table], "-f", script, server.dsn(dbname)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError.failed(argv, done.returncode, done.stderr)

"""
Worlds of 10,000 plans and more, on a server with the settings of a small machine.

A world is a database: the plan deployed, the rows made by ``bench/world.sql`` in
chunks. What is done of it is logged with it, so a build that was struck goes on
where it was. Never prints.
"""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from bench.errors import BenchError
from bench.wording import TABLES
from learnplan_db.engine import runner, session, state
from learnplan_db.server.embedded import Server
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
TOWN = 10_000  # plans
CHUNK = 20_000  # plans made in one transaction
CITIZENS = 10  # towns whose users are made in one transaction
WORKERS = 2
SETTINGS = {
    "shared_buffers": "1GB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # nothing else may touch a page while one statement is counted
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}
SIZE, VACUUM = "pg_total_relation_size", "vacuum (analyze)"


@dataclass(frozen=True, slots=True)
class World:
    """
    A database with so many plans.

    Args: rows: by table; size: of tables and indexes together, in bytes; built:
        seconds of work, which two workers share.
    """

    plans: int
    dsn: str
    rows: dict[str, int]
    size: dict[str, int]
    built: int


@contextmanager
def server(home: Path) -> Iterator[Server]:
    """Provide a server on a directory; it ends, and what it holds stays."""
    home.chmod(0o711)  # the server's account must reach what is in it
    kept = Server(home, environ=os.environ)
    try:
        kept.start()
        with psycopg.connect(kept.dsn(), autocommit=True) as admin:
            for name, value in SETTINGS.items():
                alter = sql.SQL("alter system set {} = {}")
                admin.execute(alter.format(sql.Identifier(name), sql.Literal(value)))
        kept.stop()  # shared_buffers is read at the start
        yield kept.start()
    finally:
        kept.stop()


def key(extra: bytes = b"") -> str:
    """Return a name for what makes a world: all that is deployed, and the generator."""
    deploy = config.project_root(None) / "sql" / "deploy"
    texts = [path.read_bytes() for path in sorted(deploy.glob("*.sql"))]
    texts += [(HERE / name).read_bytes() for name in ("world.sql", "naive.sql")]
    return hashlib.sha256(b"\0".join([*texts, extra])).hexdigest()[:12]


def build(
    kept: Server, plans: int, tell: Callable[[str], None], extra: bytes = b""
) -> World:
    """
    Return the world of a size, which is built unless it is there.

    Args: extra: SQL to run after the deploy, to try something that is no change yet.
    Raises: BenchError: the size is not a whole number of towns.
    """
    if plans < TOWN or plans % TOWN:
        raise BenchError.no_town(plans, TOWN)
    dbname = f"world_{plans}_{key(extra)}"
    dsn = kept.dsn(dbname)
    with psycopg.connect(kept.dsn(), autocommit=True) as admin:
        query = "select from pg_database where datname = %s"
        if admin.execute(query, [dbname]).fetchone() is None:
            admin.execute(f"create database {dbname} template template0".encode())
    with session.connect(dsn) as connection:
        runner.deploy(connection, state.load(config.project_root(None)))
    with psycopg.connect(dsn) as owner:
        _begin(owner, plans // TOWN, extra)
    _fill(dsn, plans, tell)
    with psycopg.connect(dsn, autocommit=True) as owner:
        return World(
            plans,
            dsn,
            {
                name: _count(owner, f"select count(*) from learnplan.{name}")
                for name in TABLES
            },
            {
                name: _count(owner, f"select {SIZE}('learnplan.{name}')")
                for name in TABLES
            },
            _count(owner, "select sum(seconds) from bench.steps"),
        )


def _begin(owner: psycopg.Connection[Any], towns: int, extra: bytes) -> None:
    """Make the generator and the naive policies, unless they are there."""
    query = "select count(*) from pg_namespace where nspname = 'bench'"
    if _count(owner, query) == 0:
        owner.execute((HERE / "world.sql").read_bytes())
        owner.execute((HERE / "naive.sql").read_bytes())
        owner.execute("insert into bench.world values (%s)", [towns])
        if extra:
            owner.execute(extra)


def _fill(dsn: str, plans: int, tell: Callable[[str], None]) -> None:
    """Run what is missing of the steps, those that may on both cores."""
    towns = plans // TOWN
    settle = [
        f"call bench.settle({first}, {min(first + CITIZENS, towns)})"
        for first in range(0, towns, CITIZENS)
    ]
    fill = [
        f"call bench.fill({first}, {min(first + CHUNK, plans)}, {towns})"
        for first in range(0, plans, CHUNK)
    ]
    with psycopg.connect(dsn) as owner:
        done = {row[0] for row in owner.execute("select name from bench.steps")}

    def run(step: str) -> None:
        began = time.monotonic()
        with psycopg.connect(dsn) as worker:
            # Foreign keys and triggers are not measured here.
            worker.execute("set local session_replication_role = replica")
            worker.execute(step.encode())
            _log(worker, step, began)
        tell(f"{plans:,} plans: {step}")

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(run, [step for step in settle + fill if step not in done]))
    if VACUUM not in done:
        began = time.monotonic()
        with psycopg.connect(dsn, autocommit=True) as owner:
            owner.execute(VACUUM)
            owner.execute("checkpoint")
            _log(owner, VACUUM, began)
        tell(f"{plans:,} plans: {VACUUM}")


def _log(connection: psycopg.Connection[Any], step: str, began: float) -> None:
    """Log that a step is done, in its own transaction if it has one."""
    seconds = round(time.monotonic() - began, 3)
    connection.execute("insert into bench.steps values (%s, %s)", [step, seconds])


def _count(connection: psycopg.Connection[Any], query: str) -> int:
    """Return the only value of a query."""
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0

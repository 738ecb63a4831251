"""
Measure what writing costs: each table, from the bare one to the one with everything.

Run by ``python -m bench.writes``. Progress goes to standard error, the section to
standard output; a whole run writes docs/performance/writes.json. The same world stands
in a database for each layer; all are written to in each round, in turns.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psycopg

from bench import (
    counters,
    facts,
    writes_indexes,
    writes_page,
    writes_triggers,
    writes_world,
)
from bench.deploy import DOCS, ended_by_signals
from bench.errors import BenchError
from bench.writes_world import (
    CONSTRAINTS,
    KINDS,
    LAYERS,
    SECURED,
    TABLES,
    TRIGGERS,
    key,
)
from learnplan_db.engine import runner, session, state
from learnplan_db.errors import LearnplanError
from learnplan_db.server.embedded import Server
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.counters import Connection, Cost

    Tell = Callable[[str], None]
    Costs = dict[tuple[str, str, str, str], list[Cost]]

PATH = DOCS / "performance" / "writes.json"
WORLD = "bench_world"
ROUNDS, QUICK = 5, 1
BATCH, SINGLE, TOGETHER = 1000, 100, 20  # rows; rows; statements in a transaction
INSERT, UPDATE, DELETE = "insert", "update", "delete"


def statements(table: str) -> dict[str, tuple[str, str]]:
    """
    Return for each operation what writes many rows, and what writes one.

    New rows are named by their numbers, the first and the last; others by their ids.
    """
    kind, name = KINDS[table], f"learnplan.{table}"
    several = "generate_series($1::integer, $2::integer) as n"
    single = "(select $1::integer as n) as one"
    wheres = ("id = any($1)", "id = $1")
    texts = {
        INSERT: [writes_world.insertion(table, s, kind) for s in (several, single)],
        UPDATE: [f"update {name} set {kind.changes} where {w}" for w in wheres],
        DELETE: [f"delete from {name} where {where}" for where in wheres],
    }
    return {
        operation: (_worded(both[0]), _worded(both[1]))
        for operation, both in texts.items()
    }


def _worded(text: str) -> str:
    """Return a statement with the parameters of psycopg."""
    return text.replace("%", "%%").replace("$1", "%s").replace("$2", "%s")


def prepare(server: Server, tell: Tell) -> dict[str, int]:
    """Deploy and fill the world, and make a database for each layer."""
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        for name, value in counters.QUIET.items():
            admin.execute(f"alter system set {name} = '{value}'".encode())
        admin.execute("select pg_reload_conf()")
        admin.execute(f"create database {WORLD} template template0".encode())
        with session.connect(server.dsn(WORLD)) as connection:
            runner.deploy(connection, state.load(config.project_root(None)))
        with psycopg.connect(server.dsn(WORLD), autocommit=True) as world:
            rows = writes_world.fill(world)
        tell(f"{sum(rows.values()):,} rows")
        for layer in LAYERS:
            create = f"create database {database(layer)} template {WORLD}"
            admin.execute(f"{create} strategy file_copy".encode())
            with connected(server, layer) as connection:
                writes_world.strip(connection, layer)
    tell(f"{len(LAYERS)} databases")
    return rows


def database(layer: str) -> str:
    """Return the name of a layer's database."""
    return f"bench_{layer.replace(' ', '_')}"


def connected(server: Server, layer: str) -> Connection:
    """Return a superuser's connection to a layer's database."""
    return psycopg.connect(server.dsn(database(layer)), autocommit=True)


@contextmanager
def copies(server: Server) -> Iterator[tuple[Connection, Connection]]:
    """Provide two databases that are alike, with all but triggers and policies."""
    names = ("with", "without")
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        for name in names:
            create = f"create database {database(name)}"
            create += f" template {database(CONSTRAINTS)} strategy file_copy"
            admin.execute(create.encode())
        try:
            with connected(server, names[0]) as one, connected(server, names[1]) as two:
                yield one, two
        finally:
            for name in names:
                admin.execute(f"drop database {database(name)} with (force)".encode())


def new_ids(connection: Connection, table: str) -> list[Any]:
    """Return the ids of the rows that are written, in the order of their numbers."""
    new = key(f"new {table}", "n")
    query = f"select {new} from generate_series(1, {BATCH + SINGLE}) as n"
    return [row[0] for row in connection.execute(query.encode())]


def stamped(server: Server, rounds: int) -> list[dict[str, Any]]:
    """Return what the triggers of each table cost an insert and an update."""
    with connected(server, TRIGGERS) as connection:
        texts: dict[str, dict[str, tuple[str, list[Any]]]] = {
            table: {
                INSERT: (statements(table)[INSERT][0], [1, BATCH]),
                UPDATE: (
                    statements(table)[UPDATE][0],
                    [new_ids(connection, table)[:BATCH]],
                ),
            }
            for table in TABLES
        }
        return writes_triggers.triggers(connection, texts, rounds, BATCH)


def operate(
    connection: Connection, meter: counters.Meter, table: str
) -> Iterator[tuple[str, str, Cost]]:
    """
    Write new rows to a table, change them, delete them: many at once, then one by one.

    Yields: the operation, "many" or "one", and what it took.
    """
    ids = new_ids(connection, table)
    for operation, (many, one) in statements(table).items():
        batch = [1, BATCH] if operation == INSERT else [ids[:BATCH]]
        numbers = range(BATCH + 1, BATCH + SINGLE + 1)
        singles = list(numbers) if operation == INSERT else ids[BATCH:]
        yield operation, "many", meter.cost(_all(connection, many, batch))
        yield operation, "one", meter.cost(_each(connection, one, singles))


def _all(connection: Connection, text: str, given: list[Any]) -> Callable[[], None]:
    """Return what writes a batch in a statement, and finds all of its rows."""

    def run() -> None:
        found = connection.execute(text.encode(), given, prepare=False)
        if found.rowcount != BATCH:
            raise BenchError.rows_missing(text, BATCH, found.rowcount)

    return run


def _each(connection: Connection, text: str, given: list[Any]) -> Callable[[], None]:
    """Return what writes row by row, some in a transaction, prepared."""

    def run() -> None:
        written = 0
        for first in range(0, SINGLE, TOGETHER):
            with connection.transaction():
                for one in given[first : first + TOGETHER]:
                    done = connection.execute(text.encode(), [one], prepare=True)
                    written += done.rowcount
        if written != SINGLE:
            raise BenchError.rows_missing(text, SINGLE, written)

    return run


def layers(server: Server, rounds: int, tell: Tell) -> list[dict[str, Any]]:
    """Return what every operation costs on every table in every layer."""
    found: Costs = {}
    with ExitStack() as stack:
        open_ = {n: stack.enter_context(connected(server, n)) for n in LAYERS}
        meters = {n: counters.Meter(c) for n, c in open_.items()}
        for number in range(rounds + 1):  # the first only warms up
            for table in TABLES:
                for name in LAYERS[:: 1 if number % 2 else -1]:
                    writes_world.become(open_[name], KINDS[table].role)
                    for operation, how, cost in operate(
                        open_[name], meters[name], table
                    ):
                        where = (table, operation, how, name)
                        found.setdefault(where, []).append(cost)
                    open_[name].execute("reset role")
                    open_[name].execute(f"vacuum learnplan.{table}".encode())
            tell(f"layers: round {number} of {rounds}" if number else "warm-up")
    rows = {"many": BATCH, "one": SINGLE}
    head = ("table", "operation", "how", "layer")
    return [
        dict(zip(head, where, strict=True)) | counters.per(costs[1:], rows[where[2]])
        for where, costs in found.items()
    ]


def measure(tell: Tell, *, quick: bool) -> dict[str, Any]:
    """
    Start a server, measure layers, indexes and HOT updates, stop the server.

    Raises: BenchError: a statement did not write its rows.
    """
    rounds = QUICK if quick else ROUNDS
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        server = stack.enter_context(Server(None, environ=os.environ))
        known = {"run": "quick: one round" if quick else "whole"}
        known |= facts.gather(server)
        for name, value in known.items():
            tell(f"{name}: {value}")
        rows = prepare(server, tell)
        found = layers(server, rounds, tell)
        by_index = writes_indexes.indexes(lambda: copies(server), rounds, BATCH)
        tell(f"{len(by_index)} indexes")
        by_trigger = stamped(server, rounds)
        tell("triggers")
        with connected(server, SECURED) as connection:
            hot = writes_indexes.hot(connection)
            tell("HOT updates")
        return {
            "facts": known,
            "rows": rows,
            "layers": found,
            "indexes": by_index,
            "triggers": by_trigger,
            "hot": hot,
        }


@click.command()
@click.option("--quick", is_flag=True, help="One round; docs stay.")
@click.option(
    "--json", "to", type=click.Path(path_type=Path), help="Write the figures here too."
)
def main(*, quick: bool, to: Path | None) -> None:
    """Measure what writing costs, layer by layer and index by index."""
    began = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"{time.monotonic() - began:6.1f} s  {line}", err=True)

    try:
        data = measure(tell, quick=quick)
    except LearnplanError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    text = json.dumps(data, indent=1) + "\n"
    for path in filter(None, (to, None if quick else PATH)):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        tell(f"wrote {path}")
    click.echo(writes_page.section(data))


if __name__ == "__main__":
    main()

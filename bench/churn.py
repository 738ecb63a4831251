"""
Measure what storage parameters do to tables that change.

Run by ``python -m bench.churn``. Databases of one server hold the same rows and get the
same changes; each has other parameters. Autovacuum is off, and VACUUM is run when its
formula asks for it, so that a run comes out the same on a slow machine. Progress goes
to standard error, the section to standard output; a whole run also writes
docs/performance/churn.json.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psycopg

from bench import facts
from bench.churn_page import section
from bench.churned import CHANGES, NUMBERED
from bench.deploy import DOCS, ended_by_signals
from bench.parted import fill
from bench.touched import Counter
from learnplan_db.engine import runner, session, state
from learnplan_db.errors import LearnplanError
from learnplan_db.server.embedded import Server
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.churned import Change

    Tell = Callable[[str], None]
    Connection = psycopg.Connection[Any]

PLANS, QUICK_PLANS = 900, 300
ROUNDS, QUICK_ROUNDS = 40, 10
TABLES = ("task_progress", "learning_plans", "tasks")
TUNED = (Path(__file__).parents[1] / "docs" / "scaling" / "autovacuum.sql").read_text()
OFTEN = (
    "autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor,"
    " autovacuum_analyze_scale_factor"
)
# What is taken back from the script, which is what the others have.
VARIANTS: dict[str, str | None] = {
    "deployed": None,
    "fillfactor": f"alter table learnplan.{{}} reset ({OFTEN})",
    "autovacuum": "alter table learnplan.{} reset (fillfactor)",
    "both": "",
}
FIFTIETH = "delete from learnplan.task_progress where hashtext(id::text) % 50 = 0"
WHOLE = "vacuum (disable_page_skipping, index_cleanup on) learnplan.task_progress"


@dataclass(slots=True)
class Fate:
    """
    What became of one database.

    Args: before, after: size of heap and of indexes, in bytes; vacuum: seconds of one
        over all rows of task_progress after a fiftieth of them was deleted.
    """

    before: dict[str, tuple[int, int]] = field(default_factory=dict)
    after: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    updates: dict[str, int] = field(default_factory=dict)
    hot: dict[str, int] = field(default_factory=dict)
    vacuums: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    wal: dict[str, int] = field(default_factory=dict)
    vacuum: float = 0.0


class Life:
    """A database and the rounds of changes that it gets."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.counter = Counter(connection, connection)
        self.numbers = {
            one.numbered: self.counter.one(
                f"select count(*) from public.{one.numbered}"
            )
            for one in CHANGES
        }
        self.fate = Fate(before=self._sizes(), vacuums=dict.fromkeys(TABLES, 0))

    def live(self, rounds: int) -> Fate:
        """Run the rounds and return what became of it."""
        for number in range(rounds):
            for change in CHANGES:
                late = change.name.endswith("later")
                if number or not late:
                    self._change(change, number - late)
            self.connection.execute("select pg_stat_force_next_flush()")
            for table in TABLES:
                self._vacuum_if_due(table)
        self.connection.execute("select pg_stat_force_next_flush()")
        fate = self.fate
        fate.after = self._sizes()
        for table in TABLES:
            counted = self._stat(table, "n_tup_upd, n_tup_hot_upd")
            fate.updates[table], fate.hot[table] = counted
            fate.rows[table] = self.counter.one(
                f"select count(*) from learnplan.{table}"
            )
        self.connection.execute(FIFTIETH)
        began = time.perf_counter()
        self.connection.execute(WHOLE)
        fate.vacuum = time.perf_counter() - began
        return fate

    def _change(self, change: Change, number: int) -> None:
        """Make one round of a kind of change, in ten transactions."""
        whole = self.numbers[change.numbered]
        batch = int(whole * change.share)
        first = number * batch % (whole - batch + 1)
        before, done = self.counter.wal(), 0
        for part in range(10):
            bounds = {
                "first": first + part * batch // 10,
                "last": first + (part + 1) * batch // 10,
            }
            done += self.connection.execute(change.statement.encode(), bounds).rowcount
        fate = self.fate
        fate.wal[change.name] = (
            fate.wal.get(change.name, 0) + self.counter.wal() - before
        )
        fate.changed[change.name] = fate.changed.get(change.name, 0) + done

    def _vacuum_if_due(self, table: str) -> None:
        """Vacuum where autovacuum would: PostgreSQL, "The Autovacuum Daemon"."""
        rows = self.connection.execute(
            "select c.reltuples, coalesce(c.reloptions, '{}') from pg_class as c"
            " where c.oid = ('learnplan.' || %s)::regclass",
            [table],
        ).fetchone()
        live, listed = rows or (0, [])
        given = dict(option.split("=") for option in listed)
        share = float(given.get("autovacuum_vacuum_scale_factor", 0.2))
        more = float(given.get("autovacuum_vacuum_insert_scale_factor", 0.2))
        dead, inserted = self._stat(table, "n_dead_tup, n_ins_since_vacuum")
        if dead > 50 + share * live or inserted > 1000 + more * live:
            self.connection.execute(f"vacuum learnplan.{table}".encode())
            self.fate.vacuums[table] += 1

    def _stat(self, table: str, columns: str) -> tuple[int, int]:
        """Return two counters of a table."""
        query = (
            f"select {columns} from pg_stat_user_tables"
            f" where relid = 'learnplan.{table}'::regclass"
        )
        one, other = self.connection.execute(query.encode()).fetchall()[0]
        return one, other

    def _sizes(self) -> dict[str, tuple[int, int]]:
        return {
            table: (
                self.counter.one(f"select pg_relation_size('learnplan.{table}')"),
                self.counter.one(f"select pg_indexes_size('learnplan.{table}')"),
            )
            for table in TABLES
        }


def measure(tell: Tell, *, quick: bool) -> dict[str, Any]:
    """Start a server, let each database live, stop the server."""
    plans, rounds = (QUICK_PLANS, QUICK_ROUNDS) if quick else (PLANS, ROUNDS)
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        server = stack.enter_context(Server(None, environ=os.environ))
        admin = stack.enter_context(psycopg.connect(server.dsn(), autocommit=True))
        admin.execute("alter system set autovacuum = off")
        admin.execute("select pg_reload_conf()")
        admin.execute("create database churn_world")
        with session.connect(server.dsn("churn_world")) as connection:
            runner.deploy(connection, state.load(config.project_root(None)))
        fill(server.dsn("churn_world"), plans)
        with psycopg.connect(server.dsn("churn_world"), autocommit=True) as owner:
            owner.execute(NUMBERED.encode())
            owner.execute("vacuum (analyze)")
        tell(f"{plans:,} plans")
        fates = {}
        for variant, reset in VARIANTS.items():
            name = f"churn_{variant}"
            admin.execute(f"create database {name} template churn_world".encode())
            with psycopg.connect(server.dsn(name), autocommit=True) as owner:
                if reset is not None:
                    owner.execute(TUNED.encode())
                for table in TABLES if reset else ():
                    owner.execute((reset or "").format(table).encode())
                fates[variant] = Life(owner).live(rounds)
            tell(f"{variant}: {fates[variant].vacuums}")
        return {
            "facts": facts.gather(server),
            "rounds": rounds,
            "variants": {name: asdict(fate) for name, fate in fates.items()},
        }


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rows and rounds; docs stay.")
@click.option(
    "--json", "to", type=click.Path(path_type=Path), help="Write the figures here too."
)
def main(*, quick: bool, to: Path | None) -> None:
    """Measure tables that change: as deployed against tuned ones."""
    began = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"{time.monotonic() - began:6.1f} s  {line}", err=True)

    try:
        data = measure(tell, quick=quick)
    except LearnplanError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    for path in ([to] if to else []) + (
        [] if quick else [DOCS / "performance" / "churn.json"]
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(data, indent=1) + "\n")
        tell(f"wrote {path.name}")
    click.echo(section(data))


if __name__ == "__main__":
    main()

"""
Measure identity: what asking who it is costs a statement, and acting_as a transaction.

Run by ``python -m bench.identity``. Progress goes to standard error, the section to
standard output; a whole run also writes docs/performance/identity.json. The server is
a throw-away one and ends with this process.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import ExecStatus

from bench import facts, identity_page
from bench.deploy import DOCS, ended_by_signals
from bench.errors import BenchError
from bench.relay import LOOPBACK, Relay
from learnplan_db import acting_as
from learnplan_db.engine import runner, session, state
from learnplan_db.errors import LearnplanError
from learnplan_db.security import becoming
from learnplan_db.server.embedded import Server
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str], None]
    Connection = psycopg.Connection[Any]

FILE = DOCS / "performance" / "identity.json"
BATCH = 400  # statements in one message, so that the line costs next to nothing
ROUNDS, QUICK = 200, 40
TRANSACTIONS, QUICK_TRANSACTIONS = 100, 10
SWITCHES = 300  # of a role, a fifth of a second
DELAYS_MS = (0, 20)
ID, SUB = "6f9619ff-8b86-4011-b42d-00c04fc964ff", "user_2abcDEFghiJKLmnoPQRstuVWXyz"
# As acting_as writes them, and as a token of a provider holds them.
CLAIMS = {
    "sub": {"sub": SUB, "role": "authenticated"},
    "user_id": {"sub": SUB, "user_id": ID, "role": "authenticated"},
    "sub of a whole token": {
        "azp": "https://app.example.org",
        "email": "ann@example.org",
        "email_verified": True,
        "exp": 1764118800,
        "fva": [0, -1],
        "iat": 1764118740,
        "iss": "https://clerk.example.org",
        "nbf": 1764118730,
        "role": "authenticated",
        "sid": "sess_2abcDEFghiJKLmnoPQRstuVWXyz",
        "sub": SUB,
    },
    "nobody": None,
}
USERS = """
insert into learnplan.users (id, clerk_user_id, email)
select coalesce(nullif(md5(n::text)::uuid, md5('1')::uuid), %(id)s),
  case n when 1 then %(sub)s else 'user_' || n end, n || '@example.org'
from generate_series(1, 10000) as n"""
HAND = """
select set_config('request.jwt.claims', %(claims)s, true),
  set_config('role', %(role)s, true)"""
PREPARE = """
prepare nothing as select null::uuid;
prepare identity as select learnplan.current_user_id();
grant authenticated to current_user;
set role authenticated"""


def statements(connection: Connection, rounds: int) -> dict[str, dict[str, Any]]:
    """
    Return the microseconds of a statement that asks, beside one that asks nothing.

    Each is executed, whole, as a prepared statement is: 400 in one message, and the
    two in turn. Raises: BenchError: it was not who the claims say.
    """
    connection.execute(USERS, {"id": ID, "sub": SUB})
    connection.execute("analyze learnplan.users")
    connection.execute(PREPARE)
    found = {}
    for name, claims in CLAIMS.items():
        text = json.dumps(claims) if claims else ""
        connection.execute("select set_config('request.jwt.claims', %s, false)", [text])
        row = connection.execute("execute identity").fetchone()
        who = str(row[0]) if row and row[0] else None
        if who != (ID if claims else None):
            raise BenchError.somebody_else(name, who)
        took: dict[str, list[float]] = {"nothing": [], "identity": []}
        for number in range(rounds + 2):
            for what in sorted(took, reverse=bool(number % 2)):
                took[what].append(_microseconds(connection, what))
        warm = {what: each[2:] for what, each in took.items()}
        added = [a - b for a, b in zip(warm["identity"], warm["nothing"], strict=True)]
        found[name] = {what: median(each) for what, each in warm.items()} | {
            "added": median(added),
            "low": sorted(added)[len(added) // 10],
            "high": sorted(added)[-len(added) // 10],
        }
    return found


def _microseconds(connection: Connection, statement: str) -> float:
    """
    Return the processor time that one of many executions took of its backend.

    Raises: BenchError: they failed.
    """
    clock = (
        ~connection.info.backend_pid << 3 | 2
    )  # of a process: Linux, clock_getres(2)
    message = f"execute {statement};".encode() * BATCH
    began = time.clock_gettime(clock)
    result = connection.pgconn.exec_(message)
    took = time.clock_gettime(clock) - began
    if result.status != ExecStatus.TUPLES_OK:
        raise BenchError.failed(["execute", statement], 1, result.get_error_message())
    return took / BATCH * 1e6


def _clock(connection: Connection) -> int:
    """Return the number of the clock of a backend: Linux, clock_getres(2)."""
    return ~connection.info.backend_pid << 3 | 2


def switches(dsn: str, times: int) -> dict[str, float]:
    """
    Return the microseconds of what acting_as sends: the whole, again, and by hand.

    Processor time of the backend, planning included, as nothing is prepared. By hand:
    the two settings alone. Raises: BenchError: it did not become who was asked for.
    """
    wanted = becoming.wanted("authenticated", sub=SUB, user_id=None, email=None)
    took: dict[str, list[float]] = {"by hand": [], "again": [], "whole": []}
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        clock, cursor = _clock(connection), connection.cursor()
        row = cursor.execute(becoming.BECOME, wanted).fetchone() or ()
        asked = wanted | {"watched": row[-2]}
        texts = dict(zip(took, (HAND, becoming.AGAIN, becoming.BECOME), strict=True))
        for number in range(times):
            for name in sorted(took, reverse=bool(number % 2)):
                with connection.transaction():
                    began = time.clock_gettime(clock)
                    cursor.execute(texts[name], asked)
                    took[name].append((time.clock_gettime(clock) - began) * 1e6)
                    now = connection.execute("select current_user").fetchone()
                if now != ("authenticated",):
                    raise BenchError.somebody_else(name, str(now))
    return {name: median(each) for name, each in took.items()}


def transactions(server: Server, times: int, tell: Tell) -> list[dict[str, Any]]:
    """
    Return what a transaction of one statement costs with acting_as, and without.

    Each on a connection of its own kind, the two in turn: the milliseconds, and the
    round trips as the relay counts them.
    """
    found = []
    for delay in DELAYS_MS:
        with Relay(server.port, delay / 2000, str(server.socket)) as relay:
            dsn = make_conninfo(
                server.dsn(user="bench_app"), host=LOOPBACK, port=relay.port
            )
            for autocommit in (True, False):
                with psycopg.connect(
                    dsn, autocommit=autocommit, prepare_threshold=None
                ) as conn:
                    ways: dict[str, Callable[[], Any]] = {
                        "transaction": conn.transaction,
                        "acting_as": partial(acting_as, conn, sub=SUB),
                    }
                    each = _both(conn, relay, ways, times)
                found.append({"delay_ms": delay, "autocommit": autocommit} | each)
            tell(f"transactions at {delay} ms")
    return found


def _both(
    conn: Connection, relay: Relay, ways: dict[str, Callable[[], Any]], times: int
) -> dict[str, Any]:
    """Run a transaction both ways, so many times, in turn."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    trips: dict[str, set[int]] = {name: set() for name in ways}
    for number in range(times + 2):
        for name in sorted(ways, reverse=bool(number % 2)):
            before, began = relay.round_trips, time.perf_counter()
            with ways[name]():
                conn.execute("select 1")
            took[name].append((time.perf_counter() - began) * 1000)
            trips[name].add(relay.round_trips - before)
    return {
        name: {"ms": median(took[name][2:]), "round_trips": max(trips[name])}
        for name in ways
    }


def measure(tell: Tell, *, quick: bool) -> dict[str, Any]:
    """
    Start a server, measure on it, stop it.

    Raises: BenchError: it was not who the claims say.
    """
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        server = stack.enter_context(Server(None, environ=os.environ))
        with session.connect(server.dsn()) as connection:
            runner.deploy(connection, state.load(config.project_root(None)))
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("create role bench_app login noinherit in role authenticated")
            tell("deployed")
            asked = statements(admin, QUICK if quick else ROUNDS)
        tell("statements")
        times = QUICK_TRANSACTIONS if quick else TRANSACTIONS
        return {
            "facts": facts.gather(server),
            "statements": asked,
            "switches": switches(
                server.dsn(user="bench_app"), times if quick else SWITCHES
            ),
            "transactions": transactions(server, times, tell),
        }


@click.command()
@click.option("--quick", is_flag=True, help="Few rounds, to try; docs stay.")
@click.option(
    "--json", "to", type=click.Path(path_type=Path), help="Write the figures here too."
)
def main(*, quick: bool, to: Path | None) -> None:
    """Measure what asking who it is costs, and what acting_as costs."""
    began = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"{time.monotonic() - began:6.1f} s  {line}", err=True)

    try:
        data = measure(tell, quick=quick)
    except LearnplanError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    text = json.dumps(data, indent=1) + "\n"
    if to:
        to.write_text(text)
    if not quick:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(text)
        tell("wrote docs/performance/identity.json")
    click.echo(identity_page.section(data))


if __name__ == "__main__":
    main()

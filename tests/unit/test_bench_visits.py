"""Identity and throughput: the parts of the benchmarks that need no server."""

from __future__ import annotations

import os
import re
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from bench import identity_page, throughput, throughput_page, visits
from bench.errors import BenchError
from bench.relay import LOOPBACK, Relay
from bench.wording import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWN = {
    *TYPES,
    "left",
    "visitors",
    "n",
    "spot",
    "seen",
    "claims",
    "watched",
}
PRINTED = """\
transaction type: multiple scripts
number of transactions actually processed: 300
number of failed transactions: 0 (0.000%)
latency average = 21.500 ms
initial connection time = 5.000 ms
tps = 1488.250000 (without initial connection time)
SQL script 1: /tmp/x/tables/0.sql
 - weight: 12 (targets 12.0% of total)
 - 200 transactions (66.7% of total)
 - number of failed transactions: 0 (0.000%)
 - latency average = 20.100 ms
 - latency stddev = 3.000 ms
SQL script 3: /tmp/x/tables/2.sql
 - weight: 1 (targets 1.0% of total)
 - 0 transactions (0.0% of total)
SQL script 2: /tmp/x/tables/1.sql
 - weight: 8 (targets 8.0% of total)
 - 100 transactions (33.3% of total, tps = 496.083333)
 - latency average = 24.300 ms
"""


@pytest.fixture
def answering() -> Iterator[int]:
    """Provide the port of a server that answers each question mark."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(1 << 16):
                connection.sendall(b"!" * data.count(b"?"))

    with socket.create_server((LOOPBACK, 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_relay_counts_round_trips_not_pieces(answering: int) -> None:
    """What is said before an answer is one, in however many pieces."""
    with (
        Relay(answering, 0) as relay,
        socket.create_connection((LOOPBACK, relay.port), timeout=10) as client,
    ):
        assert 0 == relay.round_trips
        for said in (b"a", b"b", b"?"):
            client.sendall(said)
        assert b"!" == client.recv(9)
        assert 1 == relay.round_trips
        client.sendall(b"H\0\0\0\4")  # a Flush, which nobody waits for
        client.sendall(b"?")
        assert b"!" == client.recv(9)
    assert 2 == relay.round_trips


@pytest.mark.parametrize("way", visits.WAYS)
def test_a_visit_is_one_transaction_that_must_see_something(way: str) -> None:
    """Each script begins, asks once, commits, and fails when it saw nothing."""
    assert 100 == sum(visits.WEIGHTS.values())
    for name, text in visits.scripts(way).items():
        assert ["begin;", "commit;"] == re.findall(
            r"^(?:begin|commit);$", text, re.MULTILINE
        ), name
        assert 1 == text.count("\\aset"), name
        assert "1 as seen" in text, name
        assert text.endswith("select 1 / 0 as nothing_was_seen;\n\\endif\n"), name
        # No parameter is left that pgbench would not fill, nor a brace.
        found = set(re.findall(r"(?<![:\w]):([a-z_]+)", text))
        assert set() == found - KNOWN, name
        assert "{" not in text, name
        assert "%(" not in text, name


def test_ways_differ_in_who_decides() -> None:
    """By hand takes no role; the others do, and the accessors are called where they are."""
    by_way = {way: visits.scripts(way) for way in visits.WAYS}
    for name, text in by_way[visits.HAND].items():
        assert "set_config" not in text, name
        assert (
            "set_config('role', 'authenticated'::text, true)" in by_way["tables"][name]
        )
    page = "page of an own plan"
    assert "learnplan.plan_tree(:plan::uuid)" in by_way[visits.ACCESSORS][page]
    assert "plan_tree" not in by_way[visits.TABLES][page]
    assert ":me::uuid" in by_way[visits.HAND][page]


def test_figures_are_what_pgbench_says() -> None:
    """Transactions a second, milliseconds, and both of each script."""
    first, second, *_ = visits.WEIGHTS
    expected = {
        "tps": 1488.25,
        "ms": 21.5,
        "visits": {
            first: {"count": 200, "ms": 20.1},
            second: {"count": 100, "ms": 24.3},
        },
    }
    assert expected == throughput.read([], PRINTED)


@pytest.mark.parametrize(
    "printed",
    [
        "",
        PRINTED.replace(
            "failed transactions: 0 (0.000%)\nlat",
            "failed transactions: 3 (1%)\nlat",
            1,
        ),
    ],
    ids=["silent", "failed"],
)
def test_a_failed_transaction_is_no_figure(printed: str) -> None:
    """Nobody is fast by failing."""
    with pytest.raises(BenchError):
        throughput.read(["pgbench"], printed)


def test_one_core_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be bound, it says so, and what would help."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    with (
        pytest.raises(BenchError, match="two cores"),
        throughput.on_cores(None, 1),  # type: ignore[arg-type]
    ):
        pass


def run(way: str, tps: float, **place: Any) -> dict[str, Any]:
    """Make a run."""
    each = {name: {"count": 1, "ms": 1000 / tps} for name in visits.WEIGHTS}
    return (
        {"link": "PgBouncer", "cores": 1}
        | place
        | {
            "way": way,
            "tps": tps,
            "ms": 32000 / tps,
            "visits": each,
        }
    )


FACTS = {
    "date": "2026-01-01",
    "processor": "a processor, 2 cores",
    "PostgreSQL": "18.1, embedded, data on tmpfs",
    "PgBouncer": "PgBouncer 1.18.0",
}


def test_throughput_is_held_against_the_run_beside_it() -> None:
    """The ratio is the median of those of each round, not of two medians."""
    runs = [
        run(way, tps)
        for tps_by_way in ((1000, 500, 900), (2000, 1200, 2000), (1000, 700, 990))
        for way, tps in zip(visits.WAYS, tps_by_way, strict=True)
    ]
    data = {"facts": FACTS, "seconds": 4, "clients": 32, "sessions": 8, "runs": runs}
    section = throughput_page.section(data)
    assert "## Throughput\n" == section[:14]
    row = "| PgBouncer | 1 | tables | 700 (500 to 1,200) | 45.7 ms | 0.60x |"
    assert row in section
    assert "| accessors | 990 (900 to 2,000) | 32.3 ms | 0.99x |" in section
    assert "PostgreSQL 18.1, PgBouncer 1.18.0" in section


def statement(added: float) -> dict[str, float]:
    """Make the figures of a kind of claims."""
    return {
        "nothing": 2,
        "identity": 2 + added,
        "added": added,
        "low": added - 1,
        "high": added + 1,
    }


@pytest.mark.parametrize(
    ("added", "trips", "met"),
    [(9.9, 4, ["yes", "yes"]), (10.1, 5, ["**no**", "**no**"])],
)
def test_targets_of_identity(added: float, trips: int, met: list[str]) -> None:
    """What acting_as writes counts, and the worst of it; a whole token does not."""
    data = {
        "facts": FACTS,
        "statements": {
            "sub": statement(added),
            "user_id": statement(3),
            "sub of a whole token": statement(20),
        },
        "switches": {"by hand": 20.4, "again": 30.6, "whole": 300.2},
        "transactions": [
            {
                "delay_ms": 20,
                "autocommit": False,
                "transaction": {"ms": 60.1, "round_trips": 3},
                "acting_as": {"ms": 80.2, "round_trips": trips},
            }
        ],
    }
    section = identity_page.section(data)
    found = re.findall(
        r"^\| .*(?:a statement|a transaction) \|.*\| (\S+) \|$", section, re.MULTILINE
    )
    assert met == found
    assert "300 us the first time in a minute" in section
    assert f"| 20 ms | as it comes | 80.2 ms | 60.1 ms | {trips} / 3 |" in section

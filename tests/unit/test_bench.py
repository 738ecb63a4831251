"""The benchmark's own parts: the relay is late, the page says what the figures say."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from bench import page, plot, projects, targets, tools
from bench.deploy import cases, files
from bench.errors import BenchError
from bench.relay import LOOPBACK, Relay
from bench.results import Report, Result
from learnplan_db.engine import state

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs"
DELAY = 0.03
LARGE = bytes(range(256)) * 4096


@pytest.fixture
def echo() -> Iterator[int]:
    """Provide the port of a server that sends all back, then ends as its client did."""

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while data := connection.recv(1 << 16):
                    connection.sendall(data)

    with socket.create_server((LOOPBACK, 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def ask(port: int, data: bytes) -> tuple[bytes, float]:
    """Send, end, read to the end; return what came and the seconds it took."""
    with socket.create_connection((LOOPBACK, port), timeout=10) as client:
        began = time.monotonic()
        sender = threading.Thread(
            target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR))
        )
        sender.start()
        parts = []
        while part := client.recv(1 << 16):
            parts.append(part)
        sender.join()
        return b"".join(parts), time.monotonic() - began


def test_relay_delays_both_directions(echo: int) -> None:
    """A round trip takes at least twice the delay, and the bytes are the same."""
    with Relay(echo, DELAY) as relay:
        said, took = ask(relay.port, b"select 1")
    assert b"select 1" == said
    assert 2 * DELAY <= took


def test_relay_does_not_limit_bandwidth(echo: int) -> None:
    """A megabyte is many pieces but one delay: pieces do not wait for each other."""
    with Relay(echo, DELAY) as relay:
        said, took = ask(relay.port, LARGE)
    assert LARGE == said
    # One delay a piece of 64 KiB, each way, would be a second; here is room for noise.
    assert 2 * DELAY <= took < 2 * DELAY * len(LARGE) / (1 << 16)


def test_relay_ends_with_open_connections(echo: int) -> None:
    """Leaving closes the port and what goes through it, though nobody said goodbye."""
    with Relay(echo, DELAY) as relay:
        client = socket.create_connection((LOOPBACK, relay.port), timeout=10)
        client.sendall(b"x")
        assert b"x" == client.recv(1)
    with client, pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, relay.port), timeout=10)


def test_relay_ends_when_the_server_refuses() -> None:
    """A client whose server is away is sent away, not left to wait."""
    with socket.create_server((LOOPBACK, 0)) as gone:
        port = gone.getsockname()[1]
    with Relay(port, DELAY) as relay:
        assert b"" == ask(relay.port, b"")[0]


def result(name: str, changes: int, **seconds: tuple[float, float, float]) -> Result:
    """Make a result whose rounds are a tenth below and above the figures given."""
    steps = {
        "no-op deploy" if step == "nothing" else step: {
            tool: [value * 0.9, value * 1.1, value]
            for tool, value in zip(("sqitch", "ours", "floor"), each, strict=True)
        }
        for step, each in seconds.items()
    }
    return Result(name, changes, 20 if "-" in name else 0, steps)


@pytest.fixture
def report() -> Report:
    """Provide a run whose ratios can be told by head."""
    results = (
        result("packaged", 59, deploy=(3, 0.5, 0.1), nothing=(0.3, 0.2, 0.03)),
        result("100", 100, deploy=(4.4, 0.4, 0.15), nothing=(0.4, 0.1, 0.05)),
        result("1000", 1000, deploy=(44, 2.2, 1.1), nothing=(0.6, 0.1, 0.05)),
        result("100-20ms", 100, deploy=(30, 3, 2)),
    )
    return Report({"date": "2026-01-01", "psql": "psql 15"}, results)


def test_targets_are_ratios_of_medians(report: Report) -> None:
    """Each promise is held against the medians; what was not run is neither yes nor no."""
    found = {t.promise.partition(":")[0]: t for t in targets.targets(report)}
    shown = {
        name: (round(t.found, 3) if t.found else None, t.met)
        for name, t in found.items()
    }
    expected = {
        "packaged plan": (6.0, True),
        "100 changes": (11.0, False),
        "1,000 changes": (2.0, False),
        "packaged plan, 20 ms": (None, None),
        "100 changes, 20 ms": (10.0, True),
        "nothing to deploy, any plan": (1.5, False),
        # (2.2 - 0.4) / 900 against (0.4 - 0.1) / 100
        "cost of a change, from 100 to 1,000": (0.667, True),
    }
    assert expected == shown
    promises = [t for t in targets.targets(report) if t.promise.startswith("1,000")]
    assert [(20.0, True), (2.0, False)] == [
        (round(t.found or 0, 3), t.met) for t in promises
    ]


def test_page_shows_median_range_and_rounds(report: Report) -> None:
    """A row is the case, the step, three medians with ranges, two ratios, the rounds."""
    text = page.render(report)
    row = (
        "| 100 changes (100) | deploy | 4.40 s (3.96 s to 4.84 s) |"
        " 400 ms (360 ms to 440 ms) | 150 ms (135 ms to 165 ms) |"
        " 11.0x | 2.67x | 3 / 3 / 3 |"
    )
    assert row in text.splitlines()
    assert "| ours | 3.00 ms | 2.00 ms | 0.67x |" in text.splitlines()
    assert "| psql | psql 15 |" in text.splitlines()


def test_plot_has_a_mark_for_each_median(report: Report) -> None:
    """The plot is sound XML; a tool's mark stands once in each row and in the legend."""
    svg = ET.fromstring(plot.render(report))  # noqa: S314 - our own text
    marks = [
        e.get("class") for e in svg.iter() if e.tag.endswith(("circle", "polygon"))
    ]
    rows = sum(len(r.seconds) for r in report.results)
    assert {"floor": rows + 1, "ours": rows + 1, "sqitch": rows + 1} == {
        tool: marks.count(tool) for tool in set(marks)
    }
    ratios = [e.text for e in svg.iter() if "group end" == e.get("class")]
    assert ["6.00x", "1.50x", "11.0x", "4.00x", "20.0x", "6.00x", "10.0x"] == ratios


def test_figures_survive_the_file(report: Report) -> None:
    """What is written as JSON is read back as it was."""
    assert report == Report.from_json(report.to_json())


def test_docs_are_what_the_figures_say() -> None:
    """The committed page and plots are made from the committed figures (./dev bench)."""
    report = Report.from_json((DOCS / "performance.json").read_text())
    for path, text in files(report, DOCS).items():
        assert text == (DOCS / path).read_text(), path


def test_generated_plan_is_a_sound_project(tmp_path: Path) -> None:
    """A plan of 120: a tag each 50, references required, the floor in plan order."""
    work = projects.generated(120, tmp_path / "made")
    plan = state.load(work.root).plan
    assert 120 == len(plan.changes)
    assert ["v1", "v2"] == [tag.name for change in plan.changes for tag in change.tags]
    raw = work.floor["deploy"].read_text()
    places = [raw.index(f"bench:{change.name} to pg") for change in plan.changes]
    assert sorted(places) == places
    text = (work.root / "sql" / "deploy" / "items_0008.sql").read_text()
    assert "-- requires: items_0007\n" in text
    assert "references shop.items_0007 (id),\n" in text


def test_only_runs_the_named_cases(tmp_path: Path) -> None:
    """--only names cases; a name that is none is refused with those that are."""
    found = cases(tmp_path, ("100", "100-20ms"), quick=True)
    assert [("100", 0), ("100-20ms", 20)] == [(c.name, c.delay_ms) for c in found]
    assert found[0].work == found[1].work
    with pytest.raises(BenchError, match='no case "1O0"'):
        cases(tmp_path, ("1O0",), quick=True)


def test_nobodys_settings_slow_or_turn_a_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is set on a machine neither names databases nor keeps Python from caching."""
    for name in ("PGHOST", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE", "KEPT"):
        monkeypatch.setenv(name, "1")
    found = tools.environment(tmp_path, tools.Link("/tmp", 5432, "me"))  # noqa: S108 - never used
    names = {"PGHOST", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE", "KEPT"}
    assert {"KEPT"} == names & set(found)

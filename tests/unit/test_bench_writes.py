"""Pages of writes and of test databases: figures become the right words."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench import isolation_page, projects, suites, writes_page
from bench.errors import BenchError
from bench.writes_world import LAYERS, TABLES
from learnplan_db.engine import state
from learnplan_db.settings import config

# Microseconds of a bare row are 10, and each layer adds as much again.
ADDED = {layer: number for number, layer in enumerate(LAYERS, 1)}


def cost(layer: str, by: float = 1) -> dict[str, Any]:
    """Return what a row costs in a layer: three rounds, one of them disturbed."""
    us = 10 * ADDED[layer] * by
    return {"us": [us, us + 100, us], "wal": 100.0 * by, "blocks": ADDED[layer] * by}


@pytest.fixture
def data() -> dict[str, Any]:
    """Provide a run whose ratios can be told by head; users take four times as much."""
    layers = [
        {"table": name, "operation": operation, "how": how, "layer": layer}
        | cost(layer, 4 if name == "users" else 1)
        for name in TABLES
        for operation in writes_page.OPERATIONS
        for how in writes_page.HOWS
        for layer in LAYERS
    ]

    def index(name: str, without: int, *, rule: bool = False) -> dict[str, Any]:
        insert = {
            "with": {"us": [9, 8, 7], "wal": 500, "blocks": 12},
            "without": {"us": [6, 6, 1], "wal": 400, "blocks": 10},
        }
        need = {"with": {"us": [1], "wal": 0, "blocks": 4}, "without": {}}
        need["without"] = {"us": [1], "wal": 0, "blocks": without}
        said = {"index": name, "needed by": "order", "rule": rule}
        return said | {"insert": insert, "need": need}

    hot = [
        {"table": "tasks", "column": "title", "fillfactor": filled, "hot": share}
        for filled, share in ((100, 0.642), (90, 1.0))
    ]
    return {
        "facts": {"date": "2026-01-01"},
        "rows": {"users": 2000, "tasks": 5000},
        "layers": layers,
        "indexes": [
            index("idx_used", 400),
            index("idx_idle", 5),
            index("unique_key", 5, rule=True),
        ],
        "triggers": [
            {"table": "tasks", "operation": "insert"}
            | {"as they are": [4, 9, 4], "no set": [2, 2], "empty": [1]}
        ],
        "hot": hot,
    }


def test_each_layer_is_a_multiple_of_the_bare_table(data: dict[str, Any]) -> None:
    """Means are geometric: a table that costs four times as much weighs like any other."""
    lines = writes_page.section(data).splitlines()
    many = "| insert | 1,000 rows in a statement"
    assert f"{many} | time | 2.00x | 3.00x | 4.00x | 5.00x |" in lines
    assert f"{many} | WAL | 1.00x | 1.00x | 1.00x | 1.00x |" in lines
    assert "| tasks | update | 10.0 | 20.0 | 30.0 | 40.0 | 50.0 | 5.00x |" in lines
    assert (
        "| tasks | delete | 1.00 / 100 | 2.00 / 100 | 3.00 / 100 | 5.00 / 100 |"
        in lines
    )
    assert "on a world of 7,000 rows" in " ".join(lines)
    assert "medians of 3 paired rounds" in " ".join(lines)
    assert "| date | 2026-01-01 |" in lines


def test_plot_has_a_bar_of_all_layers_for_each_write(data: dict[str, Any]) -> None:
    """The plot is sound XML; a layer stands in each bar and in the legend, to scale."""
    svg = ET.fromstring(writes_page.plot(data))  # noqa: S314 - our own text
    parts = [e for e in svg.iter() if e.tag.endswith("rect")]
    kinds = [str(e.get("class")) for e in parts]
    bars = len(TABLES) * len(writes_page.OPERATIONS)
    assert {layer.replace(" ", "-"): bars + 1 for layer in LAYERS} | {"paper": 1} == {
        kind: kinds.count(kind) for kind in set(kinds)
    }
    widths = {e.get("width") for e in parts if e.get("class") == "bare"}
    # Users touch four times as much, and fill the axis: a fifth of it is bare.
    assert {"100.0", "25.0", "11.0"} == widths
    said = [e.text for e in svg.iter() if e.text]
    assert len(writes_page.OPERATIONS) == said.count("20.0, 5.00x")


def test_variants_of_triggers_stand_beside_each_other(data: dict[str, Any]) -> None:
    """Medians: as they are, as a prototype, and the floor."""
    lines = writes_page.stamps_table(data["triggers"]).splitlines()
    assert "| table | operation | as they are | no set | empty |" == lines[0]
    assert "| tasks | insert | 4.00 | 2.00 | 1.00 |" == lines[2]


def test_an_index_is_needed_where_more_is_read_without(data: dict[str, Any]) -> None:
    """Costs are differences; one without which as little is read is not, but for a rule."""
    lines = writes_page.indexes_table(data["indexes"]).splitlines()
    costs = "+3.0 | +2.0 | +100 | order | 4"
    assert f"| `idx_used` | {costs} | 400 | yes |" in lines
    assert f"| `idx_idle` | {costs} | 5 | no |" in lines
    assert f"| `unique_key` | {costs} | 5 | rule |" in lines


def test_shares_stand_beside_each_other(data: dict[str, Any]) -> None:
    """A row a column, full pages first."""
    lines = writes_page.room_table(data["hot"]).splitlines()
    assert "| column | fillfactor 100 | fillfactor 90 |" == lines[0]
    assert "| `tasks.title` | 64% | 100% |" == lines[2]


def test_a_test_costs_the_slope_between_two_suites() -> None:
    """What both suites pay drops out; a rival is compared, noise is no ratio."""
    found = {
        suites.BY_HAND: {"10": [2.0, 2.1], "110": [2.2, 2.3]},
        suites.OURS: {"10": [1.0, 1.5], "110": [1.1, 1.6]},
    }
    assert [2.0, 2.0] == [
        round(c, 6) for c in isolation_page.per_test(found[suites.BY_HAND])
    ]
    assert (
        "| `learnplan_db` (rollback) | 1.00 | 1.00 to 1.00 | 1.25 s | 2.00x | 10 to 110 | 2 |"
        in (isolation_page.costs_table(found))
    )
    found[suites.OUR_CLONE] = {"10": [1.0, 1.0], "20": [1.3, 1.3]}
    found[suites.CLONED] = {"10": [1.0, 1.0], "20": [2.2, 2.2]}
    lines = isolation_page.targets_table(found).splitlines()
    assert "| a clone of ours takes no longer than theirs | 4.00x | yes |" in lines
    assert lines[-1].endswith("ms more than one by hand | -1.00 ms | yes |")
    found[suites.OUR_CLONE] = {"10": [1.0, 1.0], "20": [3.4, 3.4]}
    assert "theirs | 0.50x | **no** |" in isolation_page.targets_table(found)
    found[suites.OURS] = {"10": [1.0], "110": [0.9]}
    assert isolation_page.ratio(found, suites.OURS) is None


@pytest.mark.parametrize("way", suites.WAYS)
@pytest.mark.parametrize(
    "place", ["host=/run port=1 user=me dbname=postgres", Path("/usr/bin")]
)
def test_every_way_is_a_sound_suite(
    way: str, place: str | Path, tmp_path: Path
) -> None:
    """Its files are Python; all but the one without a database run the same tests."""
    home = suites.write(way, 3, tmp_path / "suite", tmp_path / "load.sql", place)
    for path in home.glob("*.py"):
        ast.parse(path.read_text())
    tests = (home / "test_suite.py").read_text()
    assert "range(3)" in tests
    assert (way != suites.ALONE) == ("insert into learnplan.users" in tests)


def test_a_suite_that_runs_less_has_no_figure(tmp_path: Path) -> None:
    """Two tests are two tests; whoever asks for three is told."""
    environ = suites.environment({"PYTEST_ADDOPTS": "--broken"}, tmp_path)
    assert {"LEARNPLAN_PG_BINDIR": str(tmp_path)} == environ
    home = suites.write(suites.ALONE, 2, tmp_path / "suite", tmp_path, tmp_path)
    assert suites.seconds(home, 2, environ) > 0
    with pytest.raises(BenchError, match="not all 3 tests passed"):
        suites.seconds(home, 3, environ)


def test_floor_of_the_packaged_plan_runs_what_was_released(tmp_path: Path) -> None:
    """A reworked change stands twice: first as its old script has it, last as now."""
    work = projects.packaged(tmp_path)
    plan = state.load(config.project_root(None)).plan
    reworked = [change for change in plan.changes if change.reworked_tags]
    assert [] != reworked
    text = work.floor["deploy"].read_text()
    for change in reworked:
        tag, name = change.reworked_tags[0], change.name
        deploy = work.root / "sql" / "deploy"
        old = (deploy / f"{name}@{tag}.sql").read_text()
        new = (deploy / f"{name}.sql").read_text()
        assert 0 <= text.index(old) < text.index(new)
        assert old not in work.floor["verify"].read_text()

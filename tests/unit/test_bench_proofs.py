"""Proofs in the benchmark: cells become the right assertions, figures the right words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from bench import page, pgtap, plot, proofs, targets
from bench.results import Peer, Proving, Report, Result
from bench.tools import PROVERS
from learnplan_db.proof.nouns import Cell
from learnplan_db.proof.statements import Wording

if TYPE_CHECKING:
    from pathlib import Path

ROLES = {"user": "authenticated", "anonymous": "anon", "service": "service_role"}
WORDING = Wording(UUID(int=1), ROLES)
CELL = Cell("modules", "update", "owner", "private", "title", "rows", "why", "x:1")


def assertion(**changes: object) -> str:
    """Return the assertion of a cell that differs in some ways."""
    (one,) = pgtap.tries([replace(CELL, **changes)], WORDING)  # type: ignore[arg-type]
    return pgtap.assertion(one)


@pytest.mark.parametrize(
    ("changes", "begin", "end"),
    [
        (
            {},
            "isnt_empty('update ",
            "returning 1', 'owner update modules(title) private')",
        ),
        ({"outcome": "hidden"}, "is_empty('update ", "private')"),
        (
            {"outcome": "refused-by-policy"},
            "throws_ok('update ",
            "'42501', 'new row violates row-level security policy for table"
            " \"modules\"', 'owner update modules(title) private')",
        ),
        (
            {"outcome": "refused-by-grant"},
            "throws_ok('update ",
            "'42501', 'permission denied for table modules',"
            " 'owner update modules(title) private')",
        ),
        (
            {"outcome": "refused-by-grant", "persona": "anonymous"},
            "throws_ok('update ",
            "'42501', 'permission denied for schema learnplan',"
            " 'anonymous update modules(title) private')",
        ),
        ({"outcome": "refused-by-trigger"}, "throws_ok(", "private')"),
        ({"command": "insert"}, "lives_ok('insert ", "private')"),
        (
            {"column": "created_at", "stamped": True},
            "results_eq('update ",
            "as created_at', 'values (true)', 'owner update modules(created_at) private')",
        ),
        (
            {
                "command": "truncate",
                "row": "",
                "column": "",
                "outcome": "refused-by-grant",
            },
            "is((select ",
            "), false, 'owner truncate modules')",
        ),
        ({"command": "select", "column": ""}, "isnt_empty('select ", "private')"),
    ],
)
def test_each_outcome_has_its_assertion(
    changes: dict[str, object], begin: str, end: str
) -> None:
    """What is expected is said in pgTAP's words, and the cell's name describes it."""
    said = assertion(**changes)
    assert said.startswith(begin)
    assert said.endswith(end)


@pytest.mark.parametrize(
    ("command", "outcome", "judge"),
    [
        ("update", "rows", "isnt_empty"),
        ("update", "hidden", "is_empty"),
        ("delete", "rows", "is_empty"),
        ("delete", "hidden", "isnt_empty"),
    ],
)
def test_a_blind_statement_runs_once_and_is_judged_by_what_it_left(
    tmp_path: Path, command: str, outcome: str, judge: str
) -> None:
    """Both rows are looked for afterwards, as the service; then all is rolled back."""
    column = "title" if command == "update" else ""
    cells = [
        replace(CELL, command=command, column=column, row=row, outcome=outcome)
        for row in ("private blind", "public blind")
    ]
    (path,) = pgtap.write(cells, ROLES, tmp_path)
    lines = path.read_text().splitlines()
    first = lines.index("savepoint tried;")
    assert lines[first + 1].startswith(command)
    assert " where " not in lines[first + 1]
    assert "'service_role'" in lines[first + 2]
    for line in lines[first + 3 : first + 5]:
        assert line.startswith(
            f"select {judge}('select 1 from learnplan.modules where "
        )
    assert "rollback to savepoint tried;" == lines[first + 5]
    assert "select plan(2);" in lines


def test_only_what_works_is_rolled_back(tmp_path: Path) -> None:
    """A refusal needs no savepoint, and neither does a look."""
    cells = [
        CELL,
        replace(CELL, column="id", outcome="refused-by-grant"),
        replace(CELL, command="select", column=""),
    ]
    (path,) = pgtap.write(cells, ROLES, tmp_path)
    undone = [n for n in path.read_text().splitlines() if n.startswith("savepoint")]
    assert ["owner update modules(title)" in line for line in undone] == [True]


@pytest.fixture
def proving() -> Proving:
    """Provide a run whose ratios can be told by head."""

    def result(name: str, cells: int, *seconds: float) -> Result:
        rounds = {
            t: [s * 0.9, s * 1.1, s] for t, s in zip(PROVERS, seconds, strict=True)
        }
        return Result(name, cells, 0, {"prove": rounds})

    results = (
        result("matrix", 1100, 1.2, 0.9, 0.6, 0.2),
        result("table", 100, 0.2, 0.2, 0.4, 0.1),
    )
    peer = Peer("rlsgrid", 81, "random probes", "0 breaches", [0.5, 0.3, 0.4])
    return Proving({"pgTAP": "1.2.0"}, results, (peer,))


def test_a_missed_target_is_said(proving: Proving) -> None:
    """Two times is not ten: it stands among the targets, and the section says why."""
    report = Report({"date": "2026-01-01"}, (), proving)
    lines = page.render(report).splitlines()
    promise = "access matrix: pg_prove takes at least 10 times as long"
    assert f"| {promise} | 2.00x | **no** |" in lines
    said = " ".join(lines)
    # 0.4 s for 100 cells of 0.2 ms each leaves 380 ms; a tenth of 1.2 s is 120 ms.
    assert "**The target of ten times is not met.** A tenth" in said
    assert "is 120 ms, and `learnplan-db` needs about 380 ms before" in said
    assert "takes 6.00x as long as the bare loop" in said
    assert "**For one table alone `pg_prove` is faster**" in said
    (found,) = targets.proving(proving)
    assert found.met is False
    assert [] == targets.proving(None)


def test_a_met_target_is_not_excused(proving: Proving) -> None:
    """Nothing is explained where there is nothing to explain."""
    whole, small = proving.results
    quick = whole.seconds["prove"] | {"ours": [0.1]}
    proving = replace(
        proving, results=(replace(whole, seconds={"prove": quick}), small)
    )
    assert "not met" not in proofs.section(proving)


def test_rates_and_costs(proving: Proving) -> None:
    """Cells a second with the start, and what each of the 1,000 further cells costs."""
    lines = proofs.tables(proving).splitlines()
    assert "| `pg_prove` | 917 | 1.00x | 1.00 ms | 1.00x |" in lines
    assert "| ours | 1,833 | 2.00x | 0.20 ms | 5.00x |" in lines
    assert "| bare loop | 5,500 | 6.00x | 0.10 ms | 10.0x |" in lines
    peer = "| rlsgrid | random probes | 81 | 400 ms (300 ms to 500 ms) | 0 breaches |"
    assert peer in lines


def test_cost_of_a_cell_needs_two_parts(proving: Proving) -> None:
    """One part alone says nothing of a further cell."""
    alone = replace(proving, results=proving.results[:1])
    assert targets.cell_cost(alone, "ours") is None
    assert "| ours | 1,833 | 2.00x | - | - |" in proofs.tables(alone).splitlines()


def test_a_run_of_deploys_keeps_the_proofs(proving: Proving, tmp_path: Path) -> None:
    """Each command writes its own section and leaves the other's as it is."""
    path = tmp_path / "performance.json"
    path.write_text(Report({"date": "then"}, (), proving).to_json())
    again = Report({"date": "now"}, ()).beside(path)
    assert Report({"date": "now"}, (), proving) == again
    assert Report({}, ()) == Report({}, ()).beside(tmp_path / "none")
    assert again == Report.from_json(again.to_json())


def test_plot_has_a_panel_of_proofs(proving: Proving) -> None:
    """A mark for each tool in each row and in the legend, below the deploys."""
    deploy = Result(
        "100", 100, 0, {"deploy": {t: [1.0] for t in ("sqitch", "ours", "floor")}}
    )
    svg = ET.fromstring(plot.render(Report({}, (deploy,), proving)))  # noqa: S314 - our own text
    places: dict[str, list[float]] = {}
    for mark in svg.iter():
        if mark.tag.endswith("circle"):
            places.setdefault(str(mark.get("class")), []).append(
                float(mark.get("cy", 0))
            )
        elif mark.tag.endswith("polygon"):
            top = str(mark.get("points")).split(",")[1].split()[0]
            places.setdefault(str(mark.get("class")), []).append(float(top))
    counts = {tool: len(each) for tool, each in places.items()}
    assert {"sqitch": 2, "floor": 2, "ours": 2 + 3, "loop": 3, "pg_prove": 3} == counts
    assert max(places["sqitch"]) < min(places["pg_prove"])

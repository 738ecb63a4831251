"""The page of faults says what was counted."""

from __future__ import annotations

import json

from reliability import DOCS, shown


def test_table_is_made_of_the_counts() -> None:
    """docs/reliability.md has the table of docs/reliability.json, all survived."""
    page = (DOCS / "reliability.md").read_text()
    cases = json.loads((DOCS / "reliability.json").read_text())["crash"]
    assert shown(page, cases) == page
    counts = [v for case in cases.values() for k, v in case.items() if k != "server"]
    assert all(struck == lived for struck, lived in counts)
    assert 300 <= sum(struck for struck, _ in counts)

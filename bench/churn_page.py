"""The section of docs/performance.md on tables that change, from the figures. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.markdown import number, table

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {
    "deployed": "as deployed",
    "fillfactor": "fillfactor only",
    "autovacuum": "autovacuum only",
    "both": "both",
}
TEXT = """\
## Tables that change

The same rows get the same changes in databases with other [storage
parameters](scaling.md#autovacuum): as deployed, with those of
`docs/scaling/autovacuum.sql`, and with a part of them. {rounds} rounds of changes to a
small share of all rows each.

{tables}

{wal}

A `vacuum` over all pages and indexes of `task_progress`, after a fiftieth of its
{rows:,} rows was deleted, took {vacuum} a million rows: in memory, on one core, without
autovacuum's pauses.

- **HOT** is the share of updates that touched no index.
- **Bytes per row** are of heap and indexes, before and after; a room that is left
  beside rows counts.
- Autovacuum is off, and `vacuum` is run as soon as its formula asks for it: the figures
  do not depend on how fast the machine is.
- WAL is without images of whole pages, which a throw-away server does not write.
- Repeat it: `python -m bench.churn`, with `--quick` for a look.
"""


def tables(data: Mapping[str, Any]) -> str:
    """Return HOT, vacuums and sizes by table and variant."""
    rows = []
    for name in data["variants"]["deployed"]["rows"]:
        for variant, fate in data["variants"].items():
            updates, count = fate["updates"][name], fate["rows"][name]
            sizes = (
                f"{sum(fate[when][name]) / count:.0f}" for when in ("before", "after")
            )
            rows.append(
                (
                    f"`{name}`",
                    NAMES[variant],
                    f"{updates:,}",
                    f"{fate['hot'][name] / max(updates, 1):.0%}",
                    str(fate["vacuums"][name]),
                    *sizes,
                )
            )
    head = ("table", "parameters", "updates", "HOT", "vacuums")
    return table((*head, "bytes per row before", "after"), rows, 2)


def wal(data: Mapping[str, Any]) -> str:
    """Return the bytes of WAL that one change writes, by variant."""
    variants = data["variants"]
    rows = [
        (
            change,
            *(
                number(fate["wal"][change] / fate["changed"][change])
                for fate in variants.values()
            ),
        )
        for change in variants["deployed"]["wal"]
    ]
    return table(("bytes of WAL for", *(NAMES[one] for one in variants)), rows, 1)


def section(data: Mapping[str, Any]) -> str:
    """Return the whole section."""
    fate = data["variants"]["deployed"]
    count = fate["rows"]["task_progress"]
    return TEXT.format(
        rounds=data["rounds"],
        tables=tables(data),
        wal=wal(data),
        rows=count,
        vacuum=f"{fate['vacuum'] / count * 1e6:.1f} s",
    )

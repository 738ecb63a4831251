"""The section of docs/performance.md about writes, from the figures. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from bench import writes_plot
from bench.markdown import number, table, times
from bench.writes_layers import Layers
from bench.writes_triggers import AS_IS, EMPTY, NO_SET
from bench.writes_world import (
    BARE,
    CONSTRAINTS,
    INDEXES,
    LAYERS,
    SECURED,
    TABLES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

OPERATIONS, HOWS = ("insert", "update", "delete"), ("many", "one")
SAID = {"many": "1,000 rows in a statement", "one": "one row in a statement"}
SERVED = 1.5  # without an index so many times the blocks: then something needs it
HEAD = """\
## Writes

What `insert`, `update` and `delete` cost on a world of {rows} rows, with one layer
after the other put on the bare tables: the same columns and a primary key; then all
indexes and unique constraints; checks and foreign keys; triggers; row security. Users
and resources are written by the service, all else by a signed-in owner. Blocks and
bytes of WAL are counted by the server and repeat; times are medians of {rounds} paired
rounds.

![Blocks touched by a write of one row, layer upon layer](performance/writes.svg)
"""
SUMMARY = """\
### All tables together

Geometric means over the eight tables, as multiples of the bare table.
"""
TIMES = """\
### Microseconds a row

Times of single rows hold a round trip of the client, and a commit for each 20.
"""
COUNTS = """\
### Blocks and bytes

A row, in a statement of 1,000: blocks that are touched, and bytes of WAL.
"""
WHY = """\
### What each index costs, and what needs it

What the index adds to an insert of 1,000 rows (with constraints, without triggers and
policies), and how many blocks are touched, with it and without, by what needs it. A
unique one is there for its rule in any case. Where no more is touched without an index,
another one serves as well, and it is there because the outline lists it
([ADR 0016](decisions/0016-each-index-earns-its-place.md)). New entries of
`idx_resources_tags` may wait in GIN's pending list for the next vacuum; that part of
its cost is not seen here.
"""
STAMPS = """\
### Triggers

Microseconds that the server itself counts for all triggers of a row, in a statement of
1,000: as they are; as a prototype, without the `set search_path` of their functions,
which are no definer functions and could write every name out; and with functions that
do nothing, which is the floor of plpgsql.
"""
ROOM = """\
### HOT updates

The part of updates that leave all indexes alone, by the column that is updated, with
full pages and with a tenth of each page left free (`fillfactor`). Each of ten rounds
updates one row of a hundred, in random places. A column with an index is never HOT.
"""
METHOD = """\
### How writes are measured

- **A database for each layer**, copied from the same one and stripped, on one server of
  its own; all are written to in each round, the order reversed each time, and the first
  round only warms up. New rows are inserted, then updated, then deleted, and the table
  is vacuumed, so that each round begins as the one before.
- **Ids are digests of a number**: as spread as random ones, and the same in every run.
- **Blocks** are those of `pg_stat_database` (hit or read), **bytes** the distance of
  `pg_current_wal_insert_lsn()`, both around the statement, so that triggers and foreign
  keys count. Autovacuum is off. Without
  `full_page_writes`, as on this server, WAL is as small as it gets: a durable server
  adds a copy of each page that is changed first after a checkpoint.
- **The role** that writes is the same in every layer, since the stamps ask for its
  rights; identity is set once a session.

<!-- not run: it measures for minutes, on a machine that is idle -->
```sh
python -m bench.writes            # two minutes; writes docs/performance/writes.json
python -m bench.writes --quick    # a look; one round
./dev bench --again               # this page from all figures
```
"""


def summary_table(found: Layers) -> str:
    """Return how many times the bare table's each layer costs, by operation."""
    titles = {"us": "time", "blocks": "blocks", "wal": "WAL"}
    rows = [
        (
            operation,
            SAID[how],
            title,
            *(times(found.times(what, operation, how, layer)) for layer in LAYERS[1:]),
        )
        for operation in OPERATIONS
        for how in HOWS
        for what, title in titles.items()
    ]
    added = [f"+ {layer}" for layer in LAYERS[1:]]
    return table(("operation", "how", "of", *added), rows, 3)


def times_table(found: Layers, how: str) -> str:
    """Return the microseconds of a row, by table, operation and layer."""
    rows = []
    for name in TABLES:
        for operation in OPERATIONS:
            us = [found.cost("us", name, operation, how, layer) for layer in LAYERS]
            whole = times(us[-1] / us[0])
            rows.append((name, operation, *map(number, us), whole))
    added = [f"+ {layer}" for layer in LAYERS[1:]]
    return table((SAID[how], "operation", BARE, *added, "all / bare"), rows, 2)


def counts_table(found: Layers) -> str:
    """Return blocks and bytes of a row, by table and operation."""
    rows = []
    for name in TABLES:
        for operation in OPERATIONS:
            cells = []
            for layer in (BARE, INDEXES, CONSTRAINTS, SECURED):
                blocks, wal = (
                    found.cost(what, name, operation, "many", layer)
                    for what in ("blocks", "wal")
                )
                cells.append(f"{number(blocks)} / {wal:,.0f}")
            rows.append((name, operation, *cells))
    head = ("table", "operation", BARE, "+ indexes", "+ constraints", "all")
    return table(head, rows, 2)


def indexes_table(indexes: Iterable[dict[str, Any]]) -> str:
    """Return what each index adds to an insert, and what its need costs without."""
    rows = []
    for index in indexes:
        insert, need = index["insert"], index["need"]
        us = median(
            a - b
            for a, b in zip(insert["with"]["us"], insert["without"]["us"], strict=True)
        )
        blocks = insert["with"]["blocks"] - insert["without"]["blocks"]
        wal = insert["with"]["wal"] - insert["without"]["wal"]
        seen, unseen = need["with"]["blocks"], need["without"]["blocks"]
        rows.append(
            (
                f"`{index['index']}`",
                f"{us:+.1f}",
                f"{blocks:+.1f}",
                f"{wal:+,.0f}",
                index["needed by"],
                f"{seen:,.0f}",
                f"{unseen:,.0f}",
                "rule" if index["rule"] else "yes" if unseen >= SERVED * seen else "no",
            )
        )
    head = ("index", "us a row", "blocks a row", "bytes a row", "needed by")
    return table((*head, "blocks with", "without", "needed"), rows, 1)


def stamps_table(triggers: Iterable[dict[str, Any]]) -> str:
    """Return what triggers cost a row, as they are and as they could be."""
    variants = (AS_IS, NO_SET, EMPTY)
    rows = [
        (t["table"], t["operation"], *(f"{median(t[v]):.2f}" for v in variants))
        for t in triggers
    ]
    return table(("table", "operation", *variants), rows, 2)


def room_table(hot: Iterable[dict[str, Any]]) -> str:
    """Return the part of HOT updates by column, with full pages and with room."""
    found: dict[str, dict[int, float]] = {}
    for each in hot:
        column = f"{each['table']}.{each['column']}"
        found.setdefault(column, {})[each["fillfactor"]] = each["hot"]
    filled = sorted({f for shares in found.values() for f in shares}, reverse=True)
    rows = [
        (f"`{column}`", *(f"{shares[f]:.0%}" for f in filled))
        for column, shares in found.items()
    ]
    return table(("column", *(f"fillfactor {f}" for f in filled)), rows, 1)


def section(data: dict[str, Any]) -> str:
    """Return the whole section."""
    found = Layers(data["layers"])
    head = HEAD.format(rows=f"{sum(data['rows'].values()):,}", rounds=found.rounds)
    facts = table(("fact", "value"), data["facts"].items(), 2)
    parts = [
        head,
        f"{SUMMARY}\n{summary_table(found)}\n",
        f"{TIMES}\n{times_table(found, 'many')}\n\n{times_table(found, 'one')}\n",
        f"{COUNTS}\n{counts_table(found)}\n",
        f"{WHY}\n{indexes_table(data['indexes'])}\n",
        f"{STAMPS}\n{stamps_table(data['triggers'])}\n",
        f"{ROOM}\n{room_table(data['hot'])}\n",
        f"### Machine and programs of the writes\n\n{facts}\n",
        METHOD,
    ]
    return "\n".join(parts)


def plot(data: dict[str, Any]) -> str:
    """Return the plot of the section."""
    return writes_plot.plot(Layers(data["layers"]), OPERATIONS)

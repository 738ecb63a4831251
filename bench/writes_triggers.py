"""
What the triggers cost, as the server times them itself. Never prints.

Each variant of their functions is made in a transaction that is rolled back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.writes_world import KINDS, TABLES, become

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.counters import Connection

AS_IS, NO_SET, EMPTY = "as they are", "no set", "empty"
FUNCTIONS = (
    "tg__stamp_created_at",
    "tg__touch_updated_at",
    "tg_task_progress__set_completed_at",
)
_MAKE = {
    AS_IS: "",
    NO_SET: "alter function learnplan_private.{name}() reset search_path",
    EMPTY: "create or replace function learnplan_private.{name}() returns trigger"
    " language plpgsql as 'begin return new; end'",
}


def triggers(
    connection: Connection,
    statements: Mapping[str, Mapping[str, tuple[str, list[Any]]]],
    rounds: int,
    rows: int,
) -> list[dict[str, Any]]:
    """
    Return the microseconds a row of all triggers of a table, by variant.

    Args: statements: by table and operation, with their parameters, each of so many
        rows; those of a table run one after the other.
    """
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for number in range(rounds + 1):  # the first only warms up
        for table in TABLES:
            for variant in list(_MAKE)[:: 1 if number % 2 else -1]:
                each = _once(connection, table, variant, statements[table])
                for operation, milliseconds in each.items():
                    by_variant = found.setdefault((table, operation), {})
                    us = round(milliseconds * 1000 / rows, 3)
                    by_variant.setdefault(variant, []).append(us)
    return [
        {"table": table, "operation": operation}
        | {variant: us[1:] for variant, us in by_variant.items()}
        for (table, operation), by_variant in found.items()
    ]


def _once(
    connection: Connection,
    table: str,
    variant: str,
    statements: Mapping[str, tuple[str, list[Any]]],
) -> dict[str, float]:
    """Return the milliseconds of the triggers of each statement."""
    took = {}
    with connection.transaction(force_rollback=True):
        for name in FUNCTIONS if _MAKE[variant] else ():
            connection.execute(_MAKE[variant].format(name=name).encode())
        become(connection, KINDS[table].role)
        for operation, (text, given) in statements.items():
            explain = f"explain (analyze, format json) {text}".encode()
            row = connection.execute(explain, given, prepare=False).fetchone()
            fired = row[0][0]["Triggers"] if row else []
            own = [t["Time"] for t in fired if "Constraint Name" not in t]
            took[operation] = sum(own)
    return took

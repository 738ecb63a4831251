"""
The shape of a plan: through which index each table is read, and how often.

auto_explain tells the plans of a statement and of all that run inside it: functions,
triggers, and the queries of foreign keys.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

TOLD = """
    load 'auto_explain';
    set auto_explain.log_min_duration = 0;
    set auto_explain.log_nested_statements = on;
    set auto_explain.log_analyze = on;
    set auto_explain.log_buffers = on;
    set auto_explain.log_timing = off;
    set auto_explain.log_verbose = on;
    set auto_explain.log_format = json;
    set client_min_messages = log;
"""
CONDITIONS = ("Filter", "Index Cond", "Join Filter", "Recheck Cond")


def the(noun: str, number: Any) -> uuid.UUID:
    """Return the id of a row of tests/shapes.sql."""
    word = f"{noun} {number}".encode()
    return uuid.UUID(hashlib.md5(word, usedforsecurity=False).hexdigest())


def each(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a node of a plan and all below it."""
    yield node
    for below in node.get("Plans", ()):
        yield from each(below)


@dataclass
class Shape:
    """What the plans of one statement do; ``rows`` is what the statement returned."""

    plans: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0

    def nodes(self, kind: str = "") -> list[dict[str, Any]]:
        """Return the nodes that ran, of one type or of all."""
        return [
            node
            for plan in self.plans
            for node in each(plan)
            if node["Actual Loops"] and node["Node Type"].startswith(kind)
        ]

    def paths(self, leading: dict[str, str]) -> set[str]:
        """Return how tables are read: "tasks(module_id)", or "tasks: Seq Scan"."""
        found = set()
        for node in self.nodes():
            if "Index Name" in node:
                found.add(leading[node["Index Name"]])
            elif node["Node Type"] in {"Seq Scan", "Sample Scan", "Tid Scan"}:
                found.add(f"{node['Relation Name']}: {node['Node Type']}")
        return found

    def indexes(self) -> set[str]:
        """Return the names of the indexes that were read."""
        return {n["Index Name"] for n in self.nodes() if "Index Name" in n}

    def kept(self) -> list[tuple[int, int]]:
        """Return, of each cache of parents, how often it looked and how often it knew."""
        return sorted(
            (node["Cache Misses"], node["Cache Hits"]) for node in self.nodes("Memoize")
        )

    @property
    def buffers(self) -> int:
        """How many pages the statement touched, with all that ran inside it."""
        whole = self.plans[-1]
        return int(whole["Shared Hit Blocks"] + whole["Shared Read Blocks"])

    def asked(self, table: str) -> int:
        """Return how often a table was looked up, in all."""
        return sum(
            node["Actual Loops"]
            for node in self.nodes()
            if node.get("Relation Name") == table
        )

    def identities(self) -> list[int]:
        """Return how often each place that asks who is asking did so."""
        return [
            node["Actual Loops"]
            for node in self.nodes("Result")
            if "current_user_id" in str(node.get("Output"))
        ]

    def by_row(self) -> list[str]:
        """Return conditions that ask who is asking for each row."""
        return [
            node[name]
            for node in self.nodes()
            for name in CONDITIONS
            if "current_user_id()" in node.get(name, "")
        ]


class Observer:
    """A connection of a superuser, which hears the plans of what others do."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Let auto_explain tell all plans from here on."""
        self.connection = connection
        self._heard: list[str] = []
        connection.execute(TOLD)
        connection.add_notice_handler(
            lambda told: self._heard.append(told.message_primary or "")
        )
        self.leading = dict(
            connection.execute(
                "select x.relname::text, t.relname || '(' || a.attname || ')'"
                " from pg_index as i"
                " inner join pg_class as x on x.oid = i.indexrelid"
                " inner join pg_class as t on t.oid = i.indrelid"
                " inner join pg_attribute as a"
                "  on a.attrelid = t.oid and a.attnum = i.indkey[0]"
            ).fetchall()
        )

    def see(
        self,
        who: str,
        query: str,
        arguments: Sequence[Any] | None = (),
        *,
        before: Sequence[str] = (),
    ) -> Shape:
        """
        Return the shape of a statement of a role or a user; nothing of it stays.

        It runs twice, since functions are planned and catalogs read in the first run.
        """
        role = "authenticated" if who.startswith("user") else who
        claims = json.dumps({"sub": who}) if role == "authenticated" else ""
        with self.connection.transaction(force_rollback=True):
            for statement in before:
                self.connection.execute(statement.encode())
            self.connection.execute(
                "select set_config('role', %s, true),"
                " set_config('request.jwt.claims', %s, true)",
                [role, claims],
            )
            self._run(query, arguments)
            return self._run(query, arguments)

    def _run(self, query: str, arguments: Sequence[Any] | None) -> Shape:
        with self.connection.transaction(force_rollback=True):
            self._heard.clear()
            cursor = self.connection.execute(query.encode(), arguments)
            # A statement with parameters ends when the next one begins.
            self.connection.execute("show client_min_messages")
            told = [text for text in self._heard if "plan:" in text]
            plans = [json.loads(text.partition("plan:")[2])["Plan"] for text in told]
            return Shape(plans, cursor.rowcount)

"""
One statement of one caller: the pages it touches, the plan it gets, the time it takes.

Pages of a read are those of the root of its plan, functions and sub-plans included. A
plan does not show what foreign keys and other triggers touch at the end, so a write is
counted by the database's own statistics: all pages asked for between two readings, less
those of a transaction that does nothing. Never prints.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from bench.wording import TABLES, TYPES, WRITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.people import Person
    from bench.wording import Question

FETCHED = """
select pg_stat_get_db_blocks_fetched(oid) from pg_database
where datname = current_database()
"""
FLUSH = "select pg_stat_force_next_flush()"
CALLS = """
select coalesce(pg_stat_get_function_calls('learnplan.current_user_id'::regproc), 0)
"""
CALL = """explain (analyze, timing off, format json)
select count({}) from generate_series(1, 10000) as number"""
OPTIONS = "analyze, buffers, costs off, timing off"
BIG = frozenset(TABLES)


@dataclass(frozen=True, slots=True)
class Plan:
    """What EXPLAIN ANALYZE says: pages of the root, seconds, big tables read whole."""

    pages: int
    seconds: float
    scanned: frozenset[str]


@dataclass
class Lane:
    """
    A session of one way to ask: by hand, naively, as ours.

    Args: role: what it becomes; claim: the claim that says who asks, None: none does.
    """

    name: str
    dsn: str
    role: str
    claim: str | None
    connection: psycopg.Connection[Any] = field(init=False)
    observer: psycopg.Connection[Any] = field(init=False)
    prepared: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Connect; the observer reads the statistics, so that it adds nothing."""
        self.connection = psycopg.connect(self.dsn, autocommit=True)
        self.connection.execute("set plan_cache_mode = force_generic_plan")
        self.observer = psycopg.connect(self.dsn, autocommit=True)

    def close(self) -> None:
        """End both sessions."""
        self.connection.close()
        self.observer.close()

    def seen(self, question: Question, person: Person) -> tuple[str, ...]:
        """Return the rows of an answer as text, or what a write left; undone."""
        with self._acting(question, person):
            cursor = self.connection.execute(self.direct(question, person))
            if question.after is None:
                return tuple(sorted(map(repr, cursor)))
            self.connection.execute("reset role")
            left = self.connection.execute(filled(question.after, person))
            return (f"{cursor.rowcount} rows", *map(repr, left))

    def explained(self, question: Question, person: Person, *, generic: bool) -> Plan:
        """Return what EXPLAIN says of a statement, with its own plan or a generic."""
        statement = self._statement(question, person, generic=generic)
        with self._acting(question, person):
            explain = sql.SQL(f"explain ({OPTIONS}, format json) ") + statement
            row = self.connection.execute(explain).fetchone()
        found = row[0][0] if row else {}
        root = found["Plan"]
        return Plan(
            root["Shared Hit Blocks"] + root["Shared Read Blocks"],
            found["Execution Time"] / 1000,
            frozenset(scans(root)) & BIG,
        )

    def plan(self, question: Question, person: Person) -> str:
        """Return the plan of a statement as people read it."""
        with self._acting(question, person):
            explain = f"explain ({OPTIONS}, summary off) "
            direct = sql.SQL(explain) + self.direct(question, person)
            return "\n".join(row[0] for row in self.connection.execute(direct))

    def pages(self, question: Question, person: Person, *, generic: bool) -> int:
        """Return the pages that a statement touches once planned, triggers included."""
        if question.kind != WRITE:
            return self.explained(question, person, generic=generic).pages
        # A plan that is kept: planning would be counted too.
        statement = self._statement(question, person, generic=True)
        return self._counted(question, person, statement) - self._counted(
            question, person, sql.SQL("select 1")
        )

    def waited(self, question: Question, person: Person) -> float:
        """Return the seconds until a client has all rows of a statement never sent."""
        statement = self.direct(question, person).as_string(self.connection)
        with self._acting(question, person):
            began = time.perf_counter()
            cursor = self.connection.execute(statement.encode(), prepare=False)
            if cursor.description:
                cursor.fetchall()
            return time.perf_counter() - began

    def calls(self, question: Question, person: Person) -> int:
        """Return how often a statement asks who is asking."""
        self.connection.execute(FLUSH)
        before = self._read(CALLS)
        self.connection.execute("set track_functions = 'pl'")
        with self._acting(question, person):
            self.connection.execute(self.direct(question, person))
        self.connection.execute("reset track_functions")
        self.connection.execute(FLUSH)
        return self._read(CALLS) - before

    def identity(self, question: Question, person: Person) -> float:
        """Return the seconds that one answer to who is asking takes, on average."""

        def took(what: str) -> float:
            with self._acting(question, person):
                row = self.connection.execute(CALL.format(what).encode()).fetchone()
            return float(row[0][0]["Execution Time"]) / 1000 if row else 0.0

        whole = min(took("learnplan.current_user_id()") for _ in range(3))
        return (whole - min(took("number") for _ in range(3))) / 10_000

    def direct(self, question: Question, person: Person) -> sql.Composed:
        """Return the statement of this lane with its values in it."""
        return filled(self._wording(question), person)

    def _wording(self, question: Question) -> str:
        if self.name == "accessor":
            return question.accessor or ""
        return question.hand if self.name == "hand" else question.caller

    def _statement(
        self, question: Question, person: Person, *, generic: bool
    ) -> sql.Composed:
        """Return the statement, or the call of it that was prepared once."""
        if not generic:
            return self.direct(question, person)
        wording = self._wording(question)
        used = [name for name in TYPES if f"{{{name}}}" in wording]
        if wording not in self.prepared:
            name = f"q{len(self.prepared)}"
            places = {each: f"${n}" for n, each in enumerate(used, 1)}
            types = f"({', '.join(TYPES[each] for each in used)})" if used else ""
            text = f"prepare {name}{types} as {wording.format(**places)}"
            self.connection.execute(text.encode())
            self.prepared[wording] = name
        call = f"execute {self.prepared[wording]}"
        if used:
            call += "(" + ", ".join(f"{{{each}}}" for each in used) + ")"
        return filled(call, person)

    def _counted(
        self, question: Question, person: Person, statement: sql.SQL | sql.Composed
    ) -> int:
        """Return the pages that a transaction with a statement asks for."""
        self.connection.execute(FLUSH)
        before = self._read(FETCHED)
        with self._acting(question, person):
            self.connection.execute(statement)
        self.connection.execute(FLUSH)
        return self._read(FETCHED) - before

    def _read(self, query: str) -> int:
        row = self.observer.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0

    @contextmanager
    def _acting(self, question: Question, person: Person) -> Iterator[None]:
        """Be the caller in a transaction that is undone."""
        who = {"sub": person.sub, "user_id": str(person.values["me"])}
        claims = {self.claim: who[self.claim]} if self.claim else {}
        role = self.role
        if question.service and role == "authenticated":
            claims, role = {}, "service_role"
        text = json.dumps(claims) if claims else ""
        with self.connection.transaction(force_rollback=True):
            self.connection.execute(f"set local role {role}".encode())
            self.connection.execute(
                "select set_config('request.jwt.claims', %s, true)", [text]
            )
            yield


def filled(wording: str, person: Person) -> sql.Composed:
    """Return a statement with the values of a person in it."""
    values = {
        name: sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(TYPES[name]))
        for name, value in person.values.items()
    }
    return sql.SQL(wording).format(**values)


def scans(node: dict[str, Any]) -> Iterator[str]:
    """Yield the relations that a plan reads from end to end."""
    if node["Node Type"] in {"Seq Scan", "Parallel Seq Scan"}:
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from scans(child)

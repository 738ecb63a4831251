"""
Commands and worlds as SQL: the words become ids, subjects and addresses.

Values stand in the text, so that a statement can be shown and run again as it is.
May import nouns and psycopg's composing; never connects.
Source: PostgreSQL, "SQL Commands"; style, naming SQL objects.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from psycopg import sql
from psycopg.types.json import Jsonb

from learnplan_db.proof.nouns import KEYS, VIEWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnplan_db.proof.nouns import Actor, Command, Row, World

SCHEMA = "learnplan"
_ODD = re.compile(r"['\\\0]")
PRIVATE = "learnplan_private"
# What a row needs beside what it says.
ORDINARY: Mapping[str, Mapping[str, Any]] = {
    "users": {"clerk_user_id": "", "email": ""},
    "learning_plans": {
        "topic": "Proof",
        "skill_level": "beginner",
        "weekly_hours": 5,
        "learning_style": "mixed",
    },
    "modules": {"title": "Proof", "estimated_minutes": 30},
    "tasks": {"title": "Proof", "estimated_minutes": 30},
    "resources": {"type": "doc", "title": "Proof", "url": ""},
    "task_resources": {},
    "task_progress": {},
    "plan_generations": {"model": "proof", "prompt": {"proof": True}},
}
VIEW_KEYS = {"module_progress": "module_id", "plan_progress": "plan_id"}
VIEW_ROWS = {"module_progress": "modules", "plan_progress": "learning_plans"}
STAMPS = ("created_at", "updated_at", "completed_at")
CALLS = {
    "weekly_hours": "{schema}.weekly_hours('3-5')",
    "reorder_modules": "{schema}.reorder_modules({plan}, array[{module}]::uuid[])",
    "reorder_tasks": "{schema}.reorder_tasks({module}, array[{task}, {free}]::uuid[])",
    "plan_tree": "count(*) from {schema}.plan_tree({plan})",
    "plan_progress_of": "count(*) from {schema}.plan_progress_of({plan})",
    "my_progress": "count(*) from {schema}.my_progress()",
    "search_public_plans": "count(*) from {schema}.search_public_plans('Proof')",
}
# Of the private helpers, by what they take.
ARGUMENTS = {
    "owns_plan": "null, null",
    "owns_module": "null, null",
    "owns_task": "null, null",
    "can_read_task": "null, null",
    "ensure_role": "'anon'",
    "borrow_role": "'anon'",
    "return_role": "'anon'",
    "hand_over": "null, null",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """
    How one run words things: ``namespace`` makes its ids its own.

    ``roles`` are the database's names of user, anonymous and service.
    """

    namespace: UUID
    roles: Mapping[str, str]

    def id(self, table: str, word: object) -> UUID:
        """Return the id that a word stands for."""
        return uuid5(self.namespace, f"{table}/{word}")

    def text(self, word: object) -> str:
        """
        Return a text that no other run uses: a subject, or part of an address.

        In letters of both cases, as providers make them: they are not the same.
        """
        return f"{word}-Proof{self.namespace.hex[:12]}"

    def become(self, actor: Actor) -> str:
        """Return what makes the rest of the transaction the actor's."""
        claims: dict[str, Any] = {}
        if actor.user is not None:
            claims["sub"] = self.text(actor.user)
            if actor.email is not None:
                claims["user_id"] = str(self.id("users", actor.user))
                claims["email"] = self.address(actor.email)
                claims["email_verified"] = actor.verified
        role = _literal(self.roles[actor.kind])
        told = _literal(json.dumps(claims) if claims else "")
        return (
            f"select pg_catalog.set_config('role', {role}, true),"
            f" pg_catalog.set_config('request.jwt.claims', {told}, true)"
        )

    def address(self, word: object) -> str:
        """Return the e-mail address of a word."""
        return f"{self.text(word)}@proof.invalid"

    def value(self, table: str, column: str, value: Any) -> str:
        """Return a value as SQL; words become what they stand for."""
        if column == "id":
            value = self.id(table, value)
        elif column in KEYS[table]:
            value = self.id(KEYS[table][column], value)
        elif column == "clerk_user_id":
            value = self.text(value)
        elif column == "email":
            value = self.address(value)
        elif column == "url":
            start = "" if str(value).startswith("http") else "https://proof.invalid/"
            value = f"{start}{self.text(value)}"
        return _literal(value)

    def insert(self, table: str, word: str, values: Mapping[str, Any]) -> str:
        """Return an insert of a row with these columns, and those that it needs."""
        derived = {"clerk_user_id", "email", "url"}
        base = {k: word if k in derived else v for k, v in ORDINARY[table].items()}
        full = base | dict(values)
        columns = ", ".join(map(_name, full))
        given = ", ".join(self.value(table, k, v) for k, v in full.items())
        return f"insert into {SCHEMA}.{table} ({columns}) values ({given})"

    def row(self, row: Row) -> str:
        """Return the insert of a row of a world."""
        return self.insert(row.table, row.id, {"id": row.id} | dict(row.values))

    def where(self, table: str, word: str) -> str:
        """Return the condition for one row."""
        key, kept = VIEW_KEYS.get(table, "id"), VIEW_ROWS.get(table, table)
        return f"{key} = {_literal(self.id(kept, word))}"

    def among(self, table: str, world: World) -> str:
        """Return the condition for the rows of a world."""
        key, kept = VIEW_KEYS.get(table, "id"), VIEW_ROWS.get(table, table)
        ids = ", ".join(_literal(self.id(kept, w)) for w in world.of(kept))
        return f"{key} = any (array[{ids}]::uuid[])"

    def statement(self, command: Command, world: World) -> str:
        """
        Return a command as SQL.

        A select of the whole table is narrowed to the rows of the world, to leave a
        host's alone; a blind update or delete has no condition.
        """
        table, verb = command.table, command.verb
        if verb == "execute":
            return self._call(str(command.row))
        if verb == "select":
            return self._select(command, world)
        if table in VIEWS or verb not in {"insert", "update", "delete"}:
            return privilege(table, verb)
        if verb == "insert":
            made = self.insert(table, str(command.row), command.values)
            return made + self._returning(command)
        if verb == "update":
            return self._update(command) + self._returning(command)
        only = "" if command.row is None else f" where {self.where(table, command.row)}"
        return f"delete from {SCHEMA}.{table}{only}"

    def _select(self, command: Command, world: World) -> str:
        table = command.table
        target = f"{SCHEMA}.{table}"
        if command.row is None:
            key = VIEW_KEYS.get(table, "id")
            return f"select {key} from {target} where {self.among(table, world)}"
        return f"select * from {target} where {self.where(table, command.row)}"

    def _update(self, command: Command) -> str:
        table = command.table
        changes = ", ".join(
            f"{_name(column)} = {self.value(table, column, value)}"
            for column, value in command.values.items()
        )
        only = "" if command.row is None else f" where {self.where(table, command.row)}"
        return f"update {SCHEMA}.{table} set {changes}{only}"

    def _returning(self, command: Command) -> str:
        """Ask whether a column kept what was given, where the database may set it."""
        if command.row is None:
            return ""
        asked = [
            f"{column} is distinct from {self.value(command.table, column, value)}"
            f" as {column}"
            for column, value in command.values.items()
            if column in STAMPS
        ]
        return f" returning {', '.join(asked)}" if asked else ""

    def _call(self, name: str) -> str:
        if name in CALLS:
            words = {
                "plan": self.id("learning_plans", "plan-private"),
                "module": self.id("modules", "module-private"),
                "task": self.id("tasks", "task-private-free"),
                "free": self.id("tasks", "task-private"),
            }
            quoted = {k: _literal(v) for k, v in words.items()}
            return "select " + CALLS[name].format(schema=SCHEMA, **quoted)
        schema = SCHEMA if name.startswith("current_") else PRIVATE
        return f"select {schema}.{name}({ARGUMENTS.get(name, '')})"


def privilege(table: str, verb: str) -> str:
    """Ask for a right on a whole table: to use it would lock the table."""
    target, right = _literal(f"{SCHEMA}.{table}"), verb.upper()
    asked = f"pg_catalog.has_table_privilege({target}, '{right}')"
    if verb in {"references", "insert", "update"}:
        asked += f" or pg_catalog.has_any_column_privilege({target}, '{right}')"
    return f"select {asked}"


def _name(column: str) -> str:
    return '"order"' if column == "order" else column


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        value = Jsonb(value)
    elif isinstance(value, UUID):
        value = str(value)
    if type(value) is str and not _ODD.search(value):  # as psycopg would, but quickly
        return f"'{value}'"
    return sql.Literal(value).as_string(None).strip()

"""
Whose list may be put in order, what a row may hold, and what no caller may do at all.

Written from the outline and the design, never from the SQL. May import ``questions``
and what that may; never connects.
Source: outline, columns and constraints of §§ 1-8; design §§ 4-6.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from learnplan_db.proof.nouns import BY_CONSTRAINT, BY_GRANT, TABLES, VIEWS
from learnplan_db.proof.questions import PLANS, Question, user, world
from learnplan_db.proof.statements import PRIVATE, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from learnplan_db.proof.statements import Wording

ORDER = (
    "Design: reorder_modules and reorder_tasks put a whole list in a new order and"
    " refuse a list that is not exactly the parent's children."
)
NOTHING = "Design: `anon` may read nothing."
NO_GRANT = "Design: No grant is given that no rule of the outline asks for."
DEFAULTS = "Outline: not null, default 'private'; default 'ai'; default 'not_started'."
KEPT = "Outline: columns, constraints and indexes of the table."
DONE = "Outline: completed_at is when the task was completed."
STAYS = "Design: progress on a plan that turned private stays readable by its user."
HOURS = "Outline: UI ranges map to representative integers."
UNORDERED = "LPORD"
RANGES = {"1-2": 2, "3-5": 5, "6-10": 10, "11-15": 15, "16-20": 20, "20+": 25}
# Rows that a constraint must refuse, whoever makes them.
BAD: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("users", {"clerk_user_id": "ada"}),
    ("users", {"email": "ada"}),
    ("users", {"subscription_tier": "gold"}),
    ("learning_plans", {"user_id": "ada", "weekly_hours": -1}),
    ("learning_plans", {"user_id": "ada", "topic": None}),
    ("learning_plans", {"user_id": "ada", "visibility": "secret"}),
    ("learning_plans", {"user_id": "ada", "origin": "stolen"}),
    ("modules", {"plan_id": "private", "order": 1}),
    ("modules", {"plan_id": "private", "order": 0}),
    ("modules", {"plan_id": "private", "order": 9, "estimated_minutes": -1}),
    ("tasks", {"module_id": "private-1", "order": 1}),
    ("tasks", {"module_id": "private-1", "order": 0}),
    ("tasks", {"module_id": "private-1", "order": 9, "estimated_minutes": -1}),
    ("resources", {"url": "site"}),
    ("resources", {"duration_minutes": -1}),
    ("resources", {"cost_cents": -1}),
    ("resources", {"currency": "eur"}),
    ("task_resources", {"task_id": "private-1", "resource_id": "site", "order": 0}),
    ("task_progress", {"task_id": "private-1", "user_id": "ada"}),
    ("plan_generations", {"plan_id": "private", "prompt": None}),
    ("plan_generations", {"plan_id": "private", "model": None}),
)


def rule_questions(wording: Wording, *, anyone: bool) -> Iterator[Question]:
    """Yield the other questions. ``anyone``: anonymous may read resources."""
    yield from _orders(wording)
    yield from _defaults(wording)
    yield from _kept(wording)
    yield from _progress(wording)
    yield from _rights(wording, anyone=anyone)
    for hours, number in RANGES.items():
        call = f"select {SCHEMA}.weekly_hours('{hours}')"
        yield user(f"weekly hours of {hours}", HOURS, {"sub": "x"}, call, str(number))


def _defaults(wording: Wording) -> Iterator[Question]:
    """Ask what a new row has where nothing is given."""
    claims = {"sub": wording.text("ada")}
    for table, values, column, answer in (
        ("learning_plans", {"user_id": "ada"}, "visibility", "private"),
        ("learning_plans", {"user_id": "ada"}, "origin", "ai"),
        (
            "task_progress",
            {"user_id": "ada", "task_id": "public-2"},
            "status",
            "not_started",
        ),
    ):
        made = wording.insert(table, "new", values) + f" returning {column}"
        name = f"insert {table} without {column}"
        yield user(name, DEFAULTS, claims, made, answer, table=table)


def _kept(wording: Wording) -> Iterator[Question]:
    """Ask whether rows are refused that may not be."""
    for table, values in BAD:
        told = ", ".join(f"{column} {value}" for column, value in values.items())
        made = wording.insert(table, "bad", values)
        name = f"insert {table} with {told}"
        yield Question(name, table, KEPT, "service", "", made, BY_CONSTRAINT)


def _progress(wording: Wording) -> Iterator[Question]:
    """Ask what becomes of progress when it is made, or its plan hidden, again."""
    claims, table = json.dumps({"sub": wording.text("ada")}), "task_progress"
    pair = {"task_id": "private-2", "user_id": "ada", "status": "completed"}
    upsert = (
        wording.insert(table, "again", pair) + " on conflict (task_id, user_id)"
        " do update set status = excluded.status returning status"
    )
    name = "upsert of own progress"
    yield user(name, KEPT, claims, upsert, "completed", table=table)
    again = (
        f"update {SCHEMA}.{table} set status = 'completed'"
        f" where {wording.where(table, 'private-1-ada')}"
        " returning completed_at = '2000-01-01 00:00+00'"
    )
    name = "completed again stays as it was"
    yield user(name, DONE, claims, again, "True", table=table)
    hide = (
        f"update {SCHEMA}.learning_plans set visibility = 'private'"
        f" where {wording.where('learning_plans', 'public')} returning visibility"
    )
    ids = (wording.id(table, word) for word in ("public-1-ben", "public-2-ben"))
    theirs = ", ".join(f"'{one}'" for one in ids)
    left = f"select count(*) = 2 from {SCHEMA}.{table} where id in ({theirs})"
    name = "progress of a reader outlives a plan that turns private"
    yield Question(name, table, STAYS, "user", claims, hide, "private", left)


def _rights(wording: Wording, *, anyone: bool) -> Iterator[Question]:
    """Ask for what no caller has: a column, a schema, another role, to pass it on."""
    for table in (*TABLES, *VIEWS):
        # Without a column: a right to one column is enough for it.
        if not (anyone and table == "resources"):
            name = f"anonymous select no column of {table}"
            some = f"select 1 from {SCHEMA}.{table} limit 0"
            yield Question(name, table, NOTHING, "anonymous", "", some, BY_GRANT)
    roles, keepers = wording.roles, ("learnplan_reader", "learnplan_identity")
    above = {
        "anonymous": (roles["user"], roles["service"], *keepers),
        "user": (roles["service"], *keepers),
        "service": (),
    }
    for kind, others in above.items():
        if others:  # a host's service may well bypass row security
            asked = (
                "(r.rolsuper or r.rolbypassrls or r.rolcreaterole)"
                " from pg_catalog.pg_roles as r where r.rolname = current_user"
            )
            yield _none(f"{kind} above all rules", kind, asked)
        for schema, right in ((SCHEMA, "create"), (PRIVATE, "create, usage")):
            asked = f"pg_catalog.has_schema_privilege('{schema}', '{right}')"
            yield _none(f"{kind} {right} in schema {schema}", kind, asked)
        for other in others:
            asked = (
                "coalesce((select pg_catalog.pg_has_role(r.oid, 'member') from"
                f" pg_catalog.pg_roles as r where r.rolname = '{other}'), false)"
            )
            yield _none(f"{kind} become {other}", kind, asked)
        passed = ", ".join(
            f"{right} with grant option" for right in ("select", "insert", "update")
        )
        for table in () if kind == "anonymous" else (*TABLES, *VIEWS):
            asked = (
                f"pg_catalog.has_any_column_privilege('{SCHEMA}.{table}', '{passed}')"
            )
            yield _none(f"{kind} grant {table}", kind, asked, table)


def _none(name: str, kind: str, asked: str, table: str = "functions") -> Question:
    return Question(name, table, NO_GRANT, kind, "", f"select {asked}", "False")


def _orders(wording: Wording) -> Iterator[Question]:
    for table, holder, parents in (
        ("modules", "learning_plans", {plan: plan for plan in PLANS}),
        ("tasks", "modules", {plan: f"{plan}-1" for plan in PLANS}),
    ):
        turned = {kind: [f"{kind}-2", f"{kind}-1"] for kind in parents}
        tries: Mapping[str, tuple[str | None, str, list[str], str]] = {
            "own private": ("ada", "private", turned["private"], ""),
            "own public": ("ada", "public", turned["public"], ""),
            "part of": ("ada", "private", ["private-1"], UNORDERED),
            "twice one of": ("ada", "private", ["private-1", "private-1"], UNORDERED),
            "none of": ("ada", "private", [], UNORDERED),
            "mixed": ("ada", "private", ["private-1", "public-1"], UNORDERED),
            "own and another's": (
                "ada",
                "private",
                [*turned["private"], "other-1"],
                UNORDERED,
            ),
            "another's under own": ("ada", "private", turned["other"], UNORDERED),
            "another's private": ("ada", "other", turned["other"], UNORDERED),
            "another's public": ("ben", "public", turned["public"], UNORDERED),
            "a nobody's": ("nemo", "public", turned["public"], UNORDERED),
            "the service's": (None, "private", turned["private"], ""),
        }
        for name, (who, kind, words, answer) in tries.items():
            ids = ", ".join(f"'{wording.id(table, word)}'" for word in words)
            parent = wording.id(holder, parents[kind])
            call = f"{SCHEMA}.reorder_{table}('{parent}', array[{ids}]::uuid[])"
            claims = json.dumps({"sub": wording.text(who)}) if who else ""
            yield Question(
                f"reorder {name} {table}",
                "functions",
                ORDER,
                "user" if who else "service",
                claims,
                f"select {call}",
                answer,
                "" if answer else _places(wording, table, words),
            )


def _places(wording: Wording, table: str, words: list[str]) -> str:
    """Ask whether a list is in this order from 1, and no other was touched."""
    places = {r.id: r.values["order"] for r in world().rows if r.table == table}
    places |= {word: place for place, word in enumerate(words, start=1)}
    wanted = ", ".join(
        f"('{wording.id(table, word)}'::uuid, {place})"
        for word, place in places.items()
    )
    return (
        f"select not exists (select from {SCHEMA}.{table} as t inner join (values"
        f' {wanted}) as w (id, place) on w.id = t.id where t."order" <> w.place)'
    )

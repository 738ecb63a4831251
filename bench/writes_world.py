"""
A world to write to, and the same world with ever fewer layers. Never prints.

Ids are digests of their number, so that they are spread as random ones are and yet the
same in every run: what is counted in blocks and bytes repeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

TABLES = (
    "users",
    "learning_plans",
    "modules",
    "tasks",
    "resources",
    "task_resources",
    "task_progress",
    "plan_generations",
)
# Fewest first; each has what the one before has.
BARE, INDEXES, CONSTRAINTS, TRIGGERS, SECURED = LAYERS = (
    "bare",
    "indexes",
    "constraints",
    "triggers",
    "row security",
)
OWNER_PLANS, OWNER_MODULES, OWNER_TASKS = 100, 500, 2000
RESOURCES = 10_000
SUBJECT = "user_1"
TEXT = "'An everyday text of a length that people write, number ' || n"


def key(table: str, number: str) -> str:
    """Return the id of the row of a number, as SQL."""
    return f"pg_catalog.md5('{table} ' || ({number}))::uuid"


def plan_owner(number: str) -> str:
    """Return the number of the user to whom the plan of a number belongs, as SQL."""
    return f"case when {number} <= {OWNER_PLANS} then 1 else 2 + ({number}) % 1999 end"


PROMPT = "pg_catalog.jsonb_build_object('topic', 'Topic ' || n, 'text', {text})"
# What a table is filled with, for each number n: the rows, and an expression a column.
FILL: dict[str, tuple[int, dict[str, str]]] = {
    "users": (
        2000,
        {
            "clerk_user_id": "'user_' || n",
            "email": "'user_' || n || '@example.org'",
            "name": "'Person ' || n",
        },
    ),
    "learning_plans": (
        20_000,
        {
            "user_id": key("users", plan_owner("n")),
            "topic": "'Learn ' || left(md5(n::text), 8) || ' step by step'",
            "skill_level": "'beginner'",
            "weekly_hours": "n % 20",
            "learning_style": "'mixed'",
            "visibility": "case n % 20 when 0 then 'public' else 'private' end",
            "created_at": "timestamptz '2026-01-01' + n * interval '1 minute'",
        },
    ),
    "modules": (
        30_000,
        {
            "plan_id": key("learning_plans", "(n - 1) / 5 + 1"),
            '"order"': "(n - 1) % 5 + 1",
            "title": "'Module ' || n",
            "description": TEXT,
            "estimated_minutes": "n % 600",
        },
    ),
    "tasks": (
        120_000,
        {
            "module_id": key("modules", "(n - 1) / 4 + 1"),
            '"order"': "(n - 1) % 4 + 1",
            "title": "'Task ' || n",
            "description": TEXT,
            "estimated_minutes": "n % 60",
        },
    ),
    "resources": (
        RESOURCES,
        {
            "type": "(enum_range(null::learnplan.resource_type))[n % 5 + 1]",
            "title": "'Resource ' || n",
            "url": "'https://host-' || n % 500 || '.example.org/page/' || n",
            "tags": "array['tag' || n % 97, 'tag' || n % 101]",
        },
    ),
    "task_resources": (
        120_000,
        {
            "task_id": key("tasks", "n"),
            "resource_id": key("resources", f"n * 7 % {RESOURCES} + 1"),
            '"order"': "1",
            "notes": "'Look at part ' || n % 9",
        },
    ),
    "task_progress": (
        100_000,
        {
            # The owner's own tasks are left for what is measured.
            "task_id": key("tasks", f"n + {OWNER_TASKS}"),
            "user_id": key("users", plan_owner(f"(n + {OWNER_TASKS - 1}) / 20 + 1")),
            "status": "'in_progress'",
        },
    ),
    "plan_generations": (
        12_000,
        {
            "plan_id": key("learning_plans", "(n - 1) / 2 + 1"),
            "model": "'model-1'",
            "prompt": PROMPT.format(text=TEXT),
            "output_summary": PROMPT.format(text=TEXT),
        },
    ),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """
    What is written to a table, for each number n.

    Args: role: who may; values: an expression a column, where they are not those of
        the world; changes: what an update sets.
    """

    role: str
    values: dict[str, str]
    changes: str


USER, SERVICE = "authenticated", "service_role"
KINDS = {
    "users": Kind(
        SERVICE,
        {
            "clerk_user_id": "'new_' || n",
            "email": "'new_' || n || '@example.org'",
            "name": "'Person ' || n",
        },
        "name = name || '.'",
    ),
    "learning_plans": Kind(
        USER, {"user_id": key("users", "1")}, "weekly_hours = weekly_hours + 1"
    ),
    "modules": Kind(
        USER,
        {
            "plan_id": key("learning_plans", f"n % {OWNER_PLANS} + 1"),
            '"order"': "1000 + n",
        },
        "title = title || '.'",
    ),
    "tasks": Kind(
        USER,
        {
            "module_id": key("modules", f"n % {OWNER_MODULES} + 1"),
            '"order"': "1000 + n",
        },
        "title = title || '.'",
    ),
    "resources": Kind(
        SERVICE,
        {"url": "'https://new.example.org/page/' || n"},
        "title = title || '.'",
    ),
    "task_resources": Kind(
        USER,
        {
            "task_id": key("tasks", f"n % {OWNER_TASKS} + 1"),
            "resource_id": key(
                "resources", f"((n % {OWNER_TASKS} + 1) * 7 + 1) % {RESOURCES} + 1"
            ),
        },
        "notes = notes || '.'",
    ),
    "task_progress": Kind(
        USER,
        {
            "task_id": key("tasks", f"n % {OWNER_TASKS} + 1"),
            "user_id": key("users", "1"),
            "status": "'not_started'",
        },
        "status = 'in_progress'",  # completed needs the trigger
    ),
    "plan_generations": Kind(
        USER,
        {"plan_id": key("learning_plans", f"n % {OWNER_PLANS} + 1")},
        "output_summary = prompt",
    ),
}


def insertion(table: str, source: str, kind: Kind | None = None) -> str:
    """
    Return the statement that inserts a row for each number.

    Args: source: what has a column n; kind: of rows that come to those of the world.
    """
    values = FILL[table][1] | (kind.values if kind else {})
    name = f"new {table}" if kind else table
    columns, given = ", ".join(values), ", ".join(values.values())
    return (
        f"insert into learnplan.{table} (id, {columns})"
        f" select {key(name, 'n')}, {given} from {source}"
    )


def fill(connection: Connection) -> dict[str, int]:
    """Fill the tables of a deployed database, and return how many rows each has."""
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        for table in TABLES:
            rows = FILL[table][0]
            source = f"generate_series(1, {rows}) as n"
            connection.execute(insertion(table, source).encode())
    connection.execute("vacuum (analyze, freeze)")
    return {table: rows for table, (rows, _) in FILL.items()}


# What takes a layer away, as a query whose rows are statements.
STRIP = {
    SECURED: """
select format('alter table %s disable row level security', c.oid::regclass)
from pg_catalog.pg_class as c
where c.relnamespace = 'learnplan'::regnamespace and c.relrowsecurity""",
    TRIGGERS: """
select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass)
from pg_catalog.pg_trigger as t
join pg_catalog.pg_class as c on c.oid = t.tgrelid
where c.relnamespace = 'learnplan'::regnamespace and not t.tgisinternal""",
    CONSTRAINTS: """
select format('alter table %s drop constraint %I', k.conrelid::regclass, k.conname)
from pg_catalog.pg_constraint as k
where k.connamespace = 'learnplan'::regnamespace and k.contype in ('f', 'c')
union all
select 'alter table learnplan.resources'
    ' alter column domain drop expression if exists'""",
    INDEXES: """
select case when k.oid is null then format('drop index %s', i.indexrelid::regclass)
    else format('alter table %s drop constraint %I', i.indrelid::regclass, k.conname)
    end
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indrelid
left join pg_catalog.pg_constraint as k on k.conindid = i.indexrelid
    and k.conrelid = i.indrelid
where c.relnamespace = 'learnplan'::regnamespace and c.relkind = 'r'
    and not i.indisprimary""",
}


def strip(connection: Connection, layer: str) -> None:
    """Take away all that comes after a layer."""
    for above in reversed(LAYERS[LAYERS.index(layer) + 1 :]):
        for (statement,) in connection.execute(STRIP[above].encode()).fetchall():
            connection.execute(statement.encode())


def become(connection: Connection, role: str) -> None:
    """Act as the owner of the measured rows, or as the system, for the session."""
    connection.execute("reset role")
    claims = f'{{"sub": "{SUBJECT}"}}' if role == USER else ""
    connection.execute("select set_config('request.jwt.claims', %s, false)", [claims])
    connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))

"""
What each index costs and what needs it, and which updates are HOT. Never prints.

An index is dropped in one of two copies of the same database, and both are written to
in turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench import counters
from bench.writes_world import KINDS, insertion, key

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from bench.counters import Connection, Cost

FIND = """
select c.relname, i.indexrelid::regclass::text, x.relname, k.conname,
    pg_catalog.pg_relation_size(i.indexrelid)
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indrelid
join pg_catalog.pg_class as x on x.oid = i.indexrelid
left join pg_catalog.pg_constraint as k on k.conindid = i.indexrelid
    and k.conrelid = i.indrelid
where c.relnamespace = 'learnplan'::regnamespace and c.relkind = 'r'
    and not i.indisprimary
order by c.oid, x.relname"""


def _gone(name: str, number: str = "77") -> str:
    return f"delete from learnplan.{name} where id = {key(name, number)}"


def _rows(name: str, where: str) -> str:
    return f"select * from learnplan.{name} where {where}"


def _under(name: str, column: str, parent: str, number: str = "77") -> str:
    return _rows(name, f"{column} = {key(parent, number)}")


ORDERED = ' order by "order"'
NEWEST = " order by created_at desc limit 20"
URL = "url = 'https://host-77.example.org/page/77'"
OWN_TASK = f" and user_id = {key('users', '391')}"
# What an index is there for: in words, and as a statement.
NEEDS = {
    "users_clerk_user_id_key": (
        "who is asking, once a statement",
        _rows("users", "clerk_user_id = 'user_77'"),
    ),
    "users_email_key": (
        "a person by e-mail",
        _rows("users", "email = 'user_77@example.org'"),
    ),
    "idx_learning_plans_user_id": (
        "own plans",
        _under("learning_plans", "user_id", "users"),
    ),
    "idx_learning_plans_created_at_public": (
        "newest public plans",
        _rows("learning_plans", "visibility = 'public'") + NEWEST,
    ),
    "idx_learning_plans_topic_public": (
        "search of public topics",
        _rows("learning_plans", "visibility = 'public' and topic ilike '%28dd2c79%'"),
    ),
    "idx_modules_plan_id": ("delete of a plan", _gone("learning_plans")),
    "idx_modules_plan_id_order": (
        "modules of a plan in order",
        _under("modules", "plan_id", "learning_plans") + ORDERED,
    ),
    "idx_tasks_module_id": ("delete of a module", _gone("modules")),
    "idx_tasks_module_id_order": (
        "tasks of a module in order",
        _under("tasks", "module_id", "modules") + ORDERED,
    ),
    "resources_url_key": ("a resource by its address", _rows("resources", URL)),
    "idx_resources_type": (
        "how many resources of a type",
        "select count(*) from learnplan.resources where type = 'course'",
    ),
    "idx_resources_tags": (
        "resources by tag",
        _rows("resources", "tags @> array['tag7', 'tag88']"),
    ),
    "idx_task_resources_task_id": ("delete of a task", _gone("tasks")),
    "task_resources_task_id_resource_id_key": (
        "links of a task",
        _under("task_resources", "task_id", "tasks"),
    ),
    "idx_task_resources_resource_id": ("delete of a resource", _gone("resources")),
    "idx_task_progress_user_id": (
        "all progress of a user",
        _under("task_progress", "user_id", "users"),
    ),
    "idx_task_progress_task_id": ("delete of a task", _gone("tasks", "7777")),
    "task_progress_task_id_user_id_key": (
        "own progress on a task",
        _under("task_progress", "task_id", "tasks", "7777") + OWN_TASK,
    ),
    "idx_plan_generations_plan_id": ("delete of a plan", _gone("learning_plans")),
}


def indexes(
    copies: Callable[[], AbstractContextManager[tuple[Connection, Connection]]],
    rounds: int,
    batch: int,
) -> list[dict[str, Any]]:
    """
    Return for each index what inserts and its need cost with it and without.

    Args: copies: provides two connections to two copies of the world; batch: rows of
        an insert.
    Raises: KeyError: nobody said what needs an index.
    """
    with copies() as (connection, _):
        there = connection.execute(FIND.encode()).fetchall()
    found = []
    for table, index, name, constraint, size in there:
        what, need = NEEDS[name]
        drop = f"drop index {index}"
        if constraint:
            drop = f"alter table learnplan.{table} drop constraint {constraint}"
        source = f"generate_series(1, {batch}) as n"
        write = insertion(table, source, KINDS[table])
        each: dict[str, Any] = {"table": table, "index": name, "needed by": what}
        each |= {"size": size, "rule": constraint is not None}
        with copies() as both:
            both[1].execute(drop.encode())
            each["insert"] = _paired(both, write, rounds, batch)
            each["need"] = _paired(both, need, rounds, 1)
        found.append(each)
    return found


def _paired(
    both: tuple[Connection, Connection], statement: str, rounds: int, rows: int
) -> dict[str, Any]:
    """Return what a statement that is undone costs on both, in turns."""
    costs: dict[str, list[Cost]] = {"with": [], "without": []}
    sides = [
        (word, connection, counters.Meter(connection))
        for word, connection in zip(costs, both, strict=True)
    ]
    for number in range(rounds + 1):  # the first only warms up
        for word, connection, meter in sides[:: 1 if number % 2 else -1]:

            def undone(connection: Connection = connection) -> None:
                with connection.transaction(force_rollback=True):
                    connection.execute(statement.encode(), prepare=False)

            costs[word].append(meter.cost(undone))
    return {word: counters.per(each[1:], rows) for word, each in costs.items()}


# Columns that people change, and what an update sets them to.
HOT = (
    ("users", "name", "name || '.'"),
    ("learning_plans", "weekly_hours", "weekly_hours + 1"),
    ("learning_plans", "topic", "topic || '.'"),
    ("modules", "title", "title || '.'"),
    ("modules", '"order"', '"order" + 100'),
    ("tasks", "title", "title || '.'"),
    ("tasks", '"order"', '"order" + 100'),
    ("task_resources", '"order"', '"order" + 1'),
    ("task_progress", "status", "'completed'"),
)
FILLED = (100, 90)
PASSES, PART = 10, 100  # so many times, one row of so many
_HOT = """
select s.n_tup_upd, s.n_tup_hot_upd from pg_catalog.pg_stat_user_tables as s
where s.relid = %s::regclass"""


def hot(connection: Connection) -> list[dict[str, Any]]:
    """
    Return the part of updates that touch no index, with full pages and with room.

    Rows here and there are updated, as many people would: each time others, since those
    that were moved to the end of the table lie together there.
    """
    connection.execute("reset role")
    found = []
    for filled in FILLED:
        for table in dict.fromkeys(table for table, _, _ in HOT):
            alter = f"alter table learnplan.{table} set (fillfactor = {filled})"
            connection.execute(alter.encode())
        for table, column, value in HOT:
            name = f"learnplan.{table}"
            connection.execute(f"vacuum full {name}".encode())
            before = _updates(connection, name)
            chosen = f"pg_catalog.hashtext(id::text || '{column} {filled}')"
            for number in range(PASSES):
                connection.execute(
                    f"update {name} set {column} = {value}"
                    f" where pg_catalog.abs({chosen} % {PART}) = {number}".encode()
                )
            after = _updates(connection, name)
            updated = after[0] - before[0]
            found.append(
                {
                    "table": table,
                    "column": column.strip('"'),
                    "fillfactor": filled,
                    "updates": updated,
                    "hot": round((after[1] - before[1]) / updated, 3),
                }
            )
    return found


def _updates(connection: Connection, name: str) -> tuple[int, int]:
    connection.execute(counters.FLUSH)
    row = connection.execute(_HOT, [name]).fetchone()
    if row is None:
        raise LookupError(name)
    return int(row[0]), int(row[1])

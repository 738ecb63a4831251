"""
Sample data: users with plans and all that hangs off them, plausible and repeatable.

Everything is one transaction of the service role, and only adds. May import lower
floors; never prints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from psycopg import errors, sql
from psycopg.rows import tuple_row

from learnplan_db.errors import ConnectError, SeedError
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.engine.session import Connection
    from learnplan_db.security.variables import Variables

TABLES = (
    *("users", "resources", "learning_plans", "modules", "tasks"),
    *("task_resources", "task_progress", "plan_generations"),
)
ONCE = ("users", "resources")  # not by chunks of plans
CHUNK = 2_000  # plans
# What world.sql calls, written out where it stands: the service role makes no function.
_HASH = (
    "pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to({0}, 'UTF8')), 'hex')"
)
_ID = (
    "overlay(overlay(pg_catalog.left({0}, 32) placing '8' from 13) placing 'a' from 17)"
    "::uuid"
)
_DIE = "('x' || pg_catalog.substr({0}, {1}, 4))::bit(16)::integer"
_CALL = re.compile(r"\b(hash|die|row_id)\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)")
_SETTINGS = (
    "set local row_security = on",
    "set local statement_timeout = 0",
    "set local search_path = pg_catalog",
)


@dataclass(frozen=True, slots=True)
class Size:
    """How many plans, and of how many users."""

    plans: int
    users: int

    @property
    def resources(self) -> int:
        """Return how many resources the plans share."""
        return 20 + self.plans // 5


SIZES = {
    "small": Size(50, 10),
    "medium": Size(2_000, 500),
    "large": Size(50_000, 12_500),
}


@dataclass(frozen=True, slots=True)
class Sown:
    """
    What was made: rows by table.

    ``sub`` is the subject of the user with the most plans, for acting_as.
    """

    seed: int
    rows: dict[str, int]
    sub: str
    plans_of_sub: int


def sow(  # noqa: PLR0913 - what the command asks
    connection: Connection,
    size: Size,
    roles: Variables,
    *,
    seed: int | None = None,
    append: bool = False,
    tell: Callable[[int], None] = lambda _: None,
) -> Sown:
    """
    Add sample rows, in one transaction; whatever ends it leaves nothing behind.

    Args: size: how many; seed: the same one makes the same rows, None the first that
        is free; append: to rows that are there; tell: is told of each chunk how many
        plans are made.
    Raises: SeedError: the plan is not deployed, rows are there, or the login may not.
        ConnectError: a standby.
    """
    where = config.display(connection.info.dsn)
    try:
        with connection.transaction():
            _begin(connection, roles.service_role, where)
            if (there := _filled(connection)) and not append:
                raise SeedError.not_empty(there, where)
            chosen = _free(connection) if seed is None else seed
            rows = _fill(connection, size, chosen, tell)
            sub, count = _ask(connection, "owner", {"seed": chosen})[0]
    except errors.UniqueViolation as error:
        raise SeedError.taken(error.diag.message_detail or "", where) from error
    except errors.InsufficientPrivilege as error:
        text = error.diag.message_primary or ""
        login, role = connection.info.user, roles.service_role
        raise SeedError.may_not(login, role, text, where) from error
    _analyze(connection)
    return Sown(chosen, rows, sub, count)


def _begin(connection: Connection, role: str, where: str) -> None:
    """Become the service, where the plan is deployed and can be written."""
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(
        "select pg_catalog.pg_is_in_recovery(), array(select t from"
        " pg_catalog.unnest(%s::text[]) as t"
        " where pg_catalog.to_regclass('learnplan.' || t) is null),"
        " exists (select from pg_catalog.pg_roles where rolname = %s)",
        [list(TABLES), role],
    ).fetchone()
    standby, missing, known = row or (False, [], True)
    if standby:
        raise ConnectError.standby(where)
    if missing:
        raise SeedError.not_deployed(missing, where)
    if not known:
        raise SeedError.no_role(role, where)
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
    for setting in _SETTINGS:
        connection.execute(setting.encode())


def _filled(connection: Connection) -> list[str]:
    """Return the tables that have rows."""
    cursor = connection.cursor(row_factory=tuple_row)
    parts = [f"select '{t}' where exists (select from learnplan.{t})" for t in TABLES]
    return [row[0] for row in cursor.execute(" union all ".join(parts).encode())]


def _free(connection: Connection) -> int:
    """Return the first seed of which nobody made rows."""
    cursor = connection.cursor(row_factory=tuple_row)
    found = cursor.execute(
        "select (regexp_match(clerk_user_id, '^seed(\\d{1,9})_user_1$'))[1]::integer"
        " from learnplan.users where clerk_user_id ~ '^seed\\d{1,9}_user_1$'"
    )
    taken = {row[0] for row in found}
    return next(n for n in range(len(taken) + 1) if n not in taken)


def _fill(
    connection: Connection, size: Size, seed: int, tell: Callable[[int], None]
) -> dict[str, int]:
    """Insert all rows, parents first; return how many by table."""
    rows = dict.fromkeys(TABLES, 0)
    given = {"seed": seed, "users": size.users, "resources": size.resources}
    for table in ONCE:
        rows[table] = _run(connection, table, given).rowcount
    for first in range(1, size.plans + 1, CHUNK):
        last = min(first + CHUNK - 1, size.plans)
        for table in TABLES:
            if table not in ONCE:
                part = given | {"first": first, "last": last}
                rows[table] += _run(connection, table, part).rowcount
        tell(last)
    return rows


def _run(connection: Connection, name: str, given: dict[str, Any]) -> Any:
    text = _parts()[name].replace("{plan}", _parts()["plan"])
    return connection.cursor(row_factory=tuple_row).execute(
        _written(text).encode(), given, prepare=False
    )


def _ask(connection: Connection, name: str, given: dict[str, Any]) -> list[Any]:
    found: list[Any] = _run(connection, name, given).fetchall()
    return found


def _parts() -> dict[str, str]:
    """Return the parts of world.sql by name."""
    text = files("learnplan_db.seeding").joinpath("world.sql").read_text("utf-8")
    _, *parts = re.split(r"^-- part: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _written(text: str) -> str:
    """Return SQL with what it calls written out, from the inside outwards."""
    return _CALL.sub(lambda call: _expression(call[1], _written(call[2])), text)


def _expression(name: str, inside: str) -> str:
    if name == "row_id":
        return _ID.format(inside)
    if name == "die":
        of, _, number = inside.partition(",")
        return _DIE.format(of, 29 + 4 * int(number))
    kind, *numbers = (one.strip() for one in inside.split(","))
    key = " || ' ' || ".join(["%(seed)s::text", kind, *(f"({n})" for n in numbers)])
    return _HASH.format(key)


def _analyze(connection: Connection) -> None:
    """Tell the planner of the rows, as far as the login may; else the server will."""
    cursor = connection.cursor(row_factory=tuple_row)
    owned = cursor.execute(
        "select c.relname from pg_catalog.pg_class as c"
        " where c.relnamespace = pg_catalog.to_regnamespace('learnplan')"
        " and c.relname = any (%s) and pg_catalog.pg_has_role(c.relowner, 'USAGE')",
        [list(TABLES)],
    ).fetchall()
    for (table,) in owned:
        connection.execute(
            sql.SQL("analyze learnplan.{}").format(sql.Identifier(table))
        )

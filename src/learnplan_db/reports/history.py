"""
What happened in a database and what is deployed now, to be shown; only reads.

Reads registries of all versions, in whatever schema, on a standby and through a
pooler. May import lower floors; never prints.
Source: Sqitch 1.3.1, registry versions 0 to 1.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import errors, sql
from psycopg.rows import tuple_row

from learnplan_db.errors import ReportError
from learnplan_db.model import Deployed, Item, Planner

if TYPE_CHECKING:
    from collections.abc import Generator

    import psycopg

    Connection = psycopg.Connection[Any]

BATCH = 2000  # rows a fetch: a registry may hold a million events
_EVENT = """
select event, project, change_id, change, note, requires, conflicts, tags,
  planned_at, planner_name, planner_email,
  committed_at, committer_name, committer_email
from {events}"""


@dataclass(frozen=True, slots=True)
class Search:
    """
    Which events to show: all of what is given must hold.

    ``change``, ``project`` and ``committer`` are regular expressions of PostgreSQL;
    ``limit`` 0 is none.
    """

    events: tuple[str, ...] = ()
    change: str | None = None
    project: str | None = None
    committer: str | None = None
    limit: int = 0
    skip: int = 0
    reverse: bool = False

    @property
    def patterns(self) -> dict[str, tuple[str, str]]:
        """Return the patterns given, by column: the option's name and its value."""
        given = {
            "change": ("--change", self.change),
            "project": ("--project", self.project),
            "committer_name": ("--committer", self.committer),
        }
        return {
            column: (option, value)
            for column, (option, value) in given.items()
            if value is not None
        }


def _rows(
    connection: Connection, query: str, registry: str, *parameters: Any
) -> list[tuple[Any, ...]]:
    """Return the rows of a query in which {changes} and the like name the tables."""
    cursor = connection.cursor(row_factory=tuple_row)
    return cursor.execute(_composed(query, registry), parameters).fetchall()


def _composed(query: str, registry: str) -> bytes:
    """Return a query that takes parameters: psycopg reads a % of a name as one, too."""
    names = ("changes", "tags", "events", "projects")
    schema = sql.Identifier(registry).as_string().replace("%", "%%")
    return query.format(**{name: f"{schema}.{name}" for name in names}).encode()


def initialized(connection: Connection, registry: str) -> bool:
    """Tell whether there is a registry, readable or not."""
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(
        "select exists (select from pg_catalog.pg_tables"
        " where schemaname = %s and tablename = 'changes')",
        [registry],
    ).fetchone()
    return bool(row and row[0])


def projects(connection: Connection, registry: str) -> list[str]:
    """Return the names of all projects."""
    found = _rows(connection, "select project from {projects} order by 1", registry)
    return [row[0] for row in found]


def any_event(connection: Connection, registry: str) -> bool:
    """Tell whether anything was ever logged."""
    return bool(_rows(connection, "select 1 from {events} limit 1", registry))


_DEPLOYED = """
select c.change_id, c.change, c.committed_at, c.committer_name, c.committer_email,
  array(select t.tag from {tags} as t where t.change_id = c.change_id order by t.tag)
from {changes} as c
where c.project = %s
order by c.committed_at desc"""
_TAGS = """
select tag_id, tag, committed_at, committer_name, committer_email, '{{}}'::text[]
from {tags}
where project = %s
order by committed_at desc"""


def _deployed(row: tuple[Any, ...]) -> Deployed:
    identity, name, when, committer, email, tags = row
    return Deployed(identity, name, when, Planner(committer, email), tuple(tags))


def newest(connection: Connection, registry: str, project: str) -> Deployed | None:
    """Return the change of a project that was deployed last, or None."""
    found = _rows(connection, f"{_DEPLOYED} limit 1", registry, project)
    return _deployed(found[0]) if found else None


def changes(connection: Connection, registry: str, project: str) -> list[Deployed]:
    """Return what is deployed of a project, newest first."""
    return [_deployed(row) for row in _rows(connection, _DEPLOYED, registry, project)]


def tags(connection: Connection, registry: str, project: str) -> list[Deployed]:
    """Return the deployed tags of a project, newest first."""
    return [_deployed(row) for row in _rows(connection, _TAGS, registry, project)]


def _query(search: Search) -> tuple[str, list[Any]]:
    """Return the query of a search and its parameters."""
    where, parameters = [], list[Any]()
    for column, (_, value) in search.patterns.items():
        where.append(f"{column} operator(pg_catalog.~) %s")
        parameters.append(value)
    if search.events:
        where.append("event = any(%s)")
        parameters.append(list(search.events))
    query = _EVENT + (f"\nwhere {' and '.join(where)}" if where else "")
    query += f"\norder by committed_at {'asc' if search.reverse else 'desc'}"
    for word, count in (("limit", search.limit), ("offset", search.skip)):
        if count:
            query += f"\n{word} %s"
            parameters.append(count)
    return query, parameters


def _item(row: tuple[Any, ...]) -> Item:
    event, project, change_id, change, note, requires, conflicts, tags, *rest = row
    planned, planner, planner_email, committed, committer, email = rest
    return Item(
        *(event, project, change_id, change, note),
        *(tuple(requires), tuple(conflicts), tuple(tags)),
        *(planned, Planner(planner, planner_email)),
        *(committed, Planner(committer, email)),
    )


def events(
    connection: Connection, registry: str, search: Search
) -> Generator[Item, None, None]:
    """
    Return the events that a search finds, in batches, so that memory stays small.

    One read-only transaction is open until the last is read or the generator closed:
    a pooler would keep no cursor else.
    Raises: ReportError: a pattern is no regular expression.
    """
    _check_patterns(connection, search)
    return _batches(connection, registry, search)


def _batches(
    connection: Connection, registry: str, search: Search
) -> Generator[Item, None, None]:
    query, parameters = _query(search)
    with connection.transaction():
        connection.execute("set transaction read only")
        with connection.cursor("learnplan_log", row_factory=tuple_row) as cursor:
            cursor.itersize = BATCH
            cursor.execute(_composed(query, registry), parameters)
            for row in cursor:
                yield _item(row)


def _check_patterns(connection: Connection, search: Search) -> None:
    """Raise for the first pattern that PostgreSQL cannot read."""
    for option, value in search.patterns.values():
        try:
            connection.execute("select '' operator(pg_catalog.~) %s", [value])
        except errors.InvalidRegularExpression as error:
            said = error.diag.message_primary or ""
            reason = said.removeprefix("invalid regular expression: ")
            raise ReportError.bad_pattern(option, value, reason) from error

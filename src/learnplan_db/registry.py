"""
Sqitch's registry: what is deployed now, and all that ever happened.

The only module that knows the registry's tables. Every name is qualified and every
time is clock_timestamp(), since the order of everything is committed_at. May import
errors and model; never prints.
Source: Sqitch 1.3.1, registry version 1.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from psycopg import errors
from psycopg.rows import dict_row, tuple_row

from learnplan_db.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import psycopg

    from learnplan_db.model import Change, Plan, Planner

    Connection = psycopg.Connection[Any]

VERSION = 1.1

_CHANGE = """
insert into sqitch.changes (
  change_id, script_hash, change, project, note, committed_at,
  committer_name, committer_email, planned_at, planner_name, planner_email
) values (%s, %s, %s, %s, %s, clock_timestamp(), %s, %s, %s, %s, %s)"""
_TAG = """
insert into sqitch.tags (
  tag_id, tag, project, change_id, note, committed_at,
  committer_name, committer_email, planned_at, planner_name, planner_email
) values (%s, %s, %s, %s, %s, clock_timestamp(), %s, %s, %s, %s, %s)"""
_DEPENDENCY = """
insert into sqitch.dependencies (change_id, type, dependency, dependency_id)
values (%s, %s, %s, %s)"""
_EVENT = """
insert into sqitch.events (
  event, change_id, change, project, note, requires, conflicts, tags, committed_at,
  committer_name, committer_email, planned_at, planner_name, planner_email
) values (%s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp(), %s, %s, %s, %s, %s)"""


@dataclass(frozen=True, slots=True)
class Applied:
    """One change that is deployed now; ``tags`` carry their ``@``."""

    change_id: str
    name: str
    script_hash: str | None
    committed_at: datetime
    committer: str
    tags: list[str]

    @property
    def label(self) -> str:
        """Return the name followed by its tags."""
        return " ".join([self.name, *self.tags])


def version(connection: Connection) -> float | None:
    """Return the registry's version; 0 for one before 1.0, None where there is none."""
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(
        "select pg_catalog.to_regclass('sqitch.changes') is not null,"
        " pg_catalog.to_regclass('sqitch.releases') is not null"
    ).fetchone()
    if not row or not row[0]:
        return None
    if not row[1]:
        return 0.0
    found = cursor.execute("select max(version)::text from sqitch.releases").fetchone()
    return float(found[0]) if found and found[0] else 0.0


def create(connection: Connection, installer: Planner) -> None:
    """
    Create the registry in one transaction.

    Raises: RegistryError: the role may not create a schema; nothing is left behind.
    """
    try:
        with connection.transaction():
            connection.execute(
                files("learnplan_db").joinpath("registry.sql").read_bytes()
            )
            connection.execute(
                "insert into sqitch.releases"
                " (version, installer_name, installer_email) values (%s, %s, %s)",
                [VERSION, installer.name, installer.email],
            )
    except errors.InsufficientPrivilege as error:
        info = connection.info
        raise RegistryError.may_not_create(info.dbname, info.user) from error


def register(connection: Connection, plan: Plan, creator: Planner) -> None:
    """
    Record the project unless it is known.

    Raises: RegistryError: a project of that name has another URI, or another that one.
    """
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(
        "select uri from sqitch.projects where project = %s", [plan.project]
    ).fetchone()
    if row and row[0] != plan.uri:
        raise RegistryError.other_uri(plan.project, plan.uri, row[0])
    if row:
        return
    try:
        cursor.execute(
            "insert into sqitch.projects (project, uri, creator_name, creator_email)"
            " values (%s, %s, %s, %s)",
            [plan.project, plan.uri, creator.name, creator.email],
        )
    except errors.UniqueViolation as error:
        raise RegistryError(
            f"another project already has the URI {plan.uri}",
            where="sqitch.projects",
            fix="give each project a %uri of its own",
        ) from error


def projects(connection: Connection) -> tuple[str, ...]:
    """Return the names of all projects of the registry."""
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute("select project from sqitch.projects order by 1")
    return tuple(row[0] for row in rows)


def applied(connection: Connection, project: str) -> list[Applied]:
    """Return what is deployed of a project, oldest first."""
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(
        """
        select c.change_id, c.change, c.script_hash, c.committed_at,
          c.committer_name || ' <' || c.committer_email || '>',
          array(select t.tag from sqitch.tags as t
            where t.change_id = c.change_id order by t.committed_at)
        from sqitch.changes as c
        where c.project = %s
        order by c.committed_at""",
        [project],
    )
    return [Applied(*row) for row in rows]


def events(connection: Connection) -> list[dict[str, Any]]:
    """Return all events of all projects, newest first, a dictionary each."""
    cursor = connection.cursor(row_factory=dict_row)
    return cursor.execute(
        """
        select event, project, change_id, change, note, tags, requires, conflicts,
          committed_at, committer_name || ' <' || committer_email || '>' as committer,
          planned_at, planner_name || ' <' || planner_email || '>' as planner
        from sqitch.events
        order by committed_at desc"""
    ).fetchall()


def _planned(thing: Any) -> list[Any]:
    return [thing.planned_at, thing.planner.name, thing.planner.email]


def _event(
    connection: Connection, kind: str, plan: Plan, change: Change, by: Planner
) -> None:
    connection.execute(
        _EVENT,
        [
            *(kind, change.id, change.name, plan.project, change.note),
            *(list(change.requires), list(change.conflicts)),
            [f"@{tag.name}" for tag in change.tags],
            *(by.name, by.email, *_planned(change)),
        ],
    )


def record_deploy(  # noqa: PLR0913, PLR0917 - one row's worth of facts
    connection: Connection,
    plan: Plan,
    change: Change,
    by: Planner,
    script_hash: str | None,
    requires: Sequence[tuple[str, str]],
) -> None:
    """Write the rows of a deployed change; requires: (text, change_id) pairs."""
    connection.execute(
        _CHANGE,
        [
            *(change.id, script_hash, change.name, plan.project, change.note),
            *(by.name, by.email, *_planned(change)),
        ],
    )
    for text, change_id in requires:
        connection.execute(_DEPENDENCY, [change.id, "require", text, change_id])
    for text in change.conflicts:
        connection.execute(_DEPENDENCY, [change.id, "conflict", text, None])
    record_tags(connection, plan, change, by)
    _event(connection, "deploy", plan, change, by)


def record_tags(
    connection: Connection, plan: Plan, change: Change, by: Planner
) -> None:
    """Write the tags of a deployed change that the registry lacks; no event."""
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(
        "select tag_id from sqitch.tags where change_id = %s", [change.id]
    )
    known = {row[0] for row in rows}
    for tag in change.tags:
        if tag.id not in known:
            connection.execute(
                _TAG,
                [
                    *(tag.id, f"@{tag.name}", plan.project, change.id, tag.note),
                    *(by.name, by.email, *_planned(tag)),
                ],
            )


def record_failure(
    connection: Connection, plan: Plan, change: Change, by: Planner
) -> None:
    """Write the event of a change that failed."""
    _event(connection, "fail", plan, change, by)


def dependents(connection: Connection, change_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the deployed changes, of any project, that require some of these."""
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(
        """
        select distinct concat(c.project, ':', c.change)
        from sqitch.dependencies as d
        inner join sqitch.changes as c on c.change_id = d.change_id
        where d.dependency_id = any(%(ids)s) and c.change_id <> all(%(ids)s)
        order by 1""",
        {"ids": list(change_ids)},
    )
    return tuple(row[0] for row in rows)


def record_revert(connection: Connection, change_id: str, by: Planner) -> None:
    """Take a change out of what is deployed, and write its event."""
    cursor = connection.cursor(row_factory=tuple_row)
    lists = cursor.execute(
        """
        select
          array(select dependency from sqitch.dependencies
            where change_id = %(id)s and type = 'require' order by dependency),
          array(select dependency from sqitch.dependencies
            where change_id = %(id)s and type = 'conflict' order by dependency),
          array(select tag from sqitch.tags where change_id = %(id)s order by tag)""",
        {"id": change_id},
    ).fetchone()
    connection.execute("delete from sqitch.tags where change_id = %s", [change_id])
    connection.execute(
        """
        with gone as (delete from sqitch.changes where change_id = %s returning *)
        insert into sqitch.events (
          event, change_id, change, project, note, requires, conflicts, tags,
          committed_at, committer_name, committer_email,
          planned_at, planner_name, planner_email
        )
        select 'revert', change_id, change, project, note, %s, %s, %s,
          clock_timestamp(), %s, %s, planned_at, planner_name, planner_email
        from gone""",
        [change_id, *(lists or ([], [], [])), by.name, by.email],
    )


def forget_deploy(connection: Connection, change_id: str) -> None:
    """Take back the rows of a change whose verify script failed right after it."""
    connection.execute("delete from sqitch.tags where change_id = %s", [change_id])
    connection.execute("delete from sqitch.changes where change_id = %s", [change_id])
    connection.execute(
        "delete from sqitch.events where change_id = %s and event = 'deploy'"
        " and committed_at = (select max(committed_at) from sqitch.events"
        " where change_id = %s)",
        [change_id, change_id],
    )

"""
Sqitch's registry: what is deployed now, and all that ever happened.

This module, rows and registration alone know its tables; what log and status read is in
reports. Every name is qualified and every time is clock_timestamp(), since the order
of everything is committed_at. May import lower floors; never prints.
Source: Sqitch 1.3.1, registry versions 0, 1.0 and 1.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import errors
from psycopg.rows import tuple_row

from learnplan_db.engine import registration
from learnplan_db.engine.registration import VERSION
from learnplan_db.engine.rows import Rows
from learnplan_db.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import psycopg

    from learnplan_db.model import Plan, Planner

    Connection = psycopg.Connection[Any]

__all__ = ["VERSION", "Applied", "Dependent", "Registry"]


@dataclass(frozen=True, slots=True)
class Applied:
    """One change that is deployed now; ``tags`` carry their ``@``."""

    change_id: str
    name: str
    note: str
    script_hash: str | None
    committed_at: datetime
    committer: str
    planned_at: datetime
    planner_name: str
    planner_email: str
    tags: tuple[str, ...]
    tagged_at: tuple[datetime, ...]

    @property
    def label(self) -> str:
        """Return the name followed by its tags."""
        return " ".join([self.name, *self.tags])


@dataclass(frozen=True, slots=True)
class Dependent:
    """A deployed change that requires another, and the first tag at or after it."""

    change_id: str
    project: str
    name: str
    as_of: str | None
    requires_id: str


class Registry:
    """
    The registry in one schema of one database.

    Args: connection: in autocommit; schema: its name, ``sqitch`` by default.
    """

    def __init__(self, connection: Connection, schema: str) -> None:
        """Look at nothing yet."""
        self.connection, self.schema = connection, schema
        self.rows = Rows(schema)

    # What is there: nothing is written below.

    def version(self) -> float | None:
        """Return the version; 0 for one before 1.0, None where there is none."""
        row = self._one(
            "select count(*) filter (where tablename = 'changes') > 0,"
            " count(*) filter (where tablename = 'releases') > 0"
            " from pg_catalog.pg_tables"
            f" where schemaname = {self.rows.text(self.schema)}"
        )
        if not row or not row[0]:
            return None
        if not row[1]:
            return 0.0
        found = self._one("select max(version)::numeric from {schema}.releases")
        return float(found[0]) if found and found[0] else 0.0

    def projects(self) -> tuple[str, ...]:
        """Return the names of all projects, sorted."""
        rows = self._rows("select project from {schema}.projects order by 1")
        return tuple(row[0] for row in rows)

    def applied(self, project: str, version: float = VERSION) -> list[Applied]:
        """Return what is deployed of a project, oldest first."""
        script_hash = "c.script_hash" if version else "null"
        rows = self._rows(
            "select c.change_id, c.change, c.note, " + script_hash + ", c.committed_at,"
            " c.committer_name || ' <' || c.committer_email || '>',"
            " c.planned_at, c.planner_name, c.planner_email,"
            " coalesce(t.tags, '{{}}'), coalesce(t.times, '{{}}')"
            " from {schema}.changes as c left join (select change_id,"
            " array_agg(tag order by tag) as tags,"
            " array_agg(committed_at order by tag) as times"
            " from {schema}.tags group by change_id) as t using (change_id)"
            f" where c.project = {self.rows.text(project)} order by c.committed_at"
        )
        return [_applied(row) for row in rows]

    def existing(self, change_ids: Sequence[str]) -> set[str]:
        """Return which of these ids are deployed, in whatever project."""
        if not change_ids:
            return set()
        listed = ", ".join(map(self.rows.text, change_ids))
        rows = self._rows(
            f"select change_id from {{schema}}.changes where change_id in ({listed})"
        )
        return {row[0] for row in rows}

    def find_foreign(self, project: str, key: str) -> str | None:
        """
        Return the id of what another project's dependency means, if deployed.

        Args: key: ``name`` (the earliest), ``name@tag`` (the latest at or before the
            tag), ``@tag`` or an id.
        """
        name, at, tag = key.partition("@")
        known = f"project = {self.rows.text(project)}"
        if at and name:
            query = (
                "select c.change_id from {schema}.changes as c inner join {schema}.tags"
                " as t on t.project = c.project and c.committed_at <= t.committed_at"
                f" where c.{known} and c.change = {self.rows.text(name)}"
                f" and t.tag = {self.rows.text(at + tag)} order by c.committed_at desc"
            )
        elif at:
            query = (
                "select change_id from {schema}.tags"
                f" where {known} and tag = {self.rows.text(at + tag)}"
            )
        elif len(name) == 40 and set(name) <= set("0123456789abcdef"):  # noqa: PLR2004 - an id
            query = (
                "select change_id from {schema}.changes"
                f" where change_id = {self.rows.text(name)}"
            )
        else:
            query = (
                "select change_id from {schema}.changes"
                f" where {known} and change = {self.rows.text(name)}"
                " order by committed_at"
            )
        row = self._one(query + " limit 1")
        return str(row[0]) if row else None

    def dependents(self, change_ids: Sequence[str]) -> list[Dependent]:
        """Return the deployed changes, of any project, that require one of these."""
        if not change_ids:
            return []
        rows = self._rows(
            "select c.change_id, c.project, c.change, (select t.tag from"
            " {schema}.changes as l inner join {schema}.tags as t"
            " on t.change_id = l.change_id where l.project = c.project"
            " and l.committed_at >= c.committed_at order by l.committed_at limit 1),"
            " d.dependency_id from {schema}.dependencies as d"
            " inner join {schema}.changes as c on c.change_id = d.change_id"
            f" where d.dependency_id in ({', '.join(map(self.rows.text, change_ids))})"
            " order by c.committed_at"
        )
        return [Dependent(*row) for row in rows]

    def dependencies(self, project: str) -> dict[str, list[str]]:
        """Return what each deployed change requires and conflicts with, by its id."""
        rows = self._rows(
            "select d.change_id, array_agg(d.dependency) from {schema}.dependencies"
            " as d inner join {schema}.changes as c on c.change_id = d.change_id"
            f" where c.project = {self.rows.text(project)} group by 1"
        )
        return {row[0]: row[1] for row in rows}

    def attempted(self, change_id: str) -> bool:
        """Tell whether the newest event of a change is that it failed."""
        row = self._one(
            "select event from {schema}.events"
            f" where change_id = {self.rows.text(change_id)}"
            " order by committed_at desc limit 1"
        )
        return bool(row) and row[0] == "fail"

    # What is made once.

    def create(self, by: Planner) -> None:
        """
        Create the registry in one transaction.

        Raises: RegistryError: the role may not create a schema; nothing is left.
        """
        try:
            with self.connection.transaction():
                # "If not exists" asks for the right to create it all the same.
                if not self._one(registration.schema_there(self.rows, self.schema)):
                    self._execute(registration.schema_made())
                self._run(registration.made(self.rows, by))
        except errors.InsufficientPrivilege as error:
            info = self.connection.info
            raise RegistryError.may_not_create(
                self.schema, info.dbname, info.user
            ) from error

    def upgrade(self, found: float, by: Planner) -> Iterator[tuple[float, float]]:
        """Bring a registry to our version; yield (from, to) before each step."""
        for version, text in registration.upgraded(self.rows, found, by):
            yield found, version
            self._run(text)
            found = version

    def register(self, plan: Plan, by: Planner) -> None:
        """
        Record the project unless it is known.

        Raises: RegistryError: it has another URI, or another project has this one.
        """
        row = self._one(registration.known(self.rows, plan))
        if row and row[0] != plan.uri:
            raise RegistryError.other_uri(plan.project, plan.uri, row[0])
        if row:
            return
        try:
            self._execute(registration.registered(self.rows, plan, by))
        except errors.UniqueViolation as error:
            raise RegistryError.uri_taken(plan.project, plan.uri or "") from error

    def adopt_hashes(self, plan: Plan, hashes: dict[str, str | None]) -> None:
        """Replace the hashes that an upgrade from version 0 could not know."""
        statements = registration.adopted(self.rows, plan, hashes)
        with self.connection.transaction():
            self._execute(";\n".join(statements))

    # Running.

    def _run(self, text: str) -> None:
        with self.connection.transaction():
            self._execute(registration.PATH)
            self._execute(text)

    def _execute(self, text: str) -> psycopg.Cursor[Any]:
        cursor = self.connection.cursor(row_factory=tuple_row)
        return cursor.execute(self.rows.sql(text)[0], prepare=False)

    def _rows(self, text: str) -> list[Any]:
        return self._execute(text).fetchall()

    def _one(self, text: str) -> Any:
        return self._execute(text).fetchone()


def _applied(row: Sequence[Any]) -> Applied:
    return Applied(*row[:-2], *map(tuple, row[-2:]))

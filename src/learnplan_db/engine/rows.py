"""
The registry's rows of one change, as SQL text.

It travels with the change's script in one round trip, or is written alone. Every name
is qualified, every time is clock_timestamp(), and every value is quoted so that no
setting of a script can change what it says. May import errors and model; pure.
Source: Sqitch 1.3.1, registry version 1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from learnplan_db.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnplan_db.model import Change, Plan, Planner, Tag

    Statements = tuple[bytes, ...]


class Rows:
    """
    Statements on the registry in one schema; ``{schema}`` in a text is its name.

    Args: schema: the registry's.
    """

    def __init__(self, schema: str) -> None:
        """Quote the schema's name once."""
        self.schema = sql.Identifier(schema).as_string()

    def lock(self) -> Statements:
        """Return the lock that Sqitch takes for each change."""
        return self.sql("lock table {schema}.changes in exclusive mode")

    def deploy(
        self,
        plan: Plan,
        change: Change,
        by: Planner,
        script_hash: str | None,
        requires: Sequence[tuple[str, str]],
    ) -> Statements:
        """Return the rows of a deployed change; requires: (text, change_id) pairs."""
        planned = self._planned(change)
        common = self.values(change.name, plan.project, change.note)
        parts = [
            (
                "insert into {schema}.changes (change_id, script_hash, change, project,"
                " note, committer_name, committer_email, planned_at, planner_name,"
                " planner_email, committed_at) values ("
                f"{self.values(change.id, script_hash)}, {common}, {self.by(by)},"
                f" {planned}, pg_catalog.clock_timestamp())"
            )
        ]
        rows = [self.values(change.id, "require", *pair) for pair in requires]
        rows += [
            self.values(change.id, "conflict", text, None) for text in change.conflicts
        ]
        if rows:
            listed = ", ".join(f"({row})" for row in rows)
            parts.append(
                "insert into {schema}.dependencies (change_id, type, dependency,"
                f" dependency_id) values {listed}"
            )
        parts += [self._tag(plan, change, tag, by) for tag in change.tags]
        parts.append(self._event("deploy", plan, change, by))
        return self.sql(*parts)

    def tags(self, plan: Plan, change: Change, by: Planner) -> Statements:
        """Return the rows of tags that a deployed change has got since; no event."""
        return self.sql(*(self._tag(plan, change, t, by) for t in change.tags))

    def failure(self, plan: Plan, change: Change, by: Planner) -> Statements:
        """Return the event of a change that failed."""
        return self.sql(self._event("fail", plan, change, by))

    def attempt_over(self, change_id: str) -> Statements:
        """Return what takes back the newest event of a change, if that is a failure."""
        key = self.text(change_id)
        return self.sql(
            "delete from {schema}.events where event = 'fail'"
            f" and change_id = {key} and committed_at = (select max(committed_at)"
            f" from {{schema}}.events where change_id = {key})"
        )

    def forget(self, plan: Plan, change: Change, by: Planner) -> Statements:
        """Return what takes back the rows of a change that does not verify."""
        key = self.text(change.id)
        return self.sql(
            f"delete from {{schema}}.tags where change_id = {key}",
            f"delete from {{schema}}.changes where change_id = {key}",
            "delete from {schema}.events where event = 'deploy'"
            f" and change_id = {key} and committed_at = (select max(committed_at)"
            f" from {{schema}}.events where change_id = {key})",
        ) + self.failure(plan, change, by)

    def revert(self, change_id: str, by: Planner) -> Statements:
        """Return what takes a change out of what is deployed, with its event."""
        key = self.text(change_id)

        def listed(kind: str) -> str:
            return (
                "array(select dependency from {schema}.dependencies"
                f" where change_id = {key} and type = '{kind}' order by ctid)"
            )

        return self.sql(
            "insert into {schema}.events (event, change_id, change, project, note,"
            " requires, conflicts, tags, committer_name, committer_email, planned_at,"
            " planner_name, planner_email, committed_at) select 'revert', change_id,"
            f" change, project, note, {listed('require')}, {listed('conflict')},"
            " array(select tag from {schema}.tags"
            f" where change_id = {key} order by ctid),"
            f" {self.by(by)}, planned_at, planner_name,"
            " planner_email, pg_catalog.clock_timestamp() from {schema}.changes"
            f" where change_id = {key}",
            f"delete from {{schema}}.tags where change_id = {key}",
            f"delete from {{schema}}.changes where change_id = {key}",
        )

    def _tag(self, plan: Plan, change: Change, tag: Tag, by: Planner) -> str:
        values = self.values(tag.id, f"@{tag.name}", plan.project, change.id, tag.note)
        return (
            "insert into {schema}.tags (tag_id, tag, project, change_id, note,"
            " committer_name, committer_email, planned_at, planner_name,"
            f" planner_email, committed_at) select {values}, {self.by(by)},"
            f" {self._planned(tag)}, pg_catalog.clock_timestamp()"
            " where not exists (select from {schema}.tags"
            f" where tag_id = {self.text(tag.id)})"
        )

    def _event(self, kind: str, plan: Plan, change: Change, by: Planner) -> str:
        values = self.values(kind, change.id, change.name, plan.project, change.note)
        tags = [f"@{tag.name}" for tag in change.tags]
        arrays = map(self._array, (change.requires, change.conflicts, tags))
        return (
            "insert into {schema}.events (event, change_id, change, project, note,"
            " requires, conflicts, tags, committer_name, committer_email, planned_at,"
            f" planner_name, planner_email, committed_at) values ({values},"
            f" {', '.join(arrays)}, {self.by(by)},"
            f" {self._planned(change)}, pg_catalog.clock_timestamp())"
        )

    def _planned(self, thing: Change | Tag) -> str:
        when = thing.planned_at.isoformat(" ")
        return self.values(when, thing.planner.name, thing.planner.email)

    def _array(self, items: Sequence[str]) -> str:
        return f"array[{self.values(*items)}]::text[]"

    def by(self, who: Planner) -> str:
        """Return who does it: name and email."""
        return self.values(who.name, who.email)

    def values(self, *texts: str | None) -> str:
        """Return literals, null for None, with commas between."""
        return ", ".join("null" if t is None else self.text(t) for t in texts)

    def text(self, text: str) -> str:
        """Return a literal, safe whatever a script did to the session's settings."""
        if "\0" in text:
            raise RegistryError.not_storable(text)
        quoted = sql.Literal(text).as_string()
        return quoted.replace("{", "{{").replace("}", "}}")

    def sql(self, *texts: str) -> Statements:
        """Return statements as they are sent."""
        return tuple(text.format(schema=self.schema).encode() for text in texts)

"""
What a deploy would execute, as a script for psql: every change with its registry rows.

Each change is a transaction of its own here, as in a deploy; a migration for a host's
tool is one in all (transit). May import lower floors; only reads, never prints.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from learnplan_db.engine import pending, registration, session
from learnplan_db.engine.dependencies import check_dependencies, check_hashes
from learnplan_db.engine.execution import OURS, THEIRS
from learnplan_db.engine.locks import LOCK
from learnplan_db.engine.pending import Pending
from learnplan_db.engine.progress import NO_VARIABLES
from learnplan_db.engine.rows import Rows
from learnplan_db.engine.session import Manner
from learnplan_db.errors import NothingDoneError
from learnplan_db.export import reading, span
from learnplan_db.export.hosts import joined
from learnplan_db.psql import flight

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import psycopg

    from learnplan_db.engine.dependencies import Known
    from learnplan_db.engine.state import Project
    from learnplan_db.model import Change

    Connection = psycopg.Connection[Any]


def plan_sql(
    connection: Connection | None,
    project: Project,
    *,
    to: str | None = None,
    since: str | None = None,
    variables: Mapping[str, str] = NO_VARIABLES,
) -> str:
    """
    Return the SQL that a deploy would execute, for psql; nothing is executed.

    Args: connection: to the database, whose registry says what is deployed; without
        one, ``since`` does, the last change or tag that is, or None for nothing; to:
        the last change to deploy; variables: psql's.
    Raises: LearnplanError: what the deploy would refuse, and what cannot be said as
        plain SQL, such as psql's meta-commands.
    """
    if connection is None:
        found, known = _planned(project, since, to)
    else:
        found, known = _found(connection, project, to)
    return _Script(project, found, known, variables).text()


def _found(
    connection: Connection, project: Project, to: str | None
) -> tuple[Pending, Known | None]:
    """Return what a deploy to a database finds."""
    registry = project.registry(connection)
    with session.told(connection), session.fit(connection):
        found = session.look(lambda: pending.find(project, registry, to), 60)
    if found.refusal:
        raise found.refusal
    return found, None if found.version is None else registry


def _planned(
    project: Project, since: str | None, to: str | None
) -> tuple[Pending, Known | None]:
    """Return what a deploy finds where a part of the plan is deployed."""
    plan = project.plan
    last = to if to is not None or not plan.changes else plan.changes[-1].id
    try:
        part = span.between(plan, since, last)
    except NothingDoneError:
        part = span.Span(plan, span.place(plan, since), span.place(plan, since))
    count = part.first.count
    newest = replace(part.first.change, tags=part.tags) if part.first.change else None
    changes = plan.changes[count : part.last.count]
    version = registration.VERSION if count else None
    known = reading.Planned(project, count)
    return Pending(version, [], count, newest, changes), known


class _Script:
    """The script: ``known`` tells which changes are deployed."""

    def __init__(
        self,
        project: Project,
        found: Pending,
        known: Known | None,
        variables: Mapping[str, str],
    ) -> None:
        self.project, self.found = project, found
        self.by, self.plan = project.committer, project.plan
        self.rows = Rows(project.target.registry)
        self.reader = reading.Reader(project, variables)
        self.requires = check_dependencies(project, known, found.changes)
        self.hashes = check_hashes(project, found.applied, found.changes, {})
        self.guarded = project.target.guard

    def text(self) -> str:
        """Return all of it."""
        found = self.found
        names = [change.label for change in found.changes]
        last = names[-1] if names else "nothing: it is up-to-date"
        head = [
            f"-- {self.plan.project}: what learnplan-db deploy would execute",
            f"-- {len(names)} changes, the last {last}",
            "-- Run it with: PGCLIENTENCODING=UTF8 psql -X -q -o /dev/null -f FILE",
            "\\set ON_ERROR_STOP on",
            "\n",
        ]
        body: list[str] = []
        if names or found.new_tags or found.unknown_hashes:
            body = [
                *self._session(),
                f"select pg_catalog.pg_advisory_lock({LOCK})",
                *self._registry(),
                *(text for change in found.changes for text in self._change(change)),
                f"select pg_catalog.pg_advisory_unlock({LOCK})",
            ]
        return "\n".join(head) + joined(body)

    def _session(self) -> list[str]:
        """Return what brings the session to where each script starts."""
        *resets, settings = _texts(session.start_sql(Manner(guard=self.guarded)))
        return ["; ".join(resets), settings]

    def _registry(self) -> Iterator[str]:
        """Yield what brings the registry up to date."""
        rows, found, by = self.rows, self.found, self.by
        if found.newest and found.new_tags:
            yield from self._alone(*_texts(rows.tags(self.plan, found.newest, by)))
        if found.version is None:
            yield from self._made()
        elif found.version < registration.VERSION and (
            found.changes or not found.version
        ):
            for _, step in registration.upgraded(rows, found.version, by):
                yield from self._transaction(registration.PATH, step)
        if found.unknown_hashes:
            known = {
                change.id: self.project.scripts.script_hash(change)
                for change in self.plan.changes
            }
            yield from self._transaction(*registration.adopted(rows, self.plan, known))
        if not found.place:
            text = registration.registered(rows, self.plan, by)
            yield from _texts(rows.sql(text))

    def _made(self) -> Iterator[str]:
        rows, name = self.rows, self.rows.schema
        yield from self._transaction(
            f"do $learnplan_db$ begin if pg_catalog.to_regnamespace({rows.text(name)})"
            " is null then create schema {schema}; end if; end $learnplan_db$",
            registration.PATH,
            registration.made(rows, self.by),
        )

    def _transaction(self, *texts: str) -> list[str]:
        return ["begin", *_texts(self.rows.sql(*texts)), "commit"]

    def _alone(self, *texts: str) -> list[str]:
        """Return rows as they are written without a script."""
        return ["begin", *_texts(self.rows.lock()), *texts, "commit"]

    def _change(self, change: Change) -> Iterator[str]:
        """Yield a change: its script, and its rows before it commits."""
        script, rows = self.reader.read("deploy", change), self.rows
        given = self.hashes[change.id], self.requires[change.id]
        ours = rows.deploy(self.plan, change, self.by, *given)
        note = f"-- Deploy {change.label}\n"
        if script.wrapped:
            sent = flight.message(
                script,
                rows.lock(),
                (*OURS, *ours, *THEIRS),
                guarded=self.guarded,
            )
            first, *rest = _texts(tuple(t for o, t in sent if o != flight.MARK))
            yield note + first
            yield from rest
        else:
            failed = _texts(rows.failure(self.plan, change, self.by))
            begin, *rest = self._alone(*failed)
            yield note + begin
            yield from rest
            yield "set lock_timeout = 60000"
            yield from script.texts
            over = _texts((*rows.attempt_over(change.id), *ours))
            yield from self._session()
            yield from self._alone(*over)
        yield from self._session()


def _texts(statements: tuple[bytes, ...]) -> list[str]:
    return [text.decode() for text in statements]

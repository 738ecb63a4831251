"""
A part of the plan as one migration: statements for a host's own transaction.

They refuse to run unless the database is exactly where the part begins, do what a
deploy or revert of the part does, its registry rows included, and leave the host's
search_path, role and settings as they were. Who runs them is the committer.
May import lower floors; reads the project's scripts; never prints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING

from psycopg import sql

from learnplan_db.engine import registration
from learnplan_db.engine.census import CONSTANT, FOUND, LIMIT
from learnplan_db.engine.locks import LOCK
from learnplan_db.engine.registration import VERSION
from learnplan_db.engine.rows import Rows
from learnplan_db.export import reading
from learnplan_db.model import Planner
from learnplan_db.psql import flight
from learnplan_db.psql.removals import harmless, removals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from learnplan_db.engine.rows import Statements
    from learnplan_db.engine.state import Project
    from learnplan_db.export.span import Place, Span
    from learnplan_db.model import Change
    from learnplan_db.psql.removals import Removal
    from learnplan_db.psql.script import Script

SOMEBODY = Planner("", "")  # whoever runs it
_ELSEWHERE = (
    "see learnplan-db status; apply what comes before this, or export from where the "
    "database is"
)
_SETTINGS = {
    "standard_conforming_strings": "'on'",
    "quote_all_identifiers": "'off'",
    "datestyle": "'ISO'",
}
_BACK = {
    "session_authorization": "pg_catalog.current_setting('learnplan_db.authorization')",
    "role": "pg_catalog.current_setting('learnplan_db.role')",
}
# What a script may set besides the path and the role, which are put back anyway.
_SETS = re.compile(
    r"\bset\s+local\s+(?!search_path\b|role\b)|set_config", re.IGNORECASE
)
_SAFE = "'pg_catalog, pg_temp'"
_THEIRS = "pg_catalog.current_setting('learnplan_db.path')"


class RunTimeRows(Rows):
    """The registry's rows, by whoever runs them: the database knows when they do."""

    def by(self, who: Planner) -> str:
        """Return the settings that the migration begins with."""
        del who
        return (
            "pg_catalog.current_setting('learnplan_db.committer_name'),"
            " pg_catalog.current_setting('learnplan_db.committer_email')"
        )


@dataclass(frozen=True)
class Transit:
    """
    The way from one place of the plan to another, and back.

    Args: variables: psql's for the deploy and the revert scripts; already: what to do
        where the database is at the end (or the start) already.
    """

    project: Project
    span: Span
    deploy_variables: Mapping[str, str]
    revert_variables: Mapping[str, str]
    already: tuple[str, str]

    @cached_property
    def rows(self) -> RunTimeRows:
        """Return the registry's statements."""
        return RunTimeRows(self.project.target.registry)

    def up(self) -> list[str]:
        """
        Return the statements that deploy, each without its semicolon.

        Raises: LearnplanError: something cannot be said as plain SQL.
        """
        span, plan, rows = self.span, self.span.plan, self.rows
        reader = reading.Reader(self.project, self.deploy_variables)
        known = reading.hashes(self.project, span)
        requires = reading.requirements(self.project, span.first.count, span.changes)
        found = [*self._opened(span.first, span.last, self.already[0])]
        if span.first.change is None:
            found += [self._file("register.sql", making=self._making())]
            found += [self._project(), *_texts(rows.lock())]
        elif span.tags:
            newest = replace(span.first.change, tags=span.tags)
            found += _texts(rows.tags(plan, newest, SOMEBODY))
        for change in span.changes:
            script = reader.whole("deploy", change)
            given = known[change.id], requires[change.id]
            found += self._change(
                script, rows.deploy(plan, change, SOMEBODY, *given), "deploy", change
            )
        return [*found, *self._closed()]

    def down(self) -> list[str]:
        """
        Return the statements that revert, each without its semicolon.

        Raises: LearnplanError: as ``up``.
        """
        span, rows = self.span, self.rows
        reader = reading.Reader(self.project, self.revert_variables)
        scripts = [(one, reader.whole("revert", one)) for one in span.changes[::-1]]
        found = [*self._opened(span.last, span.first, self.already[1])]
        watched = self.guarded and not all(harmless(script) for _, script in scripts)
        if watched:
            found.append(self._losses(scripts))
        for change, script in scripts:
            gone = rows.revert(change.id, SOMEBODY)
            found += self._change(script, gone, "revert", change)
        if span.tags:
            listed = rows.values(*(tag.id for tag in span.tags))
            text = f"delete from {{schema}}.tags where tag_id in ({listed})"
            found += _texts(rows.sql(text))
        if watched:
            found.append(self._file("vanished.sql"))
        return [*found, *self._closed()]

    @property
    def guarded(self) -> bool:
        """Tell whether row security is off, and lost rows are refused."""
        return self.project.target.guard

    def _opened(self, here: Place, end: Place, already: str) -> Iterator[str]:
        """Yield what looks whether all is well, and begins."""
        plan = self.span.plan
        yield self._file("open.sql")
        yield self._file("inside.sql")
        yield _set(_SETTINGS)
        yield self._file("read.sql")
        yield self._back(_SAFE)
        yield self._file(
            "guard.sql",
            lock=LOCK,
            version=VERSION,
            project=_quoted(plan.project),
            uri=_quoted(plan.uri),
            here=_quoted(here.id),
            count=here.count,
            tags=_tags(here),
            place=_quoted(here.name),
            end=_quoted(end.id),
            end_count=end.count,
            end_tags=_tags(end),
            already=_quoted(already),
            elsewhere=_quoted(_ELSEWHERE),
        )

    def _closed(self) -> Iterator[str]:
        """Yield what leaves the host's transaction as it was."""
        yield self._file("settings.sql")
        yield _set({"learnplan_db.session": "''"})

    def _change(
        self, script: Script, rows: Statements, kind: str, change: Change
    ) -> Iterator[str]:
        """Yield a script without its begin and commit, and its rows."""
        sent = flight.message(script, guarded=self.guarded)
        texts = [text.decode() for owner, text in sent if owner != flight.MARK]
        verb = {"deploy": "Deploy", "revert": "Revert"}[kind]
        yield f"-- {verb} {change.label}\n{self._back(_THEIRS)}"
        yield from texts[1:-1]
        if any(_SETS.search(text) for text in texts):
            yield self._file("settings.sql")
            yield _set(_SETTINGS)
        yield self._back(_SAFE)
        yield from _texts(rows)

    def _back(self, path: str) -> str:
        """Return what undoes a script's role and path, and the guard's."""
        off = {"row_security": "'off'"} if self.guarded else {}
        return _set(_BACK | {"search_path": path} | off)

    def _making(self) -> str:
        """Return what makes the registry, as lines of a block."""
        text = registration.made(self.rows, SOMEBODY)
        return _texts(self.rows.sql(text))[0]

    def _project(self) -> str:
        """Return the row of the project, unless it is there."""
        rows, plan = self.rows, self.span.plan
        text = registration.registered(rows, plan, SOMEBODY)
        return _texts(rows.sql(text))[0]

    def _losses(self, scripts: list[tuple[Change, Script]]) -> str:
        """Return what refuses to lose rows."""
        things = []
        for change, script in scripts:
            path = None
            for one in removals(script):
                if one.kind == "path":
                    path = one.name
                else:
                    things.append(f"      ({_thing(change.name, path, one)})")
        pattern = f"^{CONSTANT.pattern.removesuffix('Z')[:-1]}$"
        return self._file(
            "losses.sql",
            things=",\n".join(things) or f"      ({_quoted(*5 * [None])})",
            constant=_quoted(pattern),
            most=LIMIT,
        )

    def _file(self, name: str, **values: object) -> str:
        """Return one of the texts beside this module, filled in."""
        text = files("learnplan_db.export").joinpath("sql", name).read_text("utf-8")
        schema = self.rows.schema
        return text.rstrip().format(
            schema=schema,
            registry=_quoted(self.project.target.registry),
            registry_schema=_quoted(schema),
            registry_changes=_quoted(f"{schema}.changes"),
            registry_releases=_quoted(f"{schema}.releases"),
            **values,
        )


def _set(values: Mapping[str, str]) -> str:
    """Return what sets settings for the transaction, and prints nothing."""
    listed = ",\n    ".join(
        f"pg_catalog.set_config('{name}', {value}, true)"
        for name, value in values.items()
    )
    return f"do $learnplan_db$ begin\n  perform {listed};\nend $learnplan_db$"


def _thing(label: str, path: str | None, one: Removal) -> str:
    """Return where a script takes something away, and how that is found."""
    column = one.column
    column = column[1:-1] if column.startswith('"') else column.lower()
    query = sql.SQL(FOUND[one.kind]).format(
        name=sql.Literal(one.name), column=sql.Literal(column)
    )
    condition = (one.condition or "true") if one.kind == "rows" else None
    return _quoted(
        label, path, " ".join(query.as_string().split()), condition, one.alias
    )


def _tags(place: Place) -> str:
    """Return the tags of a place as an array, sorted as the guard sorts them."""
    names = sorted(f"@{tag.name}" for tag in place.change.tags) if place.change else ()
    return f"array[{_quoted(*names)}]::text[]"


def _quoted(*texts: str | None) -> str:
    """Return literals, null for None, with commas between."""
    return ", ".join(
        "null" if text is None else sql.Literal(text).as_string() for text in texts
    )


def _texts(statements: tuple[bytes, ...]) -> list[str]:
    return [text.decode() for text in statements]

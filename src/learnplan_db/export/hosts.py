"""
A migration as the files of a host's own tool: psql, Alembic, Django, Flyway, dbmate.

The same part of the plan gives the same bytes: no time, no user, no path is in them.
May import lower floors; reads the package's templates; never prints.
Source: the manuals of these tools, and what each does with the files, in tests.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from learnplan_db.errors import ExportError
from learnplan_db.export.span import NOTHING, Place
from learnplan_db.export.transit import Transit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from learnplan_db.engine.state import Project
    from learnplan_db.export.span import Span

    Format = Literal["sql", "alembic", "django", "flyway", "dbmate"]

FORMATS: tuple[Format, ...] = ("sql", "alembic", "django", "flyway", "dbmate")
CHAINED = ("alembic", "django")  # each migration names the one before it
VERSIONED = ("flyway", "dbmate")  # the time of a place is its version
NONE = ("base", "zero")  # what Alembic and Django call the place before the first
_MARK = re.compile(r"^--\s*migrate:", re.MULTILINE)  # dbmate's


@dataclass(frozen=True, slots=True)
class File:
    """One file of a migration: its name, and what is in it."""

    name: str
    text: str


@dataclass(frozen=True)
class Migration:
    """
    A part of the plan for one tool.

    Args: after: the migration before it, for a tool that chains them; else the one
        that an export up to its start has; app: Django's label of the host's app;
        variables: psql's, for the deploy and the revert scripts; said: the command.
    """

    project: Project
    span: Span
    form: Format
    variables: tuple[Mapping[str, str], Mapping[str, str]]
    said: str
    after: str | None = None
    app: str = "learnplan"

    def files(self) -> list[File]:
        """
        Return the files, the main one first.

        Raises: LearnplanError: something cannot be said as plain SQL.
        """
        first, last = self.span.first, self.span.last
        if self.form in VERSIONED and first.change and _stamp(last) <= _stamp(first):
            where = self.project.plan.source
            raise ExportError.no_later(where, last.name, first.name)
        transit = Transit(self.project, self.span, *self.variables, self._already())
        up, down = transit.up(), transit.down()
        if self.form in CHAINED:
            name = self.name(self.span.last)
            stem = f"{name}_{self.slug(self.span.last)}" * (self.form == "alembic")
            text = self._text(name=name, after=self._before(), up=up, down=down)
            return [File(f"{stem or name}.py", text)]
        if self.form == "dbmate":
            texts = {"up": joined(up), "down": joined(down)}
            if any(map(_MARK.search, texts.values())):
                where = self.project.plan.source
                raise ExportError.marker(where, self.span.last.name)
            return [File(f"{self.name(self.span.last)}.sql", self._text(**texts))]
        names = self._pair()
        return [
            File(name, self._text(statements=joined(part)))
            for name, part in zip(names, (up, down), strict=True)
        ]

    def name(self, place: Place) -> str:
        """Return how the tool knows the migration that leads to a place."""
        if self.form == "alembic":  # at most 32 characters
            tag = place.change.tags[-1].id if place.change and place.change.tags else ""
            key = f"{self.span.plan.project} {place.id} {tag}"
            return hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()[:12]
        if self.form == "django":
            return self.slug(place)
        return f"{_stamp(place)}_{self.slug(place)}"

    def slug(self, place: Place) -> str:
        """Return project and place as one word."""
        words = f"{self.span.plan.project}_{place.name.removeprefix('@')}"
        return re.sub(r"\W+", "_", words)

    def _pair(self) -> tuple[str, str]:
        """Return the names of the file that deploys and the one that reverts."""
        first, last = self.span.first, self.span.last
        if self.form == "flyway":
            rest = f"{_stamp(last)}__{self.slug(last)}.sql"
            return f"V{rest}", f"U{rest}"
        ends = [one.name.removeprefix("@") for one in (first, last) if one.change]
        stem = re.sub(r"[^\w.+-]+", "_", "-".join([self.span.plan.project, *ends]))
        return f"{stem}.sql", f"{stem}.revert.sql"

    def _before(self) -> str | tuple[str, str] | None:
        """Return the migration that this one follows, as the tool names it."""
        first = self.span.first
        if self.after in NONE:
            return None
        name = self.after or (self.name(first) if first.change else None)
        if self.form == "alembic" or name is None:
            return name
        app, dot, rest = name.rpartition(".")
        return (app, rest) if dot else (self.app, name)

    def _already(self) -> tuple[str, str]:
        """Return what to do where the database is at the end, or the start, already."""
        first, last = self.span.first, self.span.last
        name, before = self.name(last), self._before()
        if self.form == "alembic":
            marks = f"alembic stamp {name}", f"alembic stamp {before or 'base'}"
        elif self.form == "django":
            if before and before[0] != self.app:  # another app's
                before = self.app, self.name(first) if first.change else "zero"
            fake = f"manage.py migrate --fake {self.app}"
            marks = f"{fake} {name}", f"{fake} {before[1] if before else 'zero'}"
        elif self.form == "dbmate":
            marks = (
                f"insert into schema_migrations values ('{_stamp(last)}');",
                f"delete from schema_migrations where version = '{_stamp(last)}';",
            )
        elif self.form == "flyway":
            skip = f"-skipExecutingMigrations=true -target={_stamp(last)}"
            marks = (f"flyway {skip} migrate", f"flyway {skip} undo")
        else:
            return ("nothing is to be done",) * 2
        return f"mark it as applied: {marks[0]}", f"mark it as taken back: {marks[1]}"

    @cached_property
    def _header(self) -> list[str]:
        first, last = self.span.first.name, self.span.last.name
        return [
            f"{self.title}.",
            f"Written by: {self.said}",
            f"It runs only on a database that is exactly at {first}; the way back, at",
            f"{last}. Do not edit it: the registry knows the scripts by hash.",
        ]

    @property
    def title(self) -> str:
        """Return what the migration does."""
        ends = f"from {self.span.first.name} to {self.span.last.name}"
        return f"{self.span.plan.project} {ends}"

    def _text(self, **values: object) -> str:
        environment = Environment(
            loader=PackageLoader("learnplan_db.export"),
            undefined=StrictUndefined,
            trim_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701 - SQL and Python, no page
        )
        environment.filters["python"] = python
        template = environment.get_template(f"{self.form}.j2")
        return template.render(title=self.title, header=self._header, **values)


def joined(statements: Sequence[str]) -> str:
    """Return statements as a script."""
    return "".join(map(terminated, statements))


def terminated(statement: str) -> str:
    """Return a statement with its semicolon, and an empty line behind it."""
    text = statement.rstrip()
    if "--" in text.rpartition("\n")[2]:  # perhaps a comment, which would hide it
        return f"{text}\n;\n\n"
    return f"{text.removesuffix(';')};\n\n"


def python(value: object) -> str:
    """Return a value as Python writes it: a text of several lines as it stands."""
    if not isinstance(value, str) or "\n" not in value:
        return repr(value)
    text = value.strip("\n")
    if '"""' in text or text.endswith(('"', "\\")) or "\r" in text:
        return repr(text)
    return f'r"""{text}"""' if not text.startswith('"') else repr(text)


def _stamp(place: Place) -> str:
    """Return when a place was planned, as versions are written."""
    if place.change is None:
        return NOTHING
    planned = place.change.tags[-1] if place.change.tags else place.change
    return planned.planned_at.strftime("%Y%m%d%H%M%S")

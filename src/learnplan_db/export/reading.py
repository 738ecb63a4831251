"""
Scripts as they can be said without running them, and what the registry holds of them.

May import lower floors; reads the project's files; never prints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnplan_db.engine.dependencies import check_dependencies, check_hashes
from learnplan_db.errors import ExportError
from learnplan_db.psql import guard, script
from learnplan_db.psql.lexer import Lexer
from learnplan_db.psql.variables import DEFAULTS, LIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal

    from learnplan_db.engine.state import Project
    from learnplan_db.export.span import Span
    from learnplan_db.model import Change
    from learnplan_db.psql.script import Script, Statement

    Kind = Literal["deploy", "revert"]

# What a host's session keeps after the transaction: "set local" alone does not.
_OUTLASTS = re.compile(
    r"(?:set\s+(?!local\b|constraints\b|transaction\b)|reset\b|discard\b|listen\b"
    r"|unlisten\b|prepare\b|deallocate\b|load\b)",
    re.IGNORECASE,
)
# In the way of all that comes later in the host's session, for its name is found first.
_TEMPORARY = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:(?:local|global)\s+)?temp(?:orary)?\s+"
    r"(?:recursive\s+)?\w+\s+(?:if\s+not\s+exists\s+)?"
    r"(?:pg_temp\.)?(?P<name>\"[^\"]+\"|\w+)",
    re.IGNORECASE,
)
# As what pg_dump writes; a function's own call of it is not made here.
_CREATES = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:function|procedure)\b", re.IGNORECASE
)
_ANYWHERE = re.IGNORECASE | re.DOTALL
_CALLS = re.compile(r"\bset_config\s*\(", re.IGNORECASE)
_LOCAL = re.compile(
    r"\bset_config\s*\((?:[^()']|'(?:[^']|'')*'|\([^()]*\))*,\s*true\s*\)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Reader:
    """Reads the scripts of a project; ``variables`` are psql's."""

    project: Project
    variables: Mapping[str, str]

    def read(self, kind: Kind, change: Change) -> Script:
        """
        Return a script whose statements are known before it runs.

        Raises: PlanError: it cannot be read. ScriptError: it is refused. ExportError:
            it holds what only a run can tell.
        """
        scripts, target = self.project.scripts, self.project.target
        found = script.read(
            scripts.read(kind, change),
            scripts.shown(kind, change),
            {**self.variables, "registry": target.registry},
            path=scripts.path(kind, change),
            directory=target.root,
        )
        if not found.static:
            raise ExportError.only_when_run(*_offender(found))
        if target.guard:
            guard.check(found)
        return found

    def whole(self, kind: Kind, change: Change) -> Script:
        """
        Return a script that can run inside somebody else's transaction.

        Raises: as ``read``. ExportError: it is not one transaction, or outlasts it.
        """
        found = self.read(kind, change)
        if not found.wrapped:
            raise ExportError.not_one_transaction(found.source, kind, change.name)
        texts = [_bare(statement) for statement in found.body]
        for number, statement in enumerate(found.body):
            where = f"{found.source}:{statement.line}"
            if what := _outlasting(texts[number]):
                raise ExportError.outlasts(where, what)
            made = _TEMPORARY.match(texts[number])
            if made and not _dropped(made["name"], texts[number:]):
                raise ExportError.stays(where, made["name"])
        return found


def _outlasting(text: str) -> str | None:
    """Return what of a statement the session keeps after the transaction."""
    if match := _OUTLASTS.match(text):
        return match[0].strip()
    calls = [] if _CREATES.match(text) else _CALLS.findall(text)
    return "set_config(...)" if len(calls) > len(_LOCAL.findall(text)) else None


def _dropped(name: str, texts: Sequence[str]) -> bool:
    """Tell whether one of these statements drops what has a name."""
    pattern = re.compile(rf"drop\s.*(?<!\w){re.escape(name)}(?!\w)", _ANYWHERE)
    return any(map(pattern.match, texts))


def _bare(statement: Statement) -> str:
    """Return a statement without the comments before it."""
    text = statement.text.lstrip()
    while match := re.match(r"--[^\n]*\n\s*|/\*(?:[^*]|\*(?!/))*\*/\s*", text):
        text = text[match.end() :]
    return text


def _offender(found: Script) -> tuple[str, str]:
    """Return where and what in a script is known only when it runs."""
    source = found.file.source
    for statement in found.statements:
        if statement.copies:
            return f"{found.source}:{statement.line}", f"copy {statement.copies}"
    for piece in Lexer(source, lambda _: None):
        name = piece.text.strip(":'\"{?}")
        if piece.kind == "command" or (
            piece.kind == "variable" and name in LIVE | DEFAULTS.keys()
        ):
            mark = "\\" if piece.kind == "command" else ""
            return source.where(piece.offset), mark + piece.text.lstrip("\\")
    return found.source, "a value of --set, or standard_conforming_strings"


@dataclass(frozen=True)
class Planned:
    """What is deployed where nothing is asked: the plan up to a place."""

    project: Project
    count: int
    ids: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Note the changes up to there."""
        changes = self.project.plan.changes[: self.count]
        object.__setattr__(self, "ids", frozenset(one.id for one in changes))

    def existing(self, change_ids: Iterable[str]) -> set[str]:
        """Return which of these are deployed."""
        return set(self.ids.intersection(change_ids))

    def find_foreign(self, project: str, key: str) -> str | None:
        """Raise ExportError: nobody knows what another project has deployed."""
        text = f"{project}:{key}"
        for change in self.project.plan.changes:
            if text in (*change.requires, *change.conflicts):
                where = f"{self.project.plan.source}:{change.line}"
                raise ExportError.other_project(where, change.name, text)
        return None


def requirements(
    project: Project, first: int, changes: Sequence[Change]
) -> dict[str, list[tuple[str, str]]]:
    """
    Return what each change requires, as (text, id), by the plan alone.

    Args: first: how many changes are deployed before these.
    Raises: RegistryError: a requirement is not met, or a conflict is.
        ExportError: a change depends on another project's.
    """
    return check_dependencies(project, Planned(project, first), changes)


def hashes(project: Project, span: Span) -> dict[str, str | None]:
    """
    Return the hash of each deploy script up to the end of a part of the plan.

    Raises: RegistryError: two scripts are the same.
    """
    return check_hashes(project, (), project.plan.changes[: span.last.count], {})

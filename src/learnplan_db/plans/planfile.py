"""
The plan as a file: read, edited and written back as Sqitch would have written it.

A plan is written only if it was not changed since it was read, and only if it can be
read again; it is replaced as a whole or not at all.
May import errors, model, grammar, layout, plan and writing.
Source: Sqitch 1.3.1, held by tests/schema/test_authoring_oracle.py.
"""

from __future__ import annotations

import dataclasses
import fcntl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnplan_db.errors import PlanError
from learnplan_db.plans import grammar, layout
from learnplan_db.plans import plan as plans
from learnplan_db.plans.writing import replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from learnplan_db.model import Change, Plan, Planner, Target


@dataclass(frozen=True, slots=True)
class PlanFile:
    """
    A plan with the bytes that it was read from, and its lines as written back.

    ``shift`` is how many lines were put on top: one, unless the plan says its version.
    """

    path: Path
    plan: Plan
    data: bytes
    lines: tuple[str, ...]
    shift: int

    def place(self, line: int) -> int:
        """Return where a line of the file, counted from 1, is among the lines."""
        return line - 1 + self.shift

    def last_place(self, change: Change) -> int:
        """Return where a change ends: its last tag, or itself."""
        return self.place(max(change.line, *(tag.line for tag in change.tags), 0))


@dataclass(frozen=True, slots=True)
class Draft:
    """
    A line that is not written yet, and where in the file it goes.

    ``label`` is how messages show it: ``users [schema !old]``, ``@v1``.
    """

    file: PlanFile
    name: str
    dependencies: tuple[str, ...]
    at: int
    spaced: bool = False
    is_tag: bool = False

    @property
    def label(self) -> str:
        """Return the line without its stamp."""
        if self.is_tag:
            return f"@{self.name}"
        return layout.label(self.name, self.dependencies)

    def data(self, note: str, planner: Planner, at: datetime) -> bytes:
        """
        Return the plan with the line in it.

        Raises: PlanError: such a plan could not be read again.
        """
        for text in (planner.name, planner.email):
            if "#" in text:
                raise PlanError.planner_note(self.file.plan.source, text)
        date = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        if self.is_tag:
            line = layout.tag(self.name, date, planner, note)
        else:
            line = layout.change(self.name, self.dependencies, date, planner, note)
        before, after = self.file.lines[: self.at], self.file.lines[self.at :]
        lines = [*before, *([""] if self.spaced else []), line, *after]
        return encoded(lines, self.file.plan.source)

    def write(self, note: str, planner: Planner, at: datetime) -> None:
        """Put the line into the file. Raises: PlanError: it was changed meanwhile."""
        save(self.file, self.data(note, planner, at))


def read(target: Target) -> PlanFile:
    """Return the plan of a target. Raises: PlanError: it is missing or malformed."""
    shown, path = str(target.plan_file), target.root / target.plan_file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PlanError.no_file(shown, error) from error
    plan = plans.parse(data, shown)
    lines = layout.lines(data, shown)
    shift = len(lines) - len(grammar.lines_of(data, shown))
    return PlanFile(path, plan, data, tuple(lines), shift)


def adding(
    file: PlanFile, name: str, requires: Sequence[str], conflicts: Sequence[str]
) -> Draft:
    """
    Return the draft of a new change at the end of the plan.

    Raises: PlanError: the name is not usable or taken, a dependency is unknown.
    """
    _check_name(name, file.plan.source)
    changes = file.plan.changes
    for change in changes:
        if change.name == name:
            where = f"{file.plan.source}:{change.line}"
            raise PlanError.already_planned(where, name)
    listed = _dependencies(file, name, requires, conflicts)
    spaced = bool(changes and changes[-1].tags)
    return Draft(file, name, listed, len(file.lines), spaced)


def reworking(
    file: PlanFile, name: str, requires: Sequence[str], conflicts: Sequence[str]
) -> tuple[Draft, Change]:
    """
    Return the draft of a new version of a change, and the version it replaces.

    Raises: PlanError: there is no such change, no tag since, or a dependency is wrong.
    """
    source = file.plan.source
    named = [change for change in file.plan.changes if change.name == name]
    if not named:
        known = {change.name for change in file.plan.changes}
        raise PlanError.not_planned(source, name, known)
    tagged = [change for change in file.plan.changes if change.tags]
    if not tagged or tagged[-1].index < named[-1].index:
        raise PlanError.untagged(f"{source}:{named[-1].line}", name)
    tag = tagged[-1].tags[0].name
    listed = _dependencies(file, name, requires, conflicts, f"{name}@{tag}")
    before = dataclasses.replace(named[-1], reworked_tags=(tag,))
    return Draft(file, name, listed, len(file.lines)), before


def tagging(file: PlanFile, name: str, spec: str | None) -> tuple[Draft, Change]:
    """
    Return the draft of a tag and the change that it is put on, by default the last.

    Raises: PlanError: the name is not usable or taken, or there is no such change.
    """
    name = name.removeprefix("@")
    source, changes = file.plan.source, file.plan.changes
    _check_name(name, source, tag=True)
    for change in changes:
        for tag in change.tags:
            if tag.name == name:
                raise PlanError.already_tagged(f"{source}:{tag.line}", name)
    if not changes:
        raise PlanError.nothing_to_tag(source, name)
    tagged = plans.resolve(file.plan, spec) if spec else changes[-1]
    at = file.place(tagged.line) + 1 + len(tagged.tags)
    return Draft(file, name, (), min(at, len(file.lines)), is_tag=True), tagged


def part(file: PlanFile, first: Change | None, last: Change | None) -> bytes:
    """
    Return a plan of the changes from the first to the last.

    Raises: PlanError: what remains could not be read, since it requires what does not.
    """
    start = file.place(first.line) if first else None
    end = file.last_place(last) if last else None
    return encoded(list(layout.cut(file.lines, start, end)), file.plan.source)


def encoded(lines: Sequence[str], source: str) -> bytes:
    """Return lines as a plan. Raises: PlanError: it could not be read again."""
    try:
        data = "".join(f"{line}\n" for line in lines).encode()
        plans.parse(data, source)
    except UnicodeEncodeError as error:
        raise PlanError.not_text(source) from error
    except PlanError as error:
        raise PlanError.unreadable_again(error) from error
    return data


def save(file: PlanFile, data: bytes) -> None:
    """
    Replace the plan, as a whole or not at all; its mode stays.

    Raises: PlanError: it was changed since it was read, or cannot be written.
    """
    path, shown = file.path, file.plan.source
    try:
        with path.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # of two writers, the second sees a change
            if path.read_bytes() != file.data:
                raise PlanError.changed_meanwhile(shown)
            replace(path, data)
    except OSError as error:
        raise PlanError.not_written(shown, error) from error


def _check_name(name: str, source: str, *, tag: bool = False) -> None:
    """Refuse a name that Sqitch refuses, and one with the brackets of dependencies."""
    if fault := grammar.name_fault(name, tag=tag):
        raise PlanError.syntax(source, fault, name=name)
    if set("[]") & set(name):
        raise PlanError.bracketed(source, name)


def _dependencies(
    file: PlanFile,
    name: str,
    requires: Sequence[str],
    conflicts: Sequence[str],
    *first: str,
) -> tuple[str, ...]:
    """Return what stands between the brackets, requirements before conflicts."""
    required = [_dependency(file, word) for word in dict.fromkeys(requires)]
    listed = [*first, *(found.text for found in required)]
    listed += [
        f"!{_dependency(file, f'!{word}').text}" for word in dict.fromkeys(conflicts)
    ]
    for found in required:
        if found.own:
            _check_requirement(file, name, found.text)
    for word in listed:
        if listed.count(word) > 1:
            source = file.plan.source
            raise PlanError.syntax(source, "duplicate-dependency", text=word)
    return tuple(listed)


def _dependency(file: PlanFile, word: str) -> grammar.Dependency:
    """Return what a word means. Raises: PlanError: nothing, or a bare id."""
    found = grammar.dependency(word, file.plan.project)
    if not found:
        text = word.removeprefix("!")
        raise PlanError.syntax(file.plan.source, "bad-dependency", text=text)
    if found.bare_id:
        by_id = {change.id: change for change in file.plan.changes}
        named = by_id.get(found.text)
        name = "@".join([named.name, *named.reworked_tags[:1]]) if named else None
        raise PlanError.id_dependency(file.plan.source, found.text, name)
    return found


def _check_requirement(file: PlanFile, name: str, text: str) -> None:
    """Refuse what is not in the plan, and HEAD and ROOT, which no plan may require."""
    source, places = file.plan.source, file.plan.places
    change, _, tag = text.partition("@")
    if {change, tag} & {"HEAD", "ROOT"}:
        raise PlanError.moving_dependency(source, text)
    parts = [part for part in (change, f"@{tag}" if tag else "") if part]
    if any(part not in places for part in parts):
        known = list(_names(file))
        raise PlanError.unknown_dependency(source, name, "requires", text, known)


def _names(file: PlanFile) -> Iterator[str]:
    for change in file.plan.changes:
        yield change.name
        yield from (f"@{tag.name}" for tag in change.tags)

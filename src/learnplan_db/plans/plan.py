"""
Turn the text of a plan into changes with Sqitch's ids, and find changes in it.

May import errors, model, shapes, objects and grammar; pure: opens no file.
Source: manuals sqitchchanges and sqitch-plan; ADR 0001. What Sqitch really
does is held by tests/schema/test_plan_oracle.py.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from learnplan_db.errors import PlanError
from learnplan_db.model import Change, Plan, Tag
from learnplan_db.plans import grammar, objects
from learnplan_db.plans.shapes import given

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from learnplan_db.plans.grammar import Entry

_ID = re.compile("[0-9a-f]{40}")
_OFFSET = re.compile(
    rf"(?<![{grammar.PUNCTUATION}])(?P<mark>[~^])(?:(?P<twice>(?P=mark))|(?P<steps>\d+))?\Z"
)


def parse(data: bytes, source: str) -> Plan:
    """
    Return the plan that the bytes describe.

    Args: source: the file's name as errors show it, such as ``sql/sqitch.plan``.
    Raises: PlanError: at a line that Sqitch refuses, or cannot hold (a leap second,
        the year 0) or does not survive (a bare id that no earlier change has).
    """
    pragmas, entries = grammar.read(data, source)
    _check_order(entries, source)
    uri = objects.escaped(pragmas["uri"]) if given(pragmas.get("uri", "")) else None
    changes = _identify(entries, pragmas["project"], uri, source)
    project, places = pragmas["project"], _places(changes)
    return Plan(project, uri, changes, source, pragmas, places)


def resolve(plan: Plan, spec: str) -> Change:
    """
    Return the change that a person names.

    Args: spec: ``name``, ``@tag``, ``name@tag``, an id, ``HEAD`` or ``ROOT``, each
        with an optional offset: ``^`` and ``^^`` or ``^3`` earlier, ``~`` later.
    Raises: PlanError: when there is none, or when several have the bare name.
    """
    key, steps = offset(spec)
    places = plan.places
    found = _position(places, key)
    if found is None:
        raise PlanError.unknown_change(plan.source, spec, _names(places))
    if "@" not in key and len(places[key]) > 1:
        several = [plan.changes[index] for index in places[key]]
        lines = ", ".join(str(change.line) for change in several)
        qualified = [_qualified(change) for change in reversed(several)]
        raise PlanError.ambiguous(f"{plan.source}:{lines}", key, qualified)
    if not 0 <= found + steps < len(plan.changes):
        raise PlanError.out_of_range(plan.source, spec, len(plan.changes))
    return plan.changes[found + steps]


def offset(spec: str) -> tuple[str, int]:
    """Return a specification without its ``^`` or ``~``, and the steps it means."""
    found = _OFFSET.search(spec)
    if not found:
        return spec, 0
    steps = int(found["steps"] or (2 if found["twice"] else 1))
    return spec[: found.start()], -steps if found["mark"] == "^" else steps


def contains(plan: Plan, spec: str) -> bool:
    """Tell whether a specification names a change of the plan, or several."""
    key, steps = offset(spec)
    found = _position(plan.places, key)
    return found is not None and 0 <= found + steps < len(plan.changes)


def by_id(plan: Plan, change_id: str) -> Change | None:
    """Return the change that has an id, or None."""
    places = plan.places.get(change_id)
    found = plan.changes[places[0]] if places else None
    return found if found and found.id == change_id else None


def dependency(plan: Plan, text: str, before: Change) -> Change | None:
    """
    Return the change that a dependency means, or None when it is another project's.

    Args: text: one of ``before.requires`` or ``before.conflicts``; a bare name means
        its first instance in the plan; before: the change that depends.
    Raises: PlanError: when the plan has no such change.
    """
    key = text.removeprefix(f"{plan.project}:")
    if ":" in key:
        return None
    places = plan.places
    found = _position(places, key)
    if found is None:
        where = f"{plan.source}:{before.line}"
        verb = "requires" if text in before.requires else "conflicts with"
        known = _names(places)
        raise PlanError.unknown_dependency(where, before.name, verb, text, known)
    return plan.changes[found]


def _places(changes: Sequence[Change]) -> dict[str, list[int]]:
    """Return the positions of every name, @tag and id, and of HEAD and ROOT."""
    places: dict[str, list[int]] = {}
    for change in changes:
        places.setdefault(change.name, []).append(change.index)
        places[change.id] = [change.index]
        for tag in change.tags:
            places[f"@{tag.name}"] = places[tag.id] = [change.index]
    if changes:
        places["ROOT"] = places["@ROOT"] = [0]
        places["HEAD"] = places["@HEAD"] = [len(changes) - 1]
    return places


def _names(places: Mapping[str, Sequence[int]]) -> list[str]:
    return [place for place in places if not _ID.fullmatch(place)]


def _position(places: Mapping[str, Sequence[int]], key: str) -> int | None:
    """Return the first position of a name, or the last at or above its tag."""
    name, at, tag = key.partition("@")
    if not name or not at:
        return places[key][0] if key in places else None
    limit = places[f"@{tag}"][0] if f"@{tag}" in places else -1
    return max((p for p in places.get(name, ()) if p <= limit), default=None)


def _qualified(change: Change) -> str:
    """Return a specification that no other instance of the change has."""
    tags = [*(tag.name for tag in change.tags), *change.reworked_tags, "HEAD"]
    return f"{change.name}@{tags[0]}"


def _check_order(entries: Sequence[Entry], source: str) -> None:
    """Refuse what is declared twice, and requirements that are not planned above."""
    tagged: dict[str, int] = {}  # all up to the last tag, with its last line
    since: dict[str, int] = {}
    for entry in entries:
        where = f"{source}:{entry.line}"
        if entry.is_tag:
            if entry.key in tagged:
                raise PlanError.duplicate_tag(where, entry.name, tagged[entry.key])
            if not tagged and not since:
                raise PlanError.syntax(where, "orphan-tag", name=entry.name)
            tagged |= since | {entry.key: entry.line}
            since = {}
            continue
        if entry.name in since:
            raise PlanError.duplicate_change(where, entry.name, since[entry.name])
        for text in entry.checked:
            if not _is_above(text, tagged, since):
                raise _misplaced(entry, text, entries, where)
        since[entry.name] = entry.line


def _is_above(text: str, tagged: Mapping[str, int], since: Mapping[str, int]) -> bool:
    """Whether Sqitch takes a requirement as met, by what stands above it."""
    name, at, tag = text.partition("@")
    if name and at:
        # The last tagged instance counts: after a rework, an old name@tag is refused.
        return name in tagged and tagged[name] < tagged.get(f"@{tag}", 0)
    return text in tagged or text in since


def _misplaced(
    entry: Entry, text: str, entries: Sequence[Entry], where: str
) -> PlanError:
    """Return why a requirement is not met."""
    if text == entry.name:
        return PlanError.self_dependency(where, text)
    name, at, tag = text.partition("@")
    lines: dict[str, int] = {}
    for other in entries:
        lines.setdefault(other.key, other.line)
    parts = [part for part in (name, at + tag) if part]
    if any(part not in lines for part in parts):
        known = [*lines, *(f"{name}{key}" for key in lines if at and name in lines)]
        return PlanError.unknown_dependency(where, entry.name, "requires", text, known)
    later = max(lines[part] for part in parts)
    if later > entry.line:
        return PlanError.later_dependency(where, entry.name, text, later)
    return PlanError.replanned_dependency(where, entry.name, text)


def _identify(
    entries: Sequence[Entry], project: str, uri: str | None, source: str
) -> tuple[Change, ...]:
    """Return the changes with their ids, tags and reworks."""
    head = objects.head(project, uri)
    changes: list[Change] = []
    ids: set[str] = set()
    for entry in entries:
        stamp = (entry.planner, entry.date)
        common = (entry.note, entry.planned_at, entry.planner)
        if entry.is_tag:
            tagged = changes[-1]
            text = objects.tag_text(head, entry.name, tagged.id, stamp, entry.note)
            identifier = objects.object_id("tag", text)
            tag = Tag(entry.name, identifier, *common, entry.line)
            changes[-1] = replace(tagged, tags=(*tagged.tags, tag))
            continue
        for named in entry.dependencies:
            if named.bare_id and named.text not in ids:
                where = f"{source}:{entry.line}"
                raise PlanError.unknown_id(where, entry.name, named.text)
        parent = changes[-1].id if changes else None
        depends = (entry.requires, entry.conflicts)
        text = objects.change_text(
            head, entry.name, parent, stamp, *depends, entry.note
        )
        identifier = objects.object_id("change", text)
        ids.add(identifier)
        changes.append(
            Change(
                *(entry.name, identifier, *common, *depends, (), entry.line),
                index=len(changes),
                operator=entry.operator,
            )
        )
    return tuple(_with_reworks(changes))


def _with_reworks(changes: Sequence[Change]) -> Iterator[Change]:
    """
    Yield the changes, each that is planned again with the tags that may name its files.

    The tag nearest to the next instance comes first, those on the change itself last.
    """
    following: dict[str, int] = {}
    again: dict[int, int] = {}
    for change in reversed(changes):
        if change.name in following:
            again[change.index] = following[change.name]
        following[change.name] = change.index
    for change in changes:
        between = changes[change.index : again.get(change.index, change.index)]
        tags = [tag.name for other in reversed(between) for tag in other.tags]
        yield replace(change, reworked_tags=tuple(tags)) if tags else change

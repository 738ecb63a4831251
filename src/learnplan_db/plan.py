"""
Turn the text of a plan into changes with Sqitch's ids, and find changes in it.

May import errors, model and grammar; pure: takes bytes, opens no file, never prints.
Source: manuals sqitchchanges and sqitch-plan, URI.pm; ADR 0001. What Sqitch really
does is held by tests/schema/test_plan_oracle.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from learnplan_db import grammar
from learnplan_db.errors import PlanError
from learnplan_db.grammar import given
from learnplan_db.model import Change, Plan, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from learnplan_db.grammar import Entry

URI_CHARACTERS = ";/?:@&=+$,-_.!~*'()%"
UNRESERVED = re.compile(r"[A-Za-z0-9\-_.!~*'()]")
DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ssh": 22, "sftp": 22}

_ID = re.compile("[0-9a-f]{40}")
_URI = re.compile(
    r"(?:(?P<scheme>[A-Za-z][\w.+-]*):)?"
    r"(?://(?P<user>[^/?]*@)?(?P<host>[^/?@]*?)(?P<port>:\d*)?(?=[/?]|\Z))?(?P<rest>.*)",
    re.ASCII | re.DOTALL,
)
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
    uri = _escape_uri(pragmas["uri"]) if given(pragmas.get("uri", "")) else None
    changes = _identify(entries, pragmas["project"], uri, source)
    return Plan(pragmas["project"], uri, changes, source, pragmas)


def resolve(plan: Plan, spec: str) -> Change:
    """
    Return the change that a person names.

    Args: spec: ``name``, ``@tag``, ``name@tag``, an id, ``HEAD`` or ``ROOT``, each
        with an optional offset: ``^`` and ``^^`` or ``^3`` earlier, ``~`` later.
    Raises: PlanError: when there is none, or when several have the bare name.
    """
    key, steps = spec, 0
    if offset := _OFFSET.search(spec):
        steps = int(offset["steps"] or (2 if offset["twice"] else 1))
        steps = -steps if offset["mark"] == "^" else steps
        key = spec[: offset.start()]
    places = _places(plan)
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
    places = _places(plan)
    found = _position(places, key)
    if found is None:
        where = f"{plan.source}:{before.line}"
        verb = "requires" if text in before.requires else "conflicts with"
        known = _names(places)
        raise PlanError.unknown_dependency(where, before.name, verb, text, known)
    return plan.changes[found]


def _places(plan: Plan) -> dict[str, list[int]]:
    """Return the positions of every name, @tag and id, and of HEAD and ROOT."""
    places: dict[str, list[int]] = {}
    for change in plan.changes:
        places.setdefault(change.name, []).append(change.index)
        places[change.id] = [change.index]
        for tag in change.tags:
            places[f"@{tag.name}"] = places[tag.id] = [change.index]
    if plan.changes:
        places["ROOT"] = places["@ROOT"] = [0]
        places["HEAD"] = places["@HEAD"] = [len(plan.changes) - 1]
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
    head = [f"project {project}"] + ([f"uri {_canonical(uri)}"] if uri else [])
    changes: list[Change] = []
    ids: set[str] = set()
    for entry in entries:
        stamp = [f"planner {entry.planner}", f"date {entry.date}"]
        note = ["", entry.note] if given(entry.note) else []
        common = (entry.note, entry.planned_at, entry.planner)
        if entry.is_tag:
            tagged = changes[-1]
            text = [*head, f"tag {entry.key}", f"change {tagged.id}", *stamp, *note]
            tag = Tag(entry.name, _hash("tag", text), *common, entry.line)
            changes[-1] = replace(tagged, tags=(*tagged.tags, tag))
            continue
        for named in entry.dependencies:
            if named.bare_id and named.text not in ids:
                where = f"{source}:{entry.line}"
                raise PlanError.unknown_id(where, entry.name, named.text)
        parent = [f"parent {changes[-1].id}"] if changes else []
        requires, conflicts = entry.requires, entry.conflicts
        text = [
            *(*head, f"change {entry.name}", *parent, *stamp),
            *_listed("requires", "+", requires),
            *_listed("conflicts", "-", conflicts),
            *note,
        ]
        identifier = _hash("change", text)
        ids.add(identifier)
        changes.append(
            Change(
                *(entry.name, identifier, *common, requires, conflicts, (), entry.line),
                index=len(changes),
                operator=entry.operator,
            )
        )
    return tuple(_with_reworks(changes))


def _hash(kind: str, lines: Sequence[str]) -> str:
    """Return the id that git would give to an object of these lines."""
    text = "\n".join(lines).encode()
    header = f"{kind} {len(text)}\0".encode()
    return hashlib.sha1(header + text, usedforsecurity=False).hexdigest()


def _listed(title: str, sign: str, texts: Sequence[str]) -> list[str]:
    listed = given("".join(texts))
    return [title, *(f"  {sign} {text}" for text in texts)] if listed else []


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


def _escape_uri(text: str) -> str:
    """Return the URI as Sqitch records it: no wrapping, odd characters escaped."""
    text = re.sub(r"^<(?:URL:)?(.*)>$", r"\1", text)
    text = re.sub(r'^"(.*)"$', r"\1", text).strip(grammar.SPACES)
    uri = next(_URI.finditer(text))  # it matches any text
    host = uri["host"] or ""
    start, end = uri.span("host") if host else (0, 0)
    if (uri["scheme"] or "").lower() in DEFAULT_PORTS and not host.isascii():
        with contextlib.suppress(UnicodeError):
            host = host.encode("idna").decode()
    before, after = (quote(t, URI_CHARACTERS) for t in (text[:start], text[end:]))
    return before + quote(host, URI_CHARACTERS + "[]") + after


def _canonical(uri: str) -> str:
    """Return the form of a URI that is hashed."""

    def escape(found: re.Match[str]) -> str:
        character = unquote(found[0])
        return character if UNRESERVED.fullmatch(character) else found[0].upper()

    uri = re.sub("%[0-9A-Fa-f]{2}", escape, uri)
    parts = next(_URI.finditer(uri))
    if not parts["scheme"]:
        return uri
    scheme, rest = parts["scheme"].lower(), parts["rest"]
    if scheme == "urn":
        name, colon, rest = rest.partition(":")
        return f"{scheme}:{name.lower()}{colon}{rest}"
    if scheme not in DEFAULT_PORTS or parts["host"] is None:
        return scheme + uri[len(scheme) :]
    port = (parts["port"] or "")[1:]
    default = not port or int(port) == DEFAULT_PORTS[scheme]
    user, host = parts["user"] or "", parts["host"].lower()
    rest = rest or ("/" if scheme.startswith("http") else "")
    return f"{scheme}://{user}{host}{'' if default else f':{port}'}{rest}"

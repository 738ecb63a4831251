"""
What Sqitch hashes: the text of a change, of a tag, and their ids.

May import model and shapes; pure.
Source: sqitchchanges, "Object IDs"; URI.pm. What Sqitch really does is held by
tests/schema/test_plan_oracle.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from learnplan_db.plans.shapes import SPACES, given

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnplan_db.model import Change, Plan, Planner, Tag

URI_CHARACTERS = ";/?:@&=+$,-_.!~*'()%"
UNRESERVED = re.compile(r"[A-Za-z0-9\-_.!~*'()]")
DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ssh": 22, "sftp": 22}

_URI = re.compile(
    r"(?:(?P<scheme>[A-Za-z][\w.+-]*):)?"
    r"(?://(?P<user>[^/?]*@)?(?P<host>[^/?@]*?)(?P<port>:\d*)?(?=[/?]|\Z))?(?P<rest>.*)",
    re.ASCII | re.DOTALL,
)


def object_id(kind: str, text: str) -> str:
    """Return the id that git would give to an object of this kind and text."""
    data = text.encode()
    header = f"{kind} {len(data)}\0".encode()
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest()


def head(project: str, uri: str | None) -> list[str]:
    """Return the lines that every object of a project starts with."""
    return [f"project {project}"] + ([f"uri {canonical(uri)}"] if uri else [])


def change_text(  # noqa: PLR0913, PLR0917 - all of them are hashed
    first: Sequence[str],
    name: str,
    parent: str | None,
    stamp: tuple[Planner, str],
    requires: Sequence[str],
    conflicts: Sequence[str],
    note: str,
) -> str:
    """Return the text of a change: its id follows from it. Stamp: who, and when."""
    return "\n".join(
        [
            *(*first, f"change {name}"),
            *([f"parent {parent}"] if parent else []),
            *(f"planner {stamp[0]}", f"date {stamp[1]}"),
            *_listed("requires", "+", requires),
            *_listed("conflicts", "-", conflicts),
            *(("", note) if given(note) else ()),
        ]
    )


def tag_text(
    first: Sequence[str], name: str, change: str, stamp: tuple[Planner, str], note: str
) -> str:
    """Return the text of a tag on the change of that id. Stamp: who, and when."""
    who = (f"planner {stamp[0]}", f"date {stamp[1]}")
    noted = ("", note) if given(note) else ()
    return "\n".join([*first, f"tag @{name}", f"change {change}", *who, *noted])


def of_change(plan: Plan, change: Change) -> str:
    """Return the text of a change of a plan."""
    parent = plan.changes[change.index - 1].id if change.index else None
    return change_text(
        head(plan.project, plan.uri),
        change.name,
        parent,
        _stamp(change),
        change.requires,
        change.conflicts,
        change.note,
    )


def of_tag(plan: Plan, change: Change, tag: Tag) -> str:
    """Return the text of a tag of a plan."""
    first = head(plan.project, plan.uri)
    return tag_text(first, tag.name, change.id, _stamp(tag), tag.note)


def _stamp(planned: Change | Tag) -> tuple[Planner, str]:
    return planned.planner, f"{planned.planned_at.isoformat()[:19]}Z"


def _listed(title: str, sign: str, texts: Sequence[str]) -> list[str]:
    listed = given("".join(texts))
    return [title, *(f"  {sign} {text}" for text in texts)] if listed else []


def escaped(text: str) -> str:
    """Return the URI as Sqitch records it: no wrapping, odd characters escaped."""
    text = re.sub(r"^<(?:URL:)?(.*)>$", r"\1", text)
    text = re.sub(r'^"(.*)"$', r"\1", text).strip(SPACES)
    uri = next(_URI.finditer(text))  # it matches any text
    host = uri["host"] or ""
    start, end = uri.span("host") if host else (0, 0)
    if (uri["scheme"] or "").lower() in DEFAULT_PORTS and not host.isascii():
        with contextlib.suppress(UnicodeError):
            host = host.encode("idna").decode()
    before, after = (quote(t, URI_CHARACTERS) for t in (text[:start], text[end:]))
    return before + quote(host, URI_CHARACTERS + "[]") + after


def canonical(uri: str) -> str:
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

"""
PostgreSQL's messages, taken apart and put together again.

A client sends a script with our rows as one Query; its statements are made messages of
their own here. Source: PostgreSQL, "Message Formats".
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

from learnplan_db.psql import splitter

if TYPE_CHECKING:
    from collections.abc import Iterator

When = Literal["before", "sent", "after"]
_STRINGS = "standard_conforming_strings"
_TEXT = re.compile(rb"--[^\n]*|\s+")


class Place(NamedTuple):
    """A moment of a run: before a statement, while it runs, or before its answer."""

    number: int
    when: When


class Unit(NamedTuple):
    """What the server answers on its own; ``last`` if a message ends with it."""

    text: str
    last: bool


class Message(NamedTuple):
    """One message of the protocol."""

    kind: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        """The message as it is sent."""
        return self.kind + struct.pack("!i", len(self.body) + 4) + self.body


class Gone(Exception):  # noqa: N818 - always caught, shown to nobody
    """The client is gone."""


class Over(Gone):
    """The server's side is at its end; its last words may be on their way."""


def read(stream: BinaryIO) -> Message:
    """Return the next message. Raises: Over: there is none."""
    head = stream.read(5)
    if len(head) < 5:
        raise Over
    size = struct.unpack("!i", head[1:])[0] - 4
    body = stream.read(size)
    if len(body) < size:
        raise Over
    return Message(head[:1], body)


def units(group: list[Message]) -> Iterator[tuple[Unit, bytes]]:
    """Yield what is sent on its own: a query's statements, or a group as it is."""
    if group[0].kind != b"Q":
        text = b" ".join(m.body for m in group if m.kind == b"P") or group[0].body
        yield Unit(_shown(text), last=True), b"".join(m.raw for m in group)
        return
    text = group[0].body.rstrip(b"\0").decode()
    # The splitter gives up where strings may change; here they are set to what they are.
    spans = splitter.split(text.replace(_STRINGS, "x" * len(_STRINGS))) or []
    parts = [text[span.start : span.end] for span in spans] or [text]
    for number, part in enumerate(parts, 1):
        body = part.encode() + b"\0"
        unit = Unit(_shown(body), last=number == len(parts))
        yield unit, Message(b"Q", body).raw


def _shown(text: bytes) -> str:
    """Return the start of a statement, on one line."""
    plain = _TEXT.sub(b" ", text.replace(b"\0", b" ")).strip(b" ;")
    return plain[:60].decode(errors="replace")

"""
Read one psql-dialect script: what it holds, and whether we can run it at all.

Refuses, before anything runs, what only psql can do. May import lower floors; reads
the files that a script includes; never opens or closes a connection, never prints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from learnplan_db.errors import ScriptError
from learnplan_db.psql.draft import CONTROL, Draft, Statement
from learnplan_db.psql.files import File, decode
from learnplan_db.psql.lexer import Lexer, Source
from learnplan_db.psql.splitter import split
from learnplan_db.psql.variables import DEFAULTS, FIXED, LIVE, changes_course

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from learnplan_db.psql.splitter import Span

__all__ = ["Script", "Statement", "read"]

_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_BEGIN, _COMMIT = {"begin", "start transaction"}, {"commit", "end"}
_ROLLBACK = {"rollback", "abort"}
_CONTROL_WORDS = {"begin", "start", "commit", "end", "rollback", "abort", "prepare"}
_BREAKS = re.compile(CONTROL.pattern + r"|\\;")
_LIVE = re.compile(f":['\"]?(?:{'|'.join(LIVE | DEFAULTS.keys())})\\b")
_MAY_FORBID = {"set", "begin", "start transaction"}
_READ_ONLY = re.compile(r"\bread[\s_]+only\b", re.IGNORECASE)
# What may tell, or mean, something else when a script is one message.
_ODD = (
    "statement_timestamp",
    "standard_conforming_strings",
    "backslash_quote",
    "current_query",
    "client_encoding",
    "set names",
    "characteristics",
    "pg_stat_activity",
)


@dataclass(frozen=True)
class Script:
    """
    One script that can be run; ``source`` is the file's name as shown in errors.

    ``static``: psql would change nothing in the statements while it runs; then it has
    ``spans`` if it is plain and ``filled`` if not. ``read_only``: its transaction may
    be one that cannot write.
    """

    file: File
    variables: Mapping[str, str]
    verbs: tuple[str, ...]
    static: bool = True
    spans: tuple[Span, ...] | None = None
    filled: tuple[Statement, ...] = field(default=(), repr=False)
    keys: tuple[tuple[str, int], ...] = ()
    read_only: bool = False

    @property
    def source(self) -> str:
        """Return the file's name as shown."""
        return self.file.source.name

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Return the statements; of a script that is not static, those of its file."""
        if self.spans is None:
            return self.filled
        return tuple(_statements(self.file.source, self.variables))

    @cached_property
    def edges(self) -> tuple[tuple[str, int], ...]:
        """Return where first and last statement stand, as (name, offset)."""
        if self.keys or not self.statements:
            return self.keys
        ends = self.statements[0], self.statements[-1]
        return tuple((self.source, statement.offset) for statement in ends)

    @cached_property
    def texts(self) -> list[str]:
        """Return the texts of the statements of a static script."""
        if self.spans is None:
            return [statement.text for statement in self.filled]
        text = self.file.source.text
        return [text[start:end] for start, end, _ in self.spans]

    @cached_property
    def _enclosed(self) -> bool:
        """Tell whether a begin is first and no other control but the last follows."""
        return (
            len(self.verbs) > 1
            and self.verbs[0] in _BEGIN
            and not any(map(_BREAKS.fullmatch, self.verbs[1:-1]))
            and not self.read_only
        )

    @property
    def wrapped(self) -> bool:
        """Tell whether the script is one ``begin; ... commit;`` and nothing else."""
        return self._enclosed and self.verbs[-1] in _COMMIT

    @property
    def trial(self) -> bool:
        """Tell whether the script is one ``begin; ... rollback;``, as verifies are."""
        return self._enclosed and self.verbs[-1] in _ROLLBACK

    @cached_property
    def one_message(self) -> bool:
        """Tell whether the script does the same when it is sent as one message."""
        return self.static and (self.wrapped or self.trial) and not self.odd

    @cached_property
    def odd(self) -> bool:
        """Tell whether something in it may read or end differently than it looks."""
        texts = [self.file.source.text]
        if self.spans is None:
            texts += self.variables.values()
        text = "\n".join(texts).lower()
        if "names" in text:  # of "set names", the only one that is two words
            text = " ".join(text.split())
        return any(odd in text for odd in _ODD)

    @property
    def body(self) -> tuple[Statement, ...]:
        """Return what stands between begin and commit, or all if not wrapped."""
        return self.statements[1:-1] if self.wrapped else self.statements


def read(
    data: bytes,
    source: str,
    variables: Mapping[str, str] = _NO_VARIABLES,
    *,
    path: Path | None = None,
    directory: Path | None = None,
) -> Script:
    """
    Return a script that can be run.

    Args: data: the file; source: its name for errors; variables: as psql's --set;
        path: the file's, for what it includes; directory: in which psql would run.
    Raises: ScriptError: exit code 2, if the file is not UTF-8, needs psql itself or
        ends inside a quote, comment, parenthesis or "begin atomic".
    Source: psqlscan.l of PostgreSQL 18; psql, "SQL Interpolation".
    """
    file = File(decode(data, source), path, directory)
    text = file.source.text
    for name in FIXED & variables.keys():
        if changes_course(name, variables[name]):
            told = f"--set {name}={variables[name]}"
            raise ScriptError.psql_only(told, f"{source}:1")
    spans = split(text)
    if spans is not None:
        verbs = tuple(_verb(text, span) for span in spans)
        only = "only" in text.lower() and any(
            verb in _MAY_FORBID and _READ_ONLY.search(text, span.start, span.end)
            for verb, span in zip(verbs, spans, strict=True)
        )
        return Script(file, variables, verbs, spans=tuple(spans), read_only=only)
    from learnplan_db.psql.scan import Scan  # noqa: PLC0415 - most scripts are plain

    scan = Scan()
    scan.file(file)
    # A value may name what only a run can tell.
    scan.dynamic |= any(map(_LIVE.search, variables.values()))
    found, events = scan.statements, scan.events
    if static := not scan.dynamic:
        found = _statements(file.source, variables)
        static = not any(statement.copies for statement in found)
        events = [(source, one.offset, one.verb) for one in found]
    verbs = ("\\", "\\") if scan.opaque else tuple(verb for _, _, verb in events)
    return Script(
        file,
        variables,
        verbs,
        static=static,
        filled=tuple(found),
        keys=tuple((name, offset) for name, offset, _ in events[:1] + events[-1:]),
        read_only=any(
            one.verb in _MAY_FORBID and _READ_ONLY.search(one.text) for one in found
        ),
    )


def _statements(source: Source, variables: Mapping[str, str]) -> list[Statement]:
    """Return all statements of a file without meta-commands, variables filled in."""
    draft, found = Draft(source), []
    for piece in Lexer(source, variables.get):
        if draft.add(piece):
            found += draft.statements()
            draft = Draft(source)
    return found + draft.closed().statements()


def _verb(text: str, span: Span) -> str:
    """Return the verb of a statement where it matters, else the first word."""
    if span.word not in _CONTROL_WORDS:
        return span.word
    return _control(text[span.start : span.end])


@lru_cache  # nearly all are "begin;" and "commit;"
def _control(text: str) -> str:
    (statement,) = _statements(Source(text, ""), _NO_VARIABLES)
    return statement.verb

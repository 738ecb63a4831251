"""
Look a script through before it runs: what it holds, and what is refused.

May import lower floors; reads the files that a script includes, runs nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from learnplan_db.errors import ScriptError
from learnplan_db.psql import copying, meta
from learnplan_db.psql.draft import Draft, Statement
from learnplan_db.psql.files import File, included
from learnplan_db.psql.lexer import OLD, STANDARD, Lexer
from learnplan_db.psql.variables import DEFAULTS, LIVE

if TYPE_CHECKING:
    from pathlib import Path

_STRINGS = re.compile(
    r"^set\s[^;]*standard_conforming_strings\W+(?:to\W+)?(on|off)", re.IGNORECASE
)


class Scan:
    """What a script and those it includes hold, as far as it is known beforehand."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, str]] = []
        self.statements: list[Statement] = []
        self.dynamic = self.opaque = False
        self.within: list[Path | None] = []  # the files that are being read

    def file(self, file: File) -> None:
        """Read a file to its end, and what it includes where that is known."""
        source = file.source
        self.within.append(file.path)
        lexer, draft = Lexer(source, lambda _: None), Draft(source)
        branches: list[Draft] = []
        for piece in lexer:
            ended = draft.add(piece) if piece.kind != "command" else False
            if piece.kind == "variable":
                name = piece.text.strip(":'\"{?}")
                self.dynamic |= name in LIVE or name in DEFAULTS
            if piece.kind == "command":
                self.dynamic = True
                command = meta.take(
                    lexer, piece.text, piece.offset, lambda _: None, None
                )
                where = source.where(piece.offset)
                meta.check(command, where)
                if command.name in meta.BRANCHING:
                    draft = _branch(command.name, branches, draft, where)
                ended = command.name in meta.SENDING
                if command.name in {"r", "reset"}:
                    draft = Draft(source)
                self.follow(file, lexer, command)
            if ended:
                self.end(draft, lexer)
                draft = Draft(source)
        if branches:
            raise ScriptError.unterminated(
                "\\if", source.where(len(source.text.rstrip()))
            )
        self.end(draft.closed(), lexer)
        self.within.pop()

    def follow(self, file: File, lexer: Lexer, command: meta.Command) -> None:
        """Note what a command does to the statements that come."""
        if command.name == "copy":
            where = file.source.where(command.offset)
            if copying.parse(command.rest, where).kind == "stdin":
                lexer.data()
        if command.name not in meta.INCLUDING or not command.values:
            return
        inner = included(file, command) if command.literal else None
        if inner is None or inner.path in self.within:
            self.opaque = True
        else:
            self.file(inner)

    def end(self, draft: Draft, lexer: Lexer) -> None:
        """Note the statement that ends here."""
        for statement in draft.statements():
            key = draft.file.name, statement.offset
            self.events.append((*key, statement.verb))
            self.statements.append(statement)
            self.dynamic |= bool(statement.copies)
            if match := _STRINGS.search(statement.text):
                old = match[1].lower() == "off"
                lexer.table = OLD if old else STANDARD
                self.dynamic |= old
            if statement.copies.startswith("from"):
                lexer.data()


def _branch(name: str, branches: list[Draft], draft: Draft, where: str) -> Draft:
    """Return the statement as it stands where a branch begins or ends."""
    if name == "if":
        branches.append(draft.copy())
    elif not branches:
        raise ScriptError.no_if(name, where)
    elif name == "endif":
        branches.pop()
    else:
        return branches[-1].copy()
    return draft

r"""
A file that is being played: how far it is, and in which branches of \if.

May import lower floors; does no I/O.
Source: mainloop.c and command.c of PostgreSQL 15.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.psql.draft import Draft, Statement
    from learnplan_db.psql.files import File
    from learnplan_db.psql.lexer import Lexer
    from learnplan_db.psql.meta import Command


class Failed(Exception):  # noqa: N818 - always caught, shown to nobody
    """A meta-command failed; the text is psql's."""


@dataclass(slots=True)
class Branch:
    r"""One \if: is this part run, was one before it, and the statement up to it."""

    active: bool
    done: bool
    draft: Draft
    over: bool = False  # \else was there


@dataclass(slots=True)
class Frame:
    """A file that is being played."""

    file: File
    lexer: Lexer
    draft: Draft
    branches: list[Branch] = field(default_factory=list)
    previous: Statement | None = None

    @property
    def active(self) -> bool:
        """Tell whether what is read here is run."""
        return all(branch.active for branch in self.branches)

    def place(self, line: int) -> str:
        """Return the address of a line, as psql gives it."""
        return f"{self.file.source.name}:{line}"

    def branch(self, command: Command, known: Callable[[Command], bool]) -> None:
        """Begin, change or end a branch; give up what an inactive one has added."""
        name, branches = command.name, self.branches
        if name == "if":
            told = self.active and known(command)
            outer = self.active
            branches.append(Branch(bool(told), not outer or told, self.draft.copy()))
            return
        if not branches:
            raise Failed(f"\\{name}: no matching \\if")
        here = branches[-1]
        if name != "endif" and here.over:
            raise Failed(f"\\{name}: cannot occur after \\else")
        self.draft = self.draft if here.active else here.draft
        here.draft = self.draft.copy()
        if name == "endif":
            branches.pop()
            return
        here.over = name == "else"
        here.active = not here.done and (here.over or known(command))
        here.done = here.done or here.active

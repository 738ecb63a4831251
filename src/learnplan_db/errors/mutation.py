"""Faults made on purpose: what they are read from, and which change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable


class MutationError(LearnplanError):
    """The faults cannot be made, or the list of those that change nothing is wrong."""

    @classmethod
    def no_parser(cls) -> MutationError:
        """The SQL parser is an extra that is not installed."""
        return cls(
            "the SQL parser sqlglot is not installed",
            where="extra proof",
            fix='pip install "learnplan-db[proof]"',
        )

    @classmethod
    def unreadable(cls, what: str, problem: str) -> MutationError:
        """The parser does not know what the server holds."""
        return cls(
            f"the SQL parser cannot read an expression: {problem}",
            where=what,
            fix="write the expression in plainer SQL",
        )

    @classmethod
    def not_toml(cls, problem: str, where: str) -> MutationError:
        """A file is not TOML."""
        return cls(f"the file is not TOML: {problem}", where=where, fix="mend it")

    @classmethod
    def unreadable_file(cls, problem: str, where: str) -> MutationError:
        """A file is there and cannot be read."""
        return cls(f"cannot read the file: {problem}", where=where, fix="see to it")

    @classmethod
    def not_a_list(cls, where: str) -> MutationError:
        """``equivalent`` is not an array of tables."""
        fix = "start each entry with [[equivalent]]"
        return cls('"equivalent" is not a list of entries', where=where, fix=fix)

    @classmethod
    def unknown_key(cls, key: str, where: str, known: list[str]) -> MutationError:
        """A key that says nothing here."""
        return cls(
            f'unknown key "{key}"{did_you_mean(key, known)}',
            where=where,
            fix="known are " + ", ".join(known),
        )

    @classmethod
    def missing(cls, key: str, where: str) -> MutationError:
        """An entry says not enough."""
        return cls(f'the entry has no "{key}"', where=where, fix=f"write {key} = …")

    @classmethod
    def double(cls, name: str, where: str, first: str) -> MutationError:
        """Two entries for one mutant."""
        fix = f"keep one; the first is at {first}"
        return cls(f'"{name}" is listed twice', where=where, fix=fix)

    @classmethod
    def unknown_kind(cls, kind: str, known: Iterable[str]) -> MutationError:
        """There is no such sort of fault."""
        known = list(known)
        near = did_you_mean(kind, known)
        return cls(
            f'"{kind}" is not a kind of mutant{near}',
            where="--kind",
            fix=f"name one of {', '.join(known)}",
        )

    @classmethod
    def left_out(cls, kind: str, reason: str) -> MutationError:
        """A sort of fault that this login cannot make."""
        return cls(
            f'no mutant of kind "{kind}" can be made: {reason}',
            where="--kind",
            fix="leave the kind out, or connect as a superuser",
        )

"""What may go wrong in the benchmark, in the three lines of the package's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from learnplan_db.errors import LearnplanError

if TYPE_CHECKING:
    from collections.abc import Sequence

TAIL = 2000  # characters of what a program said


class BenchError(LearnplanError):
    """A figure cannot be had, or would not mean what it says."""

    @classmethod
    def missing(cls, program: str) -> Self:
        """One of the programs to compare is not installed."""
        return cls(
            f'no program "{program}" on PATH',
            fix="./dev system-deps installs sqitch and psql",
        )

    @classmethod
    def failed(cls, argv: Sequence[str], code: int, said: str) -> Self:
        """A program did not do its work, so its time says nothing."""
        tail = said.strip()[-TAIL:]
        return cls(
            f"a measured program left with {code}:\n{tail}",
            where=" ".join(argv),
            fix="make that command work by hand first",
        )

    @classmethod
    def differs(cls, case: str, found: object) -> Self:
        """The tools did not do the same work, so their times do not compare."""
        return cls(
            f"the tools left different databases behind: {found}",
            where=case,
            fix="compare the two with ./dev test tests/schema/test_sqitch.py",
        )

    @classmethod
    def disagrees(cls, tool: str, said: str, expected: int) -> Self:
        """One did not try every cell, or found another outcome than the matrix."""
        return cls(
            f"{tool} did not prove all {expected:,} cells:\n{said.strip()[-TAIL:]}",
            where=tool,
            fix="make learnplan-db prove succeed first",
        )

    @classmethod
    def no_pgtap(cls, looked: str) -> Self:
        """There is no pg_prove, or no SQL of pgTAP among PostgreSQL's extensions."""
        return cls(
            "no pgTAP, or no pg_prove",
            where=looked,
            fix="apt-get install libtap-parser-sourcehandler-pgtap-perl"
            " postgresql-15-pgtap",
        )

    @classmethod
    def unknown_case(cls, name: str, known: Sequence[str]) -> Self:
        """The option --only names no case."""
        return cls(f'no case "{name}"', fix=f"one of: {', '.join(known)}")

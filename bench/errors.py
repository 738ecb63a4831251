"""What may go wrong in the benchmark, in the three lines of the package's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from learnplan_db.errors import LearnplanError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    def tests_missing(cls, suite: str, count: int, said: str) -> Self:
        """A suite ran fewer tests than it has, so its time says nothing."""
        return cls(
            f"not all {count} tests passed:\n{said.strip()[-TAIL:]}",
            where=suite,
            fix="run that suite by hand first",
        )

    @classmethod
    def rows_missing(cls, statement: str, rows: int, written: int) -> Self:
        """A statement wrote other than its rows, so its time says nothing."""
        return cls(
            f"{written} rows were written, not {rows}",
            where=statement,
            fix="let the role that writes see and write these rows",
        )

    @classmethod
    def unknown_case(cls, name: str, known: Sequence[str]) -> Self:
        """The option --only names no case."""
        return cls(f'no case "{name}"', fix=f"one of: {', '.join(known)}")

    @classmethod
    def somebody_else(cls, claims: str, found: str | None) -> Self:
        """The claims did not lead to their user, so there is nothing to time."""
        return cls(
            f"it is {found or 'nobody'} who asks",
            where=f'claims "{claims}"',
            fix="make tests/policies/test_attack_identity.py succeed first",
        )

    @classmethod
    def one_core(cls) -> Self:
        """The server and those who visit it cannot have a core each."""
        return cls(
            "there are not two cores to bind processes to",
            fix="run it on Linux with two cores, such as: taskset -c 0,1 ./dev",
        )

    @classmethod
    def no_town(cls, plans: int, town: int) -> Self:
        """A world is made of whole towns, so that people are alike in every size."""
        return cls(
            f"no world of {plans:,} plans",
            where="--plans",
            fix=f"a multiple of {town:,}",
        )

    @classmethod
    def answers(
        cls, question: str, who: str, ways: Mapping[str, Sequence[str]]
    ) -> Self:
        """Two ways to ask got different answers, so their costs do not compare."""
        (one, first), (other, second) = ways.items()
        apart = sorted(set(first) ^ set(second))[:2]
        return cls(
            f"{one} got {len(first)} rows, {other} {len(second)}; not in both: {apart}",
            where=f"{question} ({who})",
            fix="word the question alike in bench/questions.py",
        )

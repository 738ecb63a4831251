"""What log, plan and status are asked for, and cannot show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CODES = "write %% for a percent sign; the codes are {}"


class ReportError(LearnplanError):
    """A format, a filter or a project that cannot be shown."""

    @classmethod
    def unknown_format(cls, kind: str, name: str, known: Iterable[str]) -> ReportError:
        """``--format`` names none."""
        names = list(known)
        return cls(
            f'unknown {kind} format "{name}"{did_you_mean(name, names)}',
            where=f"--format, or {kind}.format of the configuration",
            fix=f"choose {', '.join(names)}, or write format:TEXT",
        )

    @classmethod
    def unknown_date_format(cls, name: str, known: Iterable[str]) -> ReportError:
        """``--date-format`` names none."""
        names = list(known)
        return cls(
            f'unknown date format "{name}"{did_you_mean(name, names)}',
            fix=f"choose {', '.join(names)}, or write cldr:PATTERN or strftime:PATTERN",
        )

    @classmethod
    def unknown_code(cls, code: str, known: Iterable[str]) -> ReportError:
        """A letter after % means nothing."""
        return cls(
            f'unknown format code "{code}"',
            where="the text of --format",
            fix=_CODES.format(" ".join(known)),
        )

    @classmethod
    def unknown_label(cls, name: str | None, known: Iterable[str]) -> ReportError:
        """``%{...}_`` names no label."""
        names = list(known)
        what = "no label" if name is None else f'unknown label "{name}"'
        return cls(
            f"{what} passed to the _ format{did_you_mean(name or '', names)}",
            where="the text of --format",
            fix=f"write %{{label}}_ with one of {', '.join(names)}",
        )

    @classmethod
    def unknown_attribute(cls, name: str | None, known: Iterable[str]) -> ReportError:
        """``%{...}a`` names nothing that the change has."""
        names = list(known)
        near = did_you_mean(name or "", names)
        return cls(
            f'"{name or ""}" is not an attribute of what is shown{near}',
            where="the text of --format",
            fix=f"write %{{attribute}}a with one of {', '.join(names)}",
        )

    @classmethod
    def unknown_color(cls, name: str | None) -> ReportError:
        """``%{...}C`` names no colour."""
        return cls(
            f'"{name or ""}" is not an ANSI color',
            where="the text of --format",
            fix="write %{red}C, %{bold blue}C, %{reset}C or %{:event}C",
        )

    @classmethod
    def bad_color_choice(cls, kind: str, value: str) -> ReportError:
        """The configuration says neither when to use colours nor never."""
        return cls(
            f'"{value}" does not say when to use colors',
            where=f"{kind}.color of the configuration",
            fix="write auto, always or never",
        )

    @classmethod
    def no_committer(cls) -> ReportError:
        """A planned change has no committer, and so no date of one."""
        return cls(
            "a planned change was not committed: it has no date of that",
            where="%{date}c in the text of --format",
            fix="write %{date}p for when it was planned",
        )

    @classmethod
    def bad_pattern(cls, option: str, pattern: str, reason: str) -> ReportError:
        """A regular expression that cannot be read."""
        return cls(
            f'"{pattern}" is not a regular expression: {reason}',
            where=option,
            fix="write a backslash before a character that is meant as itself",
        )

    @classmethod
    def not_initialized(cls, target: str) -> ReportError:
        """There is no registry to take the project from, and no plan either."""
        return cls(
            f"database {target} has not been initialized for Sqitch",
            fix="name the plan with --plan-file, or deploy first",
        )

    @classmethod
    def no_projects(cls, target: str) -> ReportError:
        """The registry is empty, and there is no plan."""
        return cls(
            "no projects are registered, and there is no plan",
            where=target,
            fix="name the plan with --plan-file, or deploy first",
        )

    @classmethod
    def which_project(cls, names: Sequence[str]) -> ReportError:
        """Several projects, and no plan to choose between them."""
        return cls(
            f"there is no plan here, and several projects: {', '.join(names)}",
            fix="use --project to select which project to query",
        )

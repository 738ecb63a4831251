"""Targets, options, files of the project."""

from __future__ import annotations

from learnplan_db.errors.base import LearnplanError


class ConfigError(LearnplanError):
    """The target, an option or a file of the project is not usable."""

    @classmethod
    def no_project(cls, looked: list[str]) -> ConfigError:
        """There is no sqitch.conf."""
        return cls(
            "no project found: there is no sqitch.conf",
            where="looked in " + ", ".join(looked),
            fix="name the project's directory with -C",
        )

    @classmethod
    def bad_target(cls, target: str) -> ConfigError:
        """A target is none of the three forms; what it holds may be a password."""
        shown = target if "@" not in target and "password" not in target else "…"
        return cls(
            f'"{shown}" is no target',
            fix="write db:pg://host/name, postgresql://host/name or "
            '"host=... dbname=..."',
        )

    @classmethod
    def no_answer(cls, question: str) -> ConfigError:
        """A question that nobody is there to answer."""
        return cls(
            f"{question} needs an answer, and there is no terminal",
            fix="say yes beforehand with -y",
        )

    @classmethod
    def no_psql(cls) -> ConfigError:
        """The program psql is not installed."""
        return cls(
            "psql is not installed",
            where="PATH",
            fix="install PostgreSQL's client programs (Debian: postgresql-client)",
        )

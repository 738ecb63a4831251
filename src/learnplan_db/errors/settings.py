"""What the commands config, engine, target and init refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import NothingDoneError, did_you_mean
from learnplan_db.errors.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable


class NotSetError(NothingDoneError):
    """A key that is asked for has no value: Sqitch prints an empty line, exit 1."""

    @classmethod
    def key(cls) -> NotSetError:
        """No file sets it."""
        return cls("")


class SettingsError(ConfigError):
    """A command that writes the project's configuration cannot do it."""

    @classmethod
    def needs_directory(cls, command: str) -> SettingsError:
        """A command that writes a project, and the packaged one is meant."""
        return cls(
            f'"{command}" writes into a project, and the packaged plan is read-only',
            fix="name the directory with -C (-C . is this one)",
        )

    @classmethod
    def unknown_engine(cls, engine: str, known: Iterable[str]) -> SettingsError:
        """An engine that Sqitch does not have."""
        return cls(
            f'unknown engine "{engine}"{did_you_mean(engine, known)}',
            fix=f"name one of {', '.join(known)}",
        )

    @classmethod
    def unknown_directory_names(
        cls, names: list[str], known: Iterable[str]
    ) -> SettingsError:
        """A --dir of a name that no directory has."""
        plural = "s" if len(names) > 1 else ""
        return cls(
            f"unknown directory name{plural}: {', '.join(names)}",
            fix=f"name one of {', '.join(known)}",
        )

    @classmethod
    def exists(cls, kind: str, name: str) -> SettingsError:
        """A target or engine to add is there."""
        return cls(
            f'{kind} "{name}" already exists', fix=f'change it: {kind} alter "{name}"'
        )

    @classmethod
    def missing(cls, kind: str, name: str, uri: str) -> SettingsError:
        """A target or engine to change is not there."""
        return cls(
            f'missing {kind} "{name}"; use "add {name} {uri}" to add it',
            fix=f"see what there is: {kind} list",
        )

    @classmethod
    def unknown(cls, kind: str, name: str) -> SettingsError:
        """A target or engine to remove or to rename is not there."""
        return cls(f'unknown {kind} "{name}"', fix=f"see what there is: {kind} list")

    @classmethod
    def referenced(cls, name: str, keys: list[str], verb: str) -> SettingsError:
        """A target to remove or to rename is in use."""
        return cls(
            f'cannot {verb} target "{name}" because it\'s referenced by: '
            + ", ".join(keys),
            fix="name another target there first",
        )

    @classmethod
    def wrong_engine(cls, new: str, old: str) -> SettingsError:
        """An engine's target is of another engine."""
        return cls(
            f'cannot assign URI using engine "{new}" to engine "{old}"',
            fix=f'name a target "db:{old}:..."',
        )

    @classmethod
    def usage(cls, message: str, fix: str) -> SettingsError:
        """Options or words that do not go together."""
        return cls(message, fix=fix)

    @classmethod
    def bad_project_name(cls, name: str) -> SettingsError:
        """A name that no project can have."""
        return cls(
            f'invalid project name "{name}": project names must not begin with '
            'punctuation, contain "@", ":", "#", or blanks, or end in punctuation or '
            "digits following punctuation",
            fix="choose letters, digits and _",
        )

    @classmethod
    def other_project(cls, project: str, plan: str) -> SettingsError:
        """The plan that init would write belongs to another project."""
        return cls(
            f'cannot initialize because project "{project}" already initialized in '
            f"{plan}",
            where=plan,
            fix="name another plan with --plan-file, or another directory with -C",
        )

    @classmethod
    def not_a_plan(cls, plan: str, what: str) -> SettingsError:
        """What is in the plan's place is no plan."""
        return cls(
            f"cannot initialize because {plan} already exists and is not a {what}",
            where=plan,
            fix="move it away, or name another plan with --plan-file",
        )

    @classmethod
    def no_plan_project(cls, plan: str) -> SettingsError:
        """A target's plan is to be written, and no plan says the project's name."""
        return cls(
            f"missing %project pragma in {plan}",
            where=plan,
            fix="initialize the project first: init NAME",
        )

    @classmethod
    def editor_failed(cls, editor: str, status: int) -> SettingsError:
        """The editor could not be run, or said no."""
        return cls(
            f'the editor "{editor}" failed with exit code {status}',
            fix="set SQITCH_EDITOR, core.editor, VISUAL or EDITOR",
        )

    @classmethod
    def bad_uri(cls, uri: str, what: str) -> SettingsError:
        """A --uri that is no database's."""
        return cls(f'{what} in URI "{uri}"', fix='write "db:pg:..."')

"""A migration that cannot be written, or would not do what a deploy does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError, NothingDoneError, remedy

if TYPE_CHECKING:
    from collections.abc import Sequence

_INSTEAD = "deploy the change with learnplan-db deploy, and export what follows it"


class ExportError(LearnplanError):
    """What is to be exported cannot be said as plain SQL, or not be written."""

    @classmethod
    def empty(cls, first: str, last: str) -> NothingDoneError:
        """The range has no change and no tag."""
        return NothingDoneError(f"Nothing to export from {first} to {last}")

    @classmethod
    def reversed_range(cls, where: str, first: str, last: str) -> ExportError:
        """The range ends before it begins."""
        message = f"{last} comes before {first} in the plan"
        fix = f"turn the ends round: --from {last} --to {first}"
        return cls(message, where=where, fix=fix)

    @classmethod
    def not_one_transaction(cls, where: str, kind: str, name: str) -> ExportError:
        """A host's tool runs a migration in its own transaction."""
        message = (
            f'the {kind} script of "{name}" is not one transaction, and the migration '
            "of a host's tool is"
        )
        fix = f"make it one (begin; ... commit;), or {_INSTEAD}"
        return cls(message, where=where, fix=fix)

    @classmethod
    def only_when_run(cls, where: str, what: str) -> ExportError:
        """The script holds what only psql can tell while it runs."""
        message = f'"{what}" says something else wherever it is run'
        fix = f"write plain SQL in its place, or {_INSTEAD}"
        return cls(message, where=where, fix=fix)

    @classmethod
    def outlasts(cls, where: str, text: str) -> ExportError:
        """The statement changes the host's session for good."""
        message = f'"{text}" outlasts the transaction, in the host\'s own session'
        fix = f"write set local, or true as set_config's last, or {_INSTEAD}"
        return cls(message, where=where, fix=fix)

    @classmethod
    def stays(cls, where: str, name: str) -> ExportError:
        """A temporary table is found before the host's own, as long as it is there."""
        message = f"{name} is temporary, and stays in the way in the host's own session"
        return cls(
            message, where=where, fix=f"drop it in the same script, or {_INSTEAD}"
        )

    @classmethod
    def other_project(cls, where: str, name: str, text: str) -> ExportError:
        """What it requires is known to the database alone."""
        message = f'"{name}" depends on another project\'s change, {text}'
        return cls(message, where=where, fix=_INSTEAD)

    @classmethod
    def marker(cls, where: str, name: str) -> ExportError:
        """A line of the script would end the migration for dbmate."""
        message = f'a line of "{name}" reads "-- migrate:", which is dbmate\'s own mark'
        return cls(message, where=where, fix="write that comment otherwise")

    @classmethod
    def no_later(cls, where: str, name: str, before: str) -> ExportError:
        """Two migrations would have one version, or be applied the wrong way round."""
        message = (
            f"{name} was planned no later than {before}, and its time is its version"
        )
        return cls(message, where=where, fix="export to a change or tag planned later")

    @classmethod
    def exists(cls, paths: Sequence[str]) -> ExportError:
        """What is there is not overwritten."""
        files = ", ".join(paths)
        verb = "is" if len(paths) == 1 else "are"
        message = f"{files} {verb} there, and would be overwritten"
        fix = "write elsewhere with --out or -o, or give --force"
        return cls(message, where=paths[0], fix=fix)

    @classmethod
    def not_written(cls, path: str, error: OSError) -> ExportError:
        """A file cannot be written; what was there before still is."""
        reason = (error.strerror or str(error)).lower()
        message = f"{path} cannot be written: {reason}"
        return cls(message, where=path, fix=remedy(error, "check the path"))

    @classmethod
    def bad_option(cls, option: str, form: str, why: str, fix: str) -> ExportError:
        """An option means nothing to the format, or has a value that it cannot hold."""
        message = f"{option} and --format {form}: {why}"
        return cls(message, where="command line", fix=fix)

    @classmethod
    def needs(cls, option: str, other: str) -> ExportError:
        """An option means something only beside another."""
        message = f"{option} means nothing without {other}"
        return cls(message, where="command line", fix=f"give {other} too")

    @classmethod
    def not_with(cls, option: str, other: str) -> ExportError:
        """Two options exclude each other."""
        message = f"{option} and {other} cannot be given together"
        return cls(message, where="command line", fix="leave one out")

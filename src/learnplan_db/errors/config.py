"""Targets, options, files of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import (
    LearnplanError,
    did_you_mean,
    remedy,
    without_password,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDTH = 60


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
    def bad_option(cls, text: str) -> ConfigError:
        """A target has an option that PostgreSQL's library does not know."""
        return cls(
            " ".join(text.split()),
            where="what follows ? in the target",
            fix="remove it, or write one of PostgreSQL's connection parameters",
        )

    @classmethod
    def uri_as_part(cls, part: str) -> ConfigError:
        """A whole URI, which may hold a password, where one part of it is asked for."""
        return cls(
            f"the {part} of the database looks like a whole URI with a password",
            where=f"the option for the {part}",
            fix="name the URI with --target, with %3A and %40 for : and @ in a name",
        )

    @classmethod
    def no_answer(cls, question: str) -> ConfigError:
        """A question that nobody is there to answer."""
        return cls(
            f"{question} needs an answer, and there is no terminal",
            fix="say yes beforehand with -y",
        )

    @classmethod
    def output_unwritable(cls, error: OSError) -> ConfigError:
        """Standard output takes no more."""
        return cls(
            f"the output cannot be written: {(error.strerror or '').lower()}",
            where="standard output",
            fix="make room, or send it elsewhere",
        )

    @classmethod
    def no_valid_answer(cls) -> ConfigError:
        """Three answers that are neither yes nor no, or the end of the input."""
        return cls("there is no valid answer", fix='answer "y" or "n"')

    @classmethod
    def bad_mode(cls, mode: str, known: tuple[str, ...]) -> ConfigError:
        """A configured mode that does not exist."""
        return cls(
            f'"{mode}" is no deploy mode{did_you_mean(mode, known)}',
            where="deploy.mode",
            fix="set it to " + ", ".join(known),
        )

    @classmethod
    def strict_target(cls) -> ConfigError:
        """revert.strict, and no change was named."""
        return cls(
            "strict mode needs the change to revert to",
            where="revert.strict",
            fix="name it, with --to for instance",
        )

    @classmethod
    def strict_changes(cls) -> ConfigError:
        """revert.strict, and several changes were named."""
        return cls(
            "strict mode takes one change to revert to",
            where="revert.strict",
            fix="name just one",
        )

    @classmethod
    def strict_command(cls, name: str) -> ConfigError:
        """revert.strict forbids what reverts without being told how far."""
        return cls(
            f'"{name}" is not allowed in strict mode',
            where="revert.strict",
            fix=f"use revert and deploy, or set {name}.strict to false",
        )

    @classmethod
    def no_branch(cls) -> ConfigError:
        """Checkout without a branch."""
        return cls("no branch was named", fix="checkout BRANCH")

    @classmethod
    def no_common_change(cls, branch: str, current: str) -> ConfigError:
        """Two plans that have nothing in common."""
        return cls(
            f'branch "{branch}" has no changes in common with current branch '
            f'"{current}"',
            fix="look whether this is the right branch",
        )

    @classmethod
    def no_git(cls, client: str, reason: str) -> ConfigError:
        """The program git cannot be started."""
        return cls(
            f'"{client}" cannot be started: {reason.lower()}',
            where="core.vcs.client",
            fix="install git, or configure where it is",
        )

    @classmethod
    def git_said(cls, command: str, said: str, where: str) -> ConfigError:
        """Command git failed."""
        return cls(f"{command}: {said}", where=where, fix="mend what git says")

    @classmethod
    def no_psql(cls) -> ConfigError:
        """The program psql is not installed."""
        return cls(
            "psql is not installed",
            where="PATH",
            fix="install PostgreSQL's client programs (Debian: postgresql-client)",
        )

    @classmethod
    def bad_directory(cls, shown: str, error: OSError | None = None) -> ConfigError:
        """The directory named with -C cannot be used, or another be made."""
        reason = (error and error.strerror) or "it is no directory"
        return cls(
            f'cannot use directory "{shown}": {reason}',
            where=shown,
            fix="name a directory that exists and that you may read and write",
        )

    @classmethod
    def no_configuration(cls, looked: list[str]) -> ConfigError:
        """No project is configured where the command was run, nor above."""
        return cls(
            'no project configuration found; run the "init" command to initialize a '
            "project",
            where="looked in " + ", ".join(looked),
            fix="name the project's directory with -C",
        )

    @classmethod
    def no_engine(cls, looked: list[str]) -> ConfigError:
        """Configuration says neither engine nor target."""
        return cls(
            "no engine specified; specify via target or core.engine",
            where=", ".join(looked),
            fix='name a target "db:pg:...", or run config core.engine pg',
        )

    @classmethod
    def uri_without_engine(cls, uri: str) -> ConfigError:
        """A URI says no engine."""
        return cls(
            f'no engine specified by URI "{uri}"',
            fix='start it with "db:pg:"',
        )

    @classmethod
    def other_engine(cls, engine: str, target: str) -> ConfigError:
        """The target is of a database other than PostgreSQL."""
        return cls(
            f'target "{target}" is for engine "{engine}", and this is PostgreSQL\'s',
            fix='name a target "db:pg:...", or use sqitch for this one',
        )

    @classmethod
    def unreadable(cls, shown: str, error: OSError) -> ConfigError:
        """A configuration file is there and cannot be read."""
        return cls(
            f"cannot read the configuration: {error.strerror or error}",
            where=shown,
            fix="give yourself the permission to read it, or take it away",
        )

    @classmethod
    def unwritable(cls, shown: str, error: OSError) -> ConfigError:
        """A file of the project cannot be written; what was there stays."""
        return cls(
            f"cannot write: {error.strerror or error}; nothing was changed",
            where=shown,
            fix=remedy(error, "give yourself the permission to write there"),
        )

    @classmethod
    def locked(cls, shown: str, lock: str) -> ConfigError:
        """Another process writes the configuration, or was killed while it did."""
        return cls(
            "somebody else is writing the configuration",
            where=shown,
            fix=f'try again; if nobody is, remove "{lock}" beside it',
        )

    @classmethod
    def not_utf8(cls, where: str) -> ConfigError:
        """A name or value in a configuration file is not text."""
        return cls(
            "a setting is not UTF-8 text", where=where, fix="save the file as UTF-8"
        )

    @classmethod
    def bad_line(cls, where: str, line: str) -> ConfigError:
        """A line of a configuration file breaks its grammar."""
        shown = line if len(line) <= _WIDTH else f"{line[:_WIDTH]}..."
        shown = "".join(c if c.isprintable() else "?" for c in shown)
        return cls(
            f"the configuration cannot be read from here on: {shown!r}",
            where=where,
            fix='write [section], [section "name"] or key = value',
        )

    @classmethod
    def too_deep(cls, shown: str, depth: int) -> ConfigError:
        """Files include each other, in a circle as it seems."""
        return cls(
            f"more than {depth} files include each other",
            where=shown,
            fix="remove the [include] that leads back to a file above",
        )

    @classmethod
    def no_section(cls, key: str) -> ConfigError:
        """A key is named without the section it is in."""
        return cls(f"no section given in key: {key}", fix="write section.key")

    @classmethod
    def bad_section(cls, section: str) -> ConfigError:
        """A section's name cannot be written down."""
        return cls(
            f'invalid section name "{section}"',
            fix='a section holds no blank, bracket or quote: "core", "engine.pg"',
        )

    @classmethod
    def bad_name(cls, name: str) -> ConfigError:
        """A key's name cannot be written down."""
        return cls(
            f'invalid key name "{name}"',
            fix="a key holds no = and no line break, and no blank at its ends",
        )

    @classmethod
    def bad_pattern(cls, pattern: str, error: Exception) -> ConfigError:
        """A regular expression cannot be read."""
        return cls(
            f'"{pattern}" is no regular expression: {error}',
            fix="write a backslash before a character that means itself",
        )

    @classmethod
    def multiple(cls, key: str, where: str) -> ConfigError:
        """A key has several values where one is asked for."""
        return cls(
            f'more than one value for the key "{key}"',
            where=where,
            fix=f"see them with config --get-all {key}, and leave one",
        )

    @classmethod
    def several(cls, key: str, where: str) -> ConfigError:
        """An edit of one value meets several."""
        return cls(
            f'the key "{key}" has several values; one cannot be set or unset alone',
            where=where,
            fix="use --replace-all or --unset-all, or name a value's pattern",
        )

    @classmethod
    def nothing_to_unset(cls, key: str, where: str) -> ConfigError:
        """A key to remove is not there."""
        return cls(
            f'no occurrence of "{key}" found to unset',
            where=where,
            fix="see what there is with config --list",
        )

    @classmethod
    def no_such_section(cls, section: str, where: str) -> ConfigError:
        """A section to rename or remove is not there."""
        return cls(
            f'no such section: "{section}"',
            where=where,
            fix="see what there is with config --list",
        )

    @classmethod
    def bad_value(cls, kind: str, value: str, where: str) -> ConfigError:
        """A value is not of the type asked for."""
        fixes = {"bool": "true or false", "bool-or-int": "true, false or a number"}
        return cls(
            f'invalid {kind} "{value}"',
            where=where,
            fix=f"write {fixes.get(kind, 'a number; k, m and g may follow it')}",
        )

    @classmethod
    def bad_user(cls, what: str, rule: str, where: str) -> ConfigError:
        """A user's name or email cannot be written to plan or registry."""
        return cls(
            f"user {what} {rule}",
            where=where,
            fix=f'learnplan-db -C . config --user user.{what} "..."',
        )

    @classmethod
    def unknown_target(cls, name: str, known: Iterable[str], where: str) -> ConfigError:
        """No target of that name is configured."""
        return cls(
            f'cannot find target "{name}"{did_you_mean(name, known)}',
            where=where,
            fix=f'add it: target add {name} "db:pg:..."',
        )

    @classmethod
    def target_without_uri(cls, name: str, where: str) -> ConfigError:
        """A target is configured, but not where it is."""
        return cls(
            f'no URI associated with target "{name}"',
            where=where,
            fix=f'learnplan-db -C . config target.{name}.uri "db:pg:..."',
        )

    @classmethod
    def unknown_arguments(cls, words: list[str], known: Iterable[str]) -> ConfigError:
        """Words of the command line that are no change, target, engine or plan."""
        plural = "s" if len(words) > 1 else ""
        shown = ", ".join(map(without_password, words))
        shown = f'"{shown}"' if not plural else f": {shown}"
        near = did_you_mean(words[0], known)
        return cls(
            f"unknown argument{plural}{'' if plural else ' '}{shown}{near}",
            fix="name a change of the plan, a target, a db: URI, an engine or a plan",
        )

    @classmethod
    def all_and_targets(cls) -> ConfigError:
        """Both --all and a target."""
        return cls(
            "cannot specify both --all and engine, target, or plan arguments",
            fix="leave one of them out",
        )

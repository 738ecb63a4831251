"""
The words of a command line: each a change, a target, an engine or a plan.

May import lower floors; reads configuration and plans, never prints.
Source: Sqitch 1.3.1, tried out.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnplan_db.errors import ConfigError, PlanError
from learnplan_db.plans import plan as plans
from learnplan_db.plans.reading import read_plan
from learnplan_db.settings import targets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from learnplan_db.model import Plan, Target
    from learnplan_db.settings.configuration import Configuration

_DATABASE = re.compile(r"db:|postgres(?:ql)?://|\s*[a-z_]+\s*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What a command asks of its words.

    ``target`` is that of --target, ``every`` is --all, ``command`` the one whose
    ``all`` setting counts; ``names`` is how many words may be new names, which
    nothing is known by yet; ``any_engine`` says that only plans are needed,
    ``offline`` that no database is; ``fallback`` names the default target if the
    configuration does not.
    """

    target: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    every: bool = False
    command: str = ""
    changes: bool = True
    names: int = 0
    any_engine: bool = False
    offline: bool = False
    fallback: Callable[[], str] | None = None


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the words name: at least one target, and changes as they were written."""

    targets: tuple[Target, ...]
    changes: tuple[str, ...]
    names: tuple[str, ...] = ()

    @property
    def target(self) -> Target:
        """Return the target to connect to."""
        return self.targets[0]

    def warnings(
        self, doing: str, change: str | None, named: str | None = None
    ) -> list[str]:
        """
        Return what is to be told when more was named than a command can use.

        Args: doing: what happens to the change, such as "deploying to"; change: the
            one that is used; named: whether it came from an option.
        """
        told = []
        if len(self.targets) > 1:
            told.append(f"Too many targets specified; connecting to {self.target.name}")
        if len(self.changes) > (0 if named else 1):
            told.append(f'Too many changes specified; {doing} "{change}"')
        return told


def read(
    configuration: Configuration, words: Sequence[str], wanted: Wanted
) -> Arguments:
    """
    Return the targets and changes that words name.

    A word that names a target switches the plan in which later words are looked up.
    Raises: ConfigError: a word names nothing. PlanError: a plan is malformed.
    """
    reader = _Reader(configuration, wanted)
    unknown = [word for word in words if not reader.take(word)]
    names, unknown = unknown[: wanted.names], unknown[wanted.names :]
    if unknown:
        raise ConfigError.unknown_arguments(unknown, reader.known())
    return Arguments(tuple(reader.chosen()), tuple(reader.changes), tuple(names))


class _Reader:
    """Takes words one after the other."""

    def __init__(self, configuration: Configuration, wanted: Wanted) -> None:
        self.configuration = configuration
        self.wanted = wanted
        self.changes: list[str] = []
        self.named: dict[str, Target] = {}
        self.problem: ConfigError | None = None
        self.current: Target | None = None
        if wanted.target:
            self._add(wanted.target)
        elif not wanted.fallback:
            try:
                self.current = self._resolve(None)
            except ConfigError as error:
                self.problem = error  # only if no word names a target

    def take(self, word: str) -> bool:
        """Tell whether a word names something, and keep it."""
        plan = self._plan()
        if self.wanted.changes and plan and _contains(plan, word):
            self.changes.append(word)
        elif _DATABASE.match(word) or self.configuration.get(f"target.{word}.uri"):
            self._add(word)
        elif word in targets.ENGINES:
            named = self.configuration.get(f"engine.{word}.target")
            self._add(named or f"db:{word}:")
        else:
            return self._take_plan(word)
        return True

    def _take_plan(self, word: str) -> bool:
        """Tell whether a word is the plan of a target of the configuration."""
        # Path.exists would raise for a word that no file can be called.
        if not word or not os.path.exists(self.configuration.root / word):  # noqa: PTH110
            return False
        for name in targets.all_words(self.configuration):
            chosen = targets.choose(self.configuration, name)
            target = targets.target_of(
                self.configuration, chosen, self.wanted.overrides
            )
            if str(target.plan_file) == word:
                self._add(name)
                return True
        return False

    def chosen(self) -> list[Target]:
        """Return the targets to work on."""
        if self.wanted.every:
            if self.named:
                raise ConfigError.all_and_targets()
            return self._all()
        if self.named:
            return list(self.named.values())
        key = f"{self.wanted.command}.all"
        if self.wanted.command and self.configuration.boolean(key):
            return self._all()
        if self.problem:
            raise self.problem
        return [self.current or self._resolve(self._fallback())]

    def known(self) -> list[str]:
        """Return what a word could have been."""
        plan = self._plan()
        changes = [change.name for change in plan.changes] if plan else []
        return [*changes, *self.configuration.names("target", "uri")]

    def _fallback(self) -> str | None:
        return self.wanted.fallback() if self.wanted.fallback else None

    def _all(self) -> list[Target]:
        return targets.all_targets(
            self.configuration,
            self.wanted.overrides,
            any_engine=self.wanted.any_engine,
            offline=self.wanted.offline,
        )

    def _resolve(self, name: str | None) -> Target:
        return targets.resolve(
            self.configuration,
            name,
            self.wanted.overrides,
            any_engine=self.wanted.any_engine,
            offline=self.wanted.offline,
        )

    def _add(self, name: str) -> None:
        self.current = self._resolve(name)
        self.named.setdefault(self.current.name, self.current)

    def _plan(self) -> Plan | None:
        """Return the plan that words are looked up in, if there is one."""
        target = self.current
        if target is None and self.wanted.fallback:
            target = self._resolve("db:pg:")  # any: the plan is the packaged one
        if target is None or not (target.root / target.plan_file).exists():
            return None
        return read_plan(target)


def _contains(plan: Plan, word: str) -> bool:
    """Tell whether a word names a change, also one of several instances."""
    if any(change.name == word for change in plan.changes):
        return True
    try:
        plans.resolve(plan, word)
    except PlanError:
        return False
    return True

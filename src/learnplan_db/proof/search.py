"""
What the matrix cannot list: every small world, and random ones.

The reference model says what must come of each command, the database what does. May
import lower floors; Hypothesis, an extra, only when random worlds are asked for.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg

from learnplan_db.engine.progress import Progress
from learnplan_db.errors import ProofError
from learnplan_db.proof import worlds
from learnplan_db.proof.effects import Effects
from learnplan_db.proof.nouns import (
    TABLES,
    VIEWS,
    Command,
    Observed,
    Outcome,
    World,
)
from learnplan_db.proof.reference import judge
from learnplan_db.proof.statements import Wording
from learnplan_db.proof.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from learnplan_db.engine.progress import Tell
    from learnplan_db.proof.nouns import Actor

    Connection = psycopg.Connection[Any]

# More of the same tell nothing new.
ENOUGH = 20


class Disagreement(Exception):  # noqa: N818 - what Hypothesis shrinks
    """The model and the database differ after a play in a world."""

    def __init__(
        self,
        world: World,
        plays: Sequence[tuple[Actor, Command]],
        expected: Outcome,
        got: Observed,
    ) -> None:
        super().__init__(f"{expected.kind} expected, got {got.outcome.kind}")
        self.world, self.plays = world, tuple(plays)
        self.expected, self.got = expected, got

    @property
    def sort(self) -> tuple[object, ...]:
        """Return what disagreements of one cause have in common."""
        actor, command = self.plays[-1]
        kinds = (self.expected.kind, self.got.outcome.kind)
        return (actor.kind, command.verb, command.table, command.row is None, kinds)


class _Stop(BaseException):
    """What is no disagreement: no exception to Hypothesis, which would shrink it."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Search:
    """
    Worlds in an open transaction. ``tried`` counts commands.

    Args: roles: as Wording has them; anyone: whether anonymous may read resources.
    """

    def __init__(
        self, connection: Connection, roles: Mapping[str, str], *, anyone: bool
    ) -> None:
        self.connection, self.anyone = connection, anyone
        self.wording = Wording(uuid4(), roles)
        self.tried = 0

    @contextmanager
    def _world(self, world: World) -> Iterator[Trial]:
        with self.connection.transaction(force_rollback=True):
            trial = Trial(self.connection, self.wording, world)
            trial.build()
            yield trial

    def _each(
        self,
        trial: Trial,
        world: World,
        attempts: Sequence[tuple[Actor, Command]],
        before: Sequence[tuple[Actor, Command]] = (),
    ) -> Iterator[Disagreement]:
        made = [trial.attempt(*one) for one in attempts]
        self.tried += len(made)
        for one, got in zip(attempts, trial.each(made), strict=True):
            expected, _ = judge(world, *one, anon_reads_resources=self.anyone)
            if not same(expected, got.outcome):
                yield Disagreement(world, [*before, one], expected, got)

    def exhaustive(self, tell: Tell) -> list[Disagreement]:
        """Try every command by everybody in every small world."""
        found: list[Disagreement] = []
        every = list(worlds.small_worlds())
        tell(Progress("prove", "every small world", "start"))
        for world in every:
            with self._world(world) as trial:
                found += self._each(trial, world, _attempts(world))
            if len(found) >= 10 * ENOUGH:
                break
        state = "not ok" if found else "ok"
        tell(Progress("prove", "every small world", state, count=self.tried))
        alike = {one.sort: one for one in reversed(found)}
        return list(reversed(alike.values()))[:ENOUGH]

    def sample(self) -> list[Disagreement]:
        """Try every command in the fullest of the small worlds."""
        with self._world(self._fullest) as trial:
            return list(self._each(trial, self._fullest, _attempts(self._fullest)))

    @cached_property
    def _fullest(self) -> World:
        return max(worlds.small_worlds(), key=lambda world: len(world.rows))

    def play(self, world: World, steps: Sequence[tuple[Actor, Command]]) -> None:
        """
        Do one thing after the other, then look at all that everybody sees.

        Raises: Disagreement: at the first step that comes out otherwise.
        """
        with self._world(world) as trial:
            now = world
            for place, (actor, command) in enumerate(steps):
                self.tried += 1
                got = trial.step(actor, command, now)
                expected, now = judge(
                    now, actor, command, anon_reads_resources=self.anyone
                )
                if not same(expected, got.outcome):
                    done = steps[: place + 1]
                    raise Disagreement(world, done, expected, got)
            trial.see(now)
            looks = [
                (actor, Command("select", table))
                for actor in worlds.actors(now)
                for table in (*TABLES, *VIEWS)
            ]
            for found in self._each(trial, now, looks, steps):
                raise Disagreement(world, found.plays, found.expected, found.got)
            self._demand_figures(now, world, steps)

    def _demand_figures(
        self, now: World, first: World, steps: Sequence[tuple[Actor, Command]]
    ) -> None:
        """Raise if a view shows somebody other figures than their own."""
        look = Effects(self.connection, self.wording)
        for actor, view in product(worlds.actors(now), VIEWS):
            self.tried += 1
            if wrong := look.figures(now, actor, view):
                command = Command("select", view)
                expected, _ = judge(now, actor, command)
                other = Outcome("rows with other figures", expected.rows)
                got = Observed(other, f"select * from {view}", "; ".join(wrong[:3]))
                raise Disagreement(first, [*steps, (actor, command)], expected, got)

    def random(self, examples: int, seed: int, tell: Tell) -> list[Disagreement]:
        """
        Try random plays in random worlds; the first that differs is made small.

        Raises: ProofError: Hypothesis is not installed.
        """
        try:
            from hypothesis import HealthCheck, Verbosity, given, settings  # noqa: PLC0415 - an extra
            from hypothesis import seed as seeded  # noqa: PLC0415 - as above
            from hypothesis import strategies as st  # noqa: PLC0415 - as above

            from learnplan_db.proof import random_worlds  # noqa: PLC0415 - as above
        except ImportError as error:
            raise ProofError.no_extra("--random", "hypothesis") from error

        @seeded(seed)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
        )
        @given(st.data())
        def run(data: st.DataObject) -> None:
            world = data.draw(random_worlds.worlds())
            steps = data.draw(random_worlds.plays(world))
            try:
                self.play(world, steps)
            except (psycopg.Error, ProofError) as error:
                raise _Stop(error) from error

        label = f"{examples} random worlds"
        tell(Progress("prove", label, "start"))
        before, found = self.tried, []
        try:
            run()
        except Disagreement as one:
            found.append(one)
        except _Stop as stop:
            raise stop.cause from None
        state = "not ok" if found else "ok"
        tell(Progress("prove", label, state, count=self.tried - before))
        return found


def _attempts(world: World) -> list[tuple[Actor, Command]]:
    return [
        (actor, command)
        for actor in worlds.actors(world)
        for command in worlds.commands(world, actor)
    ]


def same(expected: Outcome, got: Outcome) -> bool:
    """Tell whether two accounts of one command say the same."""
    return (expected.kind, expected.rows, expected.stamped) == (
        got.kind,
        got.rows,
        got.stamped,
    )

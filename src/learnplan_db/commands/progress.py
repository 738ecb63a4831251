"""
What a person sees while changes are deployed, reverted or verified.

The same lines, on the same streams, as Sqitch's; on a terminal, and with -v, times
stand behind them. May import lower floors.
Source: Sqitch 1.3.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from learnplan_db.commands import events
from learnplan_db.commands.summary import Summary, spell
from learnplan_db.engine.registry import VERSION

if TYPE_CHECKING:
    from learnplan_db.engine.progress import Progress
    from learnplan_db.errors import Loss
    from learnplan_db.model import Target
    from learnplan_db.terminal import Terminal

SIGNS = {"deploy": "+", "revert": "-", "verify": "*"}


class Printer:
    """
    Prints progress; call it with each event.

    Args: target: whose name messages show.
    """

    def __init__(self, terminal: Terminal, target: Target) -> None:
        self.terminal, self.target = terminal, target
        self.lost: list[Loss] = []  # what a revert was told to lose
        self.summary = Summary()
        self._begun: Progress | None = None  # a change whose line has no end yet
        self._broken = False  # whether something else stands behind it by now

    def __call__(self, step: Progress) -> None:
        """Print one event."""
        self.summary.note(step)
        if self.terminal.as_json:
            self._event(step)
            return
        method = getattr(self, "_" + step.action.replace("-", "_"))
        method(step)

    def finish(self) -> None:
        """Say at the end how long it took, and what took longest."""
        if self.terminal.as_json:
            if self.terminal.verbosity:
                self.terminal.event("progress", **self.summary.data())
        elif self.terminal.detailed and (text := self.summary.text()):
            self.terminal.emit(text)

    def _event(self, step: Progress) -> None:
        """Print one event for machines."""
        if step.loss:
            self.lost.append(step.loss)
        kind, told = events.event(step)
        quiet = self.terminal.verbosity == 0 and kind == "progress"
        unasked = step.action == "verify-output" and self.terminal.verbosity <= 1
        unasked |= step.action == "output" and not step.detail.strip()
        if not (quiet or unasked or step.action in events.REPEATED):
            self.terminal.event(kind, **told)
        if step.error:
            step.error.shown = True

    def _change(self, step: Progress) -> None:
        say = self.terminal.emit if step.action == "verify" else self.terminal.info
        if step.state == "start":
            self._begun = step
            say(self._head(step), end="")
            return
        if self._broken and self._begun:
            say(self._head(self._begun), end="")
        self._begun, self._broken = None, False
        detailed = step.seconds and self.terminal.detailed
        took = f"  {spell(step.seconds)}" if detailed else ""
        say(self._state(step.state) + took)

    def _head(self, step: Progress) -> str:
        dots = "." * (step.width - len(step.label))
        return f"  {SIGNS[step.action]} {step.label} ..{dots} "

    def _break(self) -> None:
        """End the line of a change, where a person sees both streams as one."""
        if self._begun and not self._broken and self.terminal.watched:
            verifying = self._begun.action == "verify"
            (self.terminal.emit if verifying else self.terminal.info)("")
            self._broken = True

    _deploy = _revert = _verify = _change

    def proving(self, name: str) -> None:
        """Say that the attempts begin."""
        self.terminal.info(f"Proving {name}")

    def _prove(self, step: Progress) -> None:
        if step.state == "start":
            dots = "." * (step.width - len(step.label))
            self.terminal.info(f"  ? {step.label} ..{dots} ", end="")
            return
        self.terminal.info(f"{self._state(step.state)} ({step.count})")

    _mutate = _prove

    def _state(self, state: str) -> str:
        return self.terminal.style(state, "green" if state == "ok" else "red")

    def _blocked(self, step: Progress) -> None:
        self.terminal.info(
            "Blocked by another instance of Sqitch working on"
            f" {self.target.name}; waiting {step.seconds:g} seconds..."
        )
        if self.terminal.detailed:
            remedy = _remedy(step.detail)
            self.terminal.vent(f"# The lock is held by {step.detail}{remedy}")

    def _waiting(self, step: Progress) -> None:
        if self.terminal.verbosity:
            self._break()
            waiting = f"waiting {max(1, round(step.seconds))} seconds..."
            who = f"{step.detail}{_remedy(step.detail)}"
            self.terminal.vent(f"# Blocked by {who}; {waiting}")

    def _still_waiting(self, step: Progress) -> None:
        if self.terminal.verbosity:
            who = step.detail.split(",")[0]
            waiting = f"# Waiting for {who}: {spell(step.waited)}"
            self.terminal.fleeting(f"{waiting}, {spell(step.seconds)} left")

    def _retry(self, step: Progress) -> None:
        self.terminal.debug(f"{step.detail}: trying again")

    def _create_registry(self, _: Progress) -> None:
        self.terminal.info(f"Adding registry tables to {self.target.name}")

    def _upgrade_registry(self, step: Progress) -> None:
        if step.state == "start":
            self.terminal.info(
                f"Upgrading the Sqitch registry from {step.label} to {VERSION}"
            )
        self.terminal.info(f"  * From {step.label} to {step.detail}")

    def _deploying(self, step: Progress) -> None:
        through = f" through {step.label}" if step.label else ""
        self.terminal.info(f"Deploying changes{through} to {self.target.name}")

    def _reverting(self, step: Progress) -> None:
        what = f"changes to {step.label}" if step.label else "all changes"
        self.terminal.info(f"Reverting {what} from {self.target.name}")

    def _losing(self, step: Progress) -> None:
        if loss := step.loss:
            self._break()
            self.lost.append(loss)
            text = f'reverting "{loss.change}" loses {loss.what}, {loss.words}'
            self.terminal.warn(text)

    def _verifying(self, _: Progress) -> None:
        self.terminal.info(f"Verifying {self.target.name}")

    def _checking(self, _: Progress) -> None:
        self.terminal.info(f"Checking {self.target.name}")

    def _taking_back(self, step: Progress) -> None:
        what = f"to {step.label}" if step.label else "all changes"
        self.terminal.vent(f"Reverting {what}")

    def _up_to_date(self, step: Progress) -> None:
        what = f'already at "{step.label}"' if step.label else "up-to-date"
        self.terminal.info(f"Nothing to deploy ({what})")

    def _nothing_to_revert(self, step: Progress) -> None:
        self.terminal.info(
            f'No changes deployed since: "{step.label}"'
            if step.label
            else "Nothing to revert (nothing deployed)"
        )

    def _not_deployed(self, step: Progress) -> None:
        dots = "." * (step.width - len(step.label))
        state = self._state("not ok")
        self.terminal.emit(f"  * {step.label} ..{dots} {state} # Not deployed")

    def _failed(self, step: Progress) -> None:
        if step.error:
            self._break()
            self.terminal.fail(str(step.error), **step.error.as_json())
            step.error.shown = True

    def _comment(self, step: Progress) -> None:
        self._break()
        self.terminal.comment(step.detail)

    def _warning(self, step: Progress) -> None:
        self._break()
        self.terminal.warn(step.detail)

    def _vent(self, step: Progress) -> None:
        self._break()
        self.terminal.vent(step.detail)

    def _output(self, step: Progress) -> None:
        """Print what a script prints: a person has no use for lines of nothing."""
        if not self.terminal.verbosity:
            return
        if not self.terminal.watched:
            self.terminal.emit(step.detail, end="")
        elif step.detail.strip():
            self._break()
            self.terminal.emit(step.detail, end="")

    def _verify_output(self, step: Progress) -> None:
        if self.terminal.verbosity > 1:
            self._break()
            self.terminal.emit(step.detail, end="")

    def _notice(self, step: Progress) -> None:
        self._break()
        self.terminal.vent(step.detail.removesuffix("\n"))


def _remedy(who: str) -> str:
    """Return how a session that is in the way is ended, if it is one."""
    found = re.match(r"pid ([1-9]\d*)\b", who)
    return f"; to end it: select pg_terminate_backend({found[1]})" if found else ""

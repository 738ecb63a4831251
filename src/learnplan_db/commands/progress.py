"""
What a person sees while changes are deployed, reverted or verified.

The same lines, on the same streams, as Sqitch's. May import lower floors.
Source: Sqitch 1.3.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

    def __call__(self, step: Progress) -> None:
        """Print one event."""
        method = getattr(self, "_" + step.action.replace("-", "_"))
        method(step)

    def _change(self, step: Progress) -> None:
        always = step.action == "verify"
        say = self.terminal.emit if always else self.terminal.info
        if step.state == "start":
            dots = "." * (step.width - len(step.label))
            say(f"  {SIGNS[step.action]} {step.label} ..{dots} ", end="")
            return
        say(self._state(step.state))
        if step.seconds:
            self.terminal.debug(f"{step.label}: {step.seconds * 1000:.0f} ms")

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
        self.terminal.debug(f"the lock is held by {step.detail}")

    def _waiting(self, step: Progress) -> None:
        if self.terminal.verbosity:
            waiting = f"waiting {max(1, round(step.seconds))} seconds..."
            self.terminal.vent(f"# Blocked by {step.detail}; {waiting}")

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
            self.terminal.fail(str(step.error))
            step.error.shown = True

    def _comment(self, step: Progress) -> None:
        self.terminal.comment(step.detail)

    def _warning(self, step: Progress) -> None:
        self.terminal.warn(step.detail)

    def _vent(self, step: Progress) -> None:
        self.terminal.vent(step.detail)

    def _output(self, step: Progress) -> None:
        self.terminal.emit(step.detail, end="")

    def _verify_output(self, step: Progress) -> None:
        if self.terminal.verbosity > 1:
            self.terminal.emit(step.detail, end="")

    def _notice(self, step: Progress) -> None:
        self.terminal.vent(step.detail.removesuffix("\n"))

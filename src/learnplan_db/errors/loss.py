"""Rows that a revert would lose, and that nobody agreed to lose."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from learnplan_db.errors.base import LearnplanError

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIX = "save the rows, or give --allow-data-loss to lose them; --to keeps more changes"


class Loss(NamedTuple):
    """What one change would take away: its rows, or None if nobody can tell."""

    change: str
    what: str
    rows: int | None
    words: str


class DataLossError(LearnplanError):
    """A revert would lose rows: ``losses`` says which change, and what of it."""

    losses: tuple[Loss, ...] = ()

    @classmethod
    def would_lose(cls, losses: Sequence[Loss], where: str) -> DataLossError:
        """Nothing has been reverted yet."""
        what = "the revert would lose rows; nothing was reverted"
        return cls._of(what, losses, where)

    @classmethod
    def came_meanwhile(cls, losses: Sequence[Loss], where: str) -> DataLossError:
        """One script would lose what nobody saw before: it was taken back."""
        what = f'reverting "{losses[0].change}" would lose rows; it stays deployed'
        return cls._of(what, losses, where)

    @classmethod
    def _of(cls, what: str, losses: Sequence[Loss], where: str) -> DataLossError:
        lines = [f"  - {one.change}: {one.what}, {one.words}" for one in losses]
        found = cls("\n".join([what, *lines]), where=where, fix=_FIX)
        found.losses = tuple(losses)
        return found

    @classmethod
    def uncounted(cls, what: str, where: str, holders: str) -> DataLossError:
        """Somebody holds the table's lock."""
        return cls(
            f"the rows of {what} cannot be counted: it is locked by another session",
            where=where,
            fix=holders,
        )

    @classmethod
    def restless(cls, change: str, where: str) -> DataLossError:
        """Whenever a script runs, there are rows; whenever they are counted, none."""
        return cls(
            f'reverting "{change}" would lose rows that come and go; it stays deployed',
            where=where,
            fix=f"stop the application, or {_FIX}",
        )

    @classmethod
    def unwrapped(cls, change: str, where: str) -> DataLossError:
        """What a script loses can be checked only inside its own transaction."""
        return cls(
            f'what reverting "{change}" would lose cannot be checked: its script is '
            "not one transaction",
            where=where,
            fix="make it one (begin; ... commit;), or give --allow-data-loss",
        )

    @classmethod
    def unwatched(cls, client: str, where: str) -> DataLossError:
        """What psql runs cannot be checked at all."""
        return cls(
            "what the revert would lose cannot be checked while the scripts run in "
            "another session",
            where=where,
            fix=f'leave out "--client {client}", or give --allow-data-loss',
        )

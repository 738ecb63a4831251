"""The connection went in the middle of a deploy or revert: what is so, and what not."""

from __future__ import annotations

from learnplan_db.errors.base import LearnplanError

_DONE = {"deploy": "deployed", "revert": "reverted"}


class LostError(LearnplanError):
    """The connection was lost, and the command stops; each says what is in place."""

    @classmethod
    def unknown(cls, kind: str, change: str, lost: str, reason: str) -> LostError:
        """Nobody can be asked: nothing is guessed."""
        return cls(
            f"{lost}, and whether {_named(change)} is {_DONE[kind]} is unknown: "
            f"{reason}",
            fix=f"run {kind} again when the server can be reached: it looks, and goes "
            "on from what is there",
        )

    @classmethod
    def not_applied(
        cls, kind: str, change: str, lost: str, where: str | None
    ) -> LostError:
        """The transaction with the script and its rows did not commit."""
        return cls(
            f"{lost}; looked up: nothing of the {kind} of {_named(change)} was applied",
            where=where,
            fix=f"run {kind} again",
        )

    @classmethod
    def in_part(cls, kind: str, change: str, lost: str, where: str | None) -> LostError:
        """The script is not one transaction: what it had done stays."""
        return cls(
            f"{lost}; looked up: {_named(change)} is not {_DONE[kind]}, but its script "
            "is not one transaction, and what it did before stays",
            where=where,
            fix=f"run {kind} again: it goes on where it can, see docs/reliability.md",
        )

    @classmethod
    def stopped(cls, kind: str, change: str, lost: str) -> LostError:
        """The change is as it should be; to go on is for a person to say."""
        return cls(
            f"{lost}; looked up: {_named(change)} is {_DONE[kind]}",
            fix=f"run {kind} again to go on",
        )

    @classmethod
    def changed_meanwhile(
        cls, kind: str, change: str, lost: str, *, done: bool
    ) -> LostError:
        """Somebody else took the lock before we were back, and changed things."""
        state = "is" if done else "is not"
        return cls(
            f"{lost}, and somebody else changed what is deployed before it was back; "
            f"looked up: {_named(change)} {state} {_DONE[kind]}",
            where="sqitch.changes",
            fix="look at log and status, then run the command again",
        )

    @classmethod
    def unverified(cls, change: str, lost: str, where: str | None) -> LostError:
        """The change had committed; its verify script did not come to its end."""
        return cls(
            f"{lost}; {_named(change)} is deployed and not verified",
            where=where,
            fix="run verify, then deploy again to go on",
        )


def _named(change: str) -> str:
    return f'change "{change}"'

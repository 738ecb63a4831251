"""
What became of a change whose connection was lost, and on from there.

Nothing is guessed: Sqitch's lock, had again, says that the old session is over, and
the registry then says what it did. May import lower floors; never prints.
Source: design, the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import psycopg

from learnplan_db.engine.lost import BRIEFLY, by_administrator, said, was_idle
from learnplan_db.engine.progress import Progress
from learnplan_db.errors import LearnplanError, LostError, ScriptError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from learnplan_db.engine.rows import Statements
    from learnplan_db.engine.work import Work
    from learnplan_db.model import Change

    Kind = Literal["deploy", "revert"]

T = TypeVar("T")
MOST = 5  # losses in one command, after which something is wrong with the network


def run(work: Work, kind: Kind, change: Change, rows: Statements) -> None:
    """
    Run a change's script and write its rows, whatever becomes of the connection.

    Goes on over a new one if the change turns out to be as it should.
    Raises: ScriptError: the script failed. LostError: it says what is in place.
        psycopg.Error: the rows were refused.
    """
    done = False
    while not done:
        try:
            work.run(kind, change, rows)
            done = True
        except (ScriptError, psycopg.OperationalError) as error:
            if not work.connection.closed:
                raise
            done = _find_out(work, kind, change, rows, error)
    work.settle(kind, change)


def revert_one(work: Work, change: Change, label: str) -> None:
    """Revert a change and record it. Raises: ScriptError, LostError: as ``run``."""
    rows = work.registry.rows.revert(change.id, work.project.committer)
    with work.step("revert", label):
        run(work, "revert", change, rows)


def steadily(work: Work, task: Callable[[], T]) -> T:
    """Do what looks before it writes; over a new connection if the first is lost."""
    try:
        return task()
    except (ScriptError, psycopg.OperationalError) as error:
        if not work.connection.closed or by_administrator(error):
            raise
        work.connect_again(work.seconds)
        work.tell(Progress("warning", detail=f"{said(error)}; connected again"))
        return task()


def _find_out(
    work: Work,
    kind: Kind,
    change: Change,
    rows: Statements,
    error: ScriptError | psycopg.OperationalError,
) -> bool:
    """
    Look up what became of a change; return whether it is as it should be.

    If not, the session was over before its script began, which is to run again.
    """
    lost, where = said(error), getattr(error, "where", None)
    stop = by_administrator(error)
    try:
        work.connect_again(min(BRIEFLY, work.seconds) if stop else work.seconds)
        done, same = _look(work, kind, change)
        if not done and same and getattr(error, "rows_alone", False):
            work.write(change, rows)
            done = True  # the script had run, so its rows were all that lacked
    except (LearnplanError, psycopg.Error) as second:
        reason = str(second).partition("\n")[0]
        raise LostError.unknown(kind, change.name, lost, reason) from error
    if not same:
        raise LostError.changed_meanwhile(kind, change.name, lost, done=done) from error
    if (
        not done
        and was_idle(error)
        and work.losses <= MOST
        and work.whole(kind, change)
    ):
        return False
    if not done:
        whole = work.whole(kind, change) or getattr(error, "begun", None) == 0
        cause = LostError.not_applied if whole else LostError.in_part
        raise cause(kind, change.name, lost, where) from error
    if stop or work.losses > MOST:
        raise LostError.stopped(kind, change.name, lost) from error
    text = f"{lost} during COMMIT; looked up: committed"
    work.tell(Progress("warning", change.name, detail=text))
    return True


def _look(work: Work, kind: Kind, change: Change) -> tuple[bool, bool]:
    """Return whether a change is as it should be, and all others as they were."""
    applied = work.registry.applied(work.project.plan.project)
    there = {one.change_id for one in applied}
    done = (change.id in there) == (kind == "deploy")
    return done, there ^ work.standing <= {change.id}

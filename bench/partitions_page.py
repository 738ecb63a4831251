"""The section of docs/performance.md on partitions, from the figures. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from bench.markdown import number, table, times

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = """\
## Partitions

The same rows as deployed (*whole*) and as [the scripts of
scaling](scaling.md#partitions) split them (*parts*): {progress:,} rows of
`task_progress` in {partitions} parts by a hash of `user_id`, {generations:,} of
`plan_generations` in twelve months and two more parts. Asked as the caller, with row
security; both must return the same rows.

{answers}

Moving the rows of `task_progress` and building its indexes took {moved:.1f} s, {rate} a
million rows, while the table was locked.

{month}

- **Buffers** are all pages that the statement touched, with what triggers and keys
  read: the database's own counter, caches warm, the least of three; nothing else ran.
- **Times** are medians over rounds that take turns, on an open connection, prepared and
  (*planned*) not. They hold a round trip over the socket.
- Repeat it: `python -m bench.partitions`, with `--quick` for a look.
"""


def _ratio(figures: Mapping[str, float]) -> str:
    return times(figures["parts"] / figures["whole"] if figures["whole"] else None)


def _micro(rounds: Mapping[str, list[float]]) -> dict[str, float]:
    return {side: median(each) * 1e6 for side, each in rounds.items()}


def answers(data: Mapping[str, Any]) -> str:
    """Return the table of questions."""
    rows = []
    for one in data["answers"]:
        took, planned = _micro(one["seconds"]), _micro(one["planned"])
        rows.append(
            (
                one["name"],
                *(f"{one['buffers'][side]:,}" for side in ("whole", "parts")),
                _ratio(one["buffers"]),
                *(f"{number(took[side])} us" for side in ("whole", "parts")),
                _ratio(took),
                _ratio(planned),
            )
        )
    head = ("question", "buffers, whole", "parts", "ratio", "time, whole", "parts")
    return table((*head, "ratio", "ratio, planned"), rows, 1)


def month(data: Mapping[str, Any]) -> str:
    """Return what it costs to let a month of generations go."""
    ways = {"whole": "`delete`, `vacuum`", "parts": "`detach partition`, `drop table`"}
    rows = [
        (
            way,
            f"{figures['seconds'] * 1000:,.0f} ms",
            f"{figures['wal'] / 1024:,.0f} KiB",
        )
        for side, way in ways.items()
        for figures in [data["month"][side]]
    ]
    return table(("a month of generations goes by", "time", "WAL"), rows, 1)


def section(data: Mapping[str, Any]) -> str:
    """Return the whole section."""
    progress = data["rows"]["task_progress"]
    moved = data["moved"]
    return TEXT.format(
        progress=progress,
        generations=data["rows"]["plan_generations"],
        partitions=data["partitions"],
        answers=answers(data),
        moved=moved,
        rate=f"{moved / progress * 1e6:.0f} s",
        month=month(data),
    )

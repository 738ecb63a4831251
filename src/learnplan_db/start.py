"""
Where a process of the command line starts.

Loading modules leaves no garbage, so the collector is told to look less often before
the rest is loaded: it costs a short command 15 ms. May import all.
"""

from __future__ import annotations

import gc

THRESHOLD = 300_000  # objects made and not yet gone: Python's own is 700


def main() -> None:
    """Load the command line and run it."""
    gc.set_threshold(THRESHOLD)
    from learnplan_db import cli  # noqa: PLC0415 - what is to be loaded late

    cli.main()

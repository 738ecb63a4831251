"""
Where a process of the command line starts.

Loading modules leaves no garbage, so the collector is told to look less often before
the rest is loaded: it costs a short command 15 ms. May import all.
"""

from __future__ import annotations

import gc
import signal

THRESHOLD = 300_000  # objects made and not yet gone: Python's own is 700


def main() -> None:
    """Load the command line and run it."""
    gc.set_threshold(THRESHOLD)
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback of half a module
    from learnplan_db import cli  # noqa: PLC0415 - what is to be loaded late

    if usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()

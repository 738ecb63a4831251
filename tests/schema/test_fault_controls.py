"""The controls of test_faults: what is torn by a fault is found to be torn."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from messages import Place
from strikes import Fault, faults
from warm import OURS, Done, Warm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fix_faults import Walk

pytestmark = pytest.mark.gate
# An engine that commits a script, and then its rows, as all others do.
APART = """
from learnplan_db.engine.execution import Execution
from learnplan_db.psql import flight
def apart(self, text, rows, _):
    flight.run(self.connection, text, self.streams, after_begin=self.lock_sql)
    self._write_once(rows)
Execution._run_wrapped = apart
"""


class Cold:
    """The real Sqitch, a program that is started for each command."""

    def __init__(self, path: str) -> None:
        self.path = path

    def start(self, cwd: Path, known: Mapping[str, str], *words: str) -> int:
        """Start a command; return the id of its process."""
        self.process = subprocess.Popen(
            [self.path, *words],
            cwd=cwd,
            env=known,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.process.pid

    def finish(self) -> Done:
        """Wait for its end."""
        out, err = self.process.communicate()
        return Done(self.process.returncode, out, err)


def test_half_recorded_change_is_found(walk: Walk, tmp_path: Path) -> None:
    """The control: an engine that commits the rows apart is caught where it is torn."""
    k = walk.names.index("table_users") + 1
    sane, torn = walk.client, 0
    walk.client = Warm("apart", [sys.executable, "-c", APART + OURS], tmp_path)
    try:
        walk.deploy(k - 1)
        run = walk.rehearse("deploy", k, walk.states[k - 1 : k + 1], ())
        script, rows = run.points
        for fault in faults(run.units, "kill", gate=False):
            if fault.hold or not script - 3 < fault.place.number <= rows + 1:
                continue  # as in any other engine
            walk.deploy(k - 1)
            if fault.passed([script]) and not fault.passed([rows]):
                torn += 1
                with pytest.raises(AssertionError, match=f"missing .'changes {k} "):
                    walk.strike(run, fault)
                walk.deploy(k, log_only=True)
            else:
                walk.strike(run, fault)
    finally:
        walk.client.close()
        walk.client = sane
    assert rows - script < torn


def test_sqitch_is_torn(
    walk: Walk, sqitch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same fault leaves Sqitch with a table and no row of it, to repair by hand."""
    k = walk.names.index("table_users") + 1
    walk.deploy(k - 1)
    with monkeypatch.context() as patch:
        patch.setattr(walk, "client", Cold(sqitch))
        run = walk.rehearse("deploy", k, walk.states[k - 1 : k + 1], ())
        script, rows = run.points
        for number in (script + 1, rows):
            walk.deploy(k - 1)
            with pytest.raises(AssertionError, match=f"missing .'changes {k} "):
                walk.strike(run, Fault("terminate", Place(number, "before")))
            assert 0 != walk.run("deploy", k).code
            walk.deploy(k, log_only=True)

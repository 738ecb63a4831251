"""
Migrations in hosts' own tools: what they leave is what a deploy of ours leaves.

Each is applied by the real tool, as a plain role that owns the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_export import STAGES, standing
from hosts import HOSTS

if TYPE_CHECKING:
    from fix_export import Standing
    from hosts import Host

# One of them in every run, all of them in CI.
TOOLS = [
    pytest.param(form, marks=() if form == "sql" else pytest.mark.gate)
    for form in HOSTS
]


@pytest.mark.parametrize("host", TOOLS, indirect=True)
def test_host_goes_there_and_back_as_a_deploy_does(
    host: Host, stages: dict[str, Standing]
) -> None:
    """From nothing to 1.0.0, to the newest, and back: registry and schemas equal."""
    host.export("--to", "@v1.0.0")
    steps = [host.up, host.up, host.down, host.down]
    for stage, step in zip(STAGES, steps, strict=True):
        if stage == "@v1.2.0":
            host.export("--from", "@v1.0.0", "--to", stage)
        done = step()
        assert 0 == done.returncode, done.stderr + done.stdout
        assert stages[stage] == standing(host.dsn)

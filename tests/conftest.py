"""Fixtures of all suites, by noun: the database, the personas, the system's tools."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    import pytest

# As people have it: what is written and not yet sent may fail at the end only.
os.environ.pop("PYTHONUNBUFFERED", None)

pytest_plugins = [
    "fix_tools",  # first: others import it
    "fix_alchemy",
    "fix_browser",
    "fix_mermaid",  # after the browser, which it uses
    "fix_database",
    "fix_doctor",
    "fix_drift",
    "fix_oracle",
    "fix_personas",
    "fix_attacks",  # after the personas, whom it uses
    "fix_guard",
    "fix_project",
    "fix_proof",
    "fix_lost",
    "fix_race",
    "fix_faults",  # after the race, whose identity it uses
    "fix_twins",
    "fix_secrets",
    "fix_servers",
    "fix_traffic",
    "fix_catalog",
    "fix_drawing",
    "fix_copies",
    "fix_docs",
    "fix_shapes",
    "fix_docker",
    "fix_export",
    "fix_terminal",
    "fix_pool",  # after the servers, in front of which it is
    "fix_hosts",
]


def pytest_report_header(config: pytest.Config) -> str:
    """Say which server the suite runs against."""
    named = "LEARNPLAN_TEST_SERVER" in os.environ
    return f"server: {'LEARNPLAN_TEST_SERVER' if named else 'embedded, one a worker'}"

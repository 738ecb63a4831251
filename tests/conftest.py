"""Fixtures of all suites, by noun: the database, the personas, the system's tools."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    import pytest

pytest_plugins = [
    "fix_tools",  # first: others import it
    "fix_browser",
    "fix_database",
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
    "fix_copies",
    "fix_shapes",
    "fix_pool",  # after the servers, in front of which it is
]


def pytest_report_header(config: pytest.Config) -> str:
    """Say which server the suite runs against."""
    named = "LEARNPLAN_TEST_SERVER" in os.environ
    return f"server: {'LEARNPLAN_TEST_SERVER' if named else 'embedded, one a worker'}"

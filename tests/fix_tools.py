"""Programs of the system that tests compare with."""

from __future__ import annotations

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def sqitch() -> str:
    """Return the path of the real Sqitch, the oracle; CI must have it."""
    if found := shutil.which("sqitch"):
        return found
    reason = "no sqitch on PATH: apt-get install sqitch"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)

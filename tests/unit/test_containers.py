"""What the server in a container says when the extra is not installed."""

from __future__ import annotations

import sys

import pytest

from learnplan_db.errors import SuiteError
from learnplan_db.testing.servers import Source


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without testcontainers the message says what to install, and who asked."""
    monkeypatch.setitem(sys.modules, "testcontainers", None)
    with (
        pytest.raises(SuiteError) as caught,
        Source("container", "--learnplan-server").running(),
    ):
        pass
    assert (
        "a server in a container needs testcontainers, which is not installed"
        == caught.value.message
    )
    assert '"container", named by --learnplan-server' == caught.value.where
    assert "pip install 'learnplan-db[testcontainers]'" == caught.value.fix

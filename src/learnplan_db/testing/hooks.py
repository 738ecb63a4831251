"""
What a host's conftest.py may add to the plugin's work.

May import pytest and the standard library; holds no work of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg
    import pytest

    from learnplan_db.proof.nouns import Mutant


def pytest_learnplan_mutants(
    config: pytest.Config, connection: psycopg.Connection[Any], mutants: list[Mutant]
) -> None:
    """
    Change the list of mutants in place: add faults of your own policies, or leave out.

    ``connection`` reads the database that the tests will get, before any fault.
    """

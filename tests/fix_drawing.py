"""Drawings of a database with the plan and a host's schema, read once a module."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from learnplan_db.catalog.reading import read
from learnplan_db.pictures.reading import drawing

if TYPE_CHECKING:
    from fix_proof import Clones
    from learnplan_db.pictures.model import Drawing

SQL = Path(__file__).with_name("drawn.sql")
# The specification's edges; what is many to many is two, by way of the table between.
EDGES = {
    ("users", "||--o{", "learning_plans"),
    ("learning_plans", "||--o{", "modules"),
    ("learning_plans", "||--o{", "plan_generations"),
    ("modules", "||--o{", "tasks"),
    ("tasks", "||--o{", "task_resources"),
    ("resources", "||--o{", "task_resources"),
    ("tasks", "||--o{", "task_progress"),
    ("users", "||--o{", "task_progress"),
}


def drawn(dsn: str, *schemas: str) -> Drawing:
    """Return what schemas of a database hold."""
    with psycopg.connect(dsn) as connection:
        return drawing(connection, schemas, read(connection, schemas))


@pytest.fixture(scope="module")
def host_dsn(clones: Clones) -> str:
    """Provide a superuser's conninfo of a database with the plan and schema host."""
    dsn = clones.make()
    with psycopg.connect(dsn) as connection:
        connection.execute(SQL.read_bytes())
    return dsn


@pytest.fixture(scope="module")
def ours(host_dsn: str) -> Drawing:
    """Provide what the plan made."""
    return drawn(host_dsn, "learnplan")


@pytest.fixture(scope="module")
def theirs(host_dsn: str) -> Drawing:
    """Provide what the host made."""
    return drawn(host_dsn, "host")


def edges(text: str) -> set[tuple[str, str, str]]:
    """Return the lines between boxes of a mermaid diagram, without what they say."""
    return set(
        re.findall(
            r"^ *(\w+) ([|o}]{2}(?:--|\.\.)[|o{]{2}) (\w+) :", text, re.MULTILINE
        )
    )

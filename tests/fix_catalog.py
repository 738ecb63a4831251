"""
A database with the plan and one of everything else, here and on the other majors.

They are made once a module; edits are made in a transaction, which is rolled back.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

import majors
from fix_database import ROOT
from fix_proof import faulty
from fix_tools import absent
from learnplan_db.catalog.reading import read
from learnplan_db.engine import runner, session, state
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fix_proof import Clones
    from learnplan_db.catalog.objects import Catalog

OURS = ("learnplan", "learnplan_private")
ALL = (*OURS, "zoo")
ZOO = Path(__file__).with_name("zoo.sql")


@pytest.fixture(scope="module")
def zoo(clones: Clones) -> str:
    """Provide a superuser's conninfo of a database with the plan and one of everything."""
    dsn = clones.make()
    with psycopg.connect(dsn) as connection:
        connection.execute(ZOO.read_bytes())
    return dsn


@pytest.fixture(scope="module")
def clean(zoo: str) -> Catalog:
    """Provide what that database holds while nobody edits it."""
    return of(zoo)


def of(dsn: str, *edits: str, schemas: tuple[str, ...] = ALL) -> Catalog:
    """Return what a database holds while edits are made, which are taken back."""
    with faulty(dsn, *edits) as connection:
        return read(connection, schemas)


@pytest.fixture(scope="module")
def on_major() -> Iterator[Callable[[str], str]]:
    """Provide a maker of servers of a major: a database with the plan and the zoo."""
    servers: list[Server] = []

    def make(major: str) -> str:
        try:
            place = majors.found(major)
        except majors.UnavailableError as error:
            absent(f"no PostgreSQL {major}, ./dev test-matrix fetches it: {error}")
        servers.append(Server(None, environ=os.environ, bindir=place).start())
        with session.connect(servers[-1].dsn()) as connection:
            runner.deploy(connection, state.load(ROOT))
        with psycopg.connect(servers[-1].dsn()) as connection:
            connection.execute(ZOO.read_bytes())
        return servers[-1].dsn()

    yield make
    for server in servers:
        server.stop()

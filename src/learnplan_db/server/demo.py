"""
The demo's own database: made, and filled with the sample.

May import errors and lower floors; never prints.
"""

from __future__ import annotations

import contextlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors, sql

if TYPE_CHECKING:
    from learnplan_db.server.embedded import Server

DATABASE = "learnplan"


def database(server: Server, *, fresh: bool = False) -> str:
    """
    Return the superuser's conninfo of the demo database, making it when missing.

    Args: fresh: drop it first, with all it holds.
    """
    name = sql.Identifier(DATABASE)
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        if fresh:
            drop = sql.SQL("drop database if exists {} with (force)")
            admin.execute(drop.format(name))
        with contextlib.suppress(errors.DuplicateDatabase):
            admin.execute(sql.SQL("create database {}").format(name))
    return server.dsn(DATABASE)


def load_sample(conninfo: str) -> dict[str, int]:
    """Load the sample as the service role, once; return the rows by table."""
    text = files("learnplan_db.server").joinpath("sample.sql").read_bytes()
    with psycopg.connect(conninfo) as connection:
        connection.execute("set local role service_role")
        connection.execute(text)
        return {
            table: _count(connection, table)
            for table in (
                "users",
                "learning_plans",
                "modules",
                "tasks",
                "resources",
                "task_resources",
                "task_progress",
                "plan_generations",
            )
        }


def _count(connection: psycopg.Connection[Any], table: str) -> int:
    query = sql.SQL("select count(*) from learnplan.{}").format(sql.Identifier(table))
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0

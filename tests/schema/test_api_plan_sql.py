"""The SQL that a deploy would execute, as a host gets it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from learnplan_db import aio, deploy, plan_sql, status
from learnplan_db.errors import ApiError

if TYPE_CHECKING:
    from pathlib import Path


def test_sql_does_what_a_deploy_would(database: str, project: Path, psql: str) -> None:
    """Run by psql, what was pending is deployed; nothing is done by asking."""
    deploy(database, to="@v1", project=project)
    with psycopg.connect(database) as connection:
        connection.execute("set search_path = pg_catalog")
        connection.commit()
        text = plan_sql(connection, project=project)
        assert ("pg_catalog",) == connection.execute("show search_path").fetchone()
        with pytest.raises(ApiError, match="INTRANS"):
            plan_sql(connection, project=project)
    assert ["b", "c"] == [p.name for p in status(database, project=project).pending]
    assert "create table t_a" not in text
    words = [psql, "-X", "-q", "-o", "/dev/null", "-d", database]
    subprocess.run(words, input=text, text=True, check=True)
    assert status(database, project=project).up_to_date


async def test_sql_needs_no_database(database: str, project: Path) -> None:
    """The caller says what is deployed, and cannot say it of a database."""
    text = plan_sql(None, since="@v1", to="b", project=project)
    assert [False, True, False] == [f"table t_{name}" in text for name in "abc"]
    with pytest.raises(ApiError, match="since="):
        plan_sql(database, since="@v1", project=project)
    assert "table t_a" in await aio.plan_sql(database, project=project)
    assert text == await aio.plan_sql(None, since="@v1", to="b", project=project)

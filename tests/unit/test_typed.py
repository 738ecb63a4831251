"""A host that checks its types strictly can use the library, and is told its mistakes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import learnplan_db

ROOT = Path(__file__).parents[2]
# An ignored error that is none is an error of its own: each is a mistake that is told.
PROGRAM = """
from typing import Any, assert_type

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from learnplan_db import (
    BehindError,
    DeployResult,
    Event,
    ProofResult,
    Requirement,
    RevertResult,
    StatusResult,
    VerifyResult,
    acting_as,
    aio,
    deploy,
    plan_sql,
    prove,
    require,
    revert,
    status,
    verify,
)
from learnplan_db.ext import sqlalchemy as alchemy

DSN = "postgresql://deployer@db.example.org/app"


def listen(event: Event) -> None:
    assert_type(event.change, str)


def release(connection: psycopg.Connection[Any], pool: ConnectionPool) -> int:
    found = deploy(DSN, to="@v1.0.0", mode="tag", verify=True, progress=listen)
    assert_type(found, DeployResult)
    assert_type(deploy(pool).changes[0].seconds, float)
    assert_type(deploy(create_engine("postgresql+psycopg://")), DeployResult)
    assert_type(revert(connection, to=None, allow_data_loss=True), RevertResult)
    assert_type(verify(DSN), VerifyResult)
    assert_type(status(DSN), StatusResult)
    assert_type(plan_sql(DSN, to="@v1.0.0"), str)
    assert_type(prove(DSN, tables=["modules"]), ProofResult)
    try:
        assert_type(require("@v1.0.0", DSN), Requirement)
    except BehindError as behind:
        assert_type(behind.missing, tuple[str, ...])
    with acting_as(connection, sub="ann") as same:
        assert_type(same, psycopg.Connection[Any])
    with alchemy.acting_as(Session(), sub="ann") as session:
        assert_type(session, Session)
    deploy(42)  # type: ignore[arg-type]
    deploy(DSN, mode="some")  # type: ignore[arg-type]
    deploy(DSN, nonsense=True)  # type: ignore[call-arg]
    revert(DSN)  # type: ignore[call-arg]
    return len(found.changes)


async def start(
    connection: psycopg.AsyncConnection[Any], pool: AsyncConnectionPool
) -> None:
    assert_type(await aio.deploy(connection, to="@v1.0.0", progress=listen), DeployResult)
    assert_type(await aio.deploy(pool), DeployResult)
    assert_type(await aio.status(create_async_engine("postgresql+psycopg://")), StatusResult)
    assert_type(await aio.require("@v1.0.0", DSN), Requirement)
    async with aio.acting_as(connection, sub="ann") as same:
        assert_type(same, psycopg.AsyncConnection[Any])
    async with alchemy.acting_as(AsyncSession(), sub="ann") as session:
        assert_type(session, AsyncSession)
    deploy(connection)  # type: ignore[arg-type]
    await aio.deploy(DSN, mode="some")  # type: ignore[arg-type]
"""


@pytest.mark.gate
def test_strict_host_can_use_the_library(tmp_path: Path) -> None:
    """mypy --strict passes a program of all calls, and finds each mistake in it."""
    program = tmp_path / "host.py"
    program.write_text(PROGRAM)
    source = str(Path(learnplan_db.__file__).parents[1])
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file="),
            *("--cache-dir", str(ROOT / ".mypy_cache"), str(program)),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"MYPYPATH": source},
        check=False,
    )
    assert (0, "Success: no issues found in 1 source file\n") == (
        done.returncode,
        done.stdout,
    )

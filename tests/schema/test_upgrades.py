"""
Upgrades and logical copies lose nothing: what a DBA does once in some years.

What docs/backups.md shows of them is done here.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

import majors
from fix_copies import (
    ROWS,
    assert_whole,
    restartable,
    run,
    sums,
    told,
    wait_until,
)
from fix_database import ROOT
from fix_tools import absent
from learnplan_db.engine import runner, session, state
from learnplan_db.server import binaries, processes
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from pathlib import Path

ROLES = (
    *("anon", "authenticated", "service_role", "learnplan_identity"),
    *("learnplan_reader", "deployer"),
)


def filled(server: Server) -> tuple[list[str], dict[str, Any]]:
    """Deploy the plan as a plain owner, add rows, and return what the server holds."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("create role deployer login createrole")
        connection.execute("alter database postgres owner to deployer")
    with session.connect(server.dsn(user="deployer")) as connection:
        runner.deploy(connection, state.load(ROOT))
    with psycopg.connect(server.dsn()) as connection:
        connection.execute(ROWS.encode())
    return told(server.dsn()), sums(server.dsn())


def test_logical_replication_copies_all(programs: Path, tmp_path: Path) -> None:
    """
    The objects by pg_dump --schema-only, the rows by a subscription: a whole copy.

    Since 16 rows are written as the owner of the table, whom row security stops.
    """
    with restartable() as primary, Server(None, environ=os.environ) as copy:
        primary.start()
        with psycopg.connect(primary.dsn(), autocommit=True) as connection:
            connection.execute("alter system set wal_level = logical")
        primary.stop()
        primary.start()
        expected, _ = filled(primary)
        with psycopg.connect(primary.dsn()) as connection:
            connection.execute(
                "create publication everything for tables in schema learnplan, sqitch"
            )
        with psycopg.connect(copy.dsn(), autocommit=True) as connection:
            for role in ROLES:
                connection.execute(f"create role {role}".encode())
            connection.execute("alter system set wal_retrieve_retry_interval = '100ms'")
            connection.execute("select pg_reload_conf()")
        dump = (
            "--schema-only",
            "--no-publications",
            "-Fc",
            "-f",
            str(tmp_path / "dump"),
        )
        run(programs / "pg_dump", *dump, "-d", primary.dsn())
        run(programs / "pg_restore", "-e", "-d", copy.dsn(), str(tmp_path / "dump"))
        with psycopg.connect(copy.dsn(), autocommit=True) as connection:
            subscribe = "create subscription it connection {} publication everything"
            connection.execute(sql.SQL(subscribe).format(sql.Literal(primary.dsn())))
            if connection.info.server_version >= 160000:
                wait_until(
                    connection,
                    "select bool_or(sync_error_count > 0) from pg_stat_subscription_stats",
                )
                assert (0,) == count(connection, "learnplan.users")
                connection.execute("alter subscription it set (run_as_owner = true)")
            wait_until(
                connection, "select bool_and(srsubstate = 'r') from pg_subscription_rel"
            )
            with psycopg.connect(primary.dsn()) as other:
                other.execute("update learnplan.users set name = 'later'")
            wait_until(
                connection, "select bool_and(name = 'later') from learnplan.users"
            )
            connection.execute("drop subscription it")
        assert_whole(copy.dsn(), (expected, sums(primary.dsn())))


def count(connection: psycopg.Connection[Any], table: str) -> Any:
    """Return the number of a table's rows."""
    return connection.execute(f"select count(*) from {table}".encode()).fetchone()


@pytest.mark.parametrize(
    "old",
    ["15", *(pytest.param(major, marks=pytest.mark.long) for major in ("16", "17"))],
)
def test_pg_upgrade_keeps_all(old: str) -> None:
    """pg_upgrade from each older major to 18: nothing to repair, nothing changed."""
    try:
        before, after = majors.found(old), majors.found("18")
    except majors.UnavailableError as error:
        absent(f"./dev test-matrix fetches it: {error}")
    with restartable(before) as source, restartable(after) as target:
        source.start()
        expected = filled(source)
        source.stop()
        subprocess.run(  # 18 has them unless told otherwise
            [source.binary("pg_checksums"), "--enable", "-D", source.data],
            check=True,
            capture_output=True,
            **source.account.popen,
        )
        target._make_root()
        with processes.locked(target.root / ".lock", 10) as lock:
            target._initialise(lock)
        done = subprocess.run(
            [
                *(target.binary("pg_upgrade"), "-U", "postgres", "--no-sync"),
                *("-b", source.bindir, "-B", target.bindir),
                *("-d", source.data, "-D", target.data),
                *("-s", target.socket),
            ],
            capture_output=True,
            text=True,
            check=False,
            env=binaries.clean_environment(os.environ),
            **(target.account.popen | {"cwd": target.socket}),
        )
        assert 0 == done.returncode, done
        target.start()
        assert_whole(target.dsn(), expected)

"""Attacks by a copy: logical replication, on a server of its own that allows it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fix_attacks import Committed
from fix_database import deploy_plan
from learnplan_db.server import processes
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

Connection = psycopg.Connection[Any]
NAMES = "select array_agg(clerk_user_id order by 1) from learnplan.users"
# Without policies: what the subscriber has is what it was sent.
COPY = """
create schema learnplan;
create table learnplan.users (
  id uuid primary key, clerk_user_id text, email text, name text,
  subscription_tier text, created_at timestamptz, updated_at timestamptz
)
"""


@pytest.fixture
def publisher() -> Iterator[Committed]:
    """Provide Ann, committed on a server that streams its log to subscribers."""
    server = Server(None, environ=os.environ)
    server._make_root()
    try:
        with processes.locked(server.root / ".lock", 10) as lock:
            server._initialise(lock)
        with (server.data / "postgresql.auto.conf").open("a") as settings:
            settings.write("wal_level = logical\nwal_retrieve_retry_interval = 50ms\n")
        server.start()
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("create database copied")
            deploy_plan(**conninfo_to_dict(server.dsn()))
            admin.execute("create publication people for table learnplan.users")
            rows = Committed(admin)
            rows.user("ann")
            yield rows
    finally:
        server.stop()


def subscribe(publisher: Connection, copy: Connection, login: str, option: str) -> None:
    """Copy the users as a login that replicates, and wait for the first copy."""
    for statement in (
        f"create role {login} login replication {option}",
        f"grant usage on schema learnplan to {login}",
        f"grant select on all tables in schema learnplan to {login}",
        f"select pg_create_logical_replication_slot('{login}', 'pgoutput')",
    ):
        publisher.execute(statement.encode())
    known = {"host": publisher.info.host, "port": publisher.info.port}
    dsn = make_conninfo("", dbname=publisher.info.dbname, user=login, **known)
    create = sql.SQL(
        "create subscription {} connection {} publication people"
        " with (create_slot = false)"
    )
    copy.execute(create.format(sql.Identifier(login), sql.Literal(dsn)))
    wait_for(copy, "select bool_and(srsubstate = 'r') from pg_subscription_rel")


def wait_for(connection: Connection, query: str) -> None:
    """Wait until a query is true, ten seconds at most."""
    end = time.monotonic() + 10
    while connection.execute(query.encode()).fetchone() != (True,):
        assert time.monotonic() < end, query
        time.sleep(0.02)


def unsubscribe(copy: Connection, login: str) -> None:
    """End a subscription, with its slot."""
    copy.execute(sql.SQL("drop subscription {}").format(sql.Identifier(login)))


def test_subscriber_gets_a_part_unless_it_bypasses(publisher: Committed) -> None:
    """Limit: the first copy is filtered to nothing, the stream is not (threat 66)."""
    admin = publisher.connection
    copied = make_conninfo(admin.info.dsn, dbname="copied")
    with psycopg.connect(copied, autocommit=True) as copy:
        copy.execute(COPY)
        subscribe(admin, copy, "plain_copier", "nobypassrls")
        assert copy.execute(NAMES).fetchone() == (None,)
        publisher.user("ben")
        wait_for(copy, "select count(*) = 1 from learnplan.users")
        assert copy.execute(NAMES).fetchone() == (["ben"],)
        unsubscribe(copy, "plain_copier")

        copy.execute("truncate learnplan.users")
        subscribe(admin, copy, "whole_copier", "bypassrls")
        assert copy.execute(NAMES).fetchone() == (["ann", "ben"],)
        unsubscribe(copy, "whole_copier")

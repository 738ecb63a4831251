"""Attacks through a pooler: one session of the server, many callers, a real PgBouncer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from learnplan_db.errors import IdentityError
from learnplan_db.security.personas import acting_as

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from fix_attacks import Live
    from fix_servers import Pooler

PLANS = "select id from learnplan.learning_plans"
SET_LOCAL = "select set_config('request.jwt.claims', %s, true)"
SET_SESSION = "select set_config('request.jwt.claims', %s, false)"
ANN, BEN = '{"sub": "ann"}', '{"sub": "ben"}'
Connection = psycopg.Connection[Any]


@contextmanager
def clients(live: Live, pooler: Pooler, **more: Any) -> Iterator[list[Connection]]:
    """Open two clients of the application's login, to whom one session is lent."""
    known = conninfo_to_dict(live.app)
    dsn = pooler.dsn(str(known["dbname"]), user=known["user"])
    opened = [psycopg.connect(dsn, autocommit=True, **more) for _ in range(2)]
    try:
        ask = "select pg_backend_pid()"
        assert len({c.execute(ask, prepare=False).fetchone() for c in opened}) == 1
        yield opened
    finally:
        for connection in opened:
            connection.close()


@pytest.fixture
def plans(live: Live) -> dict[str, uuid.UUID]:
    """Make Ann and Ben, with a private plan each."""
    return {name: live.rows.plan(live.rows.user(name)) for name in ("ann", "ben")}


def test_claims_of_a_session_reach_the_next_client(
    live: Live, pgbouncer: Pooler, plans: dict[str, uuid.UUID]
) -> None:
    """Limit: SET without LOCAL hands Ann's plans to the next client (threat 26)."""
    with clients(live, pgbouncer) as (first, second):
        first.execute(SET_SESSION, [ANN])
        assert second.execute(PLANS).fetchall() == [(plans["ann"],)]
        with second.transaction():
            second.execute(SET_LOCAL, [BEN])
            assert second.execute(PLANS).fetchall() == [(plans["ben"],)]
        first.execute("discard all")
        assert second.execute(PLANS).fetchall() == []


def test_claims_of_a_transaction_do_not_reach_the_next_client(
    live: Live, pgbouncer: Pooler, plans: dict[str, uuid.UUID]
) -> None:
    """Set for the transaction, claims are gone with it, committed or not (threat 26)."""
    with clients(live, pgbouncer) as (first, second):
        for force_rollback in (False, True):
            with first.transaction(force_rollback=force_rollback):
                first.execute("set local role authenticated")
                first.execute(SET_LOCAL, [ANN])
                assert first.execute(PLANS).fetchall() == [(plans["ann"],)]
            assert second.execute(PLANS).fetchall() == []
            assert second.execute("select current_user = session_user").fetchone() == (
                True,
            )


def test_role_of_a_session_reaches_the_next_client(
    live: Live, pgbouncer: Pooler
) -> None:
    """Limit: SET ROLE without LOCAL stays; acting_as sets its own (threat 29)."""
    with clients(live, pgbouncer) as (first, second):
        first.execute("set role anon")
        assert second.execute("select current_user::text").fetchone() == ("anon",)
        with acting_as(second, sub="ann"):
            found = second.execute("select current_user::text").fetchone()
            assert found == ("authenticated",)
        first.execute("reset role")


def test_prepared_statement_of_one_client_answers_the_other_as_itself(
    live: Live, pgbouncer: Pooler, plans: dict[str, uuid.UUID]
) -> None:
    """A plan that one client prepared gives another its own rows (threat 67)."""
    with clients(live, pgbouncer) as (first, second):
        first.execute("set plan_cache_mode = force_generic_plan")
        first.execute(f"prepare mine as {PLANS}")
        for _ in range(3):
            for client, name in ((first, "ann"), (second, "ben")):
                with acting_as(client, sub=name):
                    found = client.execute("execute mine").fetchall()
                    assert found == [(plans[name],)]
            assert second.execute("execute mine").fetchall() == []
        first.execute("discard all")


def test_prepared_switch_that_is_lost_never_runs_on_as_the_login(
    live: Live, plans: dict[str, uuid.UUID]
) -> None:
    """A driver's own prepared statements may vanish: then it fails (threat 30)."""
    refused = 0
    with psycopg.connect(live.app, autocommit=True, prepare_threshold=0) as conn:
        for name in ("ann", "ben", "ann"):
            with acting_as(conn, sub=name):
                assert conn.execute(PLANS).fetchall() == [(plans[name],)]
            # Sent where the driver does not see it, as a pooler would.
            conn.pgconn.exec_(b"discard all")
            try:
                with acting_as(conn, sub=name):
                    assert conn.execute(PLANS).fetchall() == [(plans[name],)]
            except (IdentityError, psycopg.errors.InvalidSqlStatementName):
                refused += 1
                assert conn.info.transaction_status is TransactionStatus.IDLE
            conn.execute("discard all")
            assert conn.execute(PLANS).fetchall() == []
    assert refused


def test_clients_that_prepare_are_never_somebody_else(
    live: Live, pgbouncer: Pooler, plans: dict[str, uuid.UUID]
) -> None:
    """Driver-prepared statements through the pooler: own rows or an error (threat 67)."""
    right = 0
    with clients(live, pgbouncer, prepare_threshold=0) as pair:
        for _ in range(4):
            for client, name in zip(pair, plans, strict=True):
                try:
                    with acting_as(client, sub=name):
                        found = client.execute(PLANS).fetchall()
                    assert found == [(plans[name],)]
                    right += 1
                except (
                    IdentityError,
                    psycopg.errors.DuplicatePreparedStatement,
                    psycopg.errors.InvalidSqlStatementName,
                ):
                    pass
    assert right


def test_pooled_requests_see_their_own_rows(
    live: Live, pgbouncer: Pooler, plans: dict[str, uuid.UUID]
) -> None:
    """Many short transactions in turn on one session, each its own (threat 67)."""
    with clients(live, pgbouncer, prepare_threshold=None) as pair:
        for turn in range(20):
            for client, name in zip(pair, plans, strict=True):
                with acting_as(client, sub=name):
                    assert client.execute(PLANS).fetchall() == [(plans[name],)]
                    if turn % 3 == 0:
                        raise_inside(client)
            assert pair[turn % 2].execute(PLANS).fetchall() == []


def raise_inside(client: Connection) -> None:
    """Fail in a savepoint of the request's own."""
    with pytest.raises(psycopg.errors.DivisionByZero), client.transaction():
        client.execute("select 1 / 0")

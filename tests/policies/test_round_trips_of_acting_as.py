"""
How many round trips acting_as costs: counted on the wire, so no slow machine matters.

Beside each block stands conn.transaction(), which is what one writes without identity.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bench.relay import LOOPBACK, Relay
from learnplan_db.errors import IdentityError
from learnplan_db.security.personas import acting_as

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

CLAIM = "select current_setting('request.jwt.claims', true)::jsonb ->> 'sub'"
PLACES = ("alone", "in a transaction", "in a pipeline")
# Round trips of one statement in conn.transaction(), and what acting_as adds.
PLAIN = {"alone": 3, "in a transaction": 3, "in a pipeline": 4}
ADDED = {
    ("alone", True): 0,
    ("in a transaction", True): 1,
    ("in a pipeline", True): 0,
    ("alone", False): 1,
    ("in a transaction", False): 1,
    ("in a pipeline", False): 1,
}
DRIVERS = pytest.mark.parametrize("autocommit", [True, False])
SPOTS = pytest.mark.parametrize("place", PLACES)


@pytest.fixture
def line(app_dsn: str) -> Iterator[tuple[Relay, str]]:
    """Provide a line on which round trips are counted, and conninfo for its far end."""
    known = conninfo_to_dict(app_dsn)
    host, port = str(known["host"]), int(known.get("port") or 5432)
    with Relay(port, 0, host) as relay:
        yield relay, make_conninfo(app_dsn, host=LOOPBACK, port=relay.port)


def around(conn: Any, place: str) -> Any:
    """Return what stands around the block."""
    known = {"in a transaction": conn.transaction, "in a pipeline": conn.pipeline}
    return known.get(place, nullcontext)()


def sync_counts(
    line: tuple[Relay, str],
    make: Callable[[psycopg.Connection[Any]], Any],
    place: str,
    *,
    autocommit: bool,
) -> tuple[int, Any]:
    """Return the round trips of one statement in a block, and what it answered."""
    relay, dsn = line
    with psycopg.connect(dsn, autocommit=autocommit, prepare_threshold=None) as conn:
        with around(conn, place):
            if place == "in a transaction":
                conn.execute("select")
            before = relay.round_trips
            with make(conn):
                cursor = conn.execute(CLAIM)
            answer = cursor.fetchone()
        # A pipeline ends with a round trip of its own, a transaction with its COMMIT.
        return relay.round_trips - before - (place == "in a transaction"), answer


async def async_counts(
    line: tuple[Relay, str],
    make: Callable[[psycopg.AsyncConnection[Any]], Any],
    place: str,
    *,
    autocommit: bool,
) -> tuple[int, Any]:
    """Return what sync_counts returns."""
    relay, dsn = line
    connection = await psycopg.AsyncConnection.connect(
        dsn, autocommit=autocommit, prepare_threshold=None
    )
    async with connection as conn:
        async with around(conn, place):
            if place == "in a transaction":
                await conn.execute("select")
            before = relay.round_trips
            async with make(conn):
                cursor = await conn.execute(CLAIM)
            answer = await cursor.fetchone()
        return relay.round_trips - before - (place == "in a transaction"), answer


@DRIVERS
@SPOTS
def test_acting_as_adds_at_most_one_round_trip(
    line: tuple[Relay, str], place: str, *, autocommit: bool
) -> None:
    """None where BEGIN brings the role along, else one; the identity is there."""
    plain = sync_counts(line, lambda c: c.transaction(), place, autocommit=autocommit)
    acting = sync_counts(
        line, lambda c: acting_as(c, sub="ann"), place, autocommit=autocommit
    )
    assert (PLAIN[place], (None,)) == plain
    assert (PLAIN[place] + ADDED[place, autocommit], ("ann",)) == acting


@DRIVERS
@SPOTS
async def test_async_acting_as_adds_at_most_one_round_trip(
    line: tuple[Relay, str], place: str, *, autocommit: bool
) -> None:
    """As it is with the other kind of connection."""
    plain = await async_counts(
        line, lambda c: c.transaction(), place, autocommit=autocommit
    )
    acting = await async_counts(
        line, lambda c: acting_as(c, sub="ann"), place, autocommit=autocommit
    )
    assert (PLAIN[place], (None,)) == plain
    assert (PLAIN[place] + ADDED[place, autocommit], ("ann",)) == acting


@pytest.mark.parametrize(("place", "added"), [("alone", 1), ("in a transaction", 2)])
def test_old_libpq_costs_one_more(
    line: tuple[Relay, str], monkeypatch: pytest.MonkeyPatch, place: str, added: int
) -> None:
    """A libpq before 14 has no pipelines; all works, and nothing travels together."""
    monkeypatch.setattr(psycopg.Pipeline, "is_supported", classmethod(lambda _: False))
    acting = sync_counts(
        line, lambda c: acting_as(c, sub="ann"), place, autocommit=True
    )
    assert (PLAIN[place] + added, ("ann",)) == acting


@contextmanager
def careful(conn: psycopg.Connection[Any]) -> Iterator[None]:
    """Set the same as one would by hand: the claims, then the role."""
    with conn.transaction():
        claims = ['{"sub": "ann"}']
        conn.execute("select set_config('request.jwt.claims', %s, true)", claims)
        conn.execute("set local role authenticated")
        yield


def test_by_hand_it_is_two(line: tuple[Relay, str]) -> None:
    """The control: the counter does see what is sent one after the other."""
    assert (5, ("ann",)) == sync_counts(line, careful, "alone", autocommit=True)


REFUSED = pytest.mark.parametrize("role", ["no_such_role", "service_role"])


@REFUSED
@DRIVERS
@SPOTS
def test_refusal_leaves_the_place_as_it_was(
    app_dsn: str, place: str, role: str, *, autocommit: bool
) -> None:
    """A role that cannot be taken on the way in: the error, and all can go on."""
    connecting = psycopg.connect(app_dsn, autocommit=autocommit)
    with connecting as conn, around(conn, place):
        with pytest.raises(IdentityError, match=role), acting_as(conn, role=role):
            pytest.fail("the block must not run")
        with acting_as(conn, sub="ann"):
            assert ("ann",) == conn.execute(CLAIM).fetchone()
        row = conn.execute("select current_setting('role')").fetchone()
        assert ("none",) == row


def test_error_that_is_still_on_its_way_rolls_back(app_dsn: str) -> None:
    """In a pipeline: an error of the caller overtakes a statement that fails as well."""
    with psycopg.connect(app_dsn, autocommit=True) as conn, conn.pipeline():
        with (  # noqa: PT012 - what is on its way when it raises is the point
            pytest.raises(LookupError),
            acting_as(conn, sub="ann"),
        ):
            conn.execute("select 1 / 0")
            raise LookupError
        row = conn.execute("select current_setting('role')").fetchone()
        assert ("none",) == row
        assert psycopg.pq.TransactionStatus.IDLE == conn.info.transaction_status


@asynccontextmanager
async def killed(
    dsn: str, admin_dsn: str
) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Yield a connection whose server side is gone."""
    connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    async with connection as conn:
        with psycopg.connect(admin_dsn, autocommit=True) as admin:
            query = "select pg_terminate_backend(%s, 10000)"
            assert (True,) == admin.execute(query, [conn.info.backend_pid]).fetchone()
        yield conn


async def test_connection_lost_on_the_way_in_shows_its_error(
    app_dsn: str, admin_dsn: str
) -> None:
    """What is lost before the block is the server's error; the block does not run."""
    async with killed(app_dsn, admin_dsn) as conn:
        with pytest.raises(psycopg.OperationalError):
            async with acting_as(conn, sub="ann"):
                pytest.fail("the block must not run")
        assert conn.closed

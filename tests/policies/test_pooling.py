"""
200 identities through few sessions: a real PgBouncer in transaction mode, in a storm.

Errors, refusals, savepoints, cancels and connections cut in mid-transaction, as they
come. A failure names the seed; LEARNPLAN_STORM_SEED takes it again.
"""

from __future__ import annotations

import os
import random
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from pool_storm import WEIGHTS, Storm, killed, steady

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fix_pool import Crowd

SESSIONS = 3  # that the pool has
SEED = int(os.environ.get("LEARNPLAN_STORM_SEED") or random.randrange(2**32))  # noqa: S311


@pytest.mark.gate
async def test_nobody_is_anybody_else_in_a_storm(crowd: Crowd, psql: str) -> None:
    """
    In 20,000 transactions nobody sees a row of another, no session keeps any (threat 26).

    Nothing is prepared, as for a pooler that keeps no account of it.
    """
    storm = Storm(crowd, SEED)
    others = [partial(steady, storm, number, 200) for number in range(3)]
    await storm.blow(50, 400, *others, partial(killed, storm, psql, 20))
    storm.calm(SESSIONS)
    assert [] == storm.faults[:5]
    assert 20_000 <= storm.done.total()
    assert {*WEIGHTS, "steady", "steady error", "killed"} == {*storm.done}
    assert storm.disturbed.total() < storm.done.total() / 100, storm.disturbed


async def test_nobody_is_anybody_else_though_statements_are_prepared(
    crowd: Crowd,
) -> None:
    """
    Driver-prepared statements fail or answer for whoever runs them (threat 67).

    It may be another client's statement of the same name that answers.
    """
    storm = Storm(crowd, SEED, prepare=0)
    await storm.blow(20, 150)
    storm.calm(SESSIONS)
    assert [] == storm.faults[:5]
    assert 1000 <= storm.done.total(), storm.disturbed


@asynccontextmanager
async def careless(conn: Any, **identity: Any) -> AsyncIterator[Any]:
    """Become somebody for the session, as acting_as never does."""
    claims = sql.Literal('{{"{}": "{}"}}'.format(*next(iter(identity.items()))))
    setting = sql.SQL("select set_config('request.jwt.claims', {}, false)")
    async with conn.transaction():
        await conn.execute(setting.format(claims))
        yield conn


async def test_claims_of_a_session_are_caught_in_a_storm(crowd: Crowd) -> None:
    """Limit: claims set for the session do reach others, and the storm would tell."""
    storm = Storm(crowd, SEED, become=careless, local=False)
    await storm.blow(10, 40)
    told = "\n".join(storm.faults)
    assert "the session keeps" in told
    assert f"seed {SEED} client" in told

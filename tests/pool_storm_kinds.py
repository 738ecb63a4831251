"""What may happen to one transaction of a storm, each of it as some person."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

from fix_pool import LOOK
from learnplan_db.errors import IdentityError

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

    from fix_pool import Person
    from pool_storm import Storm

PLANS = "select user_id, id from learnplan.learning_plans"
USERS = "select id, id from learnplan.users"
CHANGE = """
update learnplan.learning_plans set topic = %s where id = any(%s) returning user_id, id"""
PLAN_FOR = """
insert into learnplan.learning_plans
  (user_id, topic, skill_level, weekly_hours, learning_style)
values (%s, 'SQL', 'beginner', 5, 'mixed')"""
# What a program without our library sends, all at once.
MESSAGE = """
begin; set {local} role authenticated;
select set_config('request.jwt.claims', {claims}, {is_local}); {query}; {end}"""
ENDS = ["commit", "commit", "rollback", "select 1 / 0; commit"]
SLEEP = "select pg_sleep(20)"
LOST = (psycopg.OperationalError, IdentityError)


class WrongAnswerError(Exception):
    """A client was not told what it should be."""


class LeakError(WrongAnswerError):
    """A client saw what is another's, or a session keeps it."""


@contextmanager
def expecting(*kinds: type[Exception]) -> Iterator[None]:
    """Swallow an error that has to come; raise if it does not."""
    try:
        yield
    except kinds:
        return
    raise WrongAnswerError(f"no {kinds[0].__name__}")


class Kinds:
    """A client's transactions, by kind; ``me`` is who it is in this one."""

    storm: Storm
    chance: random.Random
    conn: psycopg.AsyncConnection[Any]
    me: Person

    def acting(self, who: Person | None = None) -> AbstractAsyncContextManager[Any]:
        """Return the block that acts as a person, known by subject or by id."""
        who = who or self.me
        if self.chance.random() < 0.3:
            return self.storm.become(self.conn, user_id=who.id)
        return self.storm.become(self.conn, sub=who.sub)

    def other(self) -> Person:
        """Return anybody else."""
        while (found := self.chance.choice(self.storm.crowd.people)) is self.me:
            pass
        return found

    def question(self, who: Person) -> tuple[str, frozenset[Any]]:
        """Return a query and its answer for one person."""
        if self.chance.random() < 0.7:
            return PLANS, who.plans
        return USERS, frozenset([(who.id, who.id)])

    def judge(self, who: Person, answer: frozenset[Any], rows: list[Any]) -> None:
        """Raise unless the rows are one's own, and all of them."""
        if (found := frozenset(rows)) == answer:
            return
        seen = {value for row in found for value in row if isinstance(value, UUID)}
        leaked = seen - {who.id, *(plan for _, plan in who.plans)}
        text = f"{who.sub} expected {set(answer)}, found {rows}"
        raise LeakError(text) if leaked else WrongAnswerError(text)

    async def see(self, who: Person | None = None) -> None:
        """Read as somebody: the exact set of rows."""
        who = who or self.me
        query, answer = self.question(who)
        cursor = await self.conn.execute(query)
        self.judge(who, answer, await cursor.fetchall())

    async def read(self) -> None:
        """See one's own rows."""
        async with self.acting():
            await self.see()

    async def message(self) -> None:
        """Send it all at once; it commits, is rolled back or fails in the end."""
        query, answer = self.question(self.me)
        end = self.chance.choice(ENDS)
        composed = sql.SQL(MESSAGE).format(
            local=sql.SQL("local" if self.storm.local else "session"),
            claims=sql.Literal(f'{{"sub": "{self.me.sub}"}}'),
            is_local=self.storm.local,
            query=sql.SQL(query),
            end=sql.SQL(end),
        )
        if "/" in end:
            with expecting(errors.DivisionByZero):
                await self.conn.execute(composed, prepare=False)
            await self.conn.execute("rollback", prepare=False)
            return
        cursor = await self.conn.execute(composed, prepare=False)
        for _ in range(3):
            cursor.nextset()
        self.judge(self.me, answer, await cursor.fetchall())

    async def nobody(self) -> None:
        """Look, as nobody, what the session keeps of those who had it before."""
        cursor = self.conn.cursor(row_factory=dict_row)
        await cursor.execute(LOOK, prepare=False)
        self.storm.judge_session(await cursor.fetchone() or {})

    async def write(self) -> None:
        """Change a row of one's own and one of somebody else's: only one's own is."""
        mine, foreign = min(self.me.plans), min(self.other().plans)
        async with self.acting():
            cursor = await self.conn.execute(
                CHANGE, [self.me.sub, [mine[1], foreign[1]]]
            )
            self.judge(self.me, frozenset([mine]), await cursor.fetchall())

    async def savepoint(self) -> None:
        """Fail inside of a savepoint, and still be oneself."""
        async with self.acting():
            with expecting(errors.DivisionByZero):
                async with self.conn.transaction():
                    await self.see()
                    await self.conn.execute("select 1 / 0")
            await self.see()

    async def nested(self) -> None:
        """Be somebody else for a while, and come back, whether it failed or not."""
        async with self.acting():
            other = self.other()
            with suppress(errors.DivisionByZero):
                async with self.acting(other):
                    await self.see(other)
                    if self.chance.random() < 0.5:
                        await self.conn.execute("select 1 / 0")
            await self.see()

    async def refused(self) -> None:
        """Ask for what a policy refuses."""
        with expecting(errors.InsufficientPrivilege):
            async with self.acting():
                await self.conn.execute(PLAN_FOR, [self.other().id])

    async def error(self) -> None:
        """Fail, after having read."""
        with expecting(errors.DivisionByZero):
            async with self.acting():
                await self.see()
                await self.conn.execute("select 1 / 0")

    async def pipeline(self) -> None:
        """Send several statements before the first is answered."""
        async with self.conn.pipeline(), self.acting():
            asked = [self.question(self.me) for _ in range(3)]
            cursors = [await self.conn.execute(query) for query, _ in asked]
            for cursor, (_, answer) in zip(cursors, asked, strict=True):
                self.judge(self.me, answer, await cursor.fetchall())

    async def rollback(self) -> None:
        """Take back what was written."""
        async with self.acting():
            await self.conn.execute(CHANGE, ["x", [min(self.me.plans)[1]]])
            raise psycopg.Rollback

    async def swallowed(self) -> None:
        """Go on as if nothing had failed: the block says that it did."""
        with expecting(IdentityError):
            async with self.acting():
                with suppress(errors.DivisionByZero):
                    await self.conn.execute("select 1 / 0")

    async def cancelled(self) -> None:
        """Cancel a statement that runs."""
        with expecting(errors.QueryCanceled):
            async with self.acting():
                await self.see()
                asleep = asyncio.create_task(self.conn.execute(SLEEP, prepare=False))
                while not asleep.done():
                    await self.conn.cancel_safe()
                    await asyncio.wait([asleep], timeout=0.05)
                await asleep

    async def abandoned(self) -> None:
        """Give a request up, as a web framework does whose caller has left."""
        with expecting(TimeoutError):
            async with self.acting():
                await self.see()
                async with asyncio.timeout(0.02):
                    await self.conn.execute(SLEEP, prepare=False)

    async def cut(self) -> None:
        """Lose the connection: closed under us, or by ourselves."""
        with expecting(*LOST):
            async with self.acting():
                await self.see()
                if self.chance.random() < 0.5:
                    await self.conn.close()
                else:
                    with socket.socket(fileno=os.dup(self.conn.fileno())) as copy:
                        copy.shutdown(socket.SHUT_RDWR)
                    await self.conn.execute("select 1")

    async def terminated(self) -> None:
        """Lose the session of the server, as an administrator may end it."""
        with expecting(*LOST):
            async with self.acting():
                cursor = await self.conn.execute(
                    "select pg_backend_pid()", prepare=False
                )
                row = await cursor.fetchone()
                ended = psycopg.AsyncConnection.connect(self.storm.crowd.admin_dsn)
                async with await ended as admin:
                    await admin.execute("select pg_terminate_backend(%s)", row)
                await self.conn.execute("select 1")

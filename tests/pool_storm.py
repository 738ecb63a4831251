"""
A storm of transactions through a pool: many clients, any of them anybody, much goes wrong.

Each client draws from a seed of its own who it is next and what happens to it. What a
client sees and must not is a fault; a neighbour's cancel may disturb it, which counts.
"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from fix_pool import LOOK, Crowd, Person
from learnplan_db.errors import IdentityError
from learnplan_db.security.personas import acting_as
from pool_storm_kinds import PLANS, Kinds, LeakError, WrongAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

# How often each thing happens, in a thousand transactions.
WEIGHTS = {
    "message": 500,
    "read": 160,
    "nobody": 70,
    "write": 50,
    "savepoint": 40,
    "nested": 40,
    "refused": 30,
    "error": 30,
    "pipeline": 25,
    "rollback": 20,
    "swallowed": 15,
    "cancelled": 5,
    "abandoned": 5,
    "cut": 6,
    "terminated": 4,
}
# Where a pool does not know whose a prepared statement is, another client's of the same
# name may answer, if any does (threat 67): all may come but what is another's.
MIXED_UP = (psycopg.Error, WrongAnswerError, IdentityError)
BEGUN = """begin; set local role authenticated;
select set_config('request.jwt.claims', '{{"sub": "{sub}"}}', true) is not null;
"""


@dataclass
class Storm:
    """
    What all clients share: who may be anybody, how, and what came of it.

    ``become`` and ``local`` are how an identity is taken: for the transaction, unless a
    control does it wrongly. ``prepare`` is psycopg's threshold.
    """

    crowd: Crowd
    seed: int
    become: Callable[..., AbstractAsyncContextManager[Any]] = acting_as
    local: bool = True
    prepare: int | None = None
    done: Counter[str] = field(default_factory=Counter)
    disturbed: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    sessions: set[int] = field(default_factory=set)  # of the server, looked at

    async def blow(self, clients: int, transactions: int, *more: Any) -> None:
        """
        Run as many clients at once, with as many transactions each.

        Args: more: functions of other clients, which run in threads meanwhile.
        """
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(Client(self, number).run(transactions))
            for function in more:
                group.create_task(asyncio.to_thread(function))

    def judge_session(self, found: dict[str, Any]) -> None:
        """Raise if a session of the server keeps anything of whoever used it."""
        self.sessions.add(found["pid"])
        clean = self.crowd.clean | {"pid": found["pid"]}
        if self.prepare is not None:
            # Statements stay, by the driver's own names; whoever runs them is asked.
            kept = [name for name in found["prepared"] if not name.startswith("_pg3_")]
            found = found | {"prepared": kept}
        if found != clean:
            differing = {k: v for k, v in found.items() if v != clean[k]}
            raise LeakError(f"the session keeps {differing}")

    def trouble(self, who: str, error: Exception) -> None:
        """Tell a fault from what only disturbed a client."""
        usual: Any = (errors.QueryCanceled, psycopg.OperationalError)
        if self.prepare is not None and not isinstance(error, LeakError):
            usual = MIXED_UP
        if isinstance(error, usual):
            self.disturbed[type(error).__name__] += 1
        else:
            self.fault(f"client {who}", error)

    def fault(self, who: str, error: Exception) -> None:
        """Keep what went wrong, with all that is needed to see it again."""
        self.faults.append(f"seed {self.seed} {who}: {type(error).__name__}: {error}")

    def calm(self, sessions: int) -> None:
        """Look at all the sessions at once, each from inside of a transaction."""
        opened = [psycopg.connect(self.crowd.dsn) for _ in range(sessions)]
        cursors = [one.cursor(row_factory=dict_row) for one in opened]
        found = [cursor.execute(LOOK).fetchone() or {} for cursor in cursors]
        for connection in opened:
            connection.close()
        assert sessions == len({one["pid"] for one in found})
        for one in found:
            try:
                self.judge_session(one)
            except LeakError as error:
                self.fault("afterwards", error)


class Client(Kinds):
    """One client of the pool: a connection, opened again when it is lost."""

    def __init__(self, storm: Storm, number: int) -> None:
        self.storm, self.number = storm, number
        # Each client's course follows from the seed, if not who comes between.
        self.chance = random.Random(f"{storm.seed} {number}")  # noqa: S311

    async def run(self, transactions: int) -> None:
        """Run transactions, each as somebody; tell every one that went wrong."""
        kinds = self.chance.choices([*WEIGHTS], [*WEIGHTS.values()], k=transactions)
        await self.connect()
        for turn, kind in enumerate(kinds):
            self.me = self.chance.choice(self.storm.crowd.people)
            try:
                await getattr(self, kind)()
                self.storm.done[kind] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                self.storm.trouble(
                    f"{self.number} {turn} {kind} as {self.me.sub}", error
                )
            if self.conn.closed or self.conn.info.transaction_status:
                await self.connect()
        await self.conn.close()

    async def connect(self) -> None:
        """Connect, again if need be: what was open is left to the pool as it is."""
        if hasattr(self, "conn"):
            await self.conn.close()
        self.conn = await psycopg.AsyncConnection.connect(
            self.storm.crowd.dsn, autocommit=True, prepare_threshold=self.storm.prepare
        )


def steady(storm: Storm, number: int, transactions: int) -> None:
    """Be a client without asyncio: read as somebody, or as two, or fail meanwhile."""
    chance = random.Random(f"{storm.seed} steady {number}")  # noqa: S311 - repeatable

    def read(conn: psycopg.Connection[Any], who: Person) -> None:
        if who.plans != (found := set(conn.execute(PLANS).fetchall())):
            raise WrongAnswerError(f"{who.sub} sees {found}")

    with psycopg.connect(storm.crowd.dsn, autocommit=True) as conn:
        conn.prepare_threshold = storm.prepare
        for turn in range(transactions):
            me, other = chance.sample(storm.crowd.people, 2)
            try:
                with acting_as(conn, sub=me.sub):
                    with acting_as(conn, user_id=other.id):
                        read(conn, other)
                    read(conn, me)
                    conn.execute(f"select 1 / {turn % 4}".encode())
                storm.done["steady"] += 1
            except errors.DivisionByZero:
                storm.done["steady error"] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                storm.fault(f"steady {number} {turn} as {me.sub}, {other.sub}", error)


def killed(storm: Storm, psql: str, times: int) -> None:
    """Be a process that dies in the middle of its transaction, again and again."""
    command = [psql, "-XqAt", "-v", "ON_ERROR_STOP=1", storm.crowd.dsn]
    for person in storm.crowd.people[:times]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
            process.stdin.write(BEGUN.format(sub=person.sub))
            process.stdin.write("select count(*) from learnplan.learning_plans;\n")
            process.stdin.flush()
            answers = [process.stdout.readline() for _ in range(2)]
            process.kill()
        right = ["t\n", f"{len(person.plans)}\n"] == answers
        if right and process.returncode == -signal.SIGKILL:
            storm.done["killed"] += 1
        else:
            storm.fault(f"process as {person.sub}", WrongAnswerError(str(answers)))

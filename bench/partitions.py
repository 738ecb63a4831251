"""
Measure what partitions give and take.

Run by ``python -m bench.partitions``. Two databases of one server hold the same rows;
one was partitioned by the scripts that docs/scaling.md offers. Each question is asked
of both, as its caller, in alternating rounds. Progress goes to standard error, the
section to standard output; a whole run also writes docs/performance/partitions.json.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psycopg

from bench import facts, tools
from bench.deploy import DOCS, ended_by_signals
from bench.errors import BenchError
from bench.parted import GIVEN, PARTITIONS, SIDES, make
from bench.partitions_page import section
from bench.touched import Counter
from learnplan_db.errors import LearnplanError
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Tell = Callable[[str], None]
    Connection = psycopg.Connection[Any]

PLANS, QUICK_PLANS = 3000, 600
ROUNDS, QUICK_ROUNDS, TIMES = 9, 2, 12
OWN = """
select u.clerk_user_id, u.id::text as user, min(p.id::text) as plan
from learnplan.users as u inner join learnplan.learning_plans as p on p.user_id = u.id
group by u.id having count(*) = 3 order by u.id limit 1"""
TASKS = """
select t.id::text from learnplan.tasks as t
inner join learnplan.modules as m on m.id = t.module_id
where m.plan_id = %s order by m."order", t."order" """
MONTH = {
    "whole": (
        """delete from learnplan.plan_generations
        where created_at >= '2025-01-01+00' and created_at < '2025-02-01+00'""",
        "vacuum learnplan.plan_generations",
    ),
    "parts": (
        """alter table learnplan.plan_generations
        detach partition learnplan_partitions.plan_generations_2025_01""",
        "drop table learnplan_partitions.plan_generations_2025_01",
    ),
}


@dataclass(frozen=True, slots=True)
class Question:
    """
    What is asked, and as whom.

    Args: query: with the names of what it is about; role: the caller's, or the service.
    """

    name: str
    query: str
    role: str = "authenticated"


QUESTIONS = (
    Question(
        "own progress of one plan",
        """
        select tp.task_id, tp.status from learnplan.modules as m
        inner join learnplan.tasks as t on t.module_id = m.id
        inner join learnplan.task_progress as tp on tp.task_id = t.id
        where m.plan_id = %(plan)s order by 1""",
    ),
    Question(
        "progress by module of one plan",
        """
        select module_id, completed_tasks from learnplan.module_progress
        where plan_id = %(plan)s order by 1""",
    ),
    Question(
        "all own progress",
        """
        select task_id, status from learnplan.task_progress order by 1""",
    ),
    Question(
        "everybody's progress on a task (service)",
        """
        select user_id, status from learnplan.task_progress
        where task_id = %(begun)s order by 1""",
        "service_role",
    ),
    Question(
        "progress, first time",
        """
        insert into learnplan.task_progress (task_id, user_id, status)
        values (%(fresh)s, %(user)s, 'in_progress')
        on conflict (task_id, user_id) do update set status = excluded.status
        returning task_id, status""",
    ),
    Question(
        "progress, changed",
        """
        insert into learnplan.task_progress (task_id, user_id, status)
        values (%(begun)s, %(user)s, 'in_progress')
        on conflict (task_id, user_id) do update set status = excluded.status
        returning task_id, status""",
    ),
    Question(
        "a task deleted",
        """
        delete from learnplan.tasks where id = %(begun)s returning id""",
    ),
    Question(
        "a plan deleted",
        """
        delete from learnplan.learning_plans where id = %(plan)s returning id""",
    ),
    Question(
        "generations of a plan, newest ten",
        """
        select id, created_at from learnplan.plan_generations
        where plan_id = %(plan)s order by created_at desc limit 10""",
    ),
    Question(
        "the same, of one month only",
        """
        select id, created_at from learnplan.plan_generations
        where plan_id = %(plan)s
          and created_at >= '2025-12-01+00' and created_at < '2026-01-01+00'
        order by created_at desc limit 10""",
    ),
    Question(
        "a generation recorded",
        """
        insert into learnplan.plan_generations (plan_id, model, prompt)
        values (%(plan)s, 'a model', '{}') returning plan_id, model""",
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question cost, by side; planned: seconds with planning, unprepared."""

    name: str
    rows: int
    buffers: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    planned: dict[str, list[float]] = field(default_factory=dict)


class Side:
    """A database with a connection that asks, and what is asked about."""

    def __init__(self, server: Server, name: str, stack: ExitStack) -> None:
        self.name, self.dsn = name, server.dsn(name)
        opened = psycopg.connect(self.dsn, autocommit=True)
        self.connection: Connection = stack.enter_context(opened)
        watch = stack.enter_context(psycopg.connect(server.dsn(), autocommit=True))
        self.counter = Counter(self.connection, watch)
        about = self.connection.execute(OWN.encode()).fetchone()
        if about is None:
            raise BenchError.differs(name, "nobody has three plans")
        self.subject, user, plan = about
        listed = [row[0] for row in self.connection.execute(TASKS, [plan])]
        # Progress is on the first half of the modules.
        self.given = {
            "user": user,
            "plan": plan,
            "begun": listed[0],
            "fresh": listed[-1],
        }

    def ask(self, question: Question, *, prepare: bool = True) -> tuple[Any, float]:
        """Ask as the caller, take all back; return the rows and the seconds."""
        claims = json.dumps({"sub": self.subject})
        with self.connection.transaction(force_rollback=True):
            self.connection.execute(
                "select set_config('role', %s, true),"
                " set_config('request.jwt.claims', %s, true)",
                [question.role, claims],
            )
            began = time.perf_counter()
            query = question.query.encode()
            found = self.connection.execute(query, self.given, prepare=prepare)
            return found.fetchall(), time.perf_counter() - began


def compare(question: Question, sides: Sequence[Side], rounds: int) -> Answer:
    """
    Ask both sides, alternating.

    Raises: BenchError: they do not answer the same, or nothing at all.
    """
    said = {side.name: side.ask(question)[0] for side in sides}
    one, other = said.values()
    if question.name != "a generation recorded" and (one != other or not one):
        raise BenchError.differs(question.name, {k: len(v) for k, v in said.items()})
    answer = Answer(question.name, len(one))
    for side in sides:
        answer.buffers[side.name] = side.counter.touched(partial(side.ask, question))
    for number in range(rounds):
        for side in sides[:: 1 if number % 2 else -1]:
            for to, prepare in ((answer.seconds, True), (answer.planned, False)):
                took = sorted(
                    side.ask(question, prepare=prepare)[1] for _ in range(TIMES)
                )
                to.setdefault(side.name, []).append(took[TIMES // 2])
    return answer


def month(sides: Sequence[Side]) -> dict[str, dict[str, float]]:
    """Let the oldest month of generations go, and return seconds and bytes of WAL."""
    found = {}
    for side in sides:
        before, began = side.counter.wal(), time.perf_counter()
        for statement in MONTH[side.name]:
            side.connection.execute(statement.encode())
        took = time.perf_counter() - began
        found[side.name] = {"seconds": took, "wal": side.counter.wal() - before}
    return found


def measure(tell: Tell, *, quick: bool) -> dict[str, Any]:
    """
    Start a server, ask all of both, stop the server.

    Raises: BenchError: psql is missing, or both do not hold the same.
    """
    tools.programs("psql")
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        server = stack.enter_context(Server(None, environ=os.environ))
        plans = QUICK_PLANS if quick else PLANS
        moved = make(server, plans, tell)
        sides = [Side(server, name, stack) for name in SIDES]
        answers = []
        for question in QUESTIONS:
            answers.append(compare(question, sides, QUICK_ROUNDS if quick else ROUNDS))
            tell(f"{question.name}: {answers[-1].buffers}")
        rows = {
            table: sides[0].counter.one(f"select count(*) from learnplan.{table}")
            for table in GIVEN
        }
        return {
            "facts": facts.gather(server),
            "plans": plans,
            "partitions": PARTITIONS,
            "rows": rows,
            "moved": moved,
            "answers": [asdict(one) for one in answers],
            "month": month(sides),
        }


@click.command()
@click.option(
    "--quick", is_flag=True, help="A tenth of the rows, two rounds; docs stay."
)
@click.option(
    "--json", "to", type=click.Path(path_type=Path), help="Write the figures here too."
)
def main(*, quick: bool, to: Path | None) -> None:
    """Measure the tables as deployed against the partitioned ones, paired."""
    began = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"{time.monotonic() - began:6.1f} s  {line}", err=True)

    try:
        data = measure(tell, quick=quick)
    except LearnplanError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    for path in ([to] if to else []) + (
        [] if quick else [DOCS / "performance" / "partitions.json"]
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(data, indent=1) + "\n")
        tell(f"wrote {path.name}")
    click.echo(section(data))


if __name__ == "__main__":
    main()

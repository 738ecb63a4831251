"""
All questions of a world: the ways to ask side by side, in the other order each round.

The ways must agree on every answer and on what every write leaves, or there is no
figure: nobody is fast by doing less. Never prints.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg

from bench import people
from bench.buffers import Lane
from bench.changes import CHANGES
from bench.errors import BenchError
from bench.reads import READS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.people import Person
    from bench.wording import Question
    from bench.worlds import World

QUESTIONS = (*READS, *CHANGES)
LANES = (
    ("hand", "bench_hand", None),
    ("id", "authenticated", "user_id"),
    ("sub", "authenticated", "sub"),
    ("naive", "bench_naive", "user_id"),
    ("accessor", "authenticated", "user_id"),
)
PEOPLE, ROUNDS, AGAIN = 3, 7, 3
SERVICE = ("hand", "id")  # a service has no claims, and tutorials have none for it


def measure(
    world: World, tell: Callable[[str], None], *, quick: bool
) -> tuple[dict[str, Any], str]:
    """
    Return the figures of a world, and the plans as a page of Markdown.

    Raises: BenchError: two ways to ask got different answers.
    """
    with ExitStack() as stack:
        lanes = [
            stack.enter_context(closing(Lane(name, world.dsn, role, claim)))
            for name, role, claim in LANES
        ]
        with psycopg.connect(world.dsn) as connection:
            everyone = people.choose(connection, 1 if quick else PEOPLE)
        answers, plans = [], []
        for question in QUESTIONS:
            taking = [lane for lane in lanes if takes(lane, question)]
            for who in question.who:
                asking = [person for person in everyone if person.who == who]
                tell(f"{world.plans:,} plans: {question.name}, {who}")
                answers.append(ask(question, asking, taking, 1 if quick else ROUNDS))
                # With sub alone the plan is the one of the claim user_id.
                shown = [lane for lane in taking if lane.name != "sub"]
                plans.append(explain(question, asking[0], shown))
        identity = {
            lane.claim: lane.identity(QUESTIONS[0], everyone[0])
            for lane in lanes
            if lane.claim and lane.name != "naive"
        }
    return {
        "plans": world.plans,
        "rows": world.rows,
        "size": world.size,
        "built": world.built,
        "identity": identity,
        "answers": answers,
    }, "\n".join(plans)


def takes(lane: Lane, question: Question) -> bool:
    """Whether a question can be asked this way."""
    if question.service:
        return lane.name in SERVICE
    return lane.name != "accessor" or question.accessor is not None


def ask(
    question: Question, asking: Sequence[Person], lanes: Sequence[Lane], rounds: int
) -> dict[str, Any]:
    """
    Return the figures of one question, medians over those who ask.

    Raises: BenchError: two ways got different answers.
    """
    found: dict[str, dict[str, list[float]]] = {lane.name: {} for lane in lanes}
    scanned: dict[str, list[str]] = {lane.name: [] for lane in lanes}
    rows = 0
    for person in asking:
        rows = agreed(question, person, lanes)
        generic = {lane.name: False for lane in lanes}
        for lane in lanes:
            # The same in each run, unless an earlier one left something to tidy up.
            runs = [lane.pages(question, person, generic=False) for _ in range(AGAIN)]
            kept = [lane.pages(question, person, generic=True) for _ in range(AGAIN)]
            # By hand it is the better of both, so that nobody beats a bad plan.
            generic[lane.name] = lane.name == "hand" and min(kept) < min(runs)
            figures = found[lane.name]
            figures.setdefault("pages", []).append(min(runs))
            figures.setdefault("kept", []).append(min(kept))
            figures.setdefault("steady", []).append(len(set(runs)) == 1)
            figures.setdefault("calls", []).append(lane.calls(question, person))
            plan = lane.explained(question, person, generic=True)
            scanned[lane.name] += sorted(plan.scanned)
        for number in range(rounds):
            for lane in lanes[:: 1 if number % 2 else -1]:
                plan = lane.explained(question, person, generic=generic[lane.name])
                figures = found[lane.name]
                figures.setdefault("execution", []).append(plan.seconds)
                figures.setdefault("waited", []).append(lane.waited(question, person))
                scanned[lane.name] += sorted(plan.scanned)
    return {
        "name": question.name,
        "who": asking[0].who,
        "kind": question.kind,
        "whose": question.rows,
        "single": question.single,
        "rows": rows,
        "lanes": {
            name: summary(figures) | {"scanned": sorted(set(scanned[name]))}
            for name, figures in found.items()
        },
    }


def summary(figures: dict[str, list[float]]) -> dict[str, Any]:
    """Return the median of each figure, with the range of what is timed."""
    short: dict[str, Any] = {
        name: median(figures[name]) for name in ("pages", "kept", "calls")
    }
    short["steady"] = all(figures["steady"])
    for name in ("execution", "waited"):
        each = figures[name]
        short[name] = [round(v, 7) for v in (median(each), min(each), max(each))]
    return short


def agreed(question: Question, person: Person, lanes: Sequence[Lane]) -> int:
    """
    Return how many rows all lanes found, once they found the same.

    Raises: BenchError: they did not.
    """
    first, *others = lanes
    expected = first.seen(question, person)
    for lane in others:
        if (found := lane.seen(question, person)) != expected:
            ways = {first.name: expected, lane.name: found}
            raise BenchError.answers(question.name, person.who, ways)
    return len(expected)


def explain(question: Question, person: Person, lanes: Sequence[Lane]) -> str:
    """Return the plans of a question under a heading."""
    parts = [f"## {question.name} ({person.who})\n"]
    parts += [
        f"{lane.name}:\n\n```text\n{lane.plan(question, person)}\n```\n"
        for lane in lanes
    ]
    return "\n".join(parts)

"""The benchmark of row security on a real server: worlds, counting, agreement."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from bench import people, rounds, worlds
from bench.buffers import Lane
from bench.errors import BenchError
from bench.rounds import QUESTIONS
from bench.wording import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.people import Person
    from bench.wording import Question
    from bench.worlds import World

pytestmark = pytest.mark.gate

ROWS = {
    "users": 3_000,
    "learning_plans": 10_000,
    "modules": 40_779,
    "tasks": 113_651,
    "resources": 2_000,
    "task_resources": 53_852,
    "task_progress": 58_078,
    "plan_generations": 15_000,
}


class Struck(Exception):  # noqa: N818 - it is one
    """The build was killed between two steps."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Provide the smallest world, whose build was struck after its third step."""
    told: list[str] = []

    def strike(line: str) -> None:
        told.append(line)
        if len(told) == 3:
            raise Struck

    # Not below pytest's own directory, which the server's account may not enter.
    with (
        tempfile.TemporaryDirectory(prefix="learnplan-rls-") as home,
        worlds.server(Path(home)) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(worlds, "CHUNK", 2_500)
        patch.setattr(worlds, "WORKERS", 1)
        with pytest.raises(Struck):
            worlds.build(server, 10_000, strike)
        again: list[str] = []
        found = worlds.build(server, 10_000, again.append)
        assert 6 == len(told) + len(again)
        yield found


@pytest.fixture(scope="module")
def persons(world: World) -> list[Person]:
    """Provide those who ask, one of a kind."""
    with psycopg.connect(world.dsn) as connection:
        return people.choose(connection, 1)


@pytest.fixture
def lanes(world: World) -> Iterator[dict[str, Lane]]:
    """Provide a lane for each way to ask."""
    made = {
        name: Lane(name, world.dsn, role, claim) for name, role, claim in rounds.LANES
    }
    yield made
    for lane in made.values():
        lane.close()


def named(name: str) -> Question:
    """Return a question by its name."""
    return next(question for question in QUESTIONS if question.name == name)


def whole(world: World) -> list[tuple[Any, ...]]:
    """Return a digest of every table."""
    with psycopg.connect(world.dsn) as connection:
        return [
            *(
                connection.execute(
                    f"select count(*), sum(hashtextextended(t::text, 0)) from learnplan.{name} as t"
                ).fetchall()
                for name in TABLES
            )
        ]


def test_a_struck_build_goes_on_and_loses_nothing(world: World) -> None:
    """The rows are those of a build in one go, no step is done twice."""
    assert ROWS == world.rows


def test_every_way_gets_the_same_answers(
    world: World, persons: list[Person], lanes: dict[str, Lane]
) -> None:
    """All questions agree in all ways that can ask them, and no write stays."""
    before = whole(world)
    asked = 0
    for question in QUESTIONS:
        taking = [lane for lane in lanes.values() if rounds.takes(lane, question)]
        for person in persons:
            if person.who in question.who:
                assert 0 < rounds.agreed(question, person, taking)
                asked += 1
    assert len([who for question in QUESTIONS for who in question.who]) == asked
    assert before == whole(world)


def test_ways_that_disagree_are_caught(
    world: World, persons: list[Person], lanes: dict[str, Lane]
) -> None:
    """A policy that hides a row gives a cheap statement, and no figure."""
    question, taking = named("own plans"), [lanes["hand"], lanes["id"]]
    person = next(each for each in persons if each.who == "small")
    hide = """create policy hide on learnplan.learning_plans as restrictive
        for select to authenticated using (id <> %s)"""
    with psycopg.connect(world.dsn, autocommit=True) as owner:
        owner.execute(
            psycopg.sql.SQL(hide.replace("%s", "{}")).format(person.values["plan"])
        )
        try:
            with pytest.raises(BenchError, match="hand got 4 rows, id 3"):
                rounds.agreed(question, person, taking)
        finally:
            owner.execute("drop policy hide on learnplan.learning_plans")
    assert 4 == rounds.agreed(question, person, taking)


def test_a_write_that_does_less_is_caught(
    world: World, persons: list[Person], lanes: dict[str, Lane]
) -> None:
    """A write that leaves something else than the one by hand gives no figure."""
    question = named("rename a task")
    person = next(each for each in persons if each.who == "small")
    with psycopg.connect(world.dsn, autocommit=True) as owner:
        owner.execute("revoke update (title) on learnplan.tasks from authenticated")
        owner.execute(
            "create policy late on learnplan.tasks as restrictive for update to authenticated using (false)"
        )
        owner.execute("grant update (title) on learnplan.tasks to authenticated")
        try:
            with pytest.raises(BenchError, match="not in both"):
                rounds.agreed(question, person, [lanes["hand"], lanes["id"]])
        finally:
            owner.execute("drop policy late on learnplan.tasks")


@pytest.mark.parametrize("lane", ["hand", "id", "sub", "naive"])
def test_both_ways_to_count_agree_on_a_read(
    lane: str, persons: list[Person], lanes: dict[str, Lane]
) -> None:
    """What EXPLAIN says of a read is what the database's statistics say."""
    question = named("page of an own plan")
    person = next(each for each in persons if each.who == "small")
    taking = lanes[lane]
    statement = taking._statement(question, person, generic=True)
    empty = psycopg.sql.SQL("select 1")
    for each in (statement, empty):  # a session's first time reads the catalog
        taking._counted(question, person, each)
    said = taking.pages(question, person, generic=True)
    assert 0 < said
    counted = taking._counted(question, person, statement)
    assert said == counted - taking._counted(question, person, empty)


def test_a_write_is_counted_with_its_foreign_keys(
    persons: list[Person], lanes: dict[str, Lane]
) -> None:
    """Deleting a plan touches more than the plan's own row: all that goes with it."""
    question = named("delete a plan with all under it")
    person = next(each for each in persons if each.who == "small")
    lane = lanes["hand"]
    root = lane.explained(question, person, generic=True).pages
    assert 10 * root < lane.pages(question, person, generic=True)


def test_who_asks_is_counted(persons: list[Person], lanes: dict[str, Lane]) -> None:
    """By hand nobody is asked; naive policies ask once a row, ours once a policy."""
    question = named("tasks of a module")
    person = next(each for each in persons if each.who == "small")
    calls = {
        name: lanes[name].calls(question, person) for name in ("hand", "id", "naive")
    }
    assert 0 == calls["hand"]
    assert 1 <= calls["id"] <= 2
    assert 3 <= calls["naive"]
    assert 0 < lanes["id"].identity(question, person) < 0.01

"""Topic search: literal, newest first, bounded, and by the same rule for rare words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_accessors import broken, every_shape
from fix_attacks import told

if TYPE_CHECKING:
    from fix_personas import World


def test_search_is_newest_first_and_bounded(world: World) -> None:
    """20 rows unless said; null is no word and no number (design, policies)."""
    ann = world.user("ann")
    plans = [world.plan(ann, "public") for _ in range(25)]
    for age, key in enumerate(plans):
        world.connection.execute(
            "update learnplan.learning_plans set created_at = now() - %s * interval"
            " '1 day' where id = %s",
            [age, key],
        )
    search = "select id from learnplan.search_public_plans({})"
    with world.as_user("ann"):
        for arguments, number in (
            ("'sQl'", 20),
            ("''", 20),
            ("null", 20),
            ("'SQL', null", 20),
            ("'SQL', 1", 1),
            ("'SQL', 24", 24),
            ("'SQL', 1000", 25),
            ("repeat('x', 200), 1000", 0),
        ):
            found = told(world, search.format(arguments))
            assert plans[:number] == [row[0] for row in found.rows], arguments


def test_search_finds_what_none_of_the_newest_has(world: World) -> None:
    """A rare word, of two letters too, through another way and by the same rule."""
    ann, frequent = world.user("ann"), "Chess"
    for topic, visibility, number, age in (
        (frequent, "public", 300, 0),
        ("Zymurgy", "public", 3, 1000),
        ("Zymurgy", "private", 1, 2000),
    ):
        world.connection.execute(
            "insert into learnplan.learning_plans (user_id, topic, skill_level,"
            " weekly_hours, learning_style, visibility) select %s, %s, 'beginner', 5,"
            " 'mixed', %s from generate_series(1, %s)",
            [ann, topic, visibility, number],
        )
        world.connection.execute(
            "update learnplan.learning_plans set created_at = now() - interval '1 day'"
            " * (%s + ascii(left(id::text, 1))) where topic = %s and visibility = %s",
            [age, topic, visibility],
        )
    world.user("ben")
    asked = (
        "select created_at, visibility from learnplan.search_public_plans(%s, %s::int)"
    )
    with world.as_user("ben"):
        for word, most, number in (
            ("zymURGY", None, 3),
            ("zy", None, 3),
            ("zymurgy", 2, 2),
            ("zzz", None, 0),
            ("chess", 1000, 300),
        ):
            rows = told(world, asked, word, most).rows
            assert (number, {"public"} if number else set()) == (
                len(rows),
                {row[1] for row in rows},
            )
            assert sorted(rows, reverse=True) == list(rows)
    broken(
        world,
        "learnplan.search_public_plans(text,integer)",
        "p.visibility = 'public' and p.topic ilike $1",
        "p.topic ilike $1",
    )
    with world.as_user("ben"):
        assert told(world, asked, "zymurgy", None).count == 4


@pytest.mark.parametrize("together", [100, 500])
def test_search_loses_and_doubles_nothing_where_it_gives_up(
    world: World, together: int
) -> None:
    """Plans of one instant lie on both sides of that place; each is found once."""
    ann = world.user("ann")
    # So many plans are of one instant; the search gives up at the 402nd.
    world.connection.execute(
        "insert into learnplan.learning_plans (user_id, topic, skill_level, weekly_hours,"
        " learning_style, visibility) select %s, case when n in (3, 450, 700, 1100) then 'Zymurgy'"
        " else 'Chess' end, 'beginner', 5, 'mixed', 'public'"
        " from generate_series(1, 1200) as n",
        [ann],
    )
    world.connection.execute(
        "update learnplan.learning_plans as p set created_at = now() - s.place / %s"
        " * interval '1 hour' from (select id, row_number() over (order by ctid) as place"
        " from learnplan.learning_plans) as s where s.id = p.id",
        [together],
    )
    asked = "select id from learnplan.search_public_plans('zymurgy', %s)"
    tables = "select id from learnplan.learning_plans where topic = 'Zymurgy'"
    with world.as_user("ann"):
        every = sorted(told(world, tables).rows)
        for most in (1, 2, 3, 4, 1000):
            found = told(world, asked, most).rows
            assert min(most, 4) == len(set(found)) == len(found)
            assert set(found) <= set(every)
        assert every == sorted(found)


@pytest.mark.parametrize(
    ("arguments", "state", "message"),
    [
        ("'x', 0", "LPMAX", "max_rows is 0, and not from 1 to 1000"),
        ("'x', -1", "LPMAX", "max_rows is -1, and not from 1 to 1000"),
        ("'x', 1001", "LPMAX", "max_rows is 1001, and not from 1 to 1000"),
        ("repeat('x', 201)", "LPQRY", "the query has more than 200 characters"),
        ("repeat('x', 10000)", "LPQRY", "the query has more than 200 characters"),
    ],
)
def test_search_refuses_what_it_cannot_mean(
    world: World, arguments: str, state: str, message: str
) -> None:
    """An error that says what is wrong and what to do, and repeats no query."""
    world.user("ann")
    with world.as_user("ann"):
        said = told(world, f"select from learnplan.search_public_plans({arguments})")
    assert (state, message) == (said.state, said.message)
    assert said.hint


def test_search_is_literal_whatever_the_session_reads_strings_as(world: World) -> None:
    """With standard_conforming_strings off, the same plans are found."""
    every_shape(world)
    with world.as_user("cem"):
        world.connection.execute("set local standard_conforming_strings = off")
        world.connection.execute("set local backslash_quote = on")
        for word, number in (("100%", 1), ("l_x", 1), ("_", 1), ("\\", 1), ("ql", 2)):
            asked = f"select id from learnplan.search_public_plans($w${word}$w$)"
            assert number == told(world, asked).count, word

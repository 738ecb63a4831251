"""The accessors of hot paths show what the tables' own policies show, to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fix_accessors import (
    CLAIMS,
    PAIRS,
    USERS,
    Rows,
    broken,
    differences,
    every_shape,
    pairs,
    plan,
)
from fix_attacks import REFUSED, told

if TYPE_CHECKING:
    from fix_personas import World

# Rows that the tables show of all shapes to all who ask: pages, progress, own, searches.
SHOWN = 32 + 13 + 7 + 33
# A fault: the function, words of its body, others in their place, who notices by what.
FAULTS = {
    "owner not asked": (
        "learnplan.plan_tree(uuid)",
        "(p.user_id = v_me or",
        "(true or",
        ("cem", "plan_tree"),
    ),
    "visibility not asked": (
        "learnplan.plan_tree(uuid)",
        "p.visibility = 'public' and ",
        "",
        ("ben", "plan_tree"),
    ),
    "nobody let through": (
        "learnplan.plan_tree(uuid)",
        " and v_me is not null",
        "",
        ("nobody", "plan_tree"),
    ),
    "modules without tasks lost": (
        "learnplan.plan_tree(uuid)",
        "left join learnplan.tasks",
        "inner join learnplan.tasks",
        ("ann", "plan_tree"),
    ),
    "order lost": (
        "learnplan.plan_tree(uuid)",
        'm."order", t."order", l."order", l.id',
        'm."order" desc, t."order", l."order", l.id',
        ("ann", "plan_tree"),
    ),
    "progress: owner not asked": (
        "learnplan.plan_progress_of(uuid)",
        "(p.user_id = v_me or",
        "(true or",
        ("cem", "plan_progress_of"),
    ),
    "progress: nobody let through": (
        "learnplan.plan_progress_of(uuid)",
        " and v_me is not null",
        "",
        ("unknown", "plan_progress_of"),
    ),
    "progress: begun is completed": (
        "learnplan.plan_progress_of(uuid)",
        "c.status = 'completed' as",
        "true as",
        ("ann", "plan_progress_of"),
    ),
    "progress: an empty module is completed": (
        "learnplan.plan_progress_of(uuid)",
        "count(t.id) > 0 and ",
        "",
        ("ann", "plan_progress_of"),
    ),
    "progress: of readable plans": (
        "learnplan.my_progress()",
        "where p.user_id = v_me\n      offset 0",
        "where p.user_id = v_me or p.visibility = 'public'\n      offset 0",
        ("cem", "my_progress"),
    ),
    "progress: rounded": (
        "learnplan.my_progress()",
        "trunc(",
        "round(",
        ("ann", "my_progress"),
    ),
    "search of all": (
        "learnplan.search_public_plans(text,integer)",
        "p.visibility = 'public'",
        "true",
        ("cem", "search_public_plans"),
    ),
    "search for nobody": (
        "learnplan.search_public_plans(text,integer)",
        "is null then\n    return",
        "is null and false then\n    return",
        ("no subject", "search_public_plans"),
    ),
    "search by pattern": (
        "learnplan.search_public_plans(text,integer)",
        "[\\\\%_]",
        "[\\\\]",
        ("ann", "search_public_plans"),
    ),
    "search by backslash": (
        "learnplan.search_public_plans(text,integer)",
        "[\\\\%_]",
        "[%_]",
        ("ann", "search_public_plans"),
    ),
}


def test_accessors_show_what_the_tables_show(world: World) -> None:
    """For each identity and each plan of all shapes, no row more or less (design, policies)."""
    found, same = differences(world, every_shape(world))
    assert (set(), SHOWN) == (found, same)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_rule_of_an_accessor_is_missed(world: World, fault: str) -> None:
    """The comparison with the tables notices a rule that is gone (design, policies)."""
    function, old, new, by = FAULTS[fault]
    rows = every_shape(world)
    assert set() == differences(world, rows, by)[0]
    broken(world, function, old, new)
    assert {by} == differences(world, rows, by)[0]


def test_progress_of_others_is_hidden_twice(world: World) -> None:
    """The body asks whose progress it is, and so does the reader's own policy (threat 49)."""
    rows = every_shape(world)
    function = "learnplan.plan_progress_of(uuid)"
    broken(world, function, " and c.user_id = v_me", "")
    assert set() == differences(world, rows)[0]
    world.connection.execute(
        "alter policy task_progress_select_reader on learnplan.task_progress"
        " using (true)"
    )
    assert ("ann", "plan_progress_of") in differences(world, rows)[0]


@pytest.mark.parametrize("accessor", PAIRS)
def test_accessors_are_for_who_signed_in(world: World, accessor: str) -> None:
    """anon has no EXECUTE; the service reads the tables, at no cost (design, policies)."""
    rows = every_shape(world)
    asked = [one for one in pairs(rows) if one[0] == accessor]
    for _, ask, tables, about in asked:
        with world.as_anonymous():
            assert told(world, ask, *about).state == REFUSED
        with world.as_service():
            assert told(world, ask, *about).state == REFUSED
            assert told(world, tables, *about).state == "00000"
    with world.as_user("ann"):
        shown = [told(world, ask, *about).count for _, ask, _, about in asked]
    assert any(shown)


@pytest.mark.parametrize("claims", ["{", "[]", '{"user_id": "7"}'])
def test_malformed_claims_are_an_error_of_accessors_too(
    world: World, claims: str
) -> None:
    """LPCLM, as the tables say it, whatever is asked about (threat 22)."""
    rows = every_shape(world)
    with world.as_claims(claims):
        for _, ask, _, about in pairs(rows):
            assert told(world, ask, *about).state == "LPCLM"


def test_cached_accessor_follows_identity(world: World) -> None:
    """Prepared once, executed by everybody in turn on one session (threat 31)."""
    rows = every_shape(world)
    key = next(iter(rows.plans.values()))
    world.connection.execute("set local plan_cache_mode = force_generic_plan")
    world.connection.execute(
        "prepare page (uuid) as select count(*) from learnplan.plan_tree($1)"
    )
    for _ in range(7):
        for who, count in (("ann", 5), ("ben", 0), ("nobody", 0), ("ann", 5)):
            with world.as_claims(CLAIMS[who]):
                assert count == world.one(f"execute page('{key}')")
        with world.as_service():
            assert told(world, f"execute page('{key}')").state == REFUSED
    world.connection.execute("deallocate page")


def test_cursor_on_an_accessor_answers_to_who_reads(world: World) -> None:
    """Opened as its owner and read as another, it shows what the other may see (threat 25)."""
    rows = every_shape(world)
    key = next(iter(rows.plans.values()))
    opened = f"declare page cursor for select task_id from learnplan.plan_tree('{key}')"
    for reader, count in (("ann", 5), ("cem", 0)):
        with world.connection.transaction(force_rollback=True):
            with world.as_user("ann"):
                world.connection.execute(opened.encode())
            with world.as_user(reader):
                assert count == told(world, "fetch all from page").count


def test_accessor_refuses_without_row_security(world: World) -> None:
    """Switched off by the caller, it is an error, and no row (threat 2)."""
    rows = every_shape(world)
    with world.as_user("ann"):
        world.connection.execute("set local row_security = off")
        for _, ask, _, about in pairs(rows):
            assert told(world, ask, *about).state == REFUSED


def test_explain_tells_nothing_of_a_hidden_page(world: World) -> None:
    """Hidden and absent look alike, as no plan of the inside is shown (threat 60)."""
    rows = every_shape(world)
    explain = "explain (analyze, timing off, summary off, buffers off) {}"
    told_of = {}
    with world.as_user("cem"):
        for name, key in (
            ("hidden", next(iter(rows.plans.values()))),
            ("absent", rows.users["ann"]),
        ):
            for accessor in ("plan_tree", "plan_progress_of"):
                statement = explain.format(f"select from learnplan.{accessor}('{key}')")
                told_of[name, accessor] = told(world, statement).rows
    for accessor in ("plan_tree", "plan_progress_of"):
        assert told_of["absent", accessor] == told_of["hidden", accessor]


MODULES = st.lists(st.lists(st.integers(0, 2), max_size=3), max_size=3)
PLANS = st.tuples(
    st.sampled_from(USERS), st.sampled_from(["private", "public"]), MODULES
)
DONE = st.tuples(
    st.sampled_from(USERS),
    st.integers(0, 50),
    st.sampled_from(["not_started", "in_progress", "completed"]),
)


def compare(world: World, made: list[Any], done: list[Any]) -> None:
    """Hold the accessors to the tables in a world that is then taken back."""
    with world.connection.transaction(force_rollback=True):
        rows = Rows({name: world.user(name) for name in USERS})
        for one in made:
            plan(world, rows, *one)
        pairs_done = {(who, n % len(rows.tasks)): s for who, n, s in done if rows.tasks}
        for (who, number), status in pairs_done.items():
            world.progress(rows.users[who], rows.tasks[number], status)
        assert differences(world, rows)[0] == set()


def property_of(examples: int) -> Any:
    """Return a test of that many worlds, each of which can be made again."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(PLANS, max_size=4), st.lists(DONE, max_size=8))
    def run(world: World, made: list[Any], done: list[Any]) -> None:
        compare(world, made, done)

    return run


def test_accessors_show_what_the_tables_show_in_any_world(world: World) -> None:
    """Small worlds at random, the same at each run (design, policies)."""
    property_of(8)(world)


@pytest.mark.long
def test_accessors_show_what_the_tables_show_in_many_worlds(world: World) -> None:
    """The same in hundreds of worlds (design, policies)."""
    property_of(300)(world)

"""Attacks on what is kept: cached plans, views, snapshots, plans that turn private."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from fix_attacks import DONE, REFUSED, everything, opened, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fix_attacks import Live
    from fix_personas import World

PLANS = "select id from learnplan.learning_plans order by id"
SQL_FUNCTION = (
    "create function pg_temp.mine() returns setof uuid language sql stable as $$ {} $$"
)
PLPGSQL_FUNCTION = (
    "create function pg_temp.mine() returns setof uuid language plpgsql as"
    " $$ begin return query {}; end $$"
)
WAYS = {
    "prepared": (f"prepare mine as {PLANS}", "execute mine"),
    "sql": (SQL_FUNCTION.format(PLANS), "select * from pg_temp.mine()"),
    "plpgsql": (PLPGSQL_FUNCTION.format(PLANS), "select * from pg_temp.mine()"),
    "view": (
        f"create view pg_temp.mine with (security_invoker = true) as {PLANS}",
        "select * from pg_temp.mine",
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan", "auto"])
def test_cached_plan_follows_role_and_identity(
    world: World, way: str, mode: str
) -> None:
    """A, B, the service, nobody, anonymous and back, on one session (threat 31)."""
    ann, ben = (everything(world, name)["learning_plans"] for name in ("ann", "ben"))
    make, ask = WAYS[way]
    world.connection.execute(f"set local plan_cache_mode = {mode}".encode())
    with world.connection.transaction(force_rollback=True):
        world.connection.execute(make.encode())
        world.connection.execute("grant usage on schema learnplan to anon")
        if way == "view":
            world.connection.execute("grant select on pg_temp.mine to public")
        for _ in range(2):
            for persona, rows in (
                (world.as_user("ann"), [ann]),
                (world.as_user("ben"), [ben]),
                (world.as_service(), sorted([ann, ben])),
                (world.as_claims(""), []),
                (world.as_user("ann"), [ann]),
            ):
                with persona:
                    said = told(world, ask)
                    assert [row[0] for row in said.rows] == rows, said
            with world.as_anonymous():
                assert told(world, ask).state == REFUSED
        if way == "prepared":
            world.connection.execute("deallocate mine")


def test_cached_plan_follows_what_its_reader_may(world: World) -> None:
    """A policy that is narrowed counts at once in what was prepared (threat 31)."""
    everything(world, "ann")
    world.connection.execute(f"prepare mine as {PLANS}")
    with world.as_user("ann"):
        assert told(world, "execute mine").count == 1
    policy = (
        "alter policy learning_plans_select_authenticated on learnplan.learning_plans"
    )
    with opened(world, f"{policy} using (false)"), world.as_user("ann"):
        assert told(world, "execute mine").count == 0
    with world.as_user("ann"):
        assert told(world, "execute mine").count == 1
    world.connection.execute("deallocate mine")


def test_view_without_the_callers_rights_is_its_owners(world: World) -> None:
    """Why views are security_invoker: a superuser's view shows all (threat 8)."""
    everything(world, "ann")
    everything(world, "ben")
    own = "create view learnplan.peephole as select id from learnplan.learning_plans"
    grant = "grant select on learnplan.peephole to authenticated"
    safe = "alter view learnplan.peephole set (security_invoker = true)"
    for more, count in (("select 1", 2), (safe, 1)):
        harm = f"{own};{grant};{more}"
        with opened(world, harm), world.as_user("ben"):
            assert told(world, "select from learnplan.peephole").count == count


def test_forced_owner_of_a_view_shows_nothing(world: World) -> None:
    """With FORCE, a view of the tables' owner fails closed; without, it leaks (threat 8)."""
    everything(world, "ann")
    world.connection.execute("create role learnplan_plain_owner")
    made = (
        "grant usage, create on schema learnplan to learnplan_plain_owner;"
        "alter table learnplan.learning_plans owner to learnplan_plain_owner;"
        "create view learnplan.peephole as select id from learnplan.learning_plans;"
        "alter view learnplan.peephole owner to learnplan_plain_owner;"
        "grant select on learnplan.peephole to authenticated"
    )
    unforced = "alter table learnplan.learning_plans no force row level security"
    for harm, count in (("select 1", 0), (unforced, 1)):
        with opened(world, f"{made};{harm}"), world.as_user("ann"):
            assert told(world, "select from learnplan.peephole").count == count


def test_no_view_is_a_barrier(world: World) -> None:
    """Joined barrier views read everything; ours only say security_invoker (threat 9)."""
    found = world.connection.execute(
        "select relname::text, reloptions from pg_class where relkind = 'v'"
        " and relnamespace = 'learnplan'::regnamespace order by 1"
    ).fetchall()
    assert found == [
        ("module_progress", ["security_invoker=true"]),
        ("plan_progress", ["security_invoker=true"]),
    ]


@contextmanager
def session(live: Live, name: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a session of the application in which somebody is signed in."""
    with psycopg.connect(live.app) as connection:
        connection.execute(
            "select set_config('request.jwt.claims', %s, true)",
            [f'{{"sub": "{name}"}}'],
        )
        yield connection
        connection.rollback()


def tables_of_a_plan(connection: psycopg.Connection[Any]) -> list[int]:
    """Count what a reader sees of the plan and of all that is under it."""
    names = ("learning_plans", "modules", "tasks", "task_resources")
    query = ", ".join(f"(select count(*) from learnplan.{name})" for name in names)
    row = connection.execute(f"select {query}".encode()).fetchone()
    return list(row or ())


HIDE = "update learnplan.learning_plans set visibility = 'private'"


def test_plan_turned_private_is_gone_in_an_open_transaction(live: Live) -> None:
    """The next statement of a reader sees none of it, also prepared (threat 31)."""
    everything(live.rows, "ann", "public")
    live.rows.user("ben")
    with session(live, "ben") as reader, session(live, "ann") as owner:
        reader.execute(f"prepare mine as {PLANS}")
        assert tables_of_a_plan(reader) == [1] * 4
        assert len(reader.execute("execute mine").fetchall()) == 1
        owner.execute(HIDE)
        assert tables_of_a_plan(reader) == [1] * 4
        owner.commit()
        assert tables_of_a_plan(reader) == [0] * 4
        assert reader.execute("execute mine").fetchall() == []


def test_snapshot_that_is_kept_shows_the_plan_as_it_was(live: Live) -> None:
    """Limit: REPEATABLE READ sees what it began with, until it ends (threat 31)."""
    tree = everything(live.rows, "ann", "public")
    ben = live.rows.user("ben")
    with psycopg.connect(live.app) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        claims = "select set_config('request.jwt.claims', %s, true)"
        reader.execute(claims, ['{"sub": "ben"}'])
        assert tables_of_a_plan(reader) == [1] * 4
        with session(live, "ann") as owner:
            owner.execute(HIDE)
            owner.commit()
        assert tables_of_a_plan(reader) == [1] * 4
        reader.rollback()
        reader.execute(claims, ['{"sub": "ben"}'])
        assert tables_of_a_plan(reader) == [0] * 4
        insert = (
            "insert into learnplan.task_progress (task_id, user_id) values (%s, %s)"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(insert, [tree["tasks"], ben])


def test_reader_who_waits_for_a_row_cannot_write_what_turned_private(
    live: Live,
) -> None:
    """A write that waited is checked against the row as it became (threat 43)."""
    everything(live.rows, "ann", "public")
    live.rows.user("ben")
    with session(live, "ben") as stranger, session(live, "ann") as owner:
        owner.execute(HIDE)
        stranger.execute("set local lock_timeout = '2s'")
        # A stranger never waits: the row is not one to be updated, whoever holds it.
        blind = stranger.execute("update learnplan.learning_plans set topic = 'x'")
        assert blind.rowcount == 0
        owner.commit()
    topic = live.admin.execute("select topic from learnplan.learning_plans").fetchone()
    assert topic == ("SQL",)


def test_module_that_moves_to_a_private_plan_is_gone(live: Live) -> None:
    """What a reader sees of a module is what its plan allows now (threat 42)."""
    tree = everything(live.rows, "ann", "public")
    private = live.rows.plan(tree["users"])
    live.rows.user("ben")
    with session(live, "ben") as reader, session(live, "ann") as owner:
        assert tables_of_a_plan(reader) == [1, 1, 1, 1]
        owner.execute("update learnplan.modules set plan_id = %s", [private])
        owner.commit()
        assert tables_of_a_plan(reader) == [1, 0, 0, 0]


def test_users_row_that_is_deleted_ends_its_identity(live: Live) -> None:
    """By subject, a deleted user is nobody in the next statement (threat 21)."""
    everything(live.rows, "ann", "public")
    live.rows.user("ben")
    with session(live, "ben") as reader:
        assert len(reader.execute(PLANS).fetchall()) == 1
        live.admin.execute("delete from learnplan.users where clerk_user_id = 'ben'")
        assert reader.execute(PLANS).fetchall() == []


def test_identity_of_a_claim_outlives_its_row(world: World) -> None:
    """Limit: the claim user_id is believed, also after its row is gone (threat 24)."""
    everything(world, "ann", "public")
    ben = world.user("ben")
    world.connection.execute("delete from learnplan.users where id = %s", [ben])
    with world.as_claims({"sub": "ben", "user_id": str(ben)}):
        assert told(world, PLANS).count == 1
        assert told(world, "select from learnplan.users").count == 0
    with world.as_user("ben"):
        assert (DONE, 0) == (told(world, PLANS).state, told(world, PLANS).count)

"""Sessions and connections of SQLAlchemy that act as somebody, and are nobody after."""

# A block that ends with an error has to be whole inside of pytest.raises.
# ruff: noqa: PT012, SIM117

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import select, text
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InvalidRequestError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from bench.relay import LOOPBACK, Relay
from fix_alchemy import Plan, async_engine
from learnplan_db.errors import IdentityError
from learnplan_db.ext.sqlalchemy import acting_as

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from sqlalchemy import Engine

    People = dict[str, tuple[uuid.UUID, uuid.UUID]]
    Make = Callable[..., Engine]

WHO = r"""select current_setting('role') || ' ' || coalesce(
  nullif(current_setting('request.jwt.claims', true), '')\:\:jsonb ->> 'sub', '')"""
BAD = "insert into learnplan.users (clerk_user_id, email) values ('x', 'x@x.org')"
NOBODY = "none "
DRIVERS = pytest.mark.parametrize(
    "driver", ["psycopg", pytest.param("psycopg2", marks=pytest.mark.gate)]
)
ASYNC_DRIVERS = pytest.mark.parametrize(
    "driver", ["psycopg", pytest.param("asyncpg", marks=pytest.mark.gate)]
)


def who(target: Any) -> str:
    """Return the role and the subject of a session or connection."""
    return str(target.execute(text(WHO)).scalar_one())


def opened(engine: Engine, kind: str) -> Any:
    """Return a session or a connection."""
    return Session(engine) if kind == "session" else engine.connect()


KINDS = pytest.mark.parametrize("kind", ["session", "connection"])


def topics(target: Any) -> list[str]:
    """Return the plans that somebody sees."""
    rows = target.execute(text("select topic from learnplan.learning_plans order by 1"))
    return list(rows.scalars())


@DRIVERS
@KINDS
def test_block_is_a_transaction_of_one_caller(
    app_dsn: str, people: People, make_engine: Make, driver: str, kind: str
) -> None:
    """Each sees its own rows over the same connection of a pool, and nobody after."""
    engine = make_engine(app_dsn, driver)
    for name in ("ann", "ben", "ann"):
        with opened(engine, kind) as target:
            with acting_as(target, sub=name) as same:
                assert same is target
                assert f"authenticated {name}" == who(target)
                assert [name] == topics(target)
            assert not target.in_transaction()
            assert NOBODY == who(target)
        with engine.connect() as connection:
            assert (NOBODY, []) == (who(connection), topics(connection))


def test_block_is_used_once(app_dsn: str, people: People, make_engine: Make) -> None:
    """As with psycopg."""
    with make_engine(app_dsn).connect() as connection:
        block = acting_as(connection, sub="ann")
        with block:
            with pytest.raises(IdentityError, match="used already"), block:
                pytest.fail("the block must not begin")
            assert "authenticated ann" == who(connection)


@KINDS
def test_claims_are_as_with_psycopg(
    app_dsn: str, people: People, make_engine: Make, kind: str
) -> None:
    """user_id and email are said too; anon takes no identity."""
    claims = "select current_setting('request.jwt.claims', true)"
    with opened(make_engine(app_dsn), kind) as target:
        with acting_as(target, user_id=people["ann"][0], email="ann@x.org"):
            said = target.execute(text(claims)).scalar_one()
            assert ["ann"] == topics(target)
        assert f'"user_id": "{people["ann"][0]}"' in said
        assert '"email_verified": true' in said
        with acting_as(target, role="anon"):
            assert "anon " == who(target)
        with pytest.raises(IdentityError, match="needs an identity"):
            acting_as(target)


@DRIVERS
@KINDS
def test_error_takes_all_back(
    app_dsn: str, people: People, make_engine: Make, driver: str, kind: str
) -> None:
    """Of the block, of the server and of an identity: the next one is nobody."""
    engine = make_engine(app_dsn, driver)
    with opened(engine, kind) as target:
        with pytest.raises(KeyError), acting_as(target, sub="ann"):
            target.execute(text("update learnplan.learning_plans set topic = 'x'"))
            raise KeyError
        assert NOBODY == who(target)
        target.rollback()
        with pytest.raises(DBAPIError), acting_as(target, sub="ann"):
            target.execute(text("select 1 / 0"))
        assert NOBODY == who(target)
        target.rollback()
        with acting_as(target, sub="ann"):
            assert ["ann"] == topics(target)


@DRIVERS
@KINDS
def test_block_in_a_transaction_is_a_savepoint(
    app_dsn: str, people: People, make_engine: Make, driver: str, kind: str
) -> None:
    """After it the transaction is whose it was, and what it did may be taken back."""
    engine = make_engine(app_dsn, driver)
    with opened(engine, kind) as target:
        with acting_as(target, sub="ann"):
            with acting_as(target, sub="ben"):
                assert ("authenticated ben", ["ben"]) == (who(target), topics(target))
            assert ("authenticated ann", ["ann"]) == (who(target), topics(target))
            with pytest.raises(KeyError), acting_as(target, sub="ben"):
                raise KeyError
            assert ("authenticated ann", ["ann"]) == (who(target), topics(target))
        target.execute(text("select"))
        with acting_as(target, sub="ben"):
            assert ["ben"] == topics(target)
        assert target.in_transaction()
        assert NOBODY == who(target)


@KINDS
def test_savepoints_in_the_block_keep_who_it_is(
    app_dsn: str, people: People, make_engine: Make, kind: str
) -> None:
    """Released or rolled back, the caller stays the same."""
    with opened(make_engine(app_dsn), kind) as target, acting_as(target, sub="ann"):
        with target.begin_nested():
            assert ["ann"] == topics(target)
        with pytest.raises(DBAPIError), target.begin_nested():
            target.execute(text(BAD))
        with target.begin_nested() as savepoint:
            savepoint.rollback()
        assert ("authenticated ann", ["ann"]) == (who(target), topics(target))


@DRIVERS
@KINDS
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_nothing_runs_in_the_block_after_its_end(
    app_dsn: str,
    people: People,
    make_engine: Make,
    *,
    driver: str,
    kind: str,
    end: str,
) -> None:
    """A commit in the block is kept; a statement after it runs as nobody, so not at all."""
    engine = make_engine(app_dsn, driver)
    change = text("update learnplan.learning_plans set topic = 'new'")
    with opened(engine, kind) as target:
        with pytest.raises(InvalidRequestError), acting_as(target, sub="ann"):
            target.execute(change)
            getattr(target, end)()
            target.execute(change)
        assert NOBODY == who(target)
        target.rollback()
        with acting_as(target, sub="ann"):
            assert ["new" if end == "commit" else "ann"] == topics(target)
            target.commit()
        with pytest.raises(InvalidRequestError), acting_as(target, sub="ann"):
            with acting_as(target, sub="ben"):
                getattr(target, end)()
            topics(target)
        assert NOBODY == who(target)


@DRIVERS
@KINDS
def test_transaction_that_is_lost_is_told(
    app_dsn: str, people: People, make_engine: Make, driver: str, kind: str
) -> None:
    """An error that was swallowed would make a commit a rollback without a word."""
    with opened(make_engine(app_dsn, driver), kind) as target:
        for outer in (False, True):
            if outer:
                target.execute(text("select"))
            with (
                pytest.raises(IdentityError, match="transaction is lost"),
                acting_as(target, sub="ann"),
            ):
                with suppress(DBAPIError):
                    target.execute(text("select 1 / 0"))
            assert NOBODY == who(target)
            target.rollback()


@KINDS
@pytest.mark.parametrize("where", ["engine", "connection"])
def test_autocommit_is_refused(
    app_dsn: str, people: People, make_engine: Make, kind: str, where: str
) -> None:
    """There the identity would be gone with the statement that took it."""
    level = {"isolation_level": "AUTOCOMMIT"}
    engine = make_engine(app_dsn, **(level if where == "engine" else {}))
    if where == "connection":
        engine = engine.execution_options(**level)
    with opened(engine, kind) as target:
        with (
            pytest.raises(IdentityError, match="AUTOCOMMIT"),
            acting_as(target, sub="ann"),
        ):
            pytest.fail("the block must not begin")
        assert NOBODY == who(target)


@DRIVERS
def test_login_without_the_role_is_told_the_grant(
    service_dsn: str, people: People, make_engine: Make, driver: str
) -> None:
    """Also when the driver's error has another shape."""
    with Session(make_engine(service_dsn, driver)) as session:
        match = 'login "learnplan_login_service" cannot take the role "authenticated"'
        with pytest.raises(IdentityError, match=match), acting_as(session, sub="ann"):
            pytest.fail("the block must not begin")
        assert NOBODY == who(session)


def test_superuser_is_refused(admin_dsn: str, make_engine: Make) -> None:
    """Row security would be bypassed, once the role is left."""
    with Session(make_engine(admin_dsn)) as session:
        with (
            pytest.raises(IdentityError, match="is a superuser"),
            acting_as(session, sub="ann"),
        ):
            pytest.fail("the block must not begin")


@pytest.mark.gate
def test_block_costs_one_round_trip(
    app_dsn: str, people: People, make_engine: Make
) -> None:
    """One more than the same without a caller, and one more again in a savepoint."""
    known = conninfo_to_dict(app_dsn)
    with Relay(int(known["port"] or 0), 0, str(known["host"])) as relay:
        dsn = make_conninfo(app_dsn, host=LOOPBACK, port=relay.port)
        engine = make_engine(dsn, connect_args={"prepare_threshold": None})

        def trips(block: Any) -> int:
            before = relay.round_trips
            with block, suppress(InvalidRequestError):
                session.execute(text("select"))
            return relay.round_trips - before

        with Session(engine) as session:
            for _ in range(2):  # at first the login is looked at too
                trips(acting_as(session, sub="ann"))
            plain = trips(session.begin())
            assert plain + 1 == trips(acting_as(session, sub="ann"))
            with session.begin():
                session.execute(text("select"))
                plain = trips(session.begin_nested())
                assert plain + 2 == trips(acting_as(session, sub="ann"))


def test_objects_of_one_caller_are_not_anothers(
    app_dsn: str, people: People, make_engine: Make
) -> None:
    """What a session holds of ann, ben cannot get without asking the database."""
    engine = make_engine(app_dsn)
    with Session(engine, expire_on_commit=False) as session:
        with acting_as(session, sub="ann"):
            plan = session.get(Plan, people["ann"][1])
            assert plan is not None
        assert "ann" == plan.topic  # loaded, and the caller's to use on
        with acting_as(session, sub="ann"):
            assert session.get(Plan, people["ann"][1]) is plan
            with acting_as(session, sub="ben"):
                own = session.get(Plan, people["ben"][1])
                assert own is not None
                assert None is session.get(Plan, people["ann"][1])
            assert None is session.get(Plan, people["ben"][1])
            assert ["ann"] == [one.topic for one in session.scalars(select(Plan))]
        with acting_as(session, sub="ben"):
            assert None is session.get(Plan, people["ann"][1])


def test_objects_loaded_between_blocks_are_no_callers(
    app_dsn: str, people: People, make_engine: Make
) -> None:
    """What else a session loads, by a role taken by hand, nobody has in a block."""
    by_hand = r"""select set_config('role', 'authenticated', true),
      set_config('request.jwt.claims', '{"sub"\: "ben"}', true)"""
    with Session(make_engine(app_dsn), expire_on_commit=False) as session:
        with acting_as(session, sub="ann"):
            assert session.get(Plan, people["ann"][1])
        session.execute(text(by_hand))
        plan = session.get(Plan, people["ben"][1])
        assert plan is not None
        session.commit()
        with acting_as(session, sub="ann"):
            assert None is session.get(Plan, people["ben"][1])
        with acting_as(session, sub="ben"):
            assert "ben" == session.get_one(Plan, people["ben"][1]).topic


def test_what_a_caller_has_changed_is_written_as_that_caller(
    app_dsn: str, people: People, make_engine: Make
) -> None:
    """Before a savepoint and at its end; outside of all blocks it is nobody's, so not."""
    engine = make_engine(app_dsn)
    with Session(engine, expire_on_commit=False) as session:
        with acting_as(session, sub="ann"):
            plan = session.get_one(Plan, people["ann"][1])
            plan.topic = "before"
            with acting_as(session, sub="ben"):
                session.add(Plan(user_id=people["ben"][0], topic="added"))
            session.add(Plan(user_id=people["ann"][0], topic="second"))
        plan.topic = "between"
        with pytest.raises(SQLAlchemyError), acting_as(session, sub="ann"):
            pytest.fail("the block must not begin")
        session.rollback()
        with acting_as(session, sub="ann"):
            assert ["before", "second"] == topics(session)
        with acting_as(session, sub="ben"):
            assert ["added", "ben"] == topics(session)
        with pytest.raises(ProgrammingError), acting_as(session, sub="ben"):
            session.add(Plan(user_id=people["ann"][0], topic="forged"))


def test_session_in_a_transaction_of_its_connection_leaves_nothing(
    app_dsn: str, people: People, make_engine: Make
) -> None:
    """As tests of hosts do it, the session's commits being savepoints of theirs."""
    with make_engine(app_dsn).connect() as connection, connection.begin() as outer:
        for mode in ("create_savepoint", "rollback_only"):
            with Session(connection, join_transaction_mode=mode) as session:
                with acting_as(session, sub="ann"):
                    session.add(Plan(user_id=people["ann"][0], topic="more"))
                assert NOBODY == who(session)
            if mode == "create_savepoint":
                assert NOBODY == who(connection)
        outer.rollback()


@DRIVERS
@pytest.mark.parametrize("end", ["commit", "close"])
def test_savepoint_that_is_released_in_the_block_leaves_nothing(
    app_dsn: str, people: People, make_engine: Make, driver: str, end: str
) -> None:
    """The transaction goes on as ben, whoever ends what the block began, and how."""
    engine = make_engine(app_dsn, driver)
    with engine.connect() as connection, acting_as(connection, sub="ben"):
        joined = [
            Session(connection, join_transaction_mode=mode)
            for mode in ("create_savepoint", "rollback_only")
        ]
        begun = Session(connection)
        begun.execute(text("select"))
        for target in (*joined, begun, connection):
            with suppress(KeyError), acting_as(target, sub="ann"):
                assert "authenticated ann" == who(target)
                own = target if target in joined else target.get_nested_transaction()
                getattr(own, end)()
                with pytest.raises(InvalidRequestError):
                    target.execute(text("select"))
                raise KeyError
            assert ("authenticated ben", ["ben"]) == (
                who(connection),
                topics(connection),
            )


def test_unique_violation_in_a_flush_leaves_nothing(
    app_dsn: str, people: People, make_engine: Make
) -> None:
    """The block ends with the server's error, and the session can be used on."""
    with Session(make_engine(app_dsn)) as session:
        with pytest.raises(IntegrityError), acting_as(session, sub="ann"):
            session.add(Plan(id=people["ann"][1], user_id=people["ann"][0], topic="x"))
        assert NOBODY == who(session)
        session.rollback()
        with acting_as(session, sub="ann"):
            assert ["ann"] == topics(session)


def test_role_is_asked_for_again_when_something_has_changed(
    app_dsn: str, admin_dsn: str, people: People, make_engine: Make
) -> None:
    """A table that no longer has row security is noticed in the very next block."""
    with (
        Session(make_engine(app_dsn)) as session,
        Session(make_engine(admin_dsn)) as admin,
    ):
        for _ in range(2):
            with acting_as(session, sub="ann"):
                assert ["ann"] == topics(session)
        admin.execute(text("alter role learnplan_login_app bypassrls"))
        admin.commit()
        try:
            with Session(make_engine(app_dsn)) as other:
                with (
                    pytest.raises(IdentityError, match="BYPASSRLS"),
                    acting_as(other, sub="ann"),
                ):
                    pytest.fail("the block must not begin")
        finally:
            admin.execute(text("alter role learnplan_login_app nobypassrls"))
            admin.commit()


async def test_scoped_sessions_are_those_of_their_scope(
    app_dsn: str, people: People, make_engine: Make
) -> None:
    """What frameworks hand out; statements go to the same session as the block."""
    scoped = scoped_session(sessionmaker(make_engine(app_dsn)))
    with acting_as(scoped, sub="ann") as same:
        assert same is scoped
        assert ["ann"] == topics(scoped)
    assert NOBODY == who(scoped)
    scoped.remove()
    async with async_engine(app_dsn) as engine:
        several = async_scoped_session(async_sessionmaker(engine), asyncio.current_task)
        async with acting_as(several, sub="ben"):
            assert ["ben"] == await several().run_sync(topics)
        assert NOBODY == await awho(several())
        await several.remove()


async def awho(target: Any) -> str:
    """Return what who returns."""
    return str(await target.run_sync(who))


@ASYNC_DRIVERS
@KINDS
async def test_async_block_is_a_transaction_of_one_caller(
    app_dsn: str, people: People, driver: str, kind: str
) -> None:
    """Blocks, savepoints, errors and what comes after them, as without asyncio."""
    async with async_engine(app_dsn, driver) as engine:
        for name in ("ann", "ben", "ann"):
            target: Any = (
                AsyncSession(engine) if kind == "session" else engine.connect()
            )
            async with target as target:
                async with acting_as(target, sub=name) as same:
                    assert same is target
                    assert [name] == await target.run_sync(topics)
                    async with acting_as(target, sub="cy"):
                        assert "authenticated cy" == await awho(target)
                        assert [] == await target.run_sync(topics)
                    assert f"authenticated {name}" == await awho(target)
                assert NOBODY == await awho(target)
                await target.rollback()
                with pytest.raises(DBAPIError):
                    async with acting_as(target, sub=name):
                        await target.execute(text("select 1 / 0"))
                assert NOBODY == await awho(target)


@ASYNC_DRIVERS
@KINDS
async def test_async_block_ends_with_its_transaction(
    app_dsn: str, people: People, driver: str, kind: str
) -> None:
    """A commit in the block, an error that was swallowed, and AUTOCOMMIT."""
    async with async_engine(app_dsn, driver) as engine:
        target: Any = AsyncSession(engine) if kind == "session" else engine.connect()
        async with target as target:
            with pytest.raises(InvalidRequestError):
                async with acting_as(target, sub="ann"):
                    await target.commit()
                    await target.run_sync(topics)
            with pytest.raises(IdentityError, match="transaction is lost"):
                async with acting_as(target, sub="ann"):
                    with suppress(DBAPIError):
                        await target.execute(text("select 1 / 0"))
            assert NOBODY == await awho(target)
    async with async_engine(app_dsn, driver, isolation_level="AUTOCOMMIT") as engine:
        async with AsyncSession(engine) as session:
            with pytest.raises(IdentityError, match="AUTOCOMMIT"):
                async with acting_as(session, sub="ann"):
                    pytest.fail("the block must not begin")


@ASYNC_DRIVERS
async def test_async_savepoint_that_is_released_leaves_nothing(
    app_dsn: str, people: People, driver: str
) -> None:
    """A session of a connection commits in the block; the connection stays ben's."""
    async with (
        async_engine(app_dsn, driver) as engine,
        engine.connect() as connection,
        acting_as(connection, sub="ben"),
    ):
        mode = "create_savepoint"
        session = AsyncSession(connection, join_transaction_mode=mode)
        async with acting_as(session, sub="ann"):
            assert "authenticated ann" == await awho(session)
            await session.commit()
        assert "authenticated ben" == await awho(connection)


@ASYNC_DRIVERS
async def test_async_login_without_the_role_is_told_the_grant(
    service_dsn: str, people: People, driver: str
) -> None:
    """Also when the driver's error has another shape."""
    async with (
        async_engine(service_dsn, driver) as engine,
        AsyncSession(engine) as session,
    ):
        with pytest.raises(IdentityError, match="cannot take the role"):
            async with acting_as(session, sub="ann"):
                pytest.fail("the block must not begin")


async def test_with_and_async_with_are_told_apart(
    app_dsn: str, people: People, make_engine: Make
) -> None:
    """What is none of the four kinds is told so too."""
    async with async_engine(app_dsn) as engine, AsyncSession(engine) as session:
        with (
            pytest.raises(TypeError, match="not AsyncSession"),
            acting_as(session, sub="ann"),
        ):
            pytest.fail("the block must not begin")
    with Session(make_engine(app_dsn)) as plain:
        with pytest.raises(TypeError, match="not Session"):
            async with acting_as(plain, sub="ann"):
                pytest.fail("the block must not begin")
    given: Any = make_engine(app_dsn)
    with pytest.raises(TypeError, match="not Engine"), acting_as(given, sub="ann"):
        pytest.fail("the block must not begin")

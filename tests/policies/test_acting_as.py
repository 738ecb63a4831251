"""Become someone inside a transaction, and always come back (design, section 5)."""

# An async block cannot share a with statement with pytest.raises.
# ruff: noqa: PT012

from __future__ import annotations

import asyncio
import importlib
import json
import time
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row, tuple_row

from learnplan_db.errors import IdentityError
from learnplan_db.security import becoming
from learnplan_db.security.personas import acting_as

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

Connection = psycopg.Connection[Any]
AsyncConnection = psycopg.AsyncConnection[Any]

STATE = """
select current_user::text, current_setting('role'),
    coalesce(current_setting('request.jwt.claims', true), '')
"""
CLAIM = "select current_setting('request.jwt.claims')::jsonb ->> 'sub'"
HOSTILE = [
    "o'brien",
    "'; reset role; --",
    'quo"te',
    "back\\slash\\",
    "\\u0041",
    "%s %(sub)s",
    "$$ $1",
    "tab\tline\nend",
    "Zoë \u202e 漢字 🎓",
    "x" * 1_000_000,
]
HOSTILE_IDS = [ascii(text)[1:20] for text in HOSTILE]


def state(conn: Connection) -> tuple[str, str, str]:
    """Return the current user, the role setting and the claims."""
    cursor = conn.cursor(row_factory=tuple_row).execute(STATE)
    user, role, claims = map(str, cursor.fetchone() or ())
    return user, role, claims


async def astate(conn: AsyncConnection) -> tuple[str, str, str]:
    """Return what state returns."""
    cursor = await conn.execute(STATE)
    user, role, claims = map(str, await cursor.fetchone() or ())
    return user, role, claims


def subject(conn: Connection) -> str:
    """Return the claim sub."""
    row = conn.execute(CLAIM).fetchone()
    assert row is not None
    return str(row[0])


def is_gone(conn: Connection) -> bool:
    """Tell whether no role and no claims are set."""
    _, role, claims = state(conn)
    return (role, claims) == ("none", "")


@pytest.fixture(params=["autocommit", "transactional"])
def conn(app_dsn: str, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """Connect as the login that serves users."""
    autocommit = request.param == "autocommit"
    with psycopg.connect(app_dsn, autocommit=autocommit) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
async def aconn(app_dsn: str) -> AsyncIterator[AsyncConnection]:
    """Connect as the login that serves users, asynchronously."""
    connection = await psycopg.AsyncConnection.connect(app_dsn, autocommit=True)
    async with connection:
        yield connection


@pytest.fixture
def admin(admin_dsn: str) -> Iterator[Connection]:
    """Connect as superuser."""
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def make_role(admin: Connection) -> Iterator[Callable[..., str]]:
    """Return a maker of roles that are dropped again."""
    made: list[sql.Identifier] = []

    def make(options: str, *member_of: str) -> str:
        name = f"acting_as_{uuid.uuid4().hex}"
        identifier = sql.Identifier(name)
        admin.execute(sql.SQL("create role {} " + options).format(identifier))
        made.append(identifier)
        for group in member_of:
            statement = sql.SQL("grant {} to {}")
            admin.execute(statement.format(sql.Identifier(group), identifier))
        return name

    yield make
    for identifier in reversed(made):
        admin.execute(sql.SQL("drop owned by {}").format(identifier))
        admin.execute(sql.SQL("drop role {}").format(identifier))


def as_login(dsn: str, login: str) -> Connection:
    """Connect to the same database as another login."""
    return psycopg.connect(psycopg.conninfo.make_conninfo(dsn, user=login))


def test_acting_as_sets_role_and_every_claim(conn: Connection) -> None:
    """Inside the block the role and the claims are those of the request."""
    user_id = uuid.uuid4()
    with acting_as(conn, sub="ann", user_id=user_id, email="a@x.org") as same:
        assert same is conn
        user, role, claims = state(conn)
    assert (user, role) == ("authenticated", "authenticated")
    assert json.loads(claims) == {
        "sub": "ann",
        "user_id": str(user_id),
        "email": "a@x.org",
        "email_verified": True,
        "role": "authenticated",
    }


def test_acting_as_sets_no_claim_that_was_not_given(conn: Connection) -> None:
    """An address that nobody verified is not in the claims, nor is it verified."""
    with acting_as(conn, sub="ann"):
        assert json.loads(state(conn)[2]) == {"sub": "ann", "role": "authenticated"}


def test_identity_is_gone_after_the_block(conn: Connection) -> None:
    """The block ends its transaction, and with it role and claims."""
    with acting_as(conn, sub="ann"):
        pass
    assert conn.info.transaction_status is TransactionStatus.IDLE
    assert is_gone(conn)


def test_identity_is_gone_after_an_error(conn: Connection) -> None:
    """The caller sees its own error, and nothing stays set."""
    with pytest.raises(errors.DivisionByZero), acting_as(conn, sub="ann"):
        conn.execute("select 1 / 0")
    assert conn.info.transaction_status is TransactionStatus.IDLE
    assert is_gone(conn)


def test_block_is_used_once(conn: Connection) -> None:
    """Entered in itself it would take the first one back, without a word."""
    block = acting_as(conn, sub="ann")
    with block:
        with pytest.raises(IdentityError, match="used already"), block:
            pytest.fail("the block must not begin")
        assert "ann" == subject(conn)


def test_block_commits_outside_a_transaction(service_dsn: str) -> None:
    """What was written in the outermost block is there for others."""
    key = f"acting-as-{uuid.uuid4()}"
    insert = "insert into learnplan.users (clerk_user_id, email) values (%s, %s)"
    count = "select count(*) from learnplan.users where clerk_user_id = %s"
    with psycopg.connect(service_dsn) as conn:
        with acting_as(conn, role="service_role"):
            conn.execute(insert, [key, f"{key}@example.org"])
        with (
            psycopg.connect(service_dsn) as other,
            acting_as(other, role="service_role"),
        ):
            assert other.execute(count, [key]).fetchone() == (1,)
            other.execute("delete from learnplan.users where clerk_user_id = %s", [key])


def test_stranger_sees_only_own_user(conn: Connection, admin: Connection) -> None:
    """The claims reach the policies: a caller sees its own row, and no other."""
    names = [f"acting-as-{uuid.uuid4()}" for _ in range(2)]
    insert = "insert into learnplan.users (clerk_user_id, email) values (%s, %s)"
    for name in names:
        admin.execute(insert, [name, f"{name}@example.org"])
    try:
        with acting_as(conn, sub=names[0]):
            rows = conn.execute("select clerk_user_id from learnplan.users").fetchall()
        assert rows == [(names[0],)]
    finally:
        statement = "delete from learnplan.users where clerk_user_id = any(%s)"
        admin.execute(statement, [names])


def test_savepoint_gives_back_what_was_set_before(conn: Connection) -> None:
    """Inside a transaction the block is a savepoint that leaves nothing behind."""
    with conn.transaction():
        with acting_as(conn, sub="ann"):
            assert subject(conn) == "ann"
        assert conn.info.transaction_status is TransactionStatus.INTRANS
        assert is_gone(conn)


def test_savepoint_gives_back_what_was_set_before_after_an_error(
    conn: Connection,
) -> None:
    """Rolling back to the savepoint undoes role and claims, and no more."""
    with conn.transaction():
        conn.execute("select set_config('request.jwt.claims', '{}', true)")
        with pytest.raises(errors.DivisionByZero), acting_as(conn, sub="ann"):
            conn.execute("select 1 / 0")
        assert conn.info.transaction_status is TransactionStatus.INTRANS
        assert state(conn)[1:] == ("none", "{}")


def test_nested_blocks_come_back_one_by_one(conn: Connection) -> None:
    """Each block gives back the identity of the one around it."""
    with acting_as(conn, sub="ann"):
        with acting_as(conn, role="anon"):
            assert state(conn) == ("anon", "anon", "")
            with acting_as(conn, sub="bob"):
                assert subject(conn) == "bob"
            assert state(conn) == ("anon", "anon", "")
        assert subject(conn) == "ann"
        assert state(conn)[0] == "authenticated"
    assert is_gone(conn)


def test_nested_block_that_is_refused_leaves_the_outer_identity(
    conn: Connection,
) -> None:
    """A refusal inside a block undoes only its own savepoint."""
    with acting_as(conn, sub="ann"):
        with pytest.raises(IdentityError), acting_as(conn, role="no such role"):
            pass
        assert subject(conn) == "ann"


def test_rollback_leaves_the_block_quietly(conn: Connection) -> None:
    """psycopg.Rollback ends the block as it ends a transaction."""

    def leave() -> None:
        raise psycopg.Rollback

    with acting_as(conn, sub="ann"):
        leave()
    assert is_gone(conn)


@pytest.mark.parametrize("nested", [False, True], ids=["outermost", "savepoint"])
def test_swallowed_error_is_not_a_commit(conn: Connection, *, nested: bool) -> None:
    """A block whose transaction has failed never ends as if it had committed."""

    def swallow() -> None:
        with (
            pytest.raises(IdentityError, match="INERROR"),
            acting_as(conn, sub="ann"),
            pytest.raises(errors.DivisionByZero),
        ):
            conn.execute("select 1 / 0")

    if nested:
        with conn.transaction():
            swallow()
            assert conn.info.transaction_status is TransactionStatus.INTRANS
            assert is_gone(conn)
    else:
        swallow()
    assert is_gone(conn)


def test_commit_inside_the_block_is_found(conn: Connection) -> None:
    """A caller that ends the transaction itself is told so."""
    with (
        pytest.raises(IdentityError, match="IDLE"),
        acting_as(conn, sub="ann"),
    ):
        conn.execute("commit")
    assert is_gone(conn)


def test_superuser_cannot_act(admin: Connection) -> None:
    """A superuser is never asked by row security."""
    with (
        pytest.raises(IdentityError, match="is a superuser"),
        acting_as(admin, sub="ann"),
    ):
        pass
    assert admin.info.transaction_status is TransactionStatus.IDLE
    assert is_gone(admin)


def test_login_with_bypassrls_cannot_act(
    app_dsn: str, make_role: Callable[..., str]
) -> None:
    """A login with BYPASSRLS can go back to a role that row security ignores."""
    login = make_role("login bypassrls", "authenticated")
    with (
        as_login(app_dsn, login) as conn,
        pytest.raises(IdentityError, match="has BYPASSRLS"),
        acting_as(conn, sub="ann"),
    ):
        pass


@pytest.mark.parametrize(
    ("options", "identity", "refused"),
    [
        ("superuser", {}, True),
        ("superuser", {"sub": "ann"}, True),
        ("bypassrls", {"sub": "ann"}, True),
        ("bypassrls", {}, False),
        ("nologin", {"sub": "ann"}, False),
    ],
)
def test_role_that_bypasses_is_refused(
    app_dsn: str,
    make_role: Callable[..., str],
    *,
    options: str,
    identity: dict[str, Any],
    refused: bool,
) -> None:
    """No superuser; BYPASSRLS only for the system, which has no identity."""
    role = make_role(options)
    login = make_role("login", role)
    with as_login(app_dsn, login) as conn:
        if refused:
            with (
                pytest.raises(IdentityError, match="would be bypassed"),
                acting_as(conn, role=role, **identity),
            ):
                pass
            assert is_gone(conn)
        else:
            with acting_as(conn, role=role, **identity):
                assert state(conn)[:2] == (role, role)


@pytest.mark.parametrize("forced", [False, True])
def test_owner_of_an_unforced_table_cannot_act(
    app_dsn: str, admin: Connection, make_role: Callable[..., str], *, forced: bool
) -> None:
    """Who can become the owner of a table that does not force it goes around it."""
    owner = make_role("nologin")
    login = make_role("login", "authenticated", owner)
    table = sql.Identifier("learnplan", owner)
    admin.execute(sql.SQL("create table {} ()").format(table))
    admin.execute(
        sql.SQL("alter table {} owner to {}").format(table, sql.Identifier(owner))
    )
    admin.execute(sql.SQL("alter table {} enable row level security").format(table))
    if forced:
        admin.execute(sql.SQL("alter table {} force row level security").format(table))
    with as_login(app_dsn, login) as conn:
        if forced:
            with acting_as(conn, sub="ann"):
                assert subject(conn) == "ann"
        else:
            with (
                pytest.raises(IdentityError, match="does not force"),
                acting_as(conn, sub="ann"),
            ):
                pass
            assert is_gone(conn)


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("alter role {role} bypassrls", "would be bypassed"),
        ("alter role {role} superuser", "would be bypassed"),
        ("alter role {login} superuser", "is a superuser"),
        ("revoke {role} from {login}", "cannot take"),
        ("alter role {role} rename to {other}", "cannot take"),
    ],
)
def test_who_was_judged_is_refused_as_soon_as_it_matters(
    app_dsn: str,
    admin: Connection,
    make_role: Callable[..., str],
    statement: str,
    match: str,
) -> None:
    """What changes for the role, or the login's rights, counts in the next block."""
    role = make_role("nologin")
    login = make_role("login", role)
    names = {
        "role": sql.Identifier(role),
        "login": sql.Identifier(login),
        "other": sql.Identifier(f"{role}_other"),
    }
    with as_login(app_dsn, login) as conn:
        for name in ("ann", "bob"):
            with acting_as(conn, sub=name, role=role):
                assert (role, name) == (state(conn)[0], subject(conn))
        conn.rollback()
        admin.execute(sql.SQL(statement).format(**names))
        try:
            with (
                pytest.raises(IdentityError, match=match),
                acting_as(conn, sub="ann", role=role),
            ):
                pass
            assert is_gone(conn)
        finally:
            back = "alter role {other} rename to {role}"
            if "rename" in statement:
                admin.execute(sql.SQL(back).format(**names))


def test_login_is_judged_again_after_a_while(
    app_dsn: str,
    admin: Connection,
    make_role: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Limit: what matters to who leaves the role is asked once a minute (threat 71)."""
    login = make_role("login", "authenticated")
    with as_login(app_dsn, login) as conn:
        with acting_as(conn, sub="ann"):
            pass
        identifier = sql.Identifier(login)
        admin.execute(sql.SQL("alter role {} bypassrls").format(identifier))
        with acting_as(conn, sub="ann"):
            assert "authenticated" == state(conn)[0]
        conn.rollback()
        later = time.monotonic() + becoming.JUDGED_SECONDS
        monkeypatch.setattr(time, "monotonic", lambda: later)
        with (
            pytest.raises(IdentityError, match="would be bypassed"),
            acting_as(conn, sub="ann"),
        ):
            pass
        assert is_gone(conn)


def test_login_without_membership_is_told_the_grant(
    app_dsn: str, make_role: Callable[..., str]
) -> None:
    """A login that is no member is told the GRANT to run."""
    login = make_role("login")
    with (
        as_login(app_dsn, login) as conn,
        pytest.raises(IdentityError) as caught,
        acting_as(conn, sub="ann"),
    ):
        pass
    assert caught.value.fix is not None
    assert f"grant authenticated to {login}" in caught.value.fix
    assert isinstance(caught.value.__cause__, errors.InsufficientPrivilege)


@pytest.mark.parametrize(
    "role",
    ["no_such_role", "none", "NONE", "Authenticated", "it's; reset role", "x" * 99],
)
def test_missing_role_is_named(conn: Connection, role: str) -> None:
    """A role that is not there is named, and nothing stays set."""
    with pytest.raises(IdentityError) as caught, acting_as(conn, sub="ann", role=role):
        pass
    assert f'"{role}"' in caught.value.message
    assert is_gone(conn)


def test_service_role_is_out_of_reach_of_the_app(conn: Connection) -> None:
    """The login that serves users cannot become the system."""
    with pytest.raises(IdentityError), acting_as(conn, role="service_role"):
        pass
    assert is_gone(conn)


def test_service_acts_without_identity(service_dsn: str) -> None:
    """The system needs no identity."""
    with psycopg.connect(service_dsn) as conn, acting_as(conn, role="service_role"):
        assert state(conn) == ("service_role", "service_role", "")


def test_anonymous_has_no_claims_left_over(conn: Connection) -> None:
    """Acting as nobody empties the claims that were there."""
    with conn.transaction():
        claims = '{"sub": "ann"}'
        conn.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        with acting_as(conn, role="anon"):
            assert state(conn) == ("anon", "anon", "")
        assert state(conn)[1:] == ("none", claims)


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"role": "authenticated"},
        {"email": "a@x.org"},
        {"email": "a@x.org", "role": "service_role"},
        {"sub": ""},
        {"sub": "ann", "email": ""},
        {"sub": "ann", "role": ""},
        {"user_id": ""},
        {"sub": "ann", "role": "anon"},
        {"user_id": uuid.UUID(int=9), "role": "anon"},
        {"email": "a@x.org", "role": "anon"},
        {"sub": "nul\0"},
        {"sub": "half \ud83c"},
        {"sub": "ann", "role": "nul\0"},
    ],
    ids=ascii,
)
def test_identity_that_is_none_is_refused(
    conn: Connection, wanted: dict[str, Any]
) -> None:
    """Identity is missing, unwanted or not storable: the server is not even asked."""
    with pytest.raises(IdentityError):
        acting_as(conn, **wanted)
    assert conn.info.transaction_status is TransactionStatus.IDLE


@pytest.mark.parametrize("text", HOSTILE, ids=HOSTILE_IDS)
def test_hostile_subject_arrives_as_it_is(conn: Connection, text: str) -> None:
    """A subject is a value: no character of it is read as SQL or as JSON."""
    with acting_as(conn, sub=text, email=text):
        assert subject(conn) == text
        assert state(conn)[0] == "authenticated"
    assert is_gone(conn)


@pytest.mark.parametrize("threshold", [None, 0])
def test_block_works_whatever_is_prepared(app_dsn: str, threshold: int | None) -> None:
    """Identities change under statements that are prepared, or never are."""
    with psycopg.connect(app_dsn, prepare_threshold=threshold) as conn:
        for name in ("ann", "bob", "ann"):
            with acting_as(conn, sub=name):
                assert subject(conn) == name
            assert is_gone(conn)
            conn.rollback()


@pytest.mark.parametrize("factory", [psycopg.ClientCursor, psycopg.RawCursor])
def test_block_works_with_any_cursor_and_row_factory(
    app_dsn: str, factory: type[psycopg.Cursor[Any]]
) -> None:
    """What the connection makes of rows and parameters is its own affair."""
    with psycopg.connect(app_dsn, row_factory=dict_row, cursor_factory=factory) as conn:
        with conn.transaction(), acting_as(conn, sub="o'brien"):
            assert json.loads(state(conn)[2])["sub"] == "o'brien"
        assert is_gone(conn)


def test_block_works_inside_a_pipeline(conn: Connection) -> None:
    """In pipeline mode each statement runs as whoever it was sent for."""
    with conn.pipeline():
        found = []
        for name in ("ann", "bob"):
            with acting_as(conn, sub=name):
                found.append(conn.execute(CLAIM))
                with acting_as(conn, role="anon"):
                    assert state(conn) == ("anon", "anon", "")
                found.append(conn.execute(CLAIM))
            assert is_gone(conn)
            conn.rollback()
    values = [cursor.fetchone() for cursor in found]
    assert values == [("ann",), ("ann",), ("bob",), ("bob",)]


def test_pipeline_works_inside_a_block(conn: Connection) -> None:
    """A pipeline inside the block has its identity, and ends before it."""
    with acting_as(conn, sub="ann"), conn.pipeline():
        cursor = conn.execute(CLAIM)
    assert cursor.fetchone() == ("ann",)
    assert is_gone(conn)


@pytest.mark.parametrize("swallowed", [False, True])
def test_error_in_a_pipeline_leaves_nothing_set(
    conn: Connection, *, swallowed: bool
) -> None:
    """An error that was queued is not lost, nor is one that was swallowed."""
    with conn.pipeline():
        with (
            pytest.raises((errors.DivisionByZero, IdentityError)) as caught,
            acting_as(conn, sub="ann"),
        ):
            cursor = conn.execute("select 1 / 0")
            if swallowed:
                with pytest.raises(errors.DivisionByZero):
                    cursor.fetchone()
        assert isinstance(caught.value, IdentityError) == swallowed
        assert is_gone(conn)


def test_killed_connection_shows_its_own_error(app_dsn: str, admin: Connection) -> None:
    """A connection that is lost inside shows the error of the server."""
    conn = psycopg.connect(app_dsn)
    with pytest.raises(errors.AdminShutdown), acting_as(conn, sub="ann"):
        admin.execute("select pg_terminate_backend(%s)", [conn.info.backend_pid])
        conn.execute("select pg_sleep(10)")
    assert conn.closed


def test_killed_connection_is_not_a_commit(app_dsn: str, admin: Connection) -> None:
    """A caller that swallows the loss is told that nothing was committed."""
    conn = psycopg.connect(app_dsn)
    with (
        pytest.raises(IdentityError, match="UNKNOWN"),
        acting_as(conn, sub="ann"),
        pytest.raises(psycopg.OperationalError),
    ):
        admin.execute("select pg_terminate_backend(%s)", [conn.info.backend_pid])
        conn.execute("select pg_sleep(10)")
    assert conn.closed


def test_with_on_an_async_connection_is_a_type_error(aconn: AsyncConnection) -> None:
    """The wrong kind of block says which is right."""
    with pytest.raises(TypeError, match="async with"), acting_as(aconn, sub="ann"):
        pass


async def test_async_with_on_a_connection_is_a_type_error(conn: Connection) -> None:
    """The wrong kind of block says which is right."""
    with pytest.raises(TypeError, match='write "with"'):
        async with acting_as(conn, sub="ann"):
            pass


async def test_async_block_comes_and_goes(aconn: AsyncConnection) -> None:
    """An async block, and one inside it, set and give back as the others do."""
    async with acting_as(aconn, sub="ann") as same:
        assert same is aconn
        async with acting_as(aconn, role="anon"):
            assert await astate(aconn) == ("anon", "anon", "")
        assert json.loads((await astate(aconn))[2])["sub"] == "ann"
    assert (await astate(aconn))[1:] == ("none", "")


async def test_async_identity_is_gone_after_an_error(aconn: AsyncConnection) -> None:
    """The caller sees its own error, and nothing stays set."""
    with pytest.raises(errors.DivisionByZero):
        async with acting_as(aconn, sub="ann"):
            await aconn.execute("select 1 / 0")
    assert (await astate(aconn))[1:] == ("none", "")


async def test_async_swallowed_error_is_not_a_commit(aconn: AsyncConnection) -> None:
    """A block whose transaction has failed never ends as if it had committed."""
    with pytest.raises(IdentityError, match="INERROR"):
        async with acting_as(aconn, sub="ann"):
            with pytest.raises(errors.DivisionByZero):
                await aconn.execute("select 1 / 0")
    assert (await astate(aconn))[1:] == ("none", "")


async def test_async_refusals(aconn: AsyncConnection, admin_dsn: str) -> None:
    """An async block refuses what the other refuses."""
    with pytest.raises(IdentityError, match="no_such_role"):
        async with acting_as(aconn, role="no_such_role"):
            pass
    assert (await astate(aconn))[1:] == ("none", "")
    async with await psycopg.AsyncConnection.connect(admin_dsn) as admin:
        with pytest.raises(IdentityError, match="is a superuser"):
            async with acting_as(admin, sub="ann"):
                pass


async def test_async_pipeline(aconn: AsyncConnection) -> None:
    """In pipeline mode each statement runs as whoever it was sent for."""
    async with aconn.pipeline():
        found = []
        for name in ("ann", "bob"):
            async with acting_as(aconn, sub=name):
                found.append(await aconn.execute(CLAIM))
    assert [await cursor.fetchone() for cursor in found] == [("ann",), ("bob",)]
    assert (await astate(aconn))[1:] == ("none", "")


@pytest.mark.parametrize("nested", [False, True], ids=["outermost", "savepoint"])
async def test_cancelled_task_leaves_nothing_set(
    aconn: AsyncConnection, *, nested: bool
) -> None:
    """A request that is cancelled takes its identity with it."""
    asleep = asyncio.Event()

    async def request() -> None:
        """Do what one request of the host does."""
        async with acting_as(aconn, sub="ann"):
            asleep.set()
            await aconn.execute("select pg_sleep(30)")

    async def cancel() -> None:
        """Do what one request of the host does."""
        task = asyncio.create_task(request())
        await asyncio.wait_for(asleep.wait(), timeout=10)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await astate(aconn))[1:] == ("none", "")

    if nested:
        async with aconn.transaction():
            await cancel()
    else:
        await cancel()
    assert aconn.info.transaction_status is TransactionStatus.IDLE


async def test_cancel_at_any_moment_leaves_nothing_set(
    aconn: AsyncConnection,
) -> None:
    """Wherever a cancellation strikes, the connection comes back without identity."""

    async def request() -> None:
        """Do what one request of the host does."""
        async with acting_as(aconn, sub="ann"), acting_as(aconn, sub="bob"):
            await aconn.execute("select 1")

    for moment in range(40):
        task = asyncio.create_task(request())
        for _ in range(moment):
            await asyncio.sleep(0)
        await asyncio.sleep(moment / 20_000)
        task.cancel()
        await asyncio.wait([task])
        assert (await astate(aconn))[1:] == ("none", "")


@asynccontextmanager
async def pool_of_two(dsn: str) -> AsyncIterator[Callable[[], Any]]:
    """Yield what lends one of two connections: psycopg_pool, if it is there."""
    try:
        pool = importlib.import_module("psycopg_pool")
    except ImportError:
        idle: asyncio.Queue[AsyncConnection] = asyncio.Queue()
        for _ in range(2):
            idle.put_nowait(await psycopg.AsyncConnection.connect(dsn))

        @asynccontextmanager
        async def lend() -> AsyncIterator[AsyncConnection]:
            """Do what one request of the host does."""
            connection = await idle.get()
            try:
                yield connection
                await connection.commit()
            finally:
                idle.put_nowait(connection)

        yield lend
        while not idle.empty():
            await idle.get_nowait().close()
    else:
        async with pool.AsyncConnectionPool(
            dsn, min_size=2, max_size=2, open=False
        ) as opened:
            yield opened.connection


async def test_tasks_on_pooled_connections_keep_apart(app_dsn: str) -> None:
    """Many requests on two connections: each is itself, and finds nobody before it."""
    async with pool_of_two(app_dsn) as lend:

        async def request(name: str) -> None:
            """Do what one request of the host does."""
            async with lend() as connection:
                assert (await astate(connection))[1:] == ("none", "")
                async with acting_as(connection, sub=name):
                    for _ in range(3):
                        claims = json.loads((await astate(connection))[2])
                        assert claims["sub"] == name
                        await asyncio.sleep(0.001)

        await asyncio.gather(*(request(f"user {n}") for n in range(30)))

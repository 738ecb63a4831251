"""Somebody's session after a call: as it was found, or the call was refused."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import ClientCursor, IsolationLevel, RawCursor
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row, scalar_row

import learnplan_db
from fix_race import wrapped, write
from learnplan_db import LearnplanError, deploy, require, revert, status
from learnplan_db.engine.watch import STOP, Stop
from learnplan_db.errors import ApiError, ScriptError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Connection = psycopg.Connection[Any]
LOOK = """
select session_user::text, current_user::text, current_setting('role'),
  current_setting('request.jwt.claims', true),
  (select json_object_agg(name, setting) from pg_settings
    where source = 'session'),
  array(select name from pg_prepared_statements order by 1),
  array(select pg_listening_channels()),
  (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())
"""


def tables(connection: Connection) -> list[str]:
    """Return the changes whose table is there."""
    query = (
        "select right(relname, 1) from pg_class where relname like 't\\__' order by 1"
    )
    return [name for (name,) in connection.execute(query)]


def look(connection: Connection) -> Any:
    """Return all that a session of the server keeps, and all that psycopg does."""
    status = connection.info.transaction_status
    with psycopg.Cursor(connection, row_factory=psycopg.rows.tuple_row) as cursor:
        row = cursor.execute(LOOK, prepare=False).fetchone()
    if status == TransactionStatus.IDLE:
        connection.commit()  # a rollback drops what psycopg has prepared
    ours = (
        *(connection.autocommit, connection.row_factory, connection.cursor_factory),
        *(connection.isolation_level, connection.read_only, connection.deferrable),
        *(connection.prepare_threshold, connection.pgconn.notify_handler),
    )
    return row, ours, status, connection.info.backend_pid


@pytest.fixture
def messy(database: str) -> Iterator[Connection]:
    """Provide a connection that was used and set up in every way that there is."""
    with psycopg.connect(database) as connection:
        connection.execute("set search_path = pg_catalog, public")
        connection.execute("set statement_timeout = '77s'")
        connection.execute("set application_name = 'mine'")
        connection.execute("set lock_timeout = 0")
        connection.execute("set default_transaction_isolation = 'repeatable read'")
        connection.execute("select set_config('request.jwt.claims', '{}', false)")
        connection.execute("prepare mine as select 1")
        connection.execute("select pg_advisory_lock(4711)")
        connection.execute("set role pg_monitor")
        connection.commit()
        connection.prepare_threshold = 1
        for _ in range(3):
            connection.execute("select 'prepared by psycopg'")
        connection.commit()
        connection.isolation_level = IsolationLevel.SERIALIZABLE
        connection.row_factory = scalar_row
        yield connection


@pytest.mark.parametrize("call", ["deploy", "verify", "revert", "status", "require"])
def test_session_is_left_as_it_was_found(
    messy: Connection, database: str, project: Path, call: str
) -> None:
    """Settings, role, prepared statements, locks, and what psycopg knows of them."""
    calls: dict[str, Callable[[Connection], Any]] = {
        "deploy": lambda c: deploy(c, project=project),
        "verify": lambda c: learnplan_db.verify(c, project=project),
        "revert": lambda c: revert(c, to=None, project=project),
        "status": lambda c: status(c, project=project),
        "require": lambda c: require("c", c, project=project),
    }
    if call != "deploy":
        deploy(database, project=project)
    with psycopg.connect(database) as admin:  # status reads as the role that is set
        admin.execute("grant usage on schema public to pg_monitor")
        if call != "deploy":
            admin.execute("grant usage on schema sqitch to pg_monitor")
            admin.execute("grant select on all tables in schema sqitch to pg_monitor")
    before = look(messy)
    assert ["_pg3_0", "mine"] == before[0][5]
    calls[call](messy)
    assert before == look(messy)
    assert (
        "prepared by psycopg"
        == messy.execute("select 'prepared by psycopg'").fetchone()
    )


def test_session_is_left_as_it_was_found_by_a_failure(
    messy: Connection, project: Path
) -> None:
    """Nothing that a script set before it failed stays, nor does what it prepared."""
    text = (
        "begin;\nset search_path = x;\nset role pg_read_all_data;\nselect 1/0;\ncommit;"
    )
    write(project, "deploy", "b", "prepare theirs as select 2;")
    write(project, "deploy", "c", text)
    before = look(messy)
    with pytest.raises(ScriptError, match="division by zero"):
        deploy(messy, project=project, mode="change")
    assert before == look(messy)


@pytest.mark.parametrize("cursor", [ClientCursor, RawCursor])
def test_any_row_and_cursor_factory_will_do(
    database: str, project: Path, cursor: Any
) -> None:
    """What the host chose is for its own queries."""
    with psycopg.connect(database, row_factory=dict_row) as connection:
        connection.cursor_factory = cursor
        assert 3 == len(deploy(connection, project=project).changes)
        assert "c" == require("c", connection, project=project).deployed
        assert learnplan_db.verify(connection, project=project).ok
        assert None is revert(connection, to=None, project=project).after
        assert connection.cursor_factory is cursor
        assert {"n": 1} == connection.execute("select 1 as n").fetchone()


def test_open_transaction_is_refused_and_goes_on(database: str, project: Path) -> None:
    """Nothing is committed that its owner has not committed; the positive: after it."""
    with psycopg.connect(database) as connection:
        connection.execute("create table mine ()")
        for call in (
            lambda: deploy(connection, project=project),
            lambda: revert(connection, to=None, project=project),
            lambda: learnplan_db.verify(connection, project=project),
        ):
            with pytest.raises(ApiError, match="INTRANS") as caught:
                call()
            assert "commit or roll back first" in str(caught.value.fix)
        assert TransactionStatus.INTRANS == connection.info.transaction_status
        connection.rollback()
        row = connection.execute(
            "select to_regclass('mine'), to_regnamespace('sqitch')"
        )
        assert (None, None) == row.fetchone()
        connection.rollback()
        assert "c" == deploy(connection, project=project).after


def test_failed_transaction_and_pipeline_are_refused(
    database: str, project: Path
) -> None:
    """Reading calls need answers too."""
    with psycopg.connect(database) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("select 1 / 0")
        with pytest.raises(ApiError, match="INERROR"):
            status(connection, project=project)
        connection.rollback()
        with connection.pipeline(), pytest.raises(ApiError, match="pipeline"):
            status(connection, project=project)
        assert status(connection, project=project).pending
    with pytest.raises(ApiError, match="is closed"):
        status(connection, project=project)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("create temporary table kept (i int)", "1 temporary objects"),
        ("create domain pg_temp.kept as int", "1 temporary objects"),
        ("declare kept cursor with hold for select 1", "1 open cursors"),
        ("listen kept", "1 channels"),
    ],
)
def test_what_scripts_would_drop_is_refused_before(
    database: str, project: Path, statement: str, named: str
) -> None:
    """It is still there, nothing was deployed; reading calls do not mind."""
    with psycopg.connect(database) as connection:
        connection.execute(statement.encode())
        connection.commit()
        with pytest.raises(ApiError, match=named):
            deploy(connection, project=project)
        assert NAMES == [
            one.name for one in status(connection, project=project).pending
        ]
        connection.execute("discard all") if connection.autocommit else None
        connection.autocommit = True
        connection.execute("discard all")
        assert "c" == deploy(connection, project=project).after


NAMES = ["a", "b", "c"]


@pytest.mark.parametrize(
    "script", ["discard all;", "select pg_advisory_lock(8);", "deallocate all;"]
)
def test_session_that_a_script_spoilt_is_closed(
    messy: Connection, project: Path, script: str
) -> None:
    """Nobody goes on without the statements and locks that they believe they have."""
    write(project, "deploy", "b", wrapped("select 1;") + "\n" + script)
    assert "a @v1" == deploy(messy, to="a", project=project).after
    assert not messy.closed
    assert "b" == deploy(messy, to="b", project=project).after
    assert messy.closed


def test_registry_is_the_logins_whatever_role_is_set(
    database: str, project: Path
) -> None:
    """As the scripts are, which begin as who logged in; then the role is back."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set role pg_monitor")
        assert "a @v1" == deploy(connection, to="a", project=project).after
        assert "c" == deploy(connection, project=project).after
        assert learnplan_db.verify(connection, project=project).ok
        assert None is revert(connection, to=None, project=project).after
        assert ("pg_monitor",) == connection.execute("select current_user").fetchone()


def test_text_that_would_be_bytes_is_refused(database: str, project: Path) -> None:
    """Of a database in SQL_ASCII, say; the positive: what the error tells to set."""
    with psycopg.connect(database, client_encoding="SQL_ASCII") as connection:
        for call in (status, deploy):
            with pytest.raises(ApiError, match="SQL_ASCII") as caught:
                call(connection, project=project)
        assert "UTF8" in str(caught.value.fix)
        connection.execute("set client_encoding to UTF8")
        connection.commit()
        assert "c" == deploy(connection, project=project).after


def test_dates_of_any_style_will_do_for_scripts(database: str, project: Path) -> None:
    """Only status reads them as they come, and says what psycopg cannot."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set datestyle = german")
        assert "c" == deploy(connection, project=project).after
        assert learnplan_db.verify(connection, project=project).ok
        with pytest.raises(ApiError, match="German") as caught:
            status(connection, project=project)
        assert "datestyle" in str(caught.value.fix)
        assert None is revert(connection, to=None, project=project).after
        row = connection.execute("show datestyle").fetchone()
        assert ("German, DMY",) == row


class StopAt(Stop):
    """A wish that comes true before the statement of a number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left = number

    def take(self) -> bool:
        """Tell whether it is now."""
        self.left -= 1
        if self.left == 0:
            self.ask()
        return super().take()


@pytest.mark.gate
def test_interrupted_before_any_statement_leaves_the_session_or_closes_it(
    database: str, project: Path
) -> None:
    """Nothing half: the tables are those of the registry, no lock and setting stays."""
    number, closed, told = 0, 0, set()
    while True:
        number += 1
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("set statement_timeout = '77s'")
            connection.execute("set role pg_monitor")
            before, stop = look(connection), StopAt(number)
            token = STOP.set(stop)
            try:
                deploy(connection, project=project)
            except KeyboardInterrupt:
                pass
            except ScriptError as error:
                told.add(error.message)
            finally:
                STOP.reset(token)
            closed += connection.closed
            assert connection.closed or before == look(connection), number
        with psycopg.connect(database, autocommit=True) as other:
            rows = [one.name for one in status(other, project=project).deployed]
            assert rows == tables(other), number
        if stop.left > 0:
            break
        if rows:
            revert(database, to=None, project=project)
    assert NAMES == rows
    assert ({"interrupted"}, True) == (told, 0 < closed < number)


def test_notices_and_notifications_still_find_their_handlers(
    database: str, project: Path
) -> None:
    """Those of the host hear what its session says, then and afterwards."""
    heard: list[str] = []
    write(project, "deploy", "a", wrapped("do $$begin raise notice 'in'; end$$;"))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.add_notice_handler(
            lambda said: heard.append(said.message_primary or "")
        )
        deploy(connection, to="a", project=project)
        connection.execute("do $$begin raise notice 'after'; end$$")
    assert ["in", "after"] == heard


def test_connection_that_is_lost_is_told_and_the_deploy_goes_on(
    database: str, admin: Connection, project: Path
) -> None:
    """In a session of its own; the connection that was handed in is closed."""
    text = "select pg_terminate_backend(pg_backend_pid());"
    write(project, "deploy", "b", wrapped(text))
    with psycopg.connect(database) as connection:
        with pytest.raises(LearnplanError, match="terminat"):
            deploy(connection, project=project, mode="change")
        assert connection.closed
    left = status(admin, project=project)
    assert ["a"] == [one.name for one in left.deployed]


def test_other_threads_wait_for_the_session(database: str, project: Path) -> None:
    """A connection that is shared is never used by two at once."""
    write(
        project, "deploy", "a", wrapped("select pg_sleep(0.3);\ncreate table t_a ();")
    )
    seen: list[Any] = []
    with psycopg.connect(database, autocommit=True) as connection:
        begun = threading.Event()

        def ask() -> None:
            begun.wait(10)
            seen.append(
                connection.execute("select to_regclass('t_c')::text").fetchone()
            )

        other = threading.Thread(target=ask)
        other.start()
        deploy(connection, project=project, progress=lambda _: begun.set())
        other.join(10)
    assert [("t_c",)] == seen

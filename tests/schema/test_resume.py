"""
A script without a transaction, ended in the middle: the next run goes on.

An INVALID index is dropped and built again; what was done is not done twice, if an
attempt of the very change is on record. Else PostgreSQL's own word stands.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from fix_lost import words
from fix_race import (
    SLEEPS,
    deployed,
    events,
    faults,
    start,
    wait_for,
    wrapped,
    write,
)
from learnplan_db import errors
from learnplan_db.engine import runner, session, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from learnplan_db.engine.progress import Progress

    Admin = psycopg.Connection[Any]

TABLE = "create table t_a (i int, s text);\ninsert into t_a select n, n from generate_series(1, 9) as n;"
BUILD = "create index concurrently a_i on t_a (i);"
INDEXES = (
    "select c.relname, i.indisvalid from pg_index as i inner join pg_class as c"
    " on c.oid = i.indexrelid where i.indrelid = 't_a'::regclass order by 1"
)


@pytest.fixture
def connection(database: str) -> Iterator[session.Connection]:
    """Provide a connection of the engine's."""
    with session.connect(database) as opened:
        yield opened


@pytest.fixture
def told() -> list[Progress]:
    """Provide a list for what is told."""
    return []


@pytest.fixture
def loaded(project: Path, connection: session.Connection) -> state.Project:
    """Provide the project with a table of rows deployed, as its first change."""
    write(project, "deploy", "a", wrapped(TABLE))
    found = state.load(project)
    runner.deploy(connection, found, to="a")
    return found


def indexes(admin: Admin) -> list[tuple[str, bool]]:
    """Return the table's indexes, and whether each is valid."""
    return [(row[0], row[1]) for row in admin.execute(INDEXES.encode())]


def spoil(admin: Admin, statement: str = BUILD) -> None:
    """Leave an INVALID index behind, as a build leaves it that is cancelled."""
    with psycopg.connect(admin.info.dsn) as holder:  # its snapshot is waited for
        holder.execute("select 1 from t_a")
        holder.execute("lock table t_a in share update exclusive mode nowait")
        holder.rollback()
        holder.execute("set transaction isolation level repeatable read")
        holder.execute("insert into t_a values (0)")
        admin.execute("set statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            admin.execute(statement.encode())
        admin.execute("reset statement_timeout")
        holder.rollback()


def killed(project: Path, database: str, admin: Admin, script: str) -> None:
    """Kill a deploy of change b when its script comes to sleep."""
    write(project, "deploy", "b", script)
    process = start("ours", project, "deploy", database, "--to", "b")
    try:
        wait_for(admin, SLEEPS)
    finally:
        process.kill()
        process.communicate()
    # The server looks once a second whether the client of a statement lives.
    wait_for(admin, f"select 1 where not exists ({SLEEPS})")


SLOW = """create or replace function slow(text) returns text immutable language plpgsql
  as $$ begin perform pg_sleep({}); return $1; end $$"""


def test_killed_build_is_resumed(
    project: Path,
    database: str,
    loaded: state.Project,
    admin: Admin,
    told: list[Progress],
) -> None:
    """The first index is kept, the second, INVALID, is built again; both are told."""
    admin.execute(SLOW.format(20).encode())
    second = BUILD.replace("a_i on t_a (i)", "a_s on t_a (slow(s))")
    killed(project, database, admin, f"{BUILD}\n{second}\ncreate table t_b (i int);")
    admin.execute(SLOW.format(0).encode())
    assert [("a_i", True), ("a_s", False)] == indexes(admin)
    assert (["deploy a", "fail b"], "a") == (events(admin), deployed(admin))
    with session.connect(database) as connection:
        runner.deploy(connection, loaded, tell=told.append)
    assert [("a_i", True), ("a_s", True)] == indexes(admin)
    assert ("abc", []) == (deployed(admin), faults(admin))
    assert ["deploy a", "fail b", "deploy b", "deploy c"] == events(admin)
    said = words(told)
    assert "index public.a_i is kept: an earlier attempt has built it" in said
    assert "index public.a_s was INVALID, left by what was ended: dropped" in said


@pytest.mark.parametrize("lenient", ["", "if not exists "])
def test_invalid_index_is_never_passed_by(
    project: Path,
    connection: session.Connection,
    loaded: state.Project,
    admin: Admin,
    told: list[Progress],
    *,
    lenient: str,
) -> None:
    """Whoever left it: IF NOT EXISTS, too, ends with a valid index."""
    spoil(admin)
    assert [("a_i", False)] == indexes(admin)
    build = BUILD.replace("concurrently ", f"Concurrently /* so */ {lenient}")
    write(project, "deploy", "b", f"{build}\ncreate table t_b (i int);")
    runner.deploy(connection, loaded, tell=told.append)
    assert [("a_i", True)] == indexes(admin)
    assert ("abc", []) == (deployed(admin), faults(admin))
    assert "dropped and built again" in words(told)


@pytest.mark.parametrize("attempted", [True, False])
@pytest.mark.parametrize(
    ("there", "build", "same"),
    [
        ("a_i on t_a (i)", "a_i on t_a (i)", True),
        ("a_i on t_a (i)", '"a_i" ON public."t_a" USING btree (i ASC)', True),
        ("a_i on t_a (lower(s))", "a_i on t_a (LOWER(t_a.s))", True),
        ("a_i on t_a (i) where i > 1", "a_i on t_a (i) where (i > 1)", True),
        ("a_i on t_a (i)", "a_i on t_a (s)", False),
        ("a_i on t_a (i)", "a_i on t_a (i) where i > 1", False),
        ("a_i on t_a (i)", "a_i on t_a (i) include (s)", False),
    ],
)
def test_valid_index_is_kept_if_it_is_ours(
    project: Path,
    connection: session.Connection,
    loaded: state.Project,
    admin: Admin,
    *,
    there: str,
    build: str,
    same: bool,
    attempted: bool,
) -> None:
    """Only after an attempt of this change, and only if it is the same index."""
    if attempted:
        write(project, "deploy", "b", "select 1 / 0;")
        with pytest.raises(errors.ScriptError, match="division"):
            runner.deploy(connection, loaded, mode="change")
    admin.execute(f"create index {there}".encode())
    text = f"create index concurrently {build};\ncreate table t_b (i int);"
    write(project, "deploy", "b", text)
    if same and attempted:
        runner.deploy(connection, loaded, mode="change")
        assert ("abc", []) == (deployed(admin), faults(admin))
    else:
        with pytest.raises(errors.ScriptError, match='"a_i" already exists'):
            runner.deploy(connection, loaded, mode="change")
        assert "a" == deployed(admin)
    assert [("a_i", True)] == indexes(admin)


def test_unique_index_is_not_a_plain_one(
    project: Path, connection: session.Connection, loaded: state.Project, admin: Admin
) -> None:
    """An index that holds no key is not taken for one that does."""
    write(project, "deploy", "b", "select 1 / 0;")
    with pytest.raises(errors.ScriptError):
        runner.deploy(connection, loaded, mode="change")
    admin.execute("create index a_i on t_a (i)")
    write(project, "deploy", "b", BUILD.replace("index", "unique index"))
    with pytest.raises(errors.ScriptError, match='"a_i" already exists'):
        runner.deploy(connection, loaded, mode="change")


@pytest.mark.parametrize("patience", [0.2, 20])
def test_index_that_somebody_builds_is_left_alone(
    project: Path,
    connection: session.Connection,
    loaded: state.Project,
    admin: Admin,
    *,
    patience: float,
) -> None:
    """It is INVALID until it is built: nobody drops it, and it is waited for."""
    build = BUILD.replace("a_i", "if not exists a_i")
    write(project, "deploy", "b", f"{build}\ncreate table t_b (i int);")
    with (
        psycopg.connect(admin.info.dsn) as holder,
        psycopg.connect(admin.info.dsn, autocommit=True) as builder,
    ):
        holder.execute("insert into t_a values (0)")
        other = threading.Thread(target=builder.execute, args=[BUILD.encode()])
        other.start()
        busy = "select 1 from pg_stat_progress_create_index where index_relid > 0"
        wait_for(admin, busy)
        later = threading.Timer(0.5, holder.rollback)
        if patience > 1:
            later.start()
            runner.deploy(connection, loaded, lock_timeout=patience)
            assert ("abc", []) == (deployed(admin), faults(admin))
        else:
            with pytest.raises(errors.ScriptError) as caught:
                runner.deploy(connection, loaded, mode="change", lock_timeout=patience)
            holder.rollback()
            pid = builder.info.backend_pid
            assert f"pid {pid} is building one" in caught.value.message
            assert "sql/deploy/b.sql:1" == caught.value.where
        other.join()
    assert [("a_i", True)] == indexes(admin)


@pytest.mark.parametrize("attempted", [True, False])
def test_drop_is_not_done_twice(
    project: Path,
    connection: session.Connection,
    loaded: state.Project,
    admin: Admin,
    told: list[Progress],
    *,
    attempted: bool,
) -> None:
    """In a revert: the first index is gone since an attempt that then failed."""
    text = "create table t_b (i int);\ncreate index a_i on t_a (i);"
    write(project, "deploy", "b", wrapped(text))
    runner.deploy(connection, loaded, to="b")
    drop = "drop index concurrently a_i;"
    if attempted:
        write(project, "revert", "b", f"{drop}\nselect 1 / 0;")
        with pytest.raises(errors.ScriptError, match="division") as caught:
            runner.revert(connection, loaded, to="a")
        assert "1 of its statements" in (caught.value.fix or "")
        assert "fail b" == events(admin)[-1]
    else:
        admin.execute("drop index a_i")
    write(project, "revert", "b", f"{drop}\ndrop table t_b;")
    if not attempted:
        with pytest.raises(errors.ScriptError, match='"a_i" does not exist'):
            runner.revert(connection, loaded, to="a", tell=told.append)
        return
    runner.revert(connection, loaded, to="a", tell=told.append)
    assert ("a", []) == (deployed(admin), faults(admin))
    assert "index a_i is gone: an earlier attempt has dropped it" in words(told)


@pytest.mark.parametrize("attempted", [True, False])
def test_value_is_not_added_twice(
    project: Path,
    connection: session.Connection,
    loaded: state.Project,
    admin: Admin,
    *,
    attempted: bool,
) -> None:
    """A value of an enum that is there after an attempt is the one to add."""
    admin.execute("create type mood as enum ('100%')")
    add = "alter type mood add value 'it''s 100%' after '100%';"
    if attempted:
        write(project, "deploy", "b", f"{add}\nselect 1 / 0;")
        with pytest.raises(errors.ScriptError, match="division"):
            runner.deploy(connection, loaded, mode="change")
    else:
        admin.execute(add.encode())
    write(project, "deploy", "b", f"{add}\ncreate table t_b (i int);")
    if not attempted:
        with pytest.raises(errors.ScriptError, match="already exists"):
            runner.deploy(connection, loaded, mode="change")
        return
    runner.deploy(connection, loaded)
    assert ("abc", []) == (deployed(admin), faults(admin))


@pytest.mark.parametrize(
    "what",
    [
        *("table concurrently t_a", "index concurrently a_i"),
        *("(concurrently, verbose) table public.t_a", "schema concurrently public"),
    ],
)
def test_leftover_of_a_reindex_is_dropped(
    project: Path,
    connection: session.Connection,
    loaded: state.Project,
    admin: Admin,
    *,
    what: str,
) -> None:
    """It would be written for ever; and the index itself is built anew."""
    told: list[Progress] = []
    admin.execute("create index a_i on t_a (i)")
    spoil(admin, "reindex table concurrently t_a")
    assert [("a_i", True), ("a_i_ccnew", False)] == indexes(admin)
    write(project, "deploy", "b", f"reindex {what};\ncreate table t_b (i int);")
    runner.deploy(connection, loaded, tell=told.append)
    assert [("a_i", True)] == indexes(admin)
    assert "index public.a_i_ccnew was INVALID" in words(told)


def test_what_cannot_be_resumed_says_so(
    project: Path, connection: session.Connection, loaded: state.Project, admin: Admin
) -> None:
    """A table that is there is PostgreSQL's error, with what to look at."""
    write(project, "deploy", "b", "create table t_b (i int);\nselect 1 / 0;")
    with pytest.raises(errors.ScriptError) as caught:
        runner.deploy(connection, loaded, mode="change")
    assert "look what it did before the error (1 of its statements)" in (
        caught.value.fix or ""
    )
    with pytest.raises(errors.ScriptError, match='"t_b" already exists') as caught:
        runner.deploy(connection, loaded, mode="change")
    assert "(0 of its statements)" in (caught.value.fix or "")
    assert ["deploy a", "fail b", "fail b"] == events(admin)


def test_success_leaves_no_event_of_a_failure(
    project: Path, connection: session.Connection, loaded: state.Project, admin: Admin
) -> None:
    """While the script runs the registry says that it failed; after it, no more."""
    seen = "select event as seen from sqitch.events where change = 'b'"
    write(
        project,
        "deploy",
        "b",
        f"create table t_b (i int);\ncreate table seen as {seen};",
    )
    runner.deploy(connection, loaded, to="b")
    assert [("fail",)] == admin.execute("select * from seen").fetchall()
    assert ["deploy a", "deploy b"] == events(admin)


@pytest.mark.parametrize(
    ("seed", "kills"),
    [(0, 3), *(pytest.param(n, 12, marks=pytest.mark.long) for n in range(1, 5))],
)
def test_killed_at_any_moment(
    database: str,
    connection: session.Connection,
    loaded: state.Project,
    admin: Admin,
    *,
    seed: int,
    kills: int,
) -> None:
    """Killed at random, again and again: the next run that may come to its end does."""
    project = loaded.target.root
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice, not a secret
    admin.execute(SLOW.format(0.03).encode())
    write(
        *(project, "deploy", "b"),
        f"{BUILD}\ncreate unique index concurrently a_s on t_a (slow(s));\n"
        "reindex index concurrently a_s;\ncreate table if not exists t_b (i int);",
    )
    write(
        *(project, "revert", "b"),
        "drop index concurrently a_s;\ndrop index concurrently a_i;\n"
        "drop table if exists t_b;",
    )
    ours = (
        "select 1 from pg_stat_activity where application_name = 'learnplan-db'"
        f" and datname = current_database() and pid <> {connection.info.backend_pid}"
    )
    for number in range(kills):
        command = ("deploy", "revert")[number % 2]
        more = ["-y", "--to", "a"] if command == "revert" else []
        process = start("ours", project, command, database, *more)
        while process.poll() is None and not admin.execute(ours.encode()).fetchone():
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 1.2))
        process.kill()
        process.communicate()
        wait_for(admin, f"select 1 where not exists ({ours})")
    runner.deploy(connection, loaded)
    assert ("abc", []) == (deployed(admin), faults(admin))
    assert [("a_i", True), ("a_s", True)] == indexes(admin)
    runner.revert(connection, loaded, to="a")
    assert ("a", [], []) == (deployed(admin), faults(admin), indexes(admin))

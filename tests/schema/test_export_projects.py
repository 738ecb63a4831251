"""
Somebody else's projects as migrations: names without a schema, settings, lost rows.

What is left is compared with what a deploy and a revert of ours leave.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from learnplan_db.engine import runner, session, state
from learnplan_db.errors import DataLossError
from learnplan_db.export.span import between
from learnplan_db.export.transit import SOMEBODY, Transit
from learnplan_db.model import Planner
from twins import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.gate

WHO = Planner("Dee Ba", "dee@example.org")
# Each change: what it deploys, and what it reverts.
CHANGES = {
    "table": (
        "create table t (i integer primary key, note text default 'none', gone text);"
        "insert into t values (1, 'none', null);",
        "delete from t where i = 1; drop table t;",
    ),
    "path": (
        "set local search_path = other, public; set local work_mem = '7MB';"
        "create schema other; create table u (i integer);",
        "set local search_path = other; drop table u; drop schema other;",
    ),
    "column": (
        "create table v (setting text default current_setting('work_mem'));"
        "insert into v values (default); create table c (more text default 'x');"
        "insert into c values (default); alter table c add column last text;",
        "alter table c drop column more; alter table c drop column last;drop table v;",
    ),
    "type": (
        "create type mood as enum ('ok'); alter table t add column m mood;",
        "drop type mood cascade;",
    ),
    "part": (
        "create table p (i integer) partition by list (i);"
        "create table p1 partition of p for values in (1);",
        "drop table p;",
    ),
    "computed": (
        "create table z (i integer, s integer generated always as (i) stored);"
        "do $$ begin if current_setting('server_version_num')::integer >= 180000 then"
        " execute 'alter table z add v integer generated always as (i) virtual';"
        " end if; end $$; insert into z values (1);",
        "alter table z drop column if exists v; alter table z drop column s;",
    ),
    "dynamic": (
        "create table w (i integer); insert into w values (1);",
        "do $$ begin execute 'drop table w'; end $$;",
    ),
}


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., state.Project]:
    """Provide a maker of projects of some of the changes."""

    def make(
        *names: str, guard: bool = True, registry: str = "sqitch"
    ) -> state.Project:
        root = tmp_path / "-".join(names)
        head = (
            "%syntax-version=1.0.0\n%project=small\n%uri=https://example.org/a{b}\n\n"
        )
        lines = [
            f"{n} 2026-01-01T00:00:0{i}Z P <p@x> # N.\n" for i, n in enumerate(names)
        ]
        for kind, place in (("deploy", 0), ("revert", 1)):
            (root / kind).mkdir(parents=True)
            for name in names:
                text = f"begin;\n{CHANGES[name][place]}\ncommit;\n"
                (root / kind / f"{name}.sql").write_text(text)
        (root / "sqitch.plan").write_text(head + "".join(lines))
        (root / "sqitch.conf").write_text(
            f'[core]\n\tengine = pg\n[engine "pg"]\n\tregistry = {registry}\n'
            f"[learnplan]\n\tguard = {str(guard).lower()}\n"
        )
        return state.load(root, committer=WHO)

    return make


def transit(project: state.Project) -> Transit:
    """Return the way through a whole plan."""
    span = between(project.plan, None, None)
    return Transit(project, span, {}, {}, ("there", "gone"))


@contextmanager
def host(dsn: str, **settings: str) -> Iterator[psycopg.Connection[Any]]:
    """Provide a host's connection; what it has done is committed."""
    with psycopg.connect(dsn) as connection:
        known = {"committer_name": WHO.name, "committer_email": WHO.email, **settings}
        for name, value in known.items():
            connection.execute(f"set learnplan_db.{name} = '{value}'".encode())
        connection.commit()
        yield connection


def execute(connection: psycopg.Connection[Any], statements: list[str]) -> None:
    """Execute statements one by one."""
    for text in statements:
        connection.execute(text.encode())


def both(
    project: state.Project, dsns: tuple[str, str], direction: str, **settings: str
) -> tuple[Any, Any]:
    """Let a migration and ourselves do the same; return what is there then."""
    with host(dsns[0], **settings) as connection:
        execute(connection, getattr(transit(project), direction)())
    with session.connect(dsns[1]) as connection:
        getattr(runner, {"up": "deploy", "down": "revert"}[direction])(
            connection, project
        )
    return looked(project, dsns[0]), looked(project, dsns[1])


def looked(project: state.Project, dsn: str) -> Any:
    """Return a registry's rows, and what the scripts made."""
    side = Side(Path(), dsn, project.target.registry)
    tables = (
        "select schemaname, tablename from pg_tables where schemaname !~ '^(pg_|inf)'"
    )
    try:
        found = sorted(side.read(tables))
        values = side.read("select * from v") if ("public", "v") in found else []
        return side.rows(), side.shape(), found, values
    finally:
        side.close()


@pytest.mark.parametrize("registry", ["sqitch", 'My "Reg" {x}'])
@pytest.mark.parametrize("guard", [True, False])
def test_each_script_starts_as_in_a_deploy(
    project: Callable[..., state.Project],
    fresh_dsn: Callable[[], str],
    guard: bool,  # noqa: FBT001 - a case
    registry: str,
) -> None:
    """Path and settings of one script are not the next one's; the registry is any."""
    made = project("table", "path", "column", guard=guard, registry=registry)
    dsns = fresh_dsn(), fresh_dsn()
    ours, theirs = both(made, dsns, "up")
    assert theirs == ours
    assert [("4MB",)] == ours[3]
    with session.connect(dsns[1]) as connection:
        if guard:
            with pytest.raises(DataLossError):
                runner.revert(connection, made)
    with host(dsns[0], allow_data_loss="on" if guard else "off") as connection:
        execute(connection, transit(made).down())
    with session.connect(dsns[1]) as connection:
        runner.revert(connection, made, allow_data_loss=True)
    assert looked(made, dsns[1]) == looked(made, dsns[0])


@pytest.mark.parametrize(
    ("names", "statement", "told"),
    [
        (["table"], "insert into t values (2, 'x', 'y')", "table t, 2 rows"),
        (["column"], "update c set more = 'y'", "column c.more, 1 value"),
        (["table", "type"], "update t set m = 'ok'", "column t.m, 1 value"),
        (["part"], "insert into p values (1)", "table p, 1 row"),
        (["dynamic"], "select 1", "w"),
    ],
)
def test_rows_that_would_go_are_counted(
    project: Callable[..., state.Project],
    database: str,
    names: list[str],
    statement: str,
    told: str,
) -> None:
    """Tables, columns, types, partitions, and what only dynamic SQL tells."""
    made = project(*names)
    with host(database) as connection:
        execute(connection, transit(made).up())
    with host(database) as connection:
        connection.execute(statement.encode())
    before = looked(made, database)
    with pytest.raises(psycopg.Error) as caught, host(database) as connection:
        execute(connection, transit(made).down())
    assert "would lose rows" in str(caught.value)
    assert told in str(caught.value)
    assert before == looked(made, database)
    with host(database, allow_data_loss="yes") as connection:
        execute(connection, transit(made).down())
    assert [] == looked(made, database)[0]["changes"]


def test_nothing_to_lose_is_not_asked_for(
    project: Callable[..., state.Project], database: str
) -> None:
    """Empty tables and columns, values of a default, and what is computed, may go."""
    made = project("part", "column", "computed")
    with host(database) as connection:
        execute(connection, transit(made).up())
        connection.execute("insert into p values (1)")
        connection.execute("delete from p")
        connection.execute("delete from v")
        connection.commit()
        execute(connection, transit(made).down())
    assert [] == looked(made, database)[0]["changes"]


def test_hosts_own_deletes_are_its_own(
    project: Callable[..., state.Project], database: str
) -> None:
    """What the host deletes in the same transaction before ours is no loss of ours."""
    made = project("part")
    with host(database) as connection:
        execute(connection, transit(made).up())
        connection.execute("create table mine as select 1 as i")
        connection.commit()
        connection.execute("delete from mine")
        execute(connection, transit(made).down())


def test_somebody_runs_it() -> None:
    """Nobody is named while a migration is written."""
    assert ("", "") == (SOMEBODY.name, SOMEBODY.email)

"""Writes and test databases on a real server: what is measured is what is said."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest

from bench import (
    counters,
    isolation,
    projects,
    suites,
    tools,
    writes,
    writes_indexes,
    writes_world,
)
from bench.writes_world import BARE, CONSTRAINTS, LAYERS, SECURED, TABLES, TRIGGERS
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fix_database import TestServer

COUNTED = """
select (select count(*) from pg_class as c where c.relnamespace = n.oid and c.relrowsecurity),
    (select count(*) from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
        where c.relnamespace = n.oid and not t.tgisinternal),
    (select count(*) from pg_constraint as k where k.connamespace = n.oid
        and k.contype in ('f', 'c')),
    (select count(*) from pg_index as i join pg_class as c on c.oid = i.indrelid
        where c.relnamespace = n.oid),
    (select count(*) from pg_attribute as a join pg_class as c on c.oid = a.attrelid
        where c.relnamespace = n.oid and c.relkind = 'r' and a.attnum > 0)
from pg_namespace as n where n.nspname = 'learnplan'"""


def test_every_index_says_what_needs_it(admin_dsn: str) -> None:
    """The benchmark knows a statement for each index, and no other."""
    with psycopg.connect(admin_dsn) as connection:
        found = {name for _, _, name, *_ in connection.execute(writes_indexes.FIND)}
        for _, need in writes_indexes.NEEDS.values():
            connection.execute(f"explain {need}")
    assert found == set(writes_indexes.NEEDS)


def test_a_layer_has_what_those_before_have(admin_dsn: str) -> None:
    """Stripping takes away one layer after the other, and never a column."""
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        whole = connection.execute(COUNTED).fetchone()
        assert whole is not None
        secured, triggers, constraints, indexes, columns = whole
        expected = {
            SECURED: whole,
            TRIGGERS: (0, *whole[1:]),
            CONSTRAINTS: (0, 0, *whole[2:]),
            "indexes": (0, 0, 0, indexes, columns),
            BARE: (0, 0, 0, len(TABLES), columns),
        }
        assert min(secured, triggers, constraints, indexes - len(TABLES)) > 0
        for layer in reversed(LAYERS):
            writes_world.strip(connection, layer)
            assert expected[layer] == connection.execute(COUNTED).fetchone()


@pytest.fixture(scope="module")
def world() -> Iterator[Server]:
    """Provide the world in a database for each layer."""
    with Server(None, environ=os.environ) as server:
        writes.prepare(server, lambda _: None)
        yield server


@pytest.mark.gate
def test_every_operation_writes_its_rows_and_leaves_none(world: Server) -> None:
    """In each layer, on each table; more layers never touch fewer blocks."""
    blocks: dict[tuple[str, str, str], dict[str, int]] = {}
    for layer in LAYERS:
        with writes.connected(world, layer) as connection:
            meter = counters.Meter(connection)
            for name in TABLES:
                connection.execute("reset role")
                count = f"select count(*) from learnplan.{name}".encode()
                before = connection.execute(count).fetchone()
                writes_world.become(connection, writes_world.KINDS[name].role)
                for operation, how, cost in writes.operate(connection, meter, name):
                    case = (name, operation, how)
                    blocks.setdefault(case, {})[layer] = cost.blocks
                    assert cost.wal > 0
                connection.execute("reset role")
                assert before == connection.execute(count).fetchone()
    for name in TABLES:
        found = blocks[name, "insert", "many"]
        assert found[BARE] < found["indexes"]
        assert found[BARE] < found[SECURED]
    assert 2 * 3 * len(TABLES) == len(blocks)


@pytest.mark.gate
def test_counters_count_what_is_done(world: Server) -> None:
    """Nothing costs nothing; each further row costs as much as the one before."""
    with writes.connected(world, BARE) as connection:
        meter = counters.Meter(connection)
        assert 0 == meter.cost(lambda: None).blocks
        connection.execute("create table learnplan.counted (i int primary key)")

        def insert(first: int, last: int) -> counters.Cost:
            text = (
                f"insert into learnplan.counted select generate_series({first}, {last})"
            )
            return meter.cost(lambda: connection.execute(text.encode()))

        insert(1, 100)
        one, two = insert(101, 200), insert(201, 400)
        assert 100 < one.blocks < two.blocks
        assert 1.8 < two.wal / one.wal < 2.2


@pytest.mark.gate
def test_an_index_costs_an_insert_and_saves_its_need(world: Server) -> None:
    """With it an insert touches more and writes more; without, its need reads more."""
    found = writes_indexes.indexes(lambda: writes.copies(world), 1, writes.BATCH)
    by_name = {one["index"]: one for one in found}
    assert set(writes_indexes.NEEDS) == set(by_name)
    for one in found:
        assert one["insert"]["with"]["wal"] > one["insert"]["without"]["wal"]
    for name in ("idx_task_progress_user_id", "idx_task_resources_resource_id"):
        need = by_name[name]["need"]
        assert 10 * need["with"]["blocks"] < need["without"]["blocks"]


@pytest.mark.gate
def test_triggers_are_timed_and_left_as_they_are(world: Server) -> None:
    """Each table that has triggers has a time for each variant; no row, no change stays."""
    query = (
        "select md5(string_agg(pg_get_functiondef(oid), ' ' order by oid)) from pg_proc"
    )
    query += " where proname like 'tg\\_%'"
    with writes.connected(world, TRIGGERS) as connection:
        before = connection.execute(query).fetchone()
        found = writes.stamped(world, 1)
        assert before == connection.execute(query).fetchone()
        rows = connection.execute("select count(*) from learnplan.tasks").fetchone()
    assert (writes_world.FILL["tasks"][0],) == rows
    assert 2 * len(TABLES) == len(found)
    for one in found:
        variants = [one[v] for v in ("as they are", "no set", "empty")]
        never = one["operation"] == "update" and one["table"] in {
            "resources",
            "task_resources",
            "plan_generations",
        }
        assert all((us == 0) == never for (us,) in variants)


@pytest.mark.gate
def test_room_makes_updates_hot(world: Server) -> None:
    """A column without an index is updated in place, if there is place; else never."""
    with writes.connected(world, SECURED) as connection:
        found = writes_indexes.hot(connection)
    shares = {(h["table"], h["column"], h["fillfactor"]): h["hot"] for h in found}
    assert shares["tasks", "title", 100] < 0.9 < shares["tasks", "title", 90]
    assert 0 == shares["tasks", "order", 90]


@pytest.mark.gate
def test_every_way_keeps_tests_apart(server: TestServer, tmp_path: Path) -> None:
    """All suites are green on one server, and each has its figures."""
    load = projects.packaged(tmp_path).floor["deploy"]
    home = tmp_path / "home"
    home.mkdir()
    place = server.dsn("postgres")
    link = tools.Link(server.host, server.port, server.user)
    environ = suites.environment(tools.environment(home, link), place)
    contest = isolation.Contest(home, place, load, suites.WAYS, environ)
    found = contest.run(1, (3, 2), 1, lambda _: None)
    assert list(suites.WAYS) == list(found)
    for way, rounds in found.items():
        sizes = ["1", "2" if way in isolation.CLONES else "3"]
        assert sizes == list(rounds)
        assert all(len(each) == 1 and each[0] > 0 for each in rounds.values())

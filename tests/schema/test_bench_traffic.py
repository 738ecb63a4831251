"""Identity and throughput on a real server: who sees nothing, or is nobody, is caught."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from bench import identity, pooler, throughput, visits
from bench.errors import BenchError
from fix_tools import program
from learnplan_db.engine import runner, session, state
from learnplan_db.server.embedded import Server
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.gate

# Two people with a plan each, of which one is public; and what bench/naive.sql makes.
WORLD = """
create role bench_hand bypassrls;
grant usage on schema learnplan to bench_hand;
grant all on all tables in schema learnplan to bench_hand;
grant execute on all functions in schema learnplan to bench_hand;
create schema bench;
insert into learnplan.users (clerk_user_id, email)
select 'user_' || n, n || '@example.org' from generate_series(1, 2) as n;
insert into learnplan.learning_plans
  (user_id, topic, skill_level, weekly_hours, learning_style, visibility)
select id, 'SQL at work', 'beginner', 5, 'mixed',
  case clerk_user_id when 'user_1' then 'public' else 'private' end
from learnplan.users;
insert into learnplan.modules (plan_id, "order", title, estimated_minutes)
select id, 1, 'Week 1', 60 from learnplan.learning_plans;
insert into learnplan.tasks (module_id, "order", title, estimated_minutes)
select id, 1, 'Task 1', 60 from learnplan.modules;
insert into learnplan.task_progress (task_id, user_id, status)
select t.id, p.user_id, 'completed' from learnplan.tasks as t
inner join learnplan.modules as m on m.id = t.module_id
inner join learnplan.learning_plans as p on p.id = m.plan_id"""


@pytest.fixture
def server() -> Iterator[Server]:
    """Provide a server of our own, since logins and a pooler come to it."""
    with Server(None, environ=os.environ) as made:
        with session.connect(made.dsn()) as connection:
            runner.deploy(connection, state.load(config.project_root(None)))
        yield made


@pytest.fixture
def admin(server: Server) -> Iterator[psycopg.Connection[Any]]:
    """Connect as superuser."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def traffic(
    server: Server,
    admin: psycopg.Connection[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[throughput.Traffic]:
    """Provide a small world with few visitors, and a real PgBouncer in front of it."""
    program("pgbouncer")
    monkeypatch.setattr(throughput, "CLIENTS", 4)
    admin.execute(WORLD.encode())
    made = throughput.visiting(server, "postgres", tmp_path)
    with pooler.pooled(server, throughput.APP, throughput.BY_HAND) as directory:
        made.links[throughput.POOLED] = (directory, pooler.PORT)
        yield made


@pytest.mark.skipif(sys.platform != "linux", reason="binds processes to cores")
@pytest.mark.parametrize("way", visits.WAYS)
def test_everybody_sees_and_writes_something(
    traffic: throughput.Traffic, server: Server, way: str
) -> None:
    """Transactions of every way go through the pooler, and leave the world as it was."""
    with throughput.on_cores(server, 1):
        found = traffic.run(throughput.POOLED, way, 2, 1)
    assert 0 < found["tps"]
    assert len(visits.WEIGHTS) - 3 <= len(found["visits"])  # some are rare
    with psycopg.connect(server.dsn()) as connection:
        query = "select count(*) from learnplan.tasks"
        assert (2,) == connection.execute(query).fetchone()


def test_nobody_is_fast_by_seeing_nothing(
    traffic: throughput.Traffic, admin: psycopg.Connection[Any]
) -> None:
    """Policies that hide all fail the run, though no statement fails."""
    admin.execute(
        "alter policy learning_plans_select_authenticated on learnplan.learning_plans"
        " using (false)"
    )
    assert 0 < traffic.run(throughput.POOLED, visits.HAND, 1, 1)["tps"]
    with pytest.raises(BenchError, match="division by zero"):
        traffic.run(throughput.POOLED, visits.TABLES, 1, 1)


def test_statements_are_timed_as_who_the_claims_say(
    admin: psycopg.Connection[Any],
) -> None:
    """The processor time of each kind of claims; asking costs more than not asking."""
    found = identity.statements(admin, 3)
    admin.execute("reset role")
    assert list(identity.CLAIMS) == list(found)
    for each in found.values():
        assert 0 < each["nothing"] < each["identity"]


def test_who_was_judged_takes_the_role_for_less(
    server: Server, admin: psycopg.Connection[Any]
) -> None:
    """Each way becomes the role; the whole judgement takes the most."""
    admin.execute("create role bench_app login noinherit in role authenticated")
    took = identity.switches(server.dsn(user="bench_app"), 20)
    assert 0 < took["by hand"] < took["whole"]
    assert took["again"] < took["whole"]


def test_somebody_else_is_not_timed(admin: psycopg.Connection[Any]) -> None:
    """A function that answers nobody would be fast."""
    admin.execute(
        """create or replace function learnplan.current_user_id() returns uuid
        language sql stable as 'select null::uuid'"""
    )
    with pytest.raises(BenchError, match="it is nobody who asks"):
        identity.statements(admin, 1)
    admin.execute("reset role")

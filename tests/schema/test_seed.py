"""Sample data: whole, plausible, the same for a seed; added in one go, or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner

from learnplan_db import acting_as
from learnplan_db.cli import cli
from learnplan_db.proof.prover import prove
from learnplan_db.seeding.world import SIZES, TABLES

if TYPE_CHECKING:
    from click.testing import Result

    from fix_servers import Replica

DOCS = Path(__file__).parents[2] / "docs" / "seed.md"
# What depends on the seed alone, by table: every column but those of triggers.
ALL = "select md5(string_agg(t::text, ',' order by id)) from learnplan.{} as t"


def seed(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["seed", *words])


def made(*words: str) -> dict[str, Any]:
    """Run the command for machines."""
    done = seed(*words, "--json")
    assert 0 == done.exit_code, done.output
    return json.loads(done.stdout)


def counts(dsn: str) -> dict[str, int]:
    """Return the rows of each table."""
    with psycopg.connect(dsn) as connection:
        return {
            table: connection.execute(
                f"select count(*) from learnplan.{table}".encode()
            ).fetchone()[0]  # type: ignore[index]
            for table in TABLES
        }


def digests(dsn: str) -> list[Any]:
    """Return a hash of all rows, by table."""
    with psycopg.connect(dsn) as connection:
        return [connection.execute(ALL.format(t).encode()).fetchone() for t in TABLES]


def test_small_world_is_whole(admin_dsn: str, service_dsn: str, app_dsn: str) -> None:
    """The service's login makes it; numbers are told; the example's caller sees it."""
    done = seed(service_dsn)
    assert 0 == done.exit_code, done.output
    found = counts(admin_dsn)
    assert (50, 10, 30) == tuple(
        found[t] for t in ("learning_plans", "users", "resources")
    )
    for table, count in found.items():
        assert f"  {table:<16}  {count:>3}\n" in done.stdout
    subject = done.stdout.split('sub="')[1].split('"')[0]
    told = int(done.stdout.split("Most plans (")[1].split(")")[0])
    with psycopg.connect(app_dsn) as connection, acting_as(connection, sub=subject):
        query = (
            "select count(*) from learnplan.learning_plans"
            " where user_id = learnplan.current_user_id()"
        )
        assert (told,) == connection.execute(query).fetchone()
        progress = connection.execute("select count(*) from learnplan.my_progress()")
        assert 0 < progress.fetchone()[0]  # type: ignore[index]


PLAUSIBLE = {
    "every status": "select count(distinct status) = 3 from learnplan.task_progress",
    "both visibilities": "select count(distinct visibility) = 2 from learnplan.learning_plans",
    "every origin": "select count(distinct origin) = 3 from learnplan.learning_plans",
    "every kind of resource": "select count(distinct type) = 5 from learnplan.resources",
    "modules in order": "select bool_and(n = top and low = 1) from (select count(*) as n,"
    ' max("order") as top, min("order") as low from learnplan.modules group by plan_id) as m',
    "every plan has tasks": "select count(*) = 0 from learnplan.learning_plans as p where"
    " not exists (select from learnplan.modules as m inner join learnplan.tasks as t"
    " on t.module_id = m.id where m.plan_id = p.id)",
    "every plan was generated": "select count(*) = 0 from learnplan.learning_plans as p"
    " where not exists (select from learnplan.plan_generations where plan_id = p.id)",
    "guests on public plans only": "select bool_and(p.visibility = 'public') from"
    " learnplan.task_progress as g inner join learnplan.tasks as t on t.id = g.task_id"
    " inner join learnplan.modules as m on m.id = t.module_id"
    " inner join learnplan.learning_plans as p on p.id = m.plan_id"
    " where g.user_id <> p.user_id",
    "nothing of the future": "select bool_and(updated_at < now()) from learnplan.task_progress",
    "ids of a known version": "select bool_and(substr(id::text, 15, 1) = '8') from learnplan.tasks",
}


def test_rows_are_plausible_and_repeatable(
    admin_dsn: str, database: str, service_dsn: str
) -> None:
    """What an application meets is there; a seed makes the same rows again, another not."""
    made(service_dsn, "--seed", "7")
    first = digests(admin_dsn)
    with psycopg.connect(admin_dsn) as connection:
        for what, query in PLAUSIBLE.items():
            assert (True,) == connection.execute(query.encode()).fetchone(), what
        connection.execute("truncate learnplan.users, learnplan.resources cascade")
    made(service_dsn, "--seed", "8")
    assert not set(first) & set(digests(admin_dsn))
    with psycopg.connect(admin_dsn) as connection:
        connection.execute("truncate learnplan.users, learnplan.resources cascade")
    made(service_dsn, "--seed", "7")
    assert first == digests(admin_dsn)


def test_rows_that_are_there_stay(admin_dsn: str, service_dsn: str) -> None:
    """A database with rows is refused; --append adds, with a seed that is free."""
    made(service_dsn, "--plans", "3", "--users", "2")
    before = digests(admin_dsn)
    done = seed(service_dsn)
    assert (2, True) == (
        done.exit_code,
        "there are rows already, in users" in done.stderr,
    )
    done = seed(service_dsn, "--append", "--seed", "0")
    assert (2, True) == (done.exit_code, "a row of this seed is there" in done.stderr)
    assert before == digests(admin_dsn)
    again = made(service_dsn, "--append", "--plans", "3", "--users", "2")
    assert (1, 3) == (again["seed"], again["rows"]["learning_plans"])
    assert 6 == counts(admin_dsn)["learning_plans"]
    assert again["example"]["sub"].startswith("seed1_user_")


@pytest.mark.parametrize(
    ("plans", "users"),
    [(1, 1), (1, 9), (7, 1), pytest.param(2001, 2, marks=pytest.mark.gate)],
)
def test_odd_sizes(admin_dsn: str, service_dsn: str, plans: int, users: int) -> None:
    """One plan, one user, and a chunk and a bit: all constraints hold."""
    found = made(service_dsn, "--plans", str(plans), "--users", str(users))["rows"]
    assert (plans, users) == (found["learning_plans"], found["users"])
    assert counts(admin_dsn) == found


def test_who_may_not_seed(
    app_dsn: str, database: str, admin_dsn: str, service_dsn: str
) -> None:
    """An application's login, no plan, no such role: each told with what to do."""
    for dsn, words, said in (
        (app_dsn, (), "may not act as the service"),
        (database, (), "the plan is not deployed: there is no table learnplan.users"),
        (service_dsn, ("--set", "service_role=nobody_here"), 'no role "nobody_here"'),
    ):
        done = seed(dsn, *words)
        assert (2, "") == (done.exit_code, done.stdout.partition("\n")[2]), done.output
        assert said in done.stderr
        assert "fix  " in done.stderr
    assert {0} == set(counts(admin_dsn).values())
    made(service_dsn, "--plans", "1")


def test_interrupted_seed_leaves_nothing(admin_dsn: str, service_dsn: str) -> None:
    """Ctrl-C in the midst of it: exit 130, and not one row."""
    command = [sys.executable, "-m", "learnplan_db", "seed", service_dsn]
    process = subprocess.Popen(
        [*command, "--plans", "200000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    writes = (
        "select exists (select from pg_locks where mode = 'RowExclusiveLock'"
        " and relation = 'learnplan.tasks'::regclass)"
    )
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        end = time.monotonic() + 60
        while admin.execute(writes).fetchone() != (True,):
            if time.monotonic() > end:
                process.kill()
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert 130 == process.wait(60), process.communicate()
    process.communicate()
    assert {0} == set(counts(admin_dsn).values())


@pytest.mark.gate
def test_standby_is_refused(replica: Replica) -> None:
    """Rows are made on the primary."""
    done = seed(replica.standby)
    assert (2, True) == (done.exit_code, "standby" in done.stderr)


@pytest.mark.gate
def test_ten_thousand_plans(admin_dsn: str) -> None:
    """All rows are there, the planner knows of them, and what they show is proved."""
    found = made(admin_dsn, "--plans", "10000", "--users", "2000", "--seed", "3")[
        "rows"
    ]
    assert (10_000, 2_000, 2_020) == tuple(
        found[t] for t in ("learning_plans", "users", "resources")
    )
    assert found["modules"] > 35_000
    assert found["tasks"] > 100_000
    assert found["task_progress"] > 50_000
    assert counts(admin_dsn) == found
    with psycopg.connect(admin_dsn) as connection:
        query = "select reltuples::int from pg_class where oid = 'learnplan.tasks'::regclass"
        assert (found["tasks"],) == connection.execute(query).fetchone()
    done = CliRunner().invoke(cli, ["prove", admin_dsn, "--read-only"])
    assert 0 == done.exit_code, done.output


@pytest.mark.gate
def test_medium_in_chunks_is_what_it_is_in_one(
    admin_dsn: str, service_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows do not depend on how many are made at once; the policies hold among them."""
    made(service_dsn, "--size", "medium")
    first = digests(admin_dsn)
    with psycopg.connect(admin_dsn) as connection:
        connection.execute("truncate learnplan.users, learnplan.resources cascade")
    monkeypatch.setattr("learnplan_db.seeding.world.CHUNK", 700)
    made(service_dsn, "--size", "medium")
    assert first == digests(admin_dsn)
    with psycopg.connect(admin_dsn) as connection:
        connection.execute("analyze")  # what autovacuum has seen is of some moment
        assert () == prove(connection).findings


def test_docs_name_the_sizes() -> None:
    """docs/seed.md gives the numbers of each size as they are."""
    page = DOCS.read_text()
    for name, size in SIZES.items():
        assert f"| `{name}` | {size.plans:,} | {size.users:,} |" in page

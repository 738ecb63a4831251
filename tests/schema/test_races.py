"""Sixteen deployers at once, alone and with others: each change once, nobody fails."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fix_race import faults, run, start, wait_for, write
from learnplan_db.engine import runner, session, state, verification
from learnplan_db.server.embedded import Server
from learnplan_db.settings import config
from storm import Sampler, Storm

if TYPE_CHECKING:
    from pathlib import Path

    from storm import Done, Seen

MANY = 16
KEY = 75474063
STARTS = {"empty": None, "half": "a", "up to date": "c"}
SLACK = 3.0  # seconds that a busy machine may add to the server's lock_timeout
OURS = f"application_name = '{session.APPLICATION_NAME}'"
ALL_THERE = (
    f"select 1 from pg_stat_activity where {OURS} and datname = current_database()"
    " having count(*) >= "
)
PACKAGED = config.project_root(None)


def deploy(root: Path, dsn: str, through: str | None) -> None:
    """Deploy up to a change before the race, or nothing."""
    if not through:
        return
    with session.connect(dsn) as connection:
        runner.deploy(connection, state.load(root), to=through)


def nobody_waited(seen: Seen, lock_timeout: float = session.TABLE_LOCK_TIMEOUT) -> None:
    """Say that we were looking, and saw none of ours wait inside a statement."""
    assert seen.samples
    assert 0 == seen.advisory
    assert seen.longest <= lock_timeout + SLACK


def all_well(done: list[Done]) -> None:
    """Say that every process exited with 0 and told no error."""
    assert [] == [one for one in done if one.code or "error" in one.err]


def each_once(admin: psycopg.Connection[Any], planned: list[str]) -> None:
    """Say that each change was deployed once, in order, and that no lock is left."""
    events = admin.execute(
        "select event, change from sqitch.events order by committed_at"
    )
    assert [("deploy", name) for name in planned] == events.fetchall()
    changes = admin.execute("select change from sqitch.changes order by committed_at")
    assert planned == [name for (name,) in changes]
    assert (
        []
        == admin.execute(
            "select pid from pg_locks where locktype = 'advisory' and database ="
            " (select oid from pg_database where datname = current_database())"
        ).fetchall()
    )


@pytest.mark.parametrize("deployed", STARTS)
def test_sixteen_of_ours(
    project: Path,
    database: str,
    tmp_path: Path,
    admin: psycopg.Connection[Any],
    deployed: str,
) -> None:
    """One does what is to be done, and fifteen are told that it is done."""
    deploy(project, database, STARTS[deployed])
    with Sampler(database) as sampler:
        done = Storm(tmp_path, [(project, "deploy", database, ())] * MANY).end()
    all_well(done)
    told = sum("Nothing to deploy (up-to-date)" in one.out for one in done)
    assert told == (MANY if deployed == "up to date" else MANY - 1)
    assert [] == faults(admin)
    each_once(admin, list("abc"))
    nobody_waited(sampler.seen)


@pytest.mark.parametrize(
    ("deployed", "others"),
    [("empty", 1), pytest.param("half", 2, marks=pytest.mark.long)],
)
def test_sixteen_with_the_real_sqitch_among_them(
    sqitch: str,
    project: Path,
    database: str,
    tmp_path: Path,
    admin: psycopg.Connection[Any],
    *,
    deployed: str,
    others: int,
) -> None:
    """
    One or two of Sqitch's, the rest ours, all held at the lock and then let go.

    The control of the sampler: it does see Sqitch wait inside a statement.
    """
    deploy(project, database, STARTS[deployed])
    admin.execute("select pg_advisory_lock(%s)", [KEY])
    with Sampler(database) as sampler:
        theirs = [start(sqitch, project, "deploy", database) for _ in range(others)]
        storm = Storm(tmp_path, [(project, "deploy", database, ())] * (MANY - others))
        waits = "select 1 from pg_locks where locktype = 'advisory' and not granted"
        wait_for(admin, f"{waits} having count(*) = {others}", 60)
        wait_for(admin, f"{ALL_THERE}{MANY - others}", 60)
        admin.execute("select pg_advisory_unlock(%s)", [KEY])
        all_well(storm.end())
        said = [other.communicate(timeout=60) for other in theirs]
    assert [0] * others == [other.returncode for other in theirs], said
    assert [] == faults(admin)
    each_once(admin, list("abc"))
    nobody_waited(sampler.seen)
    assert sampler.seen.others_advisory


@pytest.mark.parametrize(
    "through",
    ["policy_views", pytest.param(None, marks=pytest.mark.long)],
)
def test_packaged_plan_with_the_real_sqitch_among_them(
    sqitch: str,
    database: str,
    tmp_path: Path,
    admin: psycopg.Connection[Any],
    through: str | None,
) -> None:
    """Sixteen of ours and one Sqitch on the plan of this package: each change once."""
    deploy(PACKAGED, database, through)
    admin.execute("select pg_advisory_lock(%s)", [KEY])
    with Sampler(database) as sampler:
        other = start(sqitch, PACKAGED, "deploy", database)
        storm = Storm(tmp_path, [(PACKAGED, "deploy", database, ())] * MANY)
        wait_for(admin, f"{ALL_THERE}{MANY}", 60)
        admin.execute("select pg_advisory_unlock(%s)", [KEY])
        all_well(storm.end())
        said = other.communicate(timeout=120)
    assert 0 == other.returncode, said
    each_once(admin, [c.name for c in state.load(PACKAGED).plan.changes])
    nobody_waited(sampler.seen)
    with session.connect(database) as connection:
        found = verification.verify(connection, state.load(PACKAGED))
    assert () == found.failures


def test_two_databases_of_a_cluster_that_has_no_roles_yet(tmp_path: Path) -> None:
    """
    Eight deployers each, on the very first deploy: roles belong to the whole cluster.

    Both databases are whole, and each role was made once, by whoever came first.
    """
    with Server(None, environ=os.environ) as own:
        dsns = [make_conninfo(own.dsn(), dbname=name) for name in ("one", "two")]
        with psycopg.connect(own.dsn(), autocommit=True) as admin:
            made = "select rolname from pg_roles where rolname !~ '^pg_' order by 1"
            assert [("postgres",)] == admin.execute(made).fetchall()
            for name in ("one", "two"):
                admin.execute(f"create database {name}".encode())
            with Sampler(dsns[0]) as first, Sampler(dsns[1]) as second:
                jobs = [(PACKAGED, "deploy", dsn, ()) for dsn in dsns * (MANY // 2)]
                all_well(Storm(tmp_path, jobs).end())
            roles = {name for (name,) in admin.execute(made)} - {"postgres"}
        usual = {"anon", "authenticated", "service_role"}
        assert usual | {"learnplan_identity", "learnplan_reader"} == roles
        loaded = state.load(PACKAGED)
        for dsn, sampler in zip(dsns, (first, second), strict=True):
            nobody_waited(sampler.seen)
            with session.connect(dsn) as connection:
                each_once(connection, [c.name for c in loaded.plan.changes])
                assert () == verification.verify(connection, loaded).failures


def test_deploy_against_revert_verify_and_status(
    project: Path,
    database: str,
    tmp_path: Path,
    admin: psycopg.Connection[Any],
) -> None:
    """
    Four of each at once: those that write end well, those that read tell what they saw.

    A revert whose changes another one has reverted while it waited refuses, and does
    nothing. What is reverted while verify looks at it is told, and is no failure.
    """
    deploy(project, database, "c")
    for name in "abc":  # slow enough to meet those that write
        text = f"begin;\nselect pg_sleep(0.1);\nselect i from t_{name};\nrollback;"
        write(project, "verify", name, text)
    kinds = (("deploy",), ("revert", "-y"), ("verify",), ("status",))
    jobs = [(project, kind, database, tuple(more)) for kind, *more in kinds * 4]
    with Sampler(database) as sampler:
        done = Storm(tmp_path, jobs).end()
    told = {kind: done[n::4] for n, (kind, *_) in enumerate(kinds)}
    all_well(told["deploy"] + told["verify"])
    for one in told["revert"]:
        refused = "something else is deployed now than when you were asked" in one.err
        assert one.code == (2 if refused else 0), one
    assert any(one.code == 0 for one in told["revert"])
    for one in told["status"]:
        assert one.code in {0, 1}, one
        nothing = "No changes deployed" in one.err + one.out
        assert nothing == bool(one.code), one
    assert [] == faults(admin)
    nobody_waited(sampler.seen)


def test_verify_tells_what_is_reverted_meanwhile(
    project: Path, database: str, admin: psycopg.Connection[Any]
) -> None:
    """No false alarm of what is gone on purpose; what is broken still is one."""
    deploy(project, database, "c")
    text = (
        "select pg_advisory_lock(1);\nselect pg_advisory_unlock(1);\nselect i from t_c;"
    )
    write(project, "verify", "c", text)
    for gone in (True, False):
        admin.execute("select pg_advisory_lock(1)")
        looking = start("ours", project, "verify", database)
        wait_for(admin, "select 1 from pg_locks where not granted", 60)
        if gone:
            reverted = run("ours", project, "revert", database, "-y", "--to", "b")
            assert 0 == reverted.returncode, reverted
        else:
            admin.execute("drop table t_c")
        admin.execute("select pg_advisory_unlock(1)")
        out, err = looking.communicate(timeout=60)
        assert (0 if gone else 2) == looking.returncode, err
        assert gone == ("# Reverted meanwhile" in out)
        assert gone != ('relation "t_c" does not exist' in err)
        deploy(project, database, "c")


TABLES = (
    *("users", "learning_plans", "modules", "tasks", "resources", "task_resources"),
    *("task_progress", "plan_generations"),
)


def test_sixteen_while_an_application_holds_every_table(
    database: str,
    tmp_path: Path,
    admin: psycopg.Connection[Any],
) -> None:
    """
    Eight transactions each hold a lock that an UPDATE takes; each ends when it was felt.

    Whoever deploys gives each attempt up in time, names the session, and goes on.
    """
    deploy(PACKAGED, database, "index_learning_plans_topic@v1.0.0")
    with ExitStack() as stack:
        holders = {}
        for table in TABLES:
            named = make_conninfo(database, application_name=f"writes {table}")
            holders[table] = stack.enter_context(psycopg.connect(named))
            statement = f"lock table learnplan.{table} in row exclusive mode"
            holders[table].execute(statement.encode())
        sampler = stack.enter_context(Sampler(database))
        storm = Storm(
            tmp_path, [(PACKAGED, "deploy", database, ())] * MANY, lock_timeout=0.4
        )
        for table, holder in holders.items():
            end, tried = time.monotonic() + 60, sampler.seen.attempts
            while (
                not storm.says(f"writes {table}")
                or len(tried[f"learnplan.{table}"]) < 2
            ):
                assert time.monotonic() < end, (table, tried)
                time.sleep(0.02)
            holder.rollback()
        done = storm.end()
    all_well(done)
    each_once(admin, [c.name for c in state.load(PACKAGED).plan.changes])
    nobody_waited(sampler.seen, 0.4)
    [busy] = [one for one in done if "Nothing to deploy" not in one.out]
    for table in TABLES:
        assert 1 == busy.err.count(f"writes {table}"), busy.err

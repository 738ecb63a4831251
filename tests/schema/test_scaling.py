"""docs/scaling.md: its scripts do what the page says, and the rules hold afterwards."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors, sql

from fix_copies import ROWS, restartable, run, wait_until
from fix_database import ROOT
from learnplan_db.catalog import fingerprint
from learnplan_db.catalog.reading import read
from learnplan_db.engine import runner, session, state, verification
from learnplan_db.proof.prover import prove
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from pathlib import Path

    from fix_proof import Clones
    from learnplan_db.proof.nouns import Proof

SCRIPTS = ROOT / "docs" / "scaling"
PAGE = (ROOT / "docs" / "scaling.md").read_text()
HERE = {"partitions": "4"}
TO_COME = {"until": "2100-01-01"}
PAST = {"until": "2020-01-01"}
PEOPLE = """
select u.clerk_user_id, u.id, min(tp.task_id::text)::uuid
from learnplan.users as u inner join learnplan.task_progress as tp on tp.user_id = u.id
group by u.id order by u.clerk_user_id"""
GONE = """
delete from learnplan.task_progress as tp using learnplan.users as u
where u.id = tp.user_id and u.clerk_user_id = 'user_1'"""
WHICH = """
select tableoid::regclass::text from learnplan.task_progress where user_id = %s limit 1"""


def play(programs: Path, dsn: str, name: str, **variables: str) -> None:
    """Run one of the page's scripts with psql, which has nothing to say."""
    given = [
        word for key, value in variables.items() for word in ("-v", f"{key}={value}")
    ]
    script = str(SCRIPTS / f"{name}.sql")
    run(programs / "psql", "-Xqo/dev/null", *given, "-f", script, "-d", dsn)


def proof_of(dsn: str) -> Proof:
    """Try every cell of the access matrix."""
    with session.connect(dsn) as connection:
        return prove(connection, effects=False)


@pytest.fixture(scope="module")
def parts(clones: Clones, programs: Path) -> str:
    """Provide the conninfo of a database with rows, of which both tables are split."""
    dsn = clones.make()
    with psycopg.connect(dsn) as connection:
        connection.execute(ROWS.encode())
    play(programs, dsn, "partition_task_progress", **HERE)
    play(programs, dsn, "partition_plan_generations", **TO_COME)
    return dsn


def test_rows_are_in_parts_and_none_is_lost(parts: str) -> None:
    """All rows of progress are still there, and none is in the parent itself."""
    with psycopg.connect(parts) as connection:
        found = connection.execute(
            "select count(*), count(*) filter (where tableoid <> %s::regclass)"
            " from learnplan.task_progress",
            ["learnplan.task_progress"],
        ).fetchone()
        assert (60, 60) == found
        query = "select count(*) from pg_inherits where inhparent = %s::regclass"
        for table, number in (("task_progress", 4), ("plan_generations", 14)):
            told = connection.execute(query, [f"learnplan.{table}"]).fetchone()
            assert (number,) == told


def test_every_rule_holds_on_parts(parts: str) -> None:
    """The access matrix, cell by cell: nobody may more or less than before."""
    proof = proof_of(parts)
    assert () == proof.findings
    assert len(proof.results) > 1000


def test_verify_and_prove_disagree_about_parts_only(parts: str) -> None:
    """The page's warning: verify names the two tables, and nothing else."""
    with session.connect(parts) as connection:
        done = verification.verify(connection, state.load(ROOT))
    found = {name for name, _ in done.failures}
    assert {"table_task_progress", "table_plan_generations"} == found


def test_callers_cannot_reach_a_part(parts: str) -> None:
    """
    A part has no rule of the parent's: it is closed, and row security hides its rows.

    Also from those whom a host's default privileges let in.
    """
    with psycopg.connect(parts) as connection:
        subject, user, _ = connection.execute(PEOPLE).fetchall()[0]
        (name,) = connection.execute(WHICH, [user]).fetchone() or ("",)
        become = "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)"
        claims = f'{{"sub": "{subject}"}}'
        count = sql.SQL("select count(*) from {}")
        part = count.format(sql.Identifier(*name.split(".")))
        whole = count.format(sql.Identifier("learnplan", "task_progress"))
        assert (0,) < (connection.execute(part).fetchone() or (0,))
        with connection.transaction(force_rollback=True):
            connection.execute(become, [claims])
            assert (20,) == connection.execute(whole).fetchone()
            with pytest.raises(errors.InsufficientPrivilege, match="denied for schema"):
                connection.execute(part)
        with connection.transaction(force_rollback=True):
            connection.execute(
                "grant usage on schema learnplan_partitions to authenticated"
            )
            grant = sql.SQL("grant select on {} to authenticated")
            connection.execute(grant.format(sql.Identifier(*name.split("."))))
            connection.execute(become, [claims])
            assert (0,) == connection.execute(part).fetchone()


def test_a_forged_time_is_refused_where_months_are_parts(
    clones: Clones, programs: Path
) -> None:
    """Who names a created_at of another month gets an error, not the stamp; else all holds."""
    dsn = clones.make()
    play(programs, dsn, "partition_plan_generations", **PAST)
    findings = proof_of(dsn).findings
    assert 4 == len(findings)
    for finding in findings:
        assert " insert plan_generations(created_at) " in finding.name
        assert "moving row to another partition" in finding.got


def test_tuning_is_no_drift(clones: Clones, programs: Path) -> None:
    """The parameters are set as the page says; the fingerprint and verify stay the same."""
    dsn = clones.make()
    with psycopg.connect(dsn) as connection:
        before = fingerprint.lines(read(connection, ["learnplan"]))
    play(programs, dsn, "autovacuum")
    with psycopg.connect(dsn) as connection:
        options = (
            "select reloptions from pg_class where oid = 'learnplan.tasks'::regclass"
        )
        assert (["autovacuum_vacuum_scale_factor=0.02"],) == connection.execute(
            options
        ).fetchone()
        assert before == fingerprint.lines(read(connection, ["learnplan"]))
    with session.connect(dsn) as connection:
        assert () == verification.verify(connection, state.load(ROOT)).failures


@pytest.mark.long
@pytest.mark.parametrize("whole", [True, False])
def test_a_subscription_moves_progress_into_parts(
    programs: Path, *, whole: bool
) -> None:
    """
    A copy with parts follows its source while all go on, if the source sends whole rows.

    With no more than the key, which is not that of the parts, the copy stops and says so.
    """
    with restartable() as source, Server(None, environ=os.environ) as copy:
        source.start()
        with psycopg.connect(source.dsn(), autocommit=True) as connection:
            connection.execute("alter system set wal_level = logical")
        source.stop()
        source.start()
        for server in (source, copy):
            with session.connect(server.dsn()) as connection:
                runner.deploy(connection, state.load(ROOT))
        play(programs, copy.dsn(), "partition_task_progress", **HERE)
        with (
            psycopg.connect(source.dsn(), autocommit=True) as here,
            psycopg.connect(copy.dsn(), autocommit=True) as there,
        ):
            here.execute(ROWS.encode())
            if whole:
                here.execute((SCRIPTS / "follow_task_progress.sql").read_bytes())
            here.execute("create publication everything for tables in schema learnplan")
            follow(there, source.dsn())
            here.execute("update learnplan.task_progress set status = 'in_progress'")
            here.execute(GONE)
            if whole:
                wait_until(there, "select count(*) = 40 from learnplan.task_progress")
                status = "select distinct status from learnplan.task_progress"
                assert [("in_progress",)] == there.execute(status).fetchall()
            else:
                wait_until(
                    there,
                    "select bool_or(apply_error_count > 0) from pg_stat_subscription_stats",
                )
                assert "replica identity column" in copy.log.read_text()
            there.execute("drop subscription it")


def follow(copy: psycopg.Connection[Any], source: str) -> None:
    """Subscribe, and wait until what was there before has come."""
    copy.execute("alter system set wal_retrieve_retry_interval = '100ms'")
    copy.execute("select pg_reload_conf()")
    options = (
        " with (run_as_owner = true)" if copy.info.server_version >= 160000 else ""
    )
    subscribe = "create subscription it connection {} publication everything" + options
    copy.execute(sql.SQL(subscribe).format(sql.Literal(source)))
    wait_until(copy, "select bool_and(srsubstate = 'r') from pg_subscription_rel")


def test_statements_of_the_page_are_run() -> None:
    """Each block of SQL in docs/scaling.md is part of a script that a test here runs."""
    scripts = [" ".join(path.read_text().split()) for path in SCRIPTS.glob("*.sql")]
    blocks = re.findall(r"^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    shown = [" ".join(block.split()) for block in blocks]
    assert [] == [one for one in shown if not any(one in text for text in scripts)]
    assert shown

"""A release upgrades a database with rows while an application is at work on it."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fix_race import run, start, wait_for
from fix_traffic import TABLES, UPGRADE, Rows
from learnplan_db.engine import session, state, verification
from learnplan_db.psql import script
from learnplan_db.settings import config

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fix_traffic import Live, Release, Traffic

KINDS = 14  # of transactions of the traffic
# Seconds: a busy machine may add some to the longest statement.
LIMIT = session.TABLE_LOCK_TIMEOUT + 3


def until(traffic: Traffic, reached: Any) -> None:
    """Wait until the traffic has come to something."""
    end = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end, (traffic.counts, traffic.longest, traffic.wrong)
        time.sleep(0.02)


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return what a command said that must end well."""
    out, err = process.communicate(timeout=120)
    assert 0 == process.returncode, (out, err)
    return out, err


def unlike(root: Path, busy: Live) -> set[str]:
    """Return the changes of a project whose objects are not as their verify scripts say."""
    with session.connect(busy.owner) as connection:
        found = verification.verify(connection, state.load(root))
    return {name for name, _ in found.failures}


def test_upgrade_revert_and_upgrade_again_under_traffic(
    busy: Live, release: Release, record_testsuite_property: Callable[..., None]
) -> None:
    """
    No error and no wrong answer for anybody, no long wait, and no row lost or changed.

    A report holds the table that is altered first for longer than lock_timeout: the
    deploy names it, and what queued behind the deploy gets on meanwhile.
    """
    rows, back = Rows(busy.admin), ("-y", "--to", f"@{release.base}")
    named = make_conninfo(busy.admin, application_name="a report")
    with busy.traffic() as traffic, psycopg.connect(named) as report:
        until(traffic, lambda: len(traffic.counts) == KINDS)
        report.execute("select count(*) from learnplan.tasks")
        deploying = start("ours", release.root, "deploy", busy.owner)
        until(traffic, lambda: traffic.longest[0] > session.TABLE_LOCK_TIMEOUT / 2)
        report.rollback()
        out, err = ended(deploying)
        assert 1 == err.count(f"# Blocked by pid {report.info.backend_pid}, "), err
        assert [] == [name for name in release.names if f"  + {name} " not in out]
        refused = run("ours", release.root, "revert", busy.owner, *back)
        assert 2 == refused.returncode
        lost = "  - table_plan_generations: column learnplan.plan_generations.prompt_length,"
        assert lost in refused.stderr
        back += ("--allow-data-loss",)  # they say what the prompts say
        ended(start("ours", release.root, "revert", busy.owner, *back))
        # A value of an enum cannot be dropped; all else is as it was.
        assert {"enum_resource_type"} == unlike(config.project_root(None), busy)
        ended(start("ours", release.root, "deploy", busy.owner))
        assert set() == unlike(release.root, busy)
        done = sum(traffic.counts.values())
        until(traffic, lambda: sum(traffic.counts.values()) > done + 50)
    record_testsuite_property("longest statement", traffic.longest)
    assert [] == traffic.wrong
    assert traffic.longest[0] <= LIMIT, traffic.longest
    assert [] == rows.faults(traffic.rows())


@pytest.mark.long
def test_upgrades_again_and_again_while_reports_run(
    busy: Live, release: Release
) -> None:
    """The same eight times, with one long report after another on every table."""
    rows = Rows(busy.admin)
    back = ("-y", "--to", f"@{release.base}", "--allow-data-loss")
    end, held = threading.Event(), []

    def report() -> None:
        with psycopg.connect(busy.admin, application_name="a report") as reporting:
            while not end.wait(0.5):
                for table in TABLES:
                    reporting.execute(
                        f"select count(*) from learnplan.{table}".encode()
                    )
                end.wait(session.TABLE_LOCK_TIMEOUT + 0.7)
                reporting.rollback()
                held.append(1)

    with busy.traffic() as traffic:
        reports = threading.Thread(target=report, daemon=True)
        reports.start()
        told = ""
        for _ in range(8):
            told += ended(start("ours", release.root, "deploy", busy.owner))[1]
            told += ended(start("ours", release.root, "revert", busy.owner, *back))[1]
        end.set()
        reports.join(60)
    assert held
    assert "# Blocked by pid " in told
    assert [] == traffic.wrong
    assert traffic.longest[0] <= LIMIT, traffic.longest
    assert [] == rows.faults(traffic.rows())


REST = {"loses rows", "takes a right away"}  # like another, so for the long run
# Changes that nobody should write, and how each is noticed.
BAD = {
    "holds a strong lock": (
        "begin; alter table learnplan.tasks add column bad int;"
        f" select pg_sleep({LIMIT + 0.5}); commit;",
        "waits",
    ),
    "takes a right away": (
        "begin; revoke update (title) on learnplan.tasks from authenticated; commit;",
        "errors",
    ),
    "leaves a moment without a policy": (
        "drop policy tasks_select_authenticated on learnplan.tasks; select pg_sleep(1);"
        "create policy tasks_select_authenticated on learnplan.tasks for select"
        " to authenticated using (exists (select from learnplan.modules as m"
        " where m.id = tasks.module_id));",
        "errors",
    ),
    "changes rows": (
        "begin; set local role service_role;"
        " update learnplan.resources set title = upper(title)"
        " where title = 'Resource 7'; commit;",
        "rows",
    ),
    "loses rows": (
        "begin; set local role service_role;"
        " delete from learnplan.task_resources where id in"
        " (select id from learnplan.task_resources limit 1); commit;",
        "rows",
    ),
}


@pytest.mark.parametrize(
    "how",
    [pytest.param(how, marks=pytest.mark.long if how in REST else ()) for how in BAD],
)
def test_bad_change_is_noticed(busy: Live, packaged: Release, how: str) -> None:
    """The control of the tests above: each of the three questions can be answered no."""
    text, notice = BAD[how]
    packaged.add("bad", text)
    rows = Rows(busy.admin)
    with busy.traffic() as traffic:
        until(traffic, lambda: len(traffic.counts) == KINDS)
        ended(start("ours", packaged.root, "deploy", busy.owner))
        if notice == "errors":
            until(traffic, lambda: traffic.wrong)
    found = {
        "errors": bool(traffic.wrong),
        "waits": traffic.longest[0] > LIMIT,
        "rows": bool(rows.faults(traffic.rows())),
    }
    assert [notice] == [name for name, noticed in found.items() if noticed]


def test_key_over_rows_that_row_security_hides(busy: Live, packaged: Release) -> None:
    """
    An owner under forced row security cannot validate a key: it would see no row.

    PostgreSQL calls the key valid then. The guard stops it; with force lifted for the
    moment of the look, a row that refers to nothing is found.
    """
    column = "begin; alter table learnplan.learning_plans add column copied_from uuid;"
    packaged.add("column", f"{column} commit;")
    packaged.add("key", (UPGRADE / "key" / "add.sql").read_text())
    ended(start("ours", packaged.root, "deploy", busy.owner, "--to", "column"))
    with psycopg.connect(busy.admin, autocommit=True) as admin:
        broken = "update learnplan.learning_plans set copied_from = gen_random_uuid()"
        admin.execute(broken)
        packaged.add("validated", (UPGRADE / "key" / "blind.sql").read_text())
        blind = run("ours", packaged.root, "deploy", busy.owner, "--mode", "change")
        assert 2 == blind.returncode
        assert "sql/deploy/validated.sql:3" in blind.stderr
        assert "would be affected by row-level security" in blind.stderr
        assert "no force row level security; before it" in blind.stderr
        correct = (UPGRADE / "key" / "correct.sql").read_text()
        (packaged.root / "sql" / "deploy" / "validated.sql").write_text(correct)
        found = run("ours", packaged.root, "deploy", busy.owner)
        assert 2 == found.returncode
        assert 'violates foreign key constraint "learning_plans_copied_from_fkey"' in (
            found.stderr
        )
        admin.execute("update learnplan.learning_plans set copied_from = id")
        ended(start("ours", packaged.root, "deploy", busy.owner))
        kept = "select convalidated, relforcerowsecurity from pg_constraint as c"
        kept += " inner join pg_class as t on t.oid = conrelid where conname = "
        row = admin.execute(f"{kept}'learning_plans_copied_from_fkey'".encode())
        assert [(True, True)] == row.fetchall()


STRONG = (
    *("AccessShare", "RowShare", "RowExclusive", "ShareUpdateExclusive", "Share"),
    *("ShareRowExclusive", "Exclusive", "AccessExclusive"),
)
HELD = """
select c.relname, replace(l.mode, 'Lock', '') from pg_locks as l
inner join pg_class as c on c.oid = l.relation
where l.pid = %s and l.granted and l.locktype = 'relation' and c.relkind in ('r', 'v')
  and c.relnamespace = 'learnplan'::regnamespace"""
RELATIONS = """
select relname from pg_class where relkind in ('r', 'v')
and relnamespace = 'learnplan'::regnamespace"""
PAGE = (UPGRADE.parents[1] / "docs" / "upgrading.md").read_text()


def _play(own: psycopg.Connection[Any], text: str) -> None:
    """Run the statements of a script one by one."""
    for statement in script.read(text.encode(), "script", {}).texts:
        own.execute(statement.encode())


def locks(busy: Live, release: Release) -> Iterator[tuple[str, str, str]]:
    """Deploy each change by hand, and yield what it locks of what was there before."""
    with (
        psycopg.connect(busy.owner, autocommit=True) as own,
        psycopg.connect(busy.admin, autocommit=True) as admin,
    ):
        for name in release.names:
            text = (UPGRADE / "deploy" / f"{name}.sql").read_text()
            there = {relation for (relation,) in admin.execute(RELATIONS)}
            pid = [own.info.backend_pid]
            if text.endswith("\ncommit;\n"):
                own.execute(text.removesuffix("commit;\n").encode())
                held = admin.execute(HELD.encode(), pid).fetchall()
                own.execute("commit")
            else:  # it waits for a row that somebody writes
                with psycopg.connect(busy.admin) as writer:
                    for table in ("tasks", "plan_generations", "learning_plans"):
                        writer.execute(f"update learnplan.{table} set id = id".encode())
                    work = threading.Thread(target=_play, args=[own, text])
                    work.start()
                    wait_for(
                        admin,
                        f"select 1 from pg_locks where pid = {pid[0]} and not granted",
                    )
                    held = admin.execute(HELD.encode(), pid).fetchall()
                    writer.rollback()
                    work.join(60)
            found = [
                (STRONG.index(mode), table) for table, mode in held if table in there
            ]
            mode, table = max(found, default=(0, ""))
            yield name, STRONG[mode] if mode else "None", table if mode else ""


def test_locks_are_those_of_the_page(busy: Live, release: Release) -> None:
    """docs/upgrading.md says what each change of the release locks: it is measured."""
    rows = re.findall(
        r"^\| `(\w+)` \|.*\| ([A-Z ]+|none) \| (?:`(\w+)`)? ?\|$", PAGE, re.MULTILINE
    )
    said = [(name, lock.title().replace(" ", ""), table) for name, lock, table in rows]
    assert list(locks(busy, release)) == said


def test_statements_of_the_page_are_run() -> None:
    """Each block of SQL in docs/upgrading.md is part of a script that a test here runs."""
    scripts = [" ".join(path.read_text().split()) for path in UPGRADE.glob("*/*.sql")]
    blocks = re.findall(r"^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    shown = [" ".join(block.split()) for block in blocks]
    assert [] == [one for one in shown if not any(one in text for text in scripts)]
    assert len(shown) > 8

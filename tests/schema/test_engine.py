"""The engine alone, on a project of five changes: what it leaves when things go wrong."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from learnplan_db import errors
from learnplan_db.engine import runner, session, state, verification
from learnplan_db.engine.registry import Applied, Registry
from learnplan_db.reports import history as logged
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from learnplan_db.engine.progress import Progress

PLAN = """%syntax-version=1.0.0
%project=five

one 2026-01-01T00:00:00Z P <p@x.org> # First.
two [one] 2026-01-01T00:00:01Z P <p@x.org> # Second.
@v1 2026-01-01T00:00:02Z P <p@x.org> # A tag.
three [two@v1] 2026-01-01T00:00:03Z P <p@x.org> # Third.
four [three] 2026-01-01T00:00:04Z P <p@x.org> # Fourth.
five [four] 2026-01-01T00:00:05Z P <p@x.org> # Fifth.
"""
NAMES = ("one", "two", "three", "four", "five")
DEPLOY_IN_A_PROCESS = """
import sys
from pathlib import Path
from learnplan_db.engine import runner, session, state
with session.connect(sys.argv[1]) as connection:
    done = runner.deploy(connection, state.load(Path(sys.argv[2])))
print(len(done))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make the project: each change makes the table of its name."""
    (tmp_path / "sqitch.conf").write_text(
        "[core]\n\tengine = pg\n\ttop_dir = sql\n[learnplan]\n\tguard = true\n"
    )
    for kind in ("deploy", "revert", "verify"):
        (tmp_path / "sql" / kind).mkdir(parents=True)
    (tmp_path / "sql" / "sqitch.plan").write_text(PLAN)
    for name in NAMES:
        write(
            tmp_path, "deploy", name, f"begin;\ncreate table {name} (i int);\ncommit;"
        )
        write(tmp_path, "revert", name, f"begin;\ndrop table {name};\ncommit;")
        write(tmp_path, "verify", name, f"begin;\nselect i from {name};\nrollback;")
    return tmp_path


@pytest.fixture
def connection(database: str) -> Iterator[session.Connection]:
    """Provide a connection as the engine opens it."""
    with session.connect(database) as opened:
        yield opened


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection[Any]]:
    """Provide a second session, which looks and gets in the way."""
    with psycopg.connect(database, autocommit=True) as opened:
        yield opened


def write(root: Path, kind: str, name: str, text: str) -> None:
    """Write a script of the project."""
    (root / "sql" / kind / f"{name}.sql").write_text(f"{text}\n")


def tables(admin: psycopg.Connection[Any]) -> set[str]:
    """Return the tables of schema public."""
    query = "select tablename from pg_tables where schemaname = 'public'"
    return {row[0] for row in admin.execute(query)}


def history(admin: psycopg.Connection[Any]) -> list[str]:
    """Return the events, oldest first."""
    query = "select event || ' ' || change from sqitch.events order by committed_at"
    return [row[0] for row in admin.execute(query)]


def deployed(admin: psycopg.Connection[Any]) -> list[str]:
    """Return the changes that the registry has, oldest first."""
    return [one.name for one in Registry(admin, "sqitch").applied("five")]


def wait_for(admin: psycopg.Connection[Any], query: str) -> None:
    """Wait until a query returns a row; ten seconds at most."""
    end = time.monotonic() + 10
    while not admin.execute(query.encode()).fetchone():
        assert time.monotonic() < end, query
        time.sleep(0.02)


def test_deploy_status_verify_log_revert(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """The whole way there and back, with progress told in between."""
    project = state.load(root)
    steps: list[Progress] = []
    assert project.plan.changes == state.status(connection, project).pending

    done = runner.deploy(connection, project, to="@v1", tell=steps.append)
    assert ["one", "two"] == [change.name for change in done]
    assert [
        ("one", "start"),
        ("one", "ok"),
        ("two @v1", "start"),
        ("two @v1", "ok"),
    ] == [(s.label, s.state) for s in steps if s.action == "deploy"]
    found = state.status(connection, project)
    assert ["one", "two @v1"] == [one.label for one in found.applied]
    assert ["three", "four", "five"] == [change.name for change in found.pending]

    assert 3 == len(runner.deploy(connection, project, verify=True))
    assert verification.Verification(5, (), (), 5) == verification.verify(
        connection, project
    )
    assert ("five", "four", "three") == runner.revert(connection, project, to="two@v1")
    assert ("two", "one") == runner.revert(connection, project)
    assert () == runner.revert(connection, project)
    assert set() == tables(admin)
    newest = next(logged.events(connection, "sqitch", logged.Search()))
    assert ("revert", "one", ()) == (newest.event, newest.change, newest.tags)


def test_session_comes_back_as_it_was(
    connection: session.Connection, root: Path
) -> None:
    """A script's role, settings and temporary tables end with it."""
    leak = "set role pg_monitor;\nset search_path = nowhere;\ncreate temp table t ();"
    write(
        root,
        "deploy",
        "one",
        f"{leak.replace('set role pg_monitor;', '')}\nset role pg_monitor;",
    )
    runner.deploy(connection, state.load(root))
    row = connection.execute(
        "select current_setting('role'), current_setting('search_path'),"
        " to_regclass('pg_temp.t'), current_setting('lock_timeout'),"
        " current_setting('row_security'), current_setting('application_name')"
    ).fetchone()
    assert ("none", '"$user", public', None, "0", "on", "learnplan-db") == row
    locks = "select 1 from pg_locks where locktype = 'advisory' and pid = %s"
    assert not connection.execute(locks, [connection.info.backend_pid]).fetchone()


def test_rows_are_the_deployers_not_the_scripts(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """A script that sets a role without rights on the registry is recorded."""
    write(
        root,
        "deploy",
        "one",
        "begin;\ncreate table one (i int);\nset search_path = pg_temp;\n"
        "set local role pg_monitor;\ncommit;",
    )
    runner.deploy(connection, state.load(root), to="one")
    assert ["one"] == deployed(admin)


def test_row_security_is_off_in_deploy_scripts_and_on_in_verify(
    connection: session.Connection, root: Path
) -> None:
    """A data change that a policy would silently narrow is an error."""
    shown = "do $$ begin assert current_setting('row_security') = '{}'; end $$;"
    write(root, "deploy", "one", f"begin;\n{shown.format('off')}\ncommit;")
    write(root, "verify", "one", shown.format("on"))
    runner.deploy(connection, state.load(root), to="one", verify=True)


def test_failing_script_leaves_nothing(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """What came before stays, the failed change leaves one event, and no lock."""
    write(
        root,
        "deploy",
        "three",
        "begin;\ncreate table three ();\nselect 1 / 0;\ncommit;",
    )
    with pytest.raises(errors.ScriptError) as caught:
        runner.deploy(connection, state.load(root), mode="change")
    assert "22012" == caught.value.sqlstate
    assert "sql/deploy/three.sql:3" == caught.value.where
    assert {"one", "two"} == tables(admin)
    assert ["deploy one", "deploy two", "fail three"] == history(admin)
    write(root, "deploy", "three", "begin;\ncreate table three (i int);\ncommit;")
    assert 3 == len(runner.deploy(connection, state.load(root), mode="change"))


def test_failing_commit_leaves_nothing(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """A deferred constraint fails at the commit: the rows go with the script."""
    write(
        root,
        "deploy",
        "one",
        "begin;\ncreate table one (i int unique deferrable initially deferred);\n"
        "insert into one values (1), (1);\ncommit;",
    )
    with pytest.raises(errors.ScriptError, match="duplicate key"):
        runner.deploy(connection, state.load(root), mode="change")
    assert [] == deployed(admin)
    assert set() == tables(admin)
    assert ["fail one"] == history(admin)


def test_script_without_a_transaction_runs_as_psql_would(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """Each statement commits on its own, and some could not run otherwise."""
    text = "create table one (i int);\ncreate index concurrently on one (i);"
    write(root, "deploy", "one", text)
    write(root, "deploy", "two", "create table two (i int);\nselect 1 / 0;")
    with pytest.raises(errors.ScriptError):
        runner.deploy(connection, state.load(root), mode="change")
    assert {"one", "two"} == tables(admin)
    assert ["one"] == deployed(admin)


def test_nothing_runs_when_a_later_script_is_unusable(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """A missing file, what only psql can do and a repeated script: seen beforehand."""
    write(root, "deploy", "five", "\\gexec")
    with pytest.raises(errors.ScriptError) as caught:
        runner.deploy(connection, state.load(root))
    assert 2 == caught.value.exit_code
    write(root, "deploy", "five", "begin;\ncreate table four (i int);\ncommit;")
    with pytest.raises(errors.RegistryError, match='"five" has the same deploy script'):
        runner.deploy(connection, state.load(root))
    (root / "sql" / "deploy" / "five.sql").unlink()
    with pytest.raises(errors.PlanError, match="no readable"):
        runner.deploy(connection, state.load(root))
    assert set() == tables(admin)


def test_conflict_is_seen_before_anything_runs(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """A change that excludes an earlier one of the same run is refused."""
    text = PLAN.replace("five [four]", "five [four !one]")
    (root / "sql" / "sqitch.plan").write_text(text)
    with pytest.raises(errors.RegistryError, match='"five" conflicts with one'):
        runner.deploy(connection, state.load(root))
    assert set() == tables(admin)


def test_verify_collects_every_failure(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """Two tables are gone: both are told, and what is pending."""
    project = state.load(root)
    runner.deploy(connection, project, to="four")
    admin.execute("drop table one, three")
    found = verification.verify(connection, project)
    assert ["one", "three"] == [name for name, _ in found.failures]
    assert (4, ["five"]) == (found.checked, [c.name for c in found.pending])


def test_two_deployers_at_once(
    database: str, admin: psycopg.Connection[Any], root: Path
) -> None:
    """Each change runs once, whoever runs it; nobody fails."""
    project, counts, failures = state.load(root), [], []

    def work() -> None:
        try:
            with session.connect(database) as connection:
                counts.append(len(runner.deploy(connection, project)))
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [] == failures
    assert [0, 0, 0, 5] == sorted(counts)
    assert [f"deploy {name}" for name in NAMES] == history(admin)


def test_up_to_date_is_told_without_the_lock(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """Somebody holds the lock, and there is nothing to do anyway."""
    project = state.load(root)
    runner.deploy(connection, project)
    admin.execute("select pg_advisory_lock(75474063)")
    assert () == runner.deploy(connection, project, lock_timeout=0)


def test_lock_on_a_table_is_waited_for_by_trying_again(
    connection: session.Connection,
    admin: psycopg.Connection[Any],
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While a reader holds the table the change is tried again, and then succeeds."""
    monkeypatch.setattr(session, "TABLE_LOCK_TIMEOUT", 0.1)
    write(root, "deploy", "two", "begin;\nalter table one add j int;\ncommit;")
    project = state.load(root)
    runner.deploy(connection, project, to="one")
    with admin.transaction():
        admin.execute("select * from one")
        timer = threading.Timer(0.6, admin.execute, ["rollback"])
        timer.start()
        runner.deploy(connection, project, to="two")
        timer.join()
    assert ["one", "two"] == deployed(admin)


def test_who_holds_the_lock_is_named(
    database: str,
    connection: session.Connection,
    admin: psycopg.Connection[Any],
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After the last try the error names the session, and nothing is left."""
    monkeypatch.setattr(session, "TABLE_LOCK_TIMEOUT", 0.05)
    write(root, "deploy", "two", "begin;\nalter table one add j int;\ncommit;")
    project = state.load(root)
    runner.deploy(connection, project, to="one")
    named = make_conninfo(database, application_name="a report")
    with psycopg.connect(named) as reader:
        reader.execute("select * from one")
        with pytest.raises(errors.ScriptError) as caught:
            runner.deploy(connection, project, to="two", lock_timeout=0.5)
        fix = caught.value.fix or ""
        assert f"pid {reader.info.backend_pid}" in fix
        assert "a report, idle in transaction" in fix
    assert "55P03" == caught.value.sqlstate
    assert ["deploy one", "fail two"] == history(admin)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_killed_deploy_leaves_nothing(
    database: str, admin: psycopg.Connection[Any], root: Path, number: int
) -> None:
    """Ended in the middle of a script; the next deploy goes on from there."""
    write(
        root,
        "deploy",
        "three",
        "begin;\ncreate table three (i int);\nselect pg_sleep(20);\ncommit;",
    )
    with subprocess.Popen(
        [sys.executable, "-c", DEPLOY_IN_A_PROCESS, database, str(root)],
        stderr=subprocess.DEVNULL,
    ) as process:
        sleeping = "select 1 from pg_stat_activity where wait_event = 'PgSleep'"
        wait_for(admin, f"{sleeping} and datname = current_database()")
        process.send_signal(number)
        assert 0 != process.wait(10)
    write(root, "deploy", "three", "begin;\ncreate table three (i int);\ncommit;")
    with session.connect(database) as connection:
        done = runner.deploy(connection, state.load(root), lock_timeout=8)
    if number == signal.SIGINT:  # it had time to take back what it had deployed
        assert ["fail three", "revert two", "revert one"] == history(admin)[2:5]
        assert list(NAMES) == [change.name for change in done]
        return
    assert ["three", "four", "five"] == [change.name for change in done]
    assert [f"deploy {name}" for name in NAMES] == history(admin)


def test_ended_session_is_a_clear_error(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """The server ends the session in a script, and the error has its address."""
    text = "begin;\nselect pg_terminate_backend(pg_backend_pid());\ncommit;"
    write(root, "deploy", "two", text)
    with pytest.raises(errors.LostError, match="terminating") as caught:
        runner.deploy(connection, state.load(root))
    assert "sql/deploy/two.sql:2" == caught.value.where
    assert ["one"] == deployed(admin)


def test_ended_session_stops_a_verify(
    connection: session.Connection, root: Path
) -> None:
    """A lost connection is not five failed changes."""
    project = state.load(root)
    runner.deploy(connection, project)
    write(root, "verify", "two", "select pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(errors.ConnectError, match=r"terminating|is lost"):
        verification.verify(connection, project)


def test_deploy_to_an_earlier_change_points_to_revert(
    connection: session.Connection, root: Path
) -> None:
    """A deploy only goes forward."""
    project = state.load(root)
    runner.deploy(connection, project)
    with pytest.raises(
        errors.RegistryError, match='"one": it comes before "five"'
    ) as caught:
        runner.deploy(connection, project, to="one")
    assert "revert --to one" in str(caught.value)


def test_new_tag_on_the_newest_change_is_recorded(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """Nothing is pending, but the tag; it has no event."""
    runner.deploy(connection, state.load(root))
    text = f"{PLAN}@v2 2026-01-01T00:00:06Z P <p@x.org> # Later.\n"
    (root / "sql" / "sqitch.plan").write_text(text)
    assert () == runner.deploy(connection, state.load(root))
    found = state.status(connection, state.load(root))
    assert "five @v2" == found.applied[-1].label
    assert 5 == len(history(admin))


def test_newer_database_is_refused_and_can_be_reverted(
    connection: session.Connection, root: Path
) -> None:
    """An older package says so, and revert works while the files are there."""
    runner.deploy(connection, state.load(root))
    older = PLAN.partition("four [")[0]
    (root / "sql" / "sqitch.plan").write_text(older)
    project = state.load(root)
    for command in (runner.deploy, state.status):
        with pytest.raises(errors.RegistryError, match="newer than this plan") as told:
            command(connection, project)
        assert "4  four is not in the plan" in told.value.message
    found = verification.verify(connection, project)
    assert ["four", "five"] == [name for name, _ in found.failures]
    assert ("five", "four") == runner.revert(connection, project, to="three")
    assert () == runner.deploy(connection, project)


def test_edited_plan_is_refused_and_reverts_by_name(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """The same names with other ids: deploy stops, revert goes by name."""
    runner.deploy(connection, state.load(root))
    (root / "sql" / "sqitch.plan").write_text(PLAN.replace("First.", "1st."))
    project = state.load(root)
    with pytest.raises(errors.RegistryError, match="one has another note"):
        runner.deploy(connection, project)
    assert ("five", "four", "three") == runner.revert(connection, project, to="@v1")
    assert ("two", "one") == runner.revert(connection, project)
    assert set() == tables(admin)


def test_other_project_is_named(connection: session.Connection, root: Path) -> None:
    """Verify and revert say whose database it is; two projects may share one."""
    runner.deploy(connection, state.load(root), to="one")
    text = PLAN.replace("%project=five", "%project=other")
    (root / "sql" / "sqitch.plan").write_text(text)
    project = state.load(root)
    for command in (verification.verify, runner.revert):
        steps: list[Progress] = []
        command(connection, project, tell=steps.append)
        assert ["the registry holds five"] == [
            step.detail.partition("; ")[2] for step in steps if step.action == "warning"
        ]


def test_other_uri_is_refused(connection: session.Connection, root: Path) -> None:
    """A project of our name with another URI is not ours."""
    runner.deploy(connection, state.load(root), to="one")
    runner.revert(connection, state.load(root))
    text = PLAN.replace("%project=five", "%project=five\n%uri=https://x.org/")
    (root / "sql" / "sqitch.plan").write_text(text)
    with pytest.raises(errors.RegistryError, match="with URI none instead of https"):
        runner.deploy(connection, state.load(root))


def test_other_registry_version_is_refused(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """A newer Sqitch may have upgraded it."""
    runner.deploy(connection, state.load(root), to="one")
    admin.execute("insert into sqitch.releases values (2, now(), 'x', 'x')")
    with pytest.raises(errors.RegistryError, match="has version 2"):
        runner.deploy(connection, state.load(root))


@pytest.fixture
def stranger(server: Any, database: str) -> Iterator[str]:
    """Provide the conninfo of a login without any rights."""
    name = "learnplan_login_stranger"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"drop role if exists {name}".encode())
        admin.execute(f"create role {name} login password 'geheim'".encode())
        yield make_conninfo(database, user=name, password="geheim")  # noqa: S106
        admin.execute(f"drop role {name}".encode())


def test_missing_rights_are_told(database: str, stranger: str, root: Path) -> None:
    """Without a registry the grant is named; with one, what is missing."""
    project = state.load(root)
    with session.connect(stranger) as connection:
        with pytest.raises(errors.RegistryError) as caught:
            runner.deploy(connection, project)
        assert "learnplan_login_stranger" in str(caught.value)
        with session.connect(database) as owner:
            runner.deploy(owner, project, to="one")
        with pytest.raises(errors.RegistryError, match="permission denied"):
            state.status(connection, project)
        with pytest.raises(errors.RegistryError, match="permission denied"):
            runner.deploy(connection, project)


def make_unreachable(database: str) -> Iterator[str]:
    """Yield conninfo that cannot work, each with the password "geheim"."""
    yield make_conninfo(database, dbname="nowhere", password="geheim")  # noqa: S106
    yield make_conninfo(database, host="/nowhere", password="geheim")  # noqa: S106
    yield make_conninfo("", host="127.0.0.1", port=1, password="geheim")  # noqa: S106
    yield "postgresql://u:geheim@127.0.0.1:1/x"
    yield "postgresql://u:ge@geheim:x@h/x"
    yield "postgresql://u:geheim/geheim@h/x"
    yield "password=geheim nonsense"


def test_password_is_in_no_error(database: str) -> None:
    """Unreachable, missing or malformed: neither the error nor its cause tells."""
    for conninfo in make_unreachable(database):
        with pytest.raises((errors.ConnectError, errors.ConfigError)) as caught:
            session.connect(conninfo)
        assert "geheim" not in str(caught.value)
        assert "geheim" not in str(caught.value.__cause__)
    for target in ("mysql://u:geheim@h/x", "db:mysql://u:geheim@h/x", "u:geheim@h"):
        with pytest.raises(errors.ConfigError) as wrong:
            config.conninfo(target)
        assert "geheim" not in str(wrong.value)
    assert "geheim" not in config.display("postgresql://u:geheim@h/x?password=geheim")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("db:pg:name", {"dbname": "name"}),
        ("db:postgres:///name", {"dbname": "name"}),
        (
            "db:pg://u@h:5433/n?sslmode=require",
            {
                "user": "u",
                "host": "h",
                "port": "5433",
                "dbname": "n",
                "sslmode": "require",
            },
        ),
        ("db:pg://u@/n?host=/run/pg", {"user": "u", "host": "/run/pg", "dbname": "n"}),
        (
            "db:pg://u:a#b@h/n",
            {"user": "u", "password": "a#b", "host": "h", "dbname": "n"},
        ),
        ("postgresql://h/n", {"host": "h", "dbname": "n"}),
        ("postgres://h/n", {"host": "h", "dbname": "n"}),
        ("host=h dbname=n", {"host": "h", "dbname": "n"}),
    ],
)
def test_targets(target: str, expected: dict[str, str]) -> None:
    """Each way to name a database means what libpq or Sqitch makes of it."""
    known = psycopg.conninfo.conninfo_to_dict(config.conninfo(target))
    assert expected == {key: str(value) for key, value in known.items()}


def test_committer_as_sqitch_finds_it() -> None:
    """The environment first, then what the system knows of the login."""
    given = {"SQITCH_FULLNAME": "Dee Ba", "SQITCH_EMAIL": "dee@example.org"}
    assert "Dee Ba <dee@example.org>" == str(config.committer(given))
    original = {"SQITCH_ORIG_FULLNAME": "Orig", "SQITCH_ORIG_EMAIL": "o@x.org"}
    assert "Orig <o@x.org>" == str(config.committer(original))
    assert str(config.committer(original | given)).startswith("Dee Ba")
    assert "@" in config.committer({}).email


def test_failed_revert_after_failed_verify_says_so(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """It is recorded as failed, as in Sqitch, and the error names both troubles."""
    write(root, "verify", "two", "select 1 / 0;")
    write(root, "revert", "two", "begin;\ndrop table nothing;\ncommit;")
    with pytest.raises(errors.VerifyError, match="division by zero") as caught:
        runner.deploy(connection, state.load(root), mode="change", verify=True)
    assert 'could not be reverted: table "nothing"' in str(caught.value)
    assert ["one"] == deployed(admin)
    assert ["deploy one", "fail two"] == history(admin)


def test_change_that_another_project_requires_is_not_reverted(
    connection: session.Connection, admin: psycopg.Connection[Any], root: Path
) -> None:
    """The dependency is read from the registry, before any script runs."""
    project = state.load(root)
    runner.deploy(connection, project, to="one")
    admin.execute(
        "insert into sqitch.projects values ('p', null, now(), 'x', 'x');"
        " insert into sqitch.changes values ('id', 'h', 'c', 'p', '', now(),"
        " 'x', 'x', now(), 'x', 'x');"
        " insert into sqitch.dependencies select 'id', 'require', 'five:one', change_id"
        " from sqitch.changes where project = 'five'"
    )
    with pytest.raises(errors.RegistryError, match="required by deployed change p:c"):
        runner.revert(connection, project)
    assert {"one"} == tables(admin)


def test_connection_inside_a_transaction_is_a_mistake(
    database: str, root: Path, fresh_dsn: Callable[[], str]
) -> None:
    """A deploy commits, so it cannot be part of somebody's transaction."""
    with (
        psycopg.connect(database) as connection,
        pytest.raises(ValueError, match="auto"),
    ):
        runner.deploy(connection, state.load(root))


def test_revert_does_only_what_was_confirmed(
    connection: session.Connection, root: Path
) -> None:
    """What is deployed while a person is asked is not reverted with the rest."""
    project = state.load(root)
    first, second = (change.name for change in project.plan.changes[:2])
    runner.deploy(connection, project, to=first)

    def slowly(doomed: list[Applied], kept: str | None) -> bool:
        assert ([first], None) == ([one.name for one in doomed], kept)
        runner.deploy(connection, project, to=second)
        return True

    with pytest.raises(errors.RegistryError, match="than when you were asked"):
        runner.revert(connection, project, confirm=slowly)
    assert len(state.status(connection, project).applied) == 2
    with pytest.raises(errors.NothingDoneError):
        runner.revert(connection, project, confirm=lambda *_: False)
    assert (second, first) == runner.revert(connection, project)


def test_dates_of_another_style_are_read(admin_dsn: str) -> None:
    """A database whose dates look otherwise has a state, and scripts keep the order."""
    project = state.load(config.project_root(None))
    name = conninfo_to_dict(admin_dsn)["dbname"]
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        admin.execute(f"alter database {name} set datestyle = 'SQL, DMY'")
    with session.connect(admin_dsn) as connection:
        assert () == state.status(connection, project).pending
        assert () == verification.verify(connection, project).failures
        session.clean(connection)
        assert ("ISO, DMY",) == connection.execute("show datestyle").fetchone()

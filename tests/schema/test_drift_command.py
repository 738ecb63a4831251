"""The command drift: what it prints, its exit codes, and each bad input's error."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fix_race import wrapped, write
from learnplan_db.cli import cli
from learnplan_db.engine import runner, session, state
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from fix_database import TestServer
    from fix_drift import Drifting
    from fix_servers import Pooler, Standby

PEOPLE = "alter table learnplan.users add column phone text default '1'"
ROW = "insert into learnplan.users (clerk_user_id, email) values ('u', 'a@example.org')"
OPEN = "alter policy users_select_authenticated on learnplan.users using (true)"


def run(*words: str | Path, **environ: str | None) -> Result:
    """Run a command; never with a traceback."""
    done = CliRunner().invoke(cli, list(map(str, words)), env=environ)
    assert done.exception is None or isinstance(done.exception, SystemExit), done
    return done


def failed(done: Result, code: int, *texts: str) -> None:
    """Assert an exit code and each text of an error, and nothing on standard output."""
    assert (code, "") == (done.exit_code, done.stdout), done.output
    assert "error: " in done.stderr
    assert "fix  " in done.stderr
    for text in texts:
        assert text in done.stderr


@pytest.fixture
def small(make_project: Callable[[], Path], database: str) -> Path:
    """Return a project of three tables in the schema public, all deployed."""
    root = make_project()
    with session.connect(database) as connection:
        runner.deploy(connection, state.load(root))
    return root


@pytest.fixture
def scratch(server: TestServer) -> str:
    """Return the server of this worker, as --scratch takes it."""
    return server.dsn("postgres")


def test_clean_database_is_said_to_be_so(drifting: Drifting) -> None:
    """No differences: exit 0; the scratch server is an embedded one, and gone."""
    done = run("drift", drifting.dsn)
    assert (0, "") == (done.exit_code, done.stderr)
    plan = state.load(config.project_root(None)).plan
    last = " ".join(
        [plan.changes[-1].name, *(f"@{t.name}" for t in plan.changes[-1].tags)]
    )
    summary = f"No differences from the plan as deployed up to {last}"
    assert f"{summary} ({len(plan.changes)} changes)\n" == done.stdout
    assert drifting.clean == drifting.fingerprint()


def test_differences_are_told_with_owner_and_repair(
    drifting: Drifting, scratch: str, psql: str
) -> None:
    """Text and JSON say the same; psql runs the script; a person has the rest."""
    for statement in (OPEN, PEOPLE, ROW):
        drifting.meddler.execute(statement.encode())
    words = ("drift", drifting.dsn, "--scratch", scratch)
    done = run(*words)
    assert (1, "") == (done.exit_code, done.stderr)
    assert (
        "policy learnplan.users.users_select_authenticated differs\n"
        "  owner     change policy_users@v1.0.0, sql/deploy/policy_users@v1.0.0.sql\n"
        "  using\n"
        "    expected  (id = ( SELECT learnplan.current_user_id() AS current_user_id))\n"
        "    found     true\n"
        "  repair    alter policy users_select_authenticated on learnplan.users\n"
    ) in done.stdout
    assert (
        "column learnplan.users.phone is extra\n"
        "  owner     no change made it\n"
        "  note      it holds values, or nobody may look: they would be lost\n"
        "  withheld  alter table learnplan.users drop column phone;\n"
    ) in done.stdout
    assert "2 differences from the plan" in done.stdout
    assert "1 for a person to decide" in done.stdout

    told = run(*words, "--json")
    assert 1 == told.exit_code
    found = json.loads(told.stdout)
    assert 1 == found["schema_version"]
    column, policy = found["differences"]
    assert ("extra", None, []) == tuple(
        column[k] for k in ("state", "change", "repair")
    )
    assert ["alter table learnplan.users drop column phone"] == column["withheld"]
    assert ("policy", "differs") == (policy["kind"], policy["state"])
    assert ("policy_users@v1.0.0", "sql/deploy/policy_users@v1.0.0.sql") == (
        policy["change"],
        policy["script"],
    )
    assert [("using", "true")] == [(f["facet"], f["found"]) for f in policy["facts"]]

    subprocess.run(
        [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", drifting.dsn],
        input=found["sql"],
        text=True,
        check=True,
    )
    left = drifting.drift().differences
    assert ["learnplan.users.phone"] == [one.key.name for one in left]


def test_standby_is_compared(standby: Standby, scratch: str) -> None:
    """A standby is only read: two of three changes are there, and nothing differs."""
    done = run("-C", standby.root, "drift", standby.dsn, "--scratch", scratch)
    assert (0, "No differences from the plan as deployed up to b (2 changes)\n") == (
        done.exit_code,
        done.stdout,
    )


def test_who_may_read_the_registry_may_compare(
    small: Path, database: str, scratch: str
) -> None:
    """A login without a right on the tables sees what differs, and cannot look inside."""
    with psycopg.connect(database, autocommit=True) as admin:
        for statement in (
            "create role drift_reader login password 'secret'",
            "grant usage on schema sqitch to drift_reader",
            "grant select on all tables in schema sqitch to drift_reader",
            "create table extra ()",
        ):
            admin.execute(statement.encode())
        dsn = make_conninfo(database, user="drift_reader", password="secret")  # noqa: S106
        done = run("-C", small, "drift", dsn, "--scratch", scratch)
        admin.execute("drop owned by drift_reader; drop role drift_reader")
    assert 1 == done.exit_code
    assert "table public.extra is extra" in done.stdout
    assert "withheld  drop table public.extra;" in done.stdout
    assert "secret" not in done.output


def test_project_without_configured_schemas_is_where_it_makes_something(
    small: Path, database: str, scratch: str
) -> None:
    """Somebody's plan in the schema public: its tables count, the host's schemas not."""
    words = ("-C", small, "drift", database, "--scratch", scratch)
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("create schema host; create table host.t_b (i int)")
        admin.execute("grant create on schema public to pg_monitor")
        assert 0 == run(*words).exit_code
        admin.execute("alter table t_b alter column i type bigint")
        admin.execute("create table extra ()")
    done = run(*words)
    assert 1 == done.exit_code
    assert "column public.t_b.i differs\n  owner     change b, sql/deploy/b.sql" in (
        done.stdout
    )
    assert "table public.extra is extra" in done.stdout
    assert "2 differences" in done.stdout
    only = run(*words, "--schema", "host")
    assert "table host.t_b is extra" in only.stdout


def test_rework_owns_what_it_changed(
    make_project: Callable[[], Path], database: str, scratch: str
) -> None:
    """The later of two changes of one name owns what it altered, the first the rest."""
    root = make_project()
    path = root / "sql" / "sqitch.plan"
    path.write_text(
        f"{path.read_text()}@v2 2026-01-02T00:00:00Z P <p@x.org> # A tag.\n"
        "a [a@v2] 2026-01-02T00:00:01Z P <p@x.org> # Again.\n"
    )
    write(root, "deploy", "a@v2", (root / "sql/deploy/a.sql").read_text())
    write(root, "deploy", "a", wrapped("alter table t_a alter column i set default 1;"))
    with session.connect(database) as connection:
        runner.deploy(connection, state.load(root))
        connection.execute("alter table t_a alter i drop default, alter i set not null")
    done = run("-C", root, "drift", database, "--scratch", scratch)
    assert "  default\n    expected  1\n    found     nothing\n" in done.stdout
    assert "  owner     change a, sql/deploy/a.sql\n" in done.stdout
    assert "  not_null (change a@v2, sql/deploy/a@v2.sql)\n" in done.stdout


def test_variables_of_scripts_are_set_on_the_scratch_server(
    small: Path, database: str, scratch: str
) -> None:
    """What --set says reaches the scripts there, as it did when they were deployed."""
    write(small, "deploy", "c", wrapped("create table t_c (:column int);"))
    words = ("-C", small, "drift", database, "--scratch", scratch)
    done = run(*words, "--set", "column=i")
    assert (0, 1) == (done.exit_code, done.stderr.count("edited since")), done.output
    assert "column public.t_c.j is missing" in run(*words, "-s", "column=j").stdout


def test_edited_script_is_told(small: Path, database: str, scratch: str) -> None:
    """A script that is not as it was deployed: its difference may be its own."""
    write(small, "deploy", "c", wrapped("create table t_c (i int, j int);"))
    done = run("-C", small, "drift", database, "--scratch", scratch)
    assert 1 == done.exit_code
    assert "deploy scripts were edited since" in done.stderr
    assert done.stderr.endswith(": c\n")
    assert "column public.t_c.j is missing" in done.stdout


def test_hostile_names_are_quoted(database: str, scratch: str, small: Path) -> None:
    """Quotes, dots and backslashes in names and comments go through the script."""
    name = '"a""b.c; drop table t_a; --\\"'
    write(
        small,
        "deploy",
        "c",
        wrapped(
            f"create schema {name};\n"
            f"create table {name}.{name} ({name} int default 7, "
            f"constraint {name} check ({name} > 0));\n"
            f"create type {name}.e as enum ('x''y', 'a, b');\n"
            f"comment on column {name}.{name}.{name} is '''); drop table t_a; -- \\';"
        ),
    )
    plan = small / "sql" / "sqitch.plan"
    plan.write_text(plan.read_text().replace("%project=race", "%project=hostile"))
    words = ("-C", small, "drift", database, "--scratch", scratch)
    with session.connect(database) as connection:
        connection.execute("drop table t_a, t_b, t_c")
        runner.deploy(connection, state.load(small))
        assert 0 == run(*words).exit_code
        damage = (
            f"alter table {name}.{name} alter {name} set default 8;"
            f"alter table {name}.{name} drop constraint {name};"
            f"alter type {name}.e rename value 'a, b' to 'c';"
            f"comment on column {name}.{name}.{name} is null"
        )
        for statements in (damage, f"drop schema {name} cascade"):
            connection.execute(statements.encode())
            done = run(*words, "--sql")
            assert 1 == done.exit_code
            connection.execute(done.stdout.encode())
            assert 0 == run(*words).exit_code, statements


WRONG: dict[str, tuple[str, str]] = {
    "registry missing": ("drop schema sqitch cascade", "no registry found"),
    "nothing deployed": (
        "truncate sqitch.changes cascade",
        'nothing of project "race" is deployed',
    ),
    "another plan": (
        "update sqitch.changes set change_id = repeat('a', 40) where change = 'c'",
        "the database and the plan disagree",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_database_that_cannot_be_compared(
    small: Path, database: str, scratch: str, wrong: str
) -> None:
    """What is not deployed as planned has nothing to be compared with: exit 2."""
    damage, said = WRONG[wrong]
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("alter table sqitch.dependencies disable trigger all")
        admin.execute(damage.encode())
    done = run("-C", small, "drift", database, "--scratch", scratch)
    failed(done, 2, said)


def test_script_that_fails_on_the_scratch_server(
    small: Path, database: str, scratch: str
) -> None:
    """The script is named, and that it was the scratch server where it failed."""
    write(small, "deploy", "b", wrapped("select 1/0;"))
    done = run("-C", small, "drift", database, "--scratch", scratch)
    failed(done, 2, "on the scratch server", "division by zero", "sql/deploy/b.sql:2")


def test_plan_that_needs_another_project(
    small: Path, database: str, scratch: str
) -> None:
    """Another project's changes are not there, and nobody could deploy them."""
    plan = small / "sql" / "sqitch.plan"
    text = plan.read_text().replace("c [b]", "c [b other:x]")
    plan.write_text(text.replace("%project=race", "%project=needy"))
    with session.connect(database) as connection:
        connection.execute("drop table t_a, t_b, t_c")
        project = state.load(small)
        runner.deploy(connection, project, to="b")
        assert 0 == run("-C", small, "drift", database, "--scratch", scratch).exit_code
        other = plan.read_text().replace("%project=needy", "%project=other")
        lines = other.split("\n")[:3]
        (small / "other.plan").write_text(
            "\n".join([*lines, "x 2026-01-01T00:00:00Z P <p@x.org> # X.", ""])
        )
        write(small, "deploy", "x", wrapped("select 1;"))
        words = ("-C", small, "deploy", database, "--plan-file", "other.plan")
        assert 0 == run(*words).exit_code
        runner.deploy(connection, project)
    done = run("-C", small, "drift", database, "--scratch", scratch)
    failed(done, 2, 'change "c" requires "other:x" of another project')


def test_scratch_server_that_gives_no_database(
    drifting: Drifting, app_dsn: str
) -> None:
    """A login that may not create databases: named, with what to do."""
    failed(run("drift", drifting.dsn, "--scratch", app_dsn), 2, "permission denied")
    drifting.fingerprint()


def test_no_server_at_all(drifting: Drifting, tmp_path: Path) -> None:
    """No embedded server and none named: exit 4, as of any command that needs one."""
    done = run("drift", drifting.dsn, LEARNPLAN_PG_BINDIR=str(tmp_path))
    failed(done, 4, "LEARNPLAN_PG_BINDIR")
    drifting.fingerprint()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sql", "--json"), "both print to standard output"),
        (("--schema", "wrong"), "there is no schema wrong"),
    ],
)
def test_words_that_make_no_sense(
    drifting: Drifting, words: tuple[str, ...], said: str
) -> None:
    """Wrong use is told at once: exit 2."""
    done = run("drift", drifting.dsn, *words)
    answered = '"error": ' in done.stdout  # with --json there is always an answer
    assert (2, "--json" in words) == (done.exit_code, answered)
    assert said in done.stderr
    drifting.fingerprint()


def test_pooled_session_will_do(
    small: Path, database: str, pgbouncer: Pooler, scratch: str
) -> None:
    """Through PgBouncer in transaction mode: one transaction reads it all."""
    name = str(conninfo_to_dict(database)["dbname"])
    done = run("-C", small, "drift", pgbouncer.dsn(name), "--scratch", scratch)
    assert (0, "") == (done.exit_code, done.stderr), done.output

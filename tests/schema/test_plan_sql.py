"""What a deploy would execute: held against the server's own log of a deploy."""

from __future__ import annotations

import json
import os
import re
import subprocess
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo

from fix_export import ours, standing
from learnplan_db.cli import cli
from learnplan_db.engine import runner, session
from learnplan_db.export.offline import plan_sql
from learnplan_db.psql import script
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from fix_export import Deployer, Standing

_LOGGED = re.compile(r"@@(\S*) LOG:  (?:statement|execute [^:]*): ((?:.*\n\t)*.*)\n")
_WRITES = ("insert", "update", "delete", "create", "lock", "alter", "drop", "do ")
_LEFT_OUT = (
    *("savepoint", "release", "unlisten"),
    "select 1 from pg_catalog.pg_namespace",
)
_CREATE = re.compile(r"do \$learnplan_db\$ .*then (create schema [^;]*);.*", re.DOTALL)


def command(*words: str) -> Any:
    """Run a command in this process; a traceback is a failure."""
    return CliRunner().invoke(cli, words, catch_exceptions=False)


class Logged:
    """A server that logs every statement, and is nobody else's."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.start = 0

    def dsn(self, name: str) -> str:
        """Return conninfo of a new database."""
        with psycopg.connect(self.dsn_of("postgres"), autocommit=True) as admin:
            admin.execute(f"create database {name}".encode())
        self.start = len(self.server.log.read_text())
        return self.dsn_of(name)

    def dsn_of(self, name: str) -> str:
        """Return conninfo of a database."""
        host, port = str(self.server.socket), self.server.port
        return make_conninfo(host=host, port=port, user="postgres", dbname=name)

    def statements(self, name: str) -> list[str]:
        """Return the statements that a database has got since it was made."""
        text = self.server.log.read_text()[self.start :]
        sent = [
            m[2].replace("\n\t", "\n") for m in _LOGGED.finditer(text) if m[1] == name
        ]
        return [one for message in sent for one in split(message)]

    def xid(self) -> Any:
        """Return the next transaction's number; nothing takes it that only reads."""
        query = "select pg_snapshot_xmax(pg_current_snapshot())::text"
        with psycopg.connect(self.dsn_of("postgres")) as connection:
            return connection.execute(query).fetchone()


def split(text: str) -> list[str]:
    """Return the statements of a text, without comments before and semicolons behind."""
    found = []
    for one in script.read(text.encode(), "text").texts:
        bare = re.sub(r"\A(?:\s*--[^\n]*\n)*\s*", "", one).rstrip().removesuffix(";")
        found.append(bare.rstrip())
    return found


def effective(statements: Iterable[str]) -> list[str]:
    """
    Return what changes the database: all in transactions, and writes outside.

    What differs is left out: how the session is set up, questions, marks that do
    nothing, and that one transaction is nested in another.
    """
    inside, found = False, []
    for text in statements:
        low = text.lower()
        if low in {"begin", "commit"}:
            inside = low == "begin"
            found.append(low)
        elif low.startswith(_LEFT_OUT):
            continue
        elif inside or low.startswith(_WRITES):
            found.append(_CREATE.sub(r"\1", text))
    # Of what is nested, only the questions were left out.
    return [a for a, b in pairwise([*found, ""]) if (a, b) != ("begin", "commit")]


@pytest.fixture(scope="module")
def logged() -> Iterator[Logged]:
    """Provide a server that logs every statement."""
    with Server(None, environ=os.environ) as server:
        found = Logged(server)
        with psycopg.connect(found.dsn_of("postgres"), autocommit=True) as admin:
            admin.execute("alter system set log_statement = 'all'")
            admin.execute("alter system set log_line_prefix = '@@%d '")
            admin.execute("select pg_reload_conf()")
        yield found


@pytest.mark.gate
def test_plan_sql_is_what_a_deploy_executes(logged: Logged) -> None:
    """The server gets, statement by statement, what plan_sql has said."""
    for name, places in (("whole", [None]), ("parts", ["@v1.0.0", "@v1.2.0"])):
        dsn, project = logged.dsn(name), ours()
        with session.connect(dsn) as connection:
            for to in places:
                logged.start = len(logged.server.log.read_text())
                said = plan_sql(connection, project, to=to)
                runner.deploy(connection, project, to=to)
                assert effective(split(_sql(said))) == effective(
                    logged.statements(name)
                )


def _sql(text: str) -> str:
    r"""Return a script without psql's \set."""
    return text.replace("\\set ON_ERROR_STOP on\n", "")


@pytest.mark.gate
def test_psql_runs_it_as_a_deploy_would(
    psql: str, deployer: Deployer, stages: dict[str, Standing], tmp_path: Path
) -> None:
    """Run by psql, the script leaves what a deploy leaves."""
    dsn, path = deployer.make(), tmp_path / "plan.sql"
    parts = [(None, "@v1.0.0", "@v1.0.0"), ("@v1.0.0", None, "@v1.2.0")]
    for since, to, stage in parts:
        path.write_text(plan_sql(None, ours(), since=since, to=to))
        argv = [psql, "-X", "-q", "-o", os.devnull, "-f", str(path), dsn]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert (0, "") == (done.returncode, done.stderr)
        assert stages[stage] == standing(dsn)


@pytest.mark.gate
def test_plan_sql_goes_on_from_where_the_database_is(
    newest: Callable[..., str],
) -> None:
    """Asked of a database, it is what is asked of the plan from there."""
    with session.connect(newest("@v1.0.0")) as connection:
        said = plan_sql(connection, ours())
    assert said == plan_sql(None, ours(), since="@v1.0.0")
    assert "-- Deploy index_learning_plans_topic @v1.1.0 @v1.2.0\n" in said
    with session.connect(newest()) as connection:
        assert "begin" not in plan_sql(connection, ours())


def test_plan_sql_of_a_tag_alone() -> None:
    """A release without a change is one row, in a transaction under the lock."""
    found = effective(split(_sql(plan_sql(None, ours(), since="@v1.1.0"))))
    begin, lock, row, commit = found
    assert ("begin", "commit") == (begin, commit)
    assert lock.startswith("lock table")
    assert "'@v1.2.0'" in row
    assert [] == effective(split(_sql(plan_sql(None, ours(), since="@v1.2.0"))))


def test_plan_sql_of_scripts_in_parts(tmp_path: Path) -> None:
    """A script that is not one transaction has its rows behind it, as in a deploy."""
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    (tmp_path / "sqitch.plan").write_text(
        "%syntax-version=1.0.0\n%project=small\n\na 2026-01-01T00:00:00Z P <p@x> # N.\n"
    )
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "a.sql").write_text("create index concurrently i on t (a);")
    said = command("-C", str(tmp_path), "plan", "--sql").stdout
    texts = "values ('fail'", "concurrently", "values ('deploy'", "unlock"
    places = [said.index(text) for text in texts]
    assert sorted(places) == places
    path = tmp_path / "deploy" / "a.sql"
    path.write_text("select 1 as x \\gset\n")
    done = command("-C", str(tmp_path), "plan", "--sql")
    assert (2, True) == (done.exit_code, "deploy/a.sql:1" in done.stderr)


@pytest.mark.gate
def test_dry_run_only_reads(logged: Logged) -> None:
    """Neither a transaction's number is taken nor a lock, and nothing is written."""
    dsn = logged.dsn("rehearsed")
    before = logged.xid()
    done = command("deploy", "--dry-run", "--to", "@v1.0.0", dsn)
    as_sql = command("deploy", "--dry-run", "--sql", dsn)
    assert as_sql.stdout == command("deploy", "--dry-run", "-v", dsn).stdout
    assert (0, 0, before) == (done.exit_code, as_sql.exit_code, logged.xid())
    sent = logged.statements("rehearsed")
    assert sent
    assert [] == [t for t in sent if t.lower().startswith((*_WRITES, "begin"))]
    assert [] == [t for t in sent if "advisory" in t]
    assert "Would add registry tables" in done.stdout
    count = sum(1 for line in done.stdout.splitlines() if line.startswith("  + "))
    assert 59 == count
    assert "Checked: plan, registry" in done.stdout.splitlines()[-1]
    with session.connect(dsn) as connection:
        assert plan_sql(connection, ours()).count("\n") == as_sql.stdout.count("\n")


def test_dry_run_of_what_is_up_to_date(admin_dsn: str) -> None:
    """It says what a deploy says, and the same for machines."""
    done = command("deploy", "--dry-run", admin_dsn)
    assert (0, command("deploy", admin_dsn).stdout) == (done.exit_code, done.stdout)
    said = json.loads(
        command("deploy", "--dry-run", "--json", "--sql", admin_dsn).stdout
    )
    assert ([], [], False, "") == (
        *(said["would_deploy"], said["would_tag"]),
        *(said["would_create_registry"], said["sql"]),
    )


@pytest.mark.gate
def test_dry_run_tells_tags(admin_dsn: str) -> None:
    """A tag that the database lacks is told, and not written."""
    with psycopg.connect(admin_dsn) as admin:
        admin.execute("delete from sqitch.tags where tag = '@v1.2.0'")
    done = command("deploy", "--dry-run", admin_dsn)
    assert "Would tag index_learning_plans_topic @v1.2.0 in" in done.stdout
    with psycopg.connect(admin_dsn) as admin:
        query = "select count(*) from sqitch.tags where tag = '@v1.2.0'"
        assert (0,) == admin.execute(query).fetchone()


def refusals() -> Iterator[tuple[str, str]]:
    """Yield a plan's line, or a script, and what is said of it."""
    yield "b [!a] 2026-01-01T00:00:09Z P <p@x> # N.\n", "conflicts with a"
    yield "b [other:x] 2026-01-01T00:00:09Z P <p@x> # N.\n", "requires other:x"
    yield "c 2026-01-01T00:00:09Z P <p@x> # N.\n", "deploy/c.sql"
    yield "d 2026-01-01T00:00:09Z P <p@x> # N.\n", "deploy/d.sql"


def test_dry_run_refuses_what_a_deploy_refuses(tmp_path: Path, database: str) -> None:
    """Each refusal before a script runs is the same, word for word."""
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    for kind in ("deploy", "revert"):
        (tmp_path / kind).mkdir()
        for name, text in (("a", "one"), ("b", "two"), ("d", "one")):
            path = tmp_path / kind / f"{name}.sql"
            path.write_text(f"begin;\nselect '{text}';\ncommit;\n")
    head = "%syntax-version=1.0.0\n%project=small\n\n"
    head += "a 2026-01-01T00:00:00Z P <p@x> # N.\n"
    for line, text in refusals():
        (tmp_path / "sqitch.plan").write_text(head + line)
        words = "-C", str(tmp_path), "deploy", database
        rehearsed = command(*words, "--dry-run")
        done = command(*words)
        assert text in done.stderr
        assert (2, done.stderr) == (rehearsed.exit_code, rehearsed.stderr)
    with psycopg.connect(database) as connection:
        query = "select to_regnamespace('sqitch')"
        assert (None,) == connection.execute(query).fetchone()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("deploy --sql", "--sql means nothing without --dry-run"),
        ("deploy --dry-run --sql --log-only", "--sql and --log-only"),
        ("plan --from @v1.0.0", "--from means nothing without --sql"),
        ("plan --sql --from @v9", '"@v9"'),
        ("plan --sql --from @v1.1.0 --to @v1.0.0", "comes before"),
    ],
)
def test_options_that_mean_nothing_are_refused(words: str, text: str) -> None:
    """Neither a database nor the embedded server is asked."""
    done = command(*words.split())
    assert (2, True) == (done.exit_code, text in done.stderr)

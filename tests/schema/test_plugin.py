"""
The pytest plugin as a host's suite sees it: real inner runs, on the real server.

What an inner test asserts, the outer one does not: it counts the outcomes, reads what a
person reads, and looks that nothing is left on the server.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from learnplan_db.security.variables import Variables
from learnplan_db.testing.addresses import as_url
from learnplan_db.testing.databases import PREFIX, Databases
from learnplan_db.testing.servers import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from fix_database import TestServer

pytestmark = pytest.mark.gate

pytest_plugins = ["pytester"]
# As the package is installed, or, before it is again, by name.
KNOWN = {found.name for found in entry_points(group="pytest11")}
PLUGIN = () if "learnplan_db" in KNOWN else ("-p", "learnplan_db.pytest_plugin")
INI = """
[pytest]
addopts = --strict-markers -p no:cacheprovider -p no:hypothesispytest
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


class Host:
    """The suite of a host, in a directory of its own, and the server it uses."""

    def __init__(self, pytester: pytest.Pytester, server: TestServer) -> None:
        self.pytester, self.server = pytester, server

    def write(self, ini: str = "", **files: str) -> None:
        """Write the configuration and the files of the suite."""
        self.pytester.makeini(INI + ini)
        self.pytester.makepyfile(**files)

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run the suite, on the server of this worker."""
        dsn = self.server.dsn("postgres")
        named = () if "--learnplan-server" in arguments else ("--learnplan-server", dsn)
        return self.pytester.runpytest_subprocess(*PLUGIN, *named, *arguments)

    def here(self, *arguments: str) -> pytest.RunResult:
        """Run the suite in this process: faster, where no process matters."""
        return self.pytester.runpytest_inprocess(*PLUGIN, *arguments)

    def judge(self, *arguments: str) -> pytest.RunResult:
        """Run the suite in this process on each mutant."""
        dsn = self.server.dsn("postgres")
        return self.here("--learnplan-server", dsn, "--learnplan-mutate", *arguments)

    def left(self, run: str) -> list[str]:
        """Return what there is on the server with the name of a run."""
        with psycopg.connect(self.server.dsn("postgres")) as connection:
            found = connection.execute(
                "select datname from pg_database where starts_with(datname, %(run)s)"
                " union all"
                " select rolname from pg_roles where starts_with(rolname, %(run)s)",
                {"run": run},
            )
            return [name for (name,) in found]


@pytest.fixture
def host(
    pytester: pytest.Pytester, server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> Host:
    """Provide an empty suite of a host."""
    for name in ("LEARNPLAN_TEST_SERVER", *filter(_of_xdist, os.environ)):
        monkeypatch.delenv(name, raising=False)
    return Host(pytester, server)


@pytest.fixture
def ready(host: Host, learnplan_noproc: Any) -> str:
    """Provide the ini line that has a database with the plan copied: no deploy."""
    return f"learnplan_template = {learnplan_noproc.template_dbname}"


def _of_xdist(name: str) -> bool:
    return name.startswith("PYTEST_")


def run_in(result: pytest.RunResult) -> str:
    """Return the prefix of the run's names, which an inner test printed."""
    (line,) = {
        line for line in result.outlines if line.startswith("run ") and PREFIX in line
    }
    return line.removeprefix("run ")


PERSONAS = """
import psycopg, pytest
from learnplan_db import LearnplanError

PLANS = "select id from learnplan.learning_plans"

def one(connection, statement="select current_user"):
    return connection.execute(statement).fetchone()[0]

def claims(connection):
    return one(connection, "select current_setting('request.jwt.claims', true)")

def test_owner_sees_and_stranger_does_not(learnplan_db, as_user, learnplan_rows):
    plan, ben = learnplan_rows.make_plan(), learnplan_rows.make_user()
    with as_user(plan.owner):
        assert [(plan.id,)] == learnplan_db.execute(PLANS).fetchall()
    with as_user(sub=ben["clerk_user_id"]) as connection:
        assert [] == connection.execute(PLANS).fetchall()
    with as_user(user_id=plan.owner.id):
        assert [(plan.id,)] == learnplan_db.execute(PLANS).fetchall()

def test_user_may_be_a_mapping_an_object_or_a_subject(learnplan_db, as_user):
    class User: clerk_user_id = "cat"
    for user in (User(), {"clerk_user_id": "cat"}, "cat"):
        with as_user(user):
            assert '"sub": "cat"' in claims(learnplan_db)

@pytest.mark.parametrize("given", [None, 7, {"id": 1}, ""])
def test_user_must_be_somebody(as_user, given):
    with pytest.raises(LearnplanError), as_user(given):
        pass

def test_nested_blocks_come_back(learnplan_db, as_user, as_anonymous, as_service):
    start = one(learnplan_db)
    with as_user("ada"):
        with as_service():
            assert "service_role" == one(learnplan_db)
            with as_anonymous():
                assert ("anon", "") == (one(learnplan_db), claims(learnplan_db))
            assert ("service_role", "") == (one(learnplan_db), claims(learnplan_db))
        assert "authenticated" == one(learnplan_db)
        assert "ada" in claims(learnplan_db)
    assert (start, "") == (one(learnplan_db), claims(learnplan_db))

def test_rows_are_made_as_the_service_also_inside(learnplan_db, as_user, learnplan_rows):
    ada = learnplan_rows.make_user()
    with as_user(ada):
        plan = learnplan_rows.make_plan(user=ada)
        assert [(plan.id,)] == learnplan_db.execute(PLANS).fetchall()
        assert "authenticated" == one(learnplan_db)

def test_comes_back_after_an_error_that_leaves(learnplan_db, as_user):
    start = one(learnplan_db)
    with pytest.raises(ZeroDivisionError), as_user("ada"):
        1 / 0
    with pytest.raises(psycopg.Error), as_user("ada"):
        learnplan_db.execute("select 1 / 0")
    assert (start, "") == (one(learnplan_db), claims(learnplan_db))

def test_comes_back_after_an_error_that_was_caught(learnplan_db, as_user, as_service):
    start = one(learnplan_db)
    with as_service(), as_user("ada"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            learnplan_db.execute("insert into learnplan.resources default values")
    assert (start, "") == (one(learnplan_db), claims(learnplan_db))

@pytest.mark.parametrize("escape", ["reset role", "set role service_role",
    "set local role none", "reset session authorization"])
def test_escape_is_told(learnplan_db, as_user, escape):
    start = one(learnplan_db)
    with pytest.raises(LearnplanError, match="and ended as"), as_user("ada"):
        learnplan_db.execute(escape)
    assert (start, "") == (one(learnplan_db), claims(learnplan_db))

@pytest.mark.parametrize("change, refusal", [
    ("alter role authenticated bypassrls", "BYPASSRLS"),
    ("alter role authenticated superuser", "superuser"),
    ("alter table learnplan.users owner to authenticated;"
     "alter table learnplan.users no force row level security", "force"),
    ("alter role authenticated rename to somebody", "cannot take"),
])
def test_bypass_is_refused(learnplan_db, as_user, change, refusal):
    learnplan_db.execute(change)
    with pytest.raises(LearnplanError, match=refusal), as_user("ada"):
        pass

def test_service_may_bypass_as_a_host_has_it(learnplan_db, as_service):
    learnplan_db.execute("alter role service_role bypassrls")
    with as_service():
        assert "service_role" == one(learnplan_db)

def test_end_of_the_transaction_is_told(learnplan_db, as_user):
    with pytest.raises(LearnplanError, match="transaction ended"), as_user("ada"):
        learnplan_db.execute("rollback")
"""
ROWS = """
import uuid, psycopg, pytest
from learnplan_db import LearnplanError

KINDS = "user plan module task resource link progress generation".split()

@pytest.mark.parametrize("kind", KINDS)
def test_twice_without_a_word(learnplan_rows, kind):
    make = getattr(learnplan_rows, f"make_{kind}")
    one, other = make(), make()
    assert one.id != other.id and one["id"] == one.id
    with pytest.raises(AttributeError):
        one.id = other.id
    with pytest.raises(TypeError):
        one.values["id"] = other.id

def test_keywords_override(learnplan_rows):
    plan = learnplan_rows.make_plan(topic="SQL", visibility="public")
    assert ("SQL", "public") == (plan["topic"], plan["visibility"])
    assert {"a": [1]} == learnplan_rows.make_generation(prompt={"a": [1]})["prompt"]
    assert ["x"] == learnplan_rows.make_resource(tags=["x"])["tags"]
    done = learnplan_rows.make_progress(status="completed")
    assert done["completed_at"] is not None

def test_parents_may_be_rows_or_ids_or_columns(learnplan_rows):
    plan = learnplan_rows.make_plan()
    modules = [learnplan_rows.make_module(plan=plan),
        learnplan_rows.make_module(plan=plan.id),
        learnplan_rows.make_module(plan_id=plan.id)]
    assert {plan.id} == {module["plan_id"] for module in modules}
    assert plan.owner == learnplan_rows.make_link(
        task=learnplan_rows.make_task(module=modules[0])).owner
    with pytest.raises(LearnplanError, match="no owner"):
        modules[1].owner
    with pytest.raises(LearnplanError, match="no owner"):
        learnplan_rows.make_resource().owner

def test_progress_is_that_of_the_owner(learnplan_rows):
    task = learnplan_rows.make_task()
    assert task.owner.id == learnplan_rows.make_progress(task=task.id)["user_id"]
    ben = learnplan_rows.make_user()
    assert ben.id == learnplan_rows.make_progress(task=task, user=ben)["user_id"]

def test_bad_column_and_parent(learnplan_db, learnplan_rows):
    with pytest.raises(psycopg.errors.UndefinedColumn), learnplan_db.transaction():
        learnplan_rows.make_user(nickname="a")
    with pytest.raises(psycopg.errors.ForeignKeyViolation), learnplan_db.transaction():
        learnplan_rows.make_plan(user=uuid.uuid4())
"""
ISOLATION = """
import asyncio, psycopg, pytest
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader
from learnplan_db import acting_as
from learnplan_db.testing.rows import Rows

USERS = "select count(*) from learnplan.users"
kept = []

@pytest.fixture(scope="module")
def shared(learnplan_make_clone):
    with learnplan_make_clone() as database:
        yield database

def count(connection):
    return connection.execute(USERS).fetchone()[0]

@pytest.mark.parametrize("turn", [1, 2])
def test_rows_of_another_test_are_gone(learnplan_db, learnplan_rows, turn):
    assert 0 == count(learnplan_db)
    learnplan_rows.make_user()

def test_that_fails_and_leaves_the_transaction_aborted(learnplan_db, learnplan_rows):
    learnplan_rows.make_user()
    learnplan_db.execute("select 1 / 0")

def test_after_it(learnplan_db):
    assert 0 == count(learnplan_db)

def test_commit_is_refused(learnplan_db):
    with pytest.raises(psycopg.ProgrammingError, match="forbidden"):
        learnplan_db.commit()

def test_that_commits_in_sql(learnplan_db, learnplan_rows):
    learnplan_rows.make_user()
    learnplan_db.execute("commit")

def test_after_the_commit(learnplan_db):
    assert 0 == count(learnplan_db)

def test_that_changes_the_session(learnplan_db):
    kept.append(learnplan_db)
    learnplan_db.row_factory = dict_row
    learnplan_db.adapters.register_loader("int4", TextLoader)
    learnplan_db.add_notice_handler(kept.append)
    learnplan_db.execute("prepare mine as select 1")
    learnplan_db.execute("listen mine")
    learnplan_db.execute("select pg_advisory_lock(7)")
    learnplan_db.execute("set session characteristics as transaction read only")

def test_after_the_session(learnplan_db, learnplan_rows):
    learnplan_rows.make_user()
    assert (1,) == learnplan_db.execute("select 1").fetchone()
    learnplan_db.execute("do $$ begin raise notice 'x'; end $$")
    assert 1 == len(kept)
    with pytest.raises(AttributeError):
        kept[0].execute("select 1")
    for left in ("pg_prepared_statements", "pg_listening_channels()",
            "pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"):
        assert [] == learnplan_db.execute(f"select from {left}").fetchall()

def test_closed_connection_does_not_matter(learnplan_db):
    learnplan_db.close()

@pytest.mark.parametrize("turn", [1, 2])
def test_clone_is_for_commits(learnplan_clone, turn):
    with learnplan_clone.connect() as connection:
        assert 0 == count(connection)
        Rows(connection, ROLES).make_user(clerk_user_id="ada")
    with psycopg.connect(learnplan_clone.url) as connection:
        assert 1 == count(connection)
    with psycopg.connect(learnplan_clone.app) as connection:
        with acting_as(connection, sub="ada"):
            assert 1 == count(connection)
        with acting_as(connection, sub="ben"):
            assert 0 == count(connection)
    with psycopg.connect(learnplan_clone.service) as connection:
        with acting_as(connection, role="service_role"):
            assert 1 == count(connection)

def test_wider_clone(shared, learnplan_clone):
    assert shared.name != learnplan_clone.name

async def test_asynchronous(learnplan_clone):
    async with await psycopg.AsyncConnection.connect(learnplan_clone.app) as connection:
        async with acting_as(connection, sub="ada"):
            await asyncio.sleep(0)

def test_say_the_run(shared, capsys):
    with capsys.disabled():
        print("\\nrun " + shared.name.rpartition("_")[0])
""".replace(
    "ROLES",
    "__import__('learnplan_db.security.variables').security.variables.Variables()",
)


def test_fixtures_in_an_ordinary_run(host: Host, ready: str) -> None:
    """Personas come back, rows have defaults, tests do not see each other."""
    files = {"test_personas": PERSONAS, "test_rows": ROWS, "test_isolation": ISOLATION}
    host.write(ready, **files)
    result = host.run("-q")
    result.assert_outcomes(passed=46, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "learnplan: PostgreSQL *, db:pg://*, from --learnplan-server",
            "*ERROR at teardown of test_that_commits_in_sql*",
            "*committed the transaction of learnplan_db*",
            "FAILED *test_that_fails_and_leaves_the_transaction_aborted*",
        ]
    )
    assert [] == host.left(run_in(result))


def test_workers_deploy_the_plan_and_more(host: Host) -> None:
    """Each worker has databases of its own, with a host's migrations; none stays."""
    conftest = """
        import psycopg, pytest

        @pytest.fixture(scope="session")
        def learnplan_deploy(learnplan_deploy):
            def deploy(conninfo):
                learnplan_deploy(conninfo)
                with psycopg.connect(conninfo) as connection:
                    # Two workers at once would not both get through this.
                    connection.execute('''do $$ begin
                        if to_regrole('learnplan_host_role') is null then
                            perform pg_sleep(0.2);
                            create role learnplan_host_role;
                        end if; end $$''')
                    connection.execute("create table invoices (id integer)")
            return deploy
        """
    tests = """
        import pytest, time

        @pytest.mark.parametrize("turn", range(4))
        def test_it(learnplan_db, learnplan_clone, learnplan_rows, turn, request):
            learnplan_rows.make_user()
            learnplan_db.execute("insert into invoices values (1)")
            run = learnplan_clone.name.rpartition("_")[0]
            (request.config.rootpath / f"run-{run}").touch()
            time.sleep(0.2)
        """
    host.write(conftest=conftest, test_it=tests)
    try:
        result = host.run("-n", "2")
        result.assert_outcomes(passed=4)
        result.stdout.fnmatch_lines(["learnplan: PostgreSQL *-server"])
    finally:
        with psycopg.connect(host.server.dsn("postgres")) as connection:
            connection.execute("drop role if exists learnplan_host_role")
    runs = [path.name.partition("-")[2] for path in host.pytester.path.glob("run-*")]
    assert 2 == len(runs)
    assert [] == [name for run in runs for name in host.left(run)]


MUTANTS = {
    "conftest": """
        import os
        from learnplan_db.proof.nouns import Mutant

        MINE = (
            Mutant("all may read", "mine", "learning_plans", (
                "alter policy learning_plans_select_authenticated"
                " on learnplan.learning_plans using (true)",), "all read all"),
            Mutant("clone only", "mine", "tasks", (
                "revoke select on learnplan.tasks from service_role",), "no tasks"),
            Mutant("unseen", "mine", "tasks", (
                "grant truncate on learnplan.tasks to authenticated",), "truncate"),
            Mutant("for the cluster", "mine", "authenticated", (
                "alter role authenticated bypassrls",), "bypass"),
            Mutant("broken", "broken", "x", ("drop table x",), "no such"),
        )

        def pytest_learnplan_mutants(connection, mutants):
            assert connection.execute("select 1").fetchone() == (1,)
            assert len(mutants) > 250
            mutants[:] = [m for m in mutants if m.kind == "security-disabled"
                and m.object == "modules"] + list(MINE)
        """,
    "test_plans": """
        import psycopg, pytest
        from learnplan_db import acting_as

        pytestmark = pytest.mark.learnplan_policy
        built = []

        @pytest.fixture(scope="session", autouse=True)
        def of_the_session(request, learnplan_make_clone):
            built.append("session")
            yield

        def test_clone(learnplan_clone):
            with psycopg.connect(learnplan_clone.service) as connection:
                with acting_as(connection, role="service_role"):
                    connection.execute("select from learnplan.tasks")

        def test_green_and_skipped():
            pytest.skip("kills nothing")
        """,
    "test_rows": """
        import pytest

        @pytest.mark.learnplan_policy
        def test_stranger(learnplan_db, as_user, learnplan_rows):
            module = learnplan_rows.make_module()
            with as_user(learnplan_rows.make_user()):
                for table in ("learning_plans", "modules"):
                    found = learnplan_db.execute(f"select from learnplan.{table}")
                    assert [] == found.fetchall()

        @pytest.mark.learnplan_policy
        def test_nothing():
            pass

        def test_not_marked():
            raise AssertionError
        """,
}


def test_mutants_are_judged_by_marked_tests(host: Host, ready: str) -> None:
    """Each fault dies by the first test that fails, or survives and is told."""
    host.write(ready, **MUTANTS)
    report = host.pytester.path / "report.json"
    result = host.judge("--learnplan-mutate-json", str(report))
    result.assert_outcomes(passed=3, skipped=1, deselected=1)
    assert pytest.ExitCode.TESTS_FAILED == result.ret
    result.stdout.fnmatch_lines(
        [
            "*learnplan mutants: *",
            "4 killed, 1 survived: score 80.0 %, 100 % asked for, in * s",
            "      3 test_rows.py::test_stranger",
            "      1 test_plans.py::test_clone",
            "survived, no marked test fails when:",
            "  unseen: truncate  [[]mine]",
            'could not be applied: broken: table "x" does not exist',
            "no mutant reaches test_rows.py::test_nothing: *",
        ]
    )
    said = json.loads(report.read_text())
    assert {"killer": "", "by": "", "name": "unseen"} in [
        {key: one[key] for key in ("killer", "by", "name")} for one in said["mutants"]
    ]
    assert (80.0, True, ["broken"]) == (
        said["score"],
        said["complete"],
        list(said["broken"]),
    )


def test_mutants_may_be_chosen_and_the_score_lower(host: Host, ready: str) -> None:
    """By kind, by name, by tests; the exit code follows the score asked for."""
    ready += "\nlearnplan_mutate_min = 50\nlearnplan_equivalents = same.toml"
    host.write(ready, **MUTANTS)
    (host.pytester.path / "same.toml").write_text(
        '[[equivalent]]\nname = "for the cluster"\nreason = "said so"\n'
        '[[equivalent]]\nname = "gone"\nreason = "said so"\n'
    )
    kind = "--learnplan-mutate-kind=m*"
    half = host.judge(kind, "-k", "stranger or nothing")
    half.stdout.fnmatch_lines(
        [
            "1 killed, 2 survived, 1 equivalent: score 33.3 %, 50 % asked for*",
            "*there is no such mutant: gone",
        ]
    )
    assert pytest.ExitCode.TESTS_FAILED == half.ret
    name = "--learnplan-mutate-name=all*"
    whole = host.judge(kind, name, "-k", "stranger", "--learnplan-mutate-min", "99.5")
    whole.stdout.fnmatch_lines(["1 killed, 0 survived: score 100.0 %, 99.5 % asked *"])
    assert pytest.ExitCode.OK == whole.ret


def test_mutants_that_cannot_be_chosen_are_told(host: Host, ready: str) -> None:
    """A misspelt kind, and a list of equivalents that gives no reason."""
    host.write(ready, **MUTANTS)
    found = host.judge("--learnplan-mutate-kind=minee", "-k", "stranger")
    assert pytest.ExitCode.USAGE_ERROR == found.ret
    found.stderr.fnmatch_lines(['*no mutant fits*"minee"; did you mean "mine"[?]'])
    (host.pytester.path / "same.toml").write_text('[[equivalent]]\nname = "unseen"\n')
    found = host.judge("-o", "learnplan_equivalents=same.toml", "-k", "stranger")
    assert pytest.ExitCode.USAGE_ERROR == found.ret
    found.stderr.fnmatch_lines(["*reason*", "*same.toml:1*"])


def test_mutant_of_the_cluster_is_not_tried_on_clones(host: Host, ready: str) -> None:
    """A role is not one database's alone: no clone may commit what is done to it."""
    host.write(ready, **MUTANTS)
    result = host.judge("--learnplan-mutate-name=for the cluster", "-k", "clone")
    result.stdout.fnmatch_lines(["not tried: for the cluster: it changes the whole *"])
    assert pytest.ExitCode.TESTS_FAILED == result.ret
    with psycopg.connect(host.server.dsn("postgres")) as connection:
        found = connection.execute(
            "select from pg_roles where rolbypassrls and rolname = 'authenticated'"
        )
        assert [] == found.fetchall()


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ("def test_it(learnplan_db):\n    assert 0", "a marked test fails without*"),
        ("def test_it():\n    pass", "no marked test uses learnplan_db *"),
        (
            "ran = []\ndef test_it(learnplan_db):\n    assert not ran\n    ran.append(1)",
            "without any fault test_it.py::test_it fails when it runs again",
        ),
    ],
)
def test_mutants_need_tests_that_are_green(
    host: Host, ready: str, test: str, problem: str
) -> None:
    """What fails without a fault says nothing about faults; the run is not green."""
    marked = "import pytest\npytestmark = pytest.mark.learnplan_policy\n"
    host.write(ready, conftest=MUTANTS["conftest"], test_it=marked + test)
    result = host.judge()
    result.stdout.fnmatch_lines([f"no mutant was judged: {problem}"])
    assert pytest.ExitCode.TESTS_FAILED == result.ret


def test_matrix_holds_and_tells_a_hole(host: Host, ready: str) -> None:
    """The access matrix in one line of a host's suite, with what it finds."""
    tests = """
        def test_holds(assert_policy_matrix):
            assert_policy_matrix()

        def test_hole(learnplan_db, assert_policy_matrix):
            learnplan_db.execute("alter policy resources_select_authenticated"
                " on learnplan.resources using (false)")
            assert_policy_matrix(learnplan_db, tables=["resources"])
        """
    host.write(ready, test_matrix=tests)
    result = host.run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*select resources*", "FAILED *test_hole*"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--learnplan-mutate-min=50"], "*-min says something only with*-mutate"),
        (["--learnplan-mutate", "--learnplan-mutate-min=101"], "*invalid*'101'"),
        (["--learnplan-mutate", "-n", "2"], "*does not go with -n*"),
        (["--learnplan-mutate", "--pdb"], "*does not go with --pdb*"),
        (["--learnplan-mutate", "--learnplan-mutate-json=no/x"], '*"no/x" does not*'),
        (["-o", "learnplan_mutate_min=x", "--learnplan-mutate"], "*_min: *'x'"),
        (["-o", "learnplan_roles=boss=x"], "*ini learnplan_roles*boss*"),
    ],
)
def test_bad_options_are_refused(host: Host, arguments: list[str], said: str) -> None:
    """An option that cannot be followed ends the run before the first test."""
    host.write(test_it="def test_it(): pass")
    found = host.here(*arguments)
    assert pytest.ExitCode.USAGE_ERROR == found.ret
    found.stderr.fnmatch_lines([said])


@pytest.mark.parametrize(
    ("ini", "environment", "said"),
    [
        ("learnplan_server = host=/nowhere", {}, "*no connection to the server*"),
        (
            "learnplan_server = what=ever",
            {},
            "the server of the tests cannot be read: *",
        ),
        (
            "learnplan_template = mine",
            {},
            '*starts with the tests has no database "mine"',
        ),
        (
            "learnplan_template = mine\nlearnplan_server = container",
            {},
            '*starts with the tests has no database "mine"',
        ),
        (
            "learnplan_server = container",
            {"DOCKER_HOST": "unix:///nowhere"},
            "*no container engine answers: *",
        ),
        ("", {"LEARNPLAN_PG_BINDIR": "/nowhere"}, "*learnplan-db[[]embedded[]]*"),
    ],
)
def test_server_that_is_not_there_is_told(
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    ini: str,
    environment: dict[str, str],
    said: str,
) -> None:
    """Each test that needs a database says why there is none, without a traceback."""
    host.write(ini, test_it="def test_it(learnplan_db): pass\ndef test_other(): pass")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = host.here()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([said])
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


@pytest.mark.parametrize(
    "used", [False, pytest.param(True, marks=pytest.mark.long)], ids=["absent", "used"]
)
def test_template_that_cannot_be_copied_is_told(
    host: Host, database: str, *, used: bool
) -> None:
    """A database that is missing, or that somebody works in (after 5 s), is told."""
    with closing(psycopg.connect(database)) as connection:
        name = connection.info.dbname if used else "absent"
        host.write(f"learnplan_template = {name}", test_it="def test(learnplan_db): 0")
        result = host.run()
        connection.execute("select 1")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f'*"{name}" cannot be copied: *'])


def test_plugin_costs_nothing_unless_used(host: Host) -> None:
    """Neither psycopg nor any module of testing but hooks and options is loaded."""
    tests = """
        import sys

        def test_it():
            ours = {n for n in sys.modules if n.startswith("learnplan_db.")}
            assert "learnplan_db.pytest_plugin" in ours
            assert not {"psycopg", "jinja2", "click"} & set(sys.modules)
            assert {"testing", "testing.hooks", "testing.options"} == {
                n.partition(".")[2] for n in ours if ".testing" in n
                and ".errors" not in n}
        """
    host.write(test_it=tests)
    result = host.run("-p", "no:pytest_postgresql", "-p", "no:postgresql")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("learnplan: *")


def test_help_and_markers_are_sentences(host: Host) -> None:
    """What there is can be read where pytest's own options are."""
    host.write(test_it="")
    told = host.here("--help").stdout
    told.fnmatch_lines(
        ["learnplan-db: a database with the plan:", "*-mutate-json=FILE*"]
    )
    host.here("--markers").stdout.fnmatch_lines(
        ["@pytest.mark.learnplan_policy: a test*"]
    )


def owned(dsn: str) -> Databases:
    """Return the databases of a run that begins in this process."""
    return Databases(Source(dsn, "the test"), Variables(), None)


def begin(dsn: str) -> subprocess.Popen[str]:
    """Start a process that makes a database, tells its name, and waits."""
    code = """
import sys, time
from learnplan_db.security.variables import Variables
from learnplan_db.testing.databases import Databases
from learnplan_db.testing.servers import Source
run = Databases(Source(sys.argv[1], "the test"), Variables(), None)
run.prepare(lambda conninfo: None)
print(run._template, flush=True)
time.sleep(60)
"""
    return subprocess.Popen(
        [sys.executable, "-c", code, dsn], stdout=subprocess.PIPE, text=True
    )


def test_killed_run_is_swept_by_the_next_and_a_running_one_is_not(
    host: Host, server: TestServer
) -> None:
    """What a killed run left goes; what is not of a dead run stays (own names too)."""
    dsn = server.dsn("postgres")
    foreign = f"{PREFIX}mine"
    with begin(dsn) as process, psycopg.connect(dsn, autocommit=True) as admin:
        assert process.stdout
        name = process.stdout.readline().strip()
        run = name.rpartition("_")[0]
        login = f"{run}_app"
        admin.execute(f"create role {login}")
        admin.execute(f"create role {foreign}")
        try:
            owned(dsn).close()
            assert {name, login} == set(host.left(run))
            process.kill()
            process.wait()
            wait_for(lambda: not alive(admin, name))
            owned(dsn).close()
            assert [] == host.left(run)
            assert [foreign] == host.left(foreign)
        finally:
            process.kill()
            admin.execute(f"drop role {foreign}")


def alive(admin: psycopg.Connection[Any], name: str) -> bool:
    """Whether the lock of the run that made a database is held by anybody."""
    key = int(name.removeprefix(PREFIX).partition("_")[0], 16)
    locks = admin.execute(
        "select from pg_locks where locktype = 'advisory'"
        " and (classid::bigint << 32) | objid::bigint = %s",
        [key],
    )
    return bool(locks.fetchall())


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_interrupted_run_leaves_nothing(host: Host, ready: str) -> None:
    """Ctrl-C in the middle of a test: its databases and logins go."""
    tests = """
        import pathlib, time

        def test_it(learnplan_clone, request):
            told = request.config.rootpath / "run"
            told.with_suffix(".new").write_text(learnplan_clone.name)
            told.with_suffix(".new").rename(told)
            time.sleep(60)
        """
    host.write(ready, test_it=tests)
    dsn = host.server.dsn("postgres")
    told = host.pytester.path / "run"
    command = [sys.executable, "-m", "pytest", *PLUGIN, "--learnplan-server", dsn]
    with subprocess.Popen(
        command, cwd=host.pytester.path, stdout=subprocess.DEVNULL
    ) as process:
        wait_for(told.exists, 30)
        run = told.read_text().rpartition("_")[0]
        assert host.left(run)
        process.send_signal(signal.SIGINT)
        assert pytest.ExitCode.INTERRUPTED == process.wait(30)
    assert [] == host.left(run)


@pytest.mark.parametrize(
    ("conninfo", "url"),
    [
        ("host=h port=1 dbname=d", "postgresql://h:1/d"),
        ("host=/run dbname=d user=u", "postgresql://u@/d?host=%2Frun&port=5432"),
        ("host=h user=a/b password='p@ s' dbname=d", "postgresql://a%2Fb:p%40%20s@h/d"),
        ("host=a,b port=1,2 dbname=d", "postgresql:///d?host=a%2Cb&port=1%2C2"),
        ("host=::1 port=1 dbname=d", "postgresql:///d?host=%3A%3A1&port=1"),
    ],
)
def test_url_says_what_the_conninfo_says(conninfo: str, url: str) -> None:
    """What takes no conninfo reaches the same database."""
    assert url == as_url(conninfo)
    assert conninfo_to_dict(conninfo).items() <= conninfo_to_dict(url).items()

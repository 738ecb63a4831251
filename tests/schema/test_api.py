"""The library as a host calls it: results, requirements, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, NullConnectionPool

import learnplan_db
from bench.relay import LOOPBACK, Relay
from fix_race import wrapped, write
from learnplan_db import AheadWarning, BehindError, deploy, require, revert, status
from learnplan_db.errors import (
    ApiError,
    ConfigError,
    ConnectError,
    DataLossError,
    PlanError,
    RegistryError,
    ScriptError,
    VerifyError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fix_servers import Peopled, Pooler, Standby
    from learnplan_db import Event

NAMES = ["a", "b", "c"]


def tables(dsn: str) -> list[str]:
    """Return the tables of the project that are there."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select relname from pg_class where relname like 't\\__' order by 1"
        )
        return [name for (name,) in rows.fetchall()]


def login(dsn: str, name: str) -> str:
    """Make a login that may do nothing but connect; return its conninfo."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        there = admin.execute("select from pg_roles where rolname = %s", [name])
        if not there.fetchone():
            admin.execute(f"create role {name} login password 'secret'".encode())
    return make_conninfo(dsn, user=name, password="secret")  # noqa: S106


def test_deploy_says_what_it_did(database: str, project: Path) -> None:
    """Each change has its name, id, tags and seconds; before and after are labels."""
    first = deploy(database, to="@v1", project=project)
    second = deploy(database, project=project)
    assert (None, "a @v1", False) == (first.before, first.after, first.up_to_date)
    assert [("a", ("@v1",))] == [(one.name, one.tags) for one in first.changes]
    assert ("a @v1", "c") == (second.before, second.after)
    assert ["b", "c"] == [one.label for one in second.changes]
    assert all(0 < one.seconds <= second.seconds for one in second.changes)
    assert ["t_a", "t_b", "t_c"] == tables(database)
    with psycopg.connect(database) as connection:
        ids = connection.execute("select change_id from sqitch.changes order by change")
        there = [change_id for (change_id,) in ids.fetchall()]
    assert there == [one.id for one in (*first.changes, *second.changes)]


def test_second_deploy_has_nothing_to_do(database: str, project: Path) -> None:
    """What is deployed is told, and no change ran."""
    deploy(database, project=project)
    again = deploy(database, project=project)
    assert (True, (), "c", "c") == (
        *(again.up_to_date, again.changes),
        *(again.before, again.after),
    )


def test_packaged_plan_is_meant_unless_another_is_named(admin_dsn: str) -> None:
    """Without a project it is the plan that this package brings."""
    found = status(admin_dsn)
    assert ("learnplan-db", True) == (found.project, found.up_to_date)
    assert f"@v{learnplan_db_version()}" == found.tag


def learnplan_db_version() -> str:
    """Return the newest tag of the packaged plan."""
    plan = learnplan_db.api.sources.configured(None).root / "sql" / "sqitch.plan"
    tags = [line for line in plan.read_text().splitlines() if line.startswith("@v")]
    return tags[-1].split()[0].removeprefix("@v")


def test_status_says_what_is_deployed_and_what_is_not(
    database: str, project: Path
) -> None:
    """Both oldest first, with who deployed and when."""
    deploy(database, to="b", project=project, committer="Ann <ann@example.org>")
    found = status(database, project=project)
    assert [("a", ("@v1",)), ("b", ())] == [(d.name, d.tags) for d in found.deployed]
    assert {"Ann <ann@example.org>"} == {one.by for one in found.deployed}
    assert all(one.at.tzinfo for one in found.deployed)
    assert ["c"] == [one.label for one in found.pending]
    assert ("@v1", False) == (found.tag, found.up_to_date)


def test_status_of_an_empty_database_is_all_pending(
    database: str, project: Path
) -> None:
    """Nothing is deployed, which is no error; nothing is made by asking."""
    found = status(database, project=project)
    assert ((), NAMES, None) == (
        *(found.deployed, [one.name for one in found.pending]),
        found.tag,
    )
    with psycopg.connect(database) as connection:
        made = connection.execute("select to_regnamespace('sqitch')").fetchone()
    assert (None,) == made


def test_revert_takes_back_what_comes_after(database: str, project: Path) -> None:
    """The newest first; nobody is asked, but what stays has to be said."""
    deploy(database, project=project)
    found = revert(database, to="@v1", project=project)
    assert (["c", "b"], "a @v1") == ([one.name for one in found.changes], found.after)
    assert ["t_a"] == tables(database)
    assert None is revert(database, to=None, project=project).after
    assert [] == tables(database)
    assert () == revert(database, to=None, project=project).changes
    with pytest.raises(TypeError, match="'to'"):
        revert(database, project=project)  # type: ignore[call-arg]


def test_revert_keeps_rows_unless_it_is_told_not_to(
    database: str, project: Path
) -> None:
    """A guarded project's rows go only with allow_data_loss, and are then counted."""
    conf = project / "sqitch.conf"
    conf.write_text(conf.read_text() + "[learnplan]\n\tguard = true\n")
    deploy(database, project=project)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("insert into t_b values (1), (2)")
        with pytest.raises(DataLossError) as caught:
            revert(connection, to="@v1", project=project)
        assert [("b", 2)] == [(one.change, one.rows) for one in caught.value.losses]
        assert ["t_a", "t_b", "t_c"] == tables(database)
        found = revert(connection, to="@v1", project=project, allow_data_loss=True)
    assert [("b", 2)] == [(one.change, one.rows) for one in found.losses]
    assert ["t_a"] == tables(database)


def test_verify_collects_what_fails(database: str, project: Path) -> None:
    """A table that is gone is a failure of its change, raised only when asked for."""
    deploy(database, to="b", project=project)
    good = learnplan_db.verify(database, project=project)
    assert (True, 2, ["c"]) == (
        *(good.ok, good.checked),
        [one.name for one in good.pending],
    )
    good.raise_for_failures()
    with psycopg.connect(database) as connection:
        connection.execute("drop table t_b")
    found = learnplan_db.verify(database, project=project)
    assert (False, ["b"]) == (found.ok, [one.change for one in found.failures])
    assert isinstance(found.failures[0].error, ScriptError)
    with pytest.raises(VerifyError, match="1 change does not verify: b"):
        found.raise_for_failures()


def test_failed_deploy_takes_back_what_it_did(database: str, project: Path) -> None:
    """Mode decides how much; the error has the script's line."""
    write(project, "deploy", "c", wrapped("select 1 / 0;"))
    with pytest.raises(ScriptError, match="division by zero") as caught:
        deploy(database, project=project)
    assert "sql/deploy/c.sql:2" == caught.value.where
    assert [] == tables(database)
    with pytest.raises(ScriptError):
        deploy(database, project=project, mode="change")
    assert ["t_a", "t_b"] == tables(database)


def test_progress_is_told_as_events(database: str, project: Path) -> None:
    """Each change starts and ends; what a script prints and raises is told too."""
    write(project, "deploy", "b", wrapped("do $$begin raise notice 'hi'; end$$;"))
    heard: list[Event] = []
    deploy(database, project=project, progress=heard.append)
    steps = [(one.change, one.state) for one in heard if one.kind == "deploy"]
    assert [
        (label, state) for label in ("a @v1", "b", "c") for state in ("start", "ok")
    ] == steps
    assert ["deploying"] == [one.kind for one in heard if one.count == 3]
    assert ["hi"] == [
        one.text.split("NOTICE:")[1].strip() for one in heard if one.kind == "notice"
    ]


@pytest.mark.parametrize("kind", ["deploy", "notice"])
def test_listener_that_fails_leaves_nothing_half(
    database: str, project: Path, kind: str
) -> None:
    """Its error is the caller's, before the next change begins; others stay."""
    text = "create table t_b ();\ndo $$begin raise notice 'hi'; end$$;"
    write(project, "deploy", "b", wrapped(text))

    def listen(event: Event) -> None:
        if event.kind == kind and event.change in {"", "b"}:
            raise OverflowError(event)

    with psycopg.connect(database) as connection:
        with pytest.raises(OverflowError):
            deploy(connection, project=project, progress=listen)
        assert ["t_a", "t_b"] == tables(database)
        assert ["c"] == [p.name for p in status(connection, project=project).pending]
        assert "c" == deploy(connection, project=project).after


def test_listener_that_fails_stops_nothing_from_being_taken_back(
    database: str, project: Path
) -> None:
    """The error of the script is what is told then."""
    write(project, "deploy", "c", wrapped("select 1 / 0;"))

    def listen(event: Event) -> None:
        if event.error:
            raise OverflowError

    with pytest.raises(ScriptError, match="division by zero"):
        deploy(database, project=project, progress=listen)
    assert [] == tables(database)


def test_variables_are_those_of_the_project_and_the_call(
    database: str, project: Path
) -> None:
    """What the call says wins over what sqitch.conf says, as with --set."""
    conf = project / "sqitch.conf"
    section = '[deploy "variables"]\n\tone = conf\n\ttwo = conf\n'
    conf.write_text(conf.read_text() + section)
    text = "create table t_a as select :'one' as one, :'two' as two;"
    write(project, "deploy", "a", wrapped(text))
    deploy(database, to="a", project=project, variables={"two": "call"})
    with psycopg.connect(database) as connection:
        row = connection.execute("select one, two from t_a").fetchone()
    assert ("conf", "call") == row


def test_registry_may_have_another_schema(database: str, project: Path) -> None:
    """Said in the call, since nothing is read from elsewhere."""
    deploy(database, project=project, registry="meta")
    assert "c" == require("@HEAD", database, project=project, registry="meta").deployed
    assert () == status(database, project=project).deployed


ENVIRONMENT = """
import json, sys
from learnplan_db import deploy, status
dsn, project = sys.argv[1:]
deploy(dsn, project=project)
json.dump([one.by for one in status(dsn, project=project).deployed], sys.stdout)
"""


def test_environment_says_nothing(database: str, project: Path, tmp_path: Path) -> None:
    """No variable and no file of the account's changes what a call does."""
    (tmp_path / ".sqitch").mkdir()
    mine = "[core]\n\tregistry = mine\n[user]\n\tname = Mine\n\temail = m@x.org\n"
    (tmp_path / ".sqitch" / "sqitch.conf").write_text(mine)
    named = {
        "HOME": str(tmp_path),
        "DATABASE_URL": "postgresql://elsewhere@127.0.0.1:1/none",
        "SQITCH_TARGET": "db:pg://elsewhere@127.0.0.1:1/none",
        "SQITCH_USERNAME": "elsewhere",
        "SQITCH_FULLNAME": "Elsewhere",
        "SQITCH_EMAIL": "elsewhere@example.org",
        "SQITCH_CONFIG": str(tmp_path / "none.conf"),
    }
    done = subprocess.run(
        [sys.executable, "-c", ENVIRONMENT, database, str(project)],
        check=True,
        capture_output=True,
        text=True,
        env=environment_of() | named,
    )
    by = json.loads(done.stdout)
    assert 3 == len(by)
    assert not [one for one in by if "lsewhere" in one or "Mine" in one]


def environment_of() -> dict[str, str]:
    """Return what a Python process needs to find the package."""
    return {"PYTHONPATH": ":".join(sys.path)}


def test_addresses_of_all_three_kinds_are_taken(database: str, project: Path) -> None:
    """conninfo, a URI and Sqitch's; anything else is told what to write."""
    known = conninfo_to_dict(database)
    where = f"?host={known['host']}&port={known['port']}"
    name = f"{known['user']}@/{known['dbname']}{where}"
    for address in (database, f"postgresql://{name}", f"db:pg://{name}"):
        assert NAMES == [p.name for p in status(address, project=project).pending]
    for word in ("", "production", "db:sqlite:x", "mysql://x"):
        with pytest.raises(ConfigError, match="is no target"):
            status(word, project=project)


@pytest.mark.parametrize("kind", [ConnectionPool, NullConnectionPool])
def test_pool_lends_a_connection_and_gets_it_back(
    database: str, project: Path, kind: type[ConnectionPool[Any]]
) -> None:
    """A pool of one is whole after each call, and its settings are as they were."""

    def configure(connection: psycopg.Connection[Any]) -> None:
        connection.execute("set search_path = pg_catalog")
        connection.commit()

    with kind(database, min_size=0, max_size=1, configure=configure, open=True) as pool:
        assert "c" == deploy(pool, project=project).after
        assert "c" == require("c", pool, project=project).deployed
        with pool.connection(timeout=5) as connection:
            row = connection.execute("show search_path").fetchone()
    assert ("pg_catalog",) == row


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "NoneType is not what"),
        (42, "int is not what"),
        (b"dbname=x", "bytes is not what"),
    ],
)
def test_what_is_no_connection_is_refused(given: Any, message: str) -> None:
    """The error says what the function takes."""
    with pytest.raises(ApiError, match=message) as caught:
        deploy(given)
    assert "psycopg.Connection" in str(caught.value.fix)


async def test_async_connection_is_sent_to_the_other_module(database: str) -> None:
    """And the other way round."""
    aio = learnplan_db.aio
    async with await psycopg.AsyncConnection.connect(database) as connection:
        with pytest.raises(ApiError, match="not what") as caught:
            status(connection)  # type: ignore[arg-type]
        assert "learnplan_db.aio" in str(caught.value)
    with psycopg.connect(database) as plain:
        with pytest.raises(ApiError, match="not what") as caught:
            await aio.status(plain)
        assert "from learnplan_db itself" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "some"}, "one of all, tag, change"),
        ({"lock_timeout": -1}, "seconds from 0"),
        ({"lock_timeout": float("nan")}, "seconds from 0"),
        ({"committer": "Ann"}, "Ann <ann@x.org>"),
    ],
)
def test_option_without_a_meaning_is_refused(
    database: str, options: dict[str, Any], message: str
) -> None:
    """Before anything is done; the fix says what to give."""
    with pytest.raises(ApiError) as caught:
        deploy(database, **options)
    assert message in str(caught.value.fix)
    assert [] == tables(database)


def test_unknown_project_and_change_are_refused(database: str, project: Path) -> None:
    """A directory without sqitch.conf is no project, wherever one is above it."""
    with pytest.raises(ConfigError, match=r"no sqitch\.conf"):
        status(database, project=project / "sql")
    with pytest.raises(ConfigError):
        status(database, project=project / "none")
    with pytest.raises(PlanError, match="v9"):
        require("@v9", database, project=project)


def test_require_refuses_when_the_database_is_behind(
    database: str, project: Path
) -> None:
    """It says what is missing and the command; what is there is enough for less."""
    with pytest.raises(BehindError, match="has nothing deployed") as caught:
        require("@v1", database, project=project)
    assert (("a @v1",), None) == (caught.value.missing, caught.value.deployed)
    deploy(database, to="@v1", project=project)
    met = require("@v1", database, project=project)
    assert ("@v1", "a @v1", ()) == (met.required, met.deployed, met.ahead)
    with pytest.raises(BehindError, match="is at a @v1, and c is required") as caught:
        require("c", database, project=project)
    assert ("b", "c") == caught.value.missing
    assert "learnplan-db deploy --to c TARGET" == caught.value.fix


def test_require_refuses_a_registry_with_a_gap(database: str, project: Path) -> None:
    """What comes before counts too, whoever took it from the registry."""
    deploy(database, project=project)
    with psycopg.connect(database) as connection:
        connection.execute("delete from sqitch.dependencies")
        connection.execute("delete from sqitch.changes where change = 'b'")
    with pytest.raises(BehindError, match="has c, but not all before it") as caught:
        require("c", database, project=project)
    assert (("b",), "c") == (caught.value.missing, caught.value.deployed)
    with pytest.warns(AheadWarning):
        assert ("c",) == require("@v1", database, project=project).ahead


def test_require_warns_when_the_database_is_ahead(database: str, project: Path) -> None:
    """The warning is of a kind of its own and names the line that asked."""
    deploy(database, project=project)
    with pytest.warns(AheadWarning, match="is at c, 2 changes ahead of @v1") as caught:
        met = require("@v1", database, project=project)
    assert (("b", "c"), __file__) == (met.ahead, caught[0].filename)


def test_require_warns_of_changes_that_the_package_does_not_know(
    database: str, project: Path
) -> None:
    """A newer release has deployed: all that the plan knows is there, and more."""
    deploy(database, project=project)
    plan = project / "sql" / "sqitch.plan"
    kept = [x for x in plan.read_text().splitlines() if not x.startswith("c ")]
    plan.write_text("\n".join(kept) + "\n")
    with pytest.warns(AheadWarning, match="is at c, 1 change ahead"):
        assert ("c",) == require("@HEAD", database, project=project).ahead


def test_require_is_met_by_the_change_of_a_tag(admin_dsn: str) -> None:
    """Two tags on one change need the same schema, whichever the registry knows."""
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        admin.execute("delete from sqitch.tags where tag = '@v1.2.0'")
    assert () == require("@v1.2.0", admin_dsn).ahead
    assert () == require("@v1.1.0", admin_dsn).ahead


def test_login_without_rights_is_told_the_grant_that_suffices(
    database: str, project: Path
) -> None:
    """What the error says to grant is enough for require, and for no more."""
    deploy(database, project=project)
    dsn = login(database, "learnplan_login_reader")
    with pytest.raises(RegistryError, match="may not read what is deployed") as caught:
        require("c", dsn, project=project)
    grants = str(caught.value.fix).partition(": ")[2].partition("; or")[0]
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(grants.encode())
    assert "c" == require("c", dsn, project=project).deployed
    with (
        psycopg.connect(dsn) as reader,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        reader.execute("select from sqitch.events")


@pytest.mark.parametrize("autocommit", [True, False])
def test_require_is_one_round_trip(
    database: str, project: Path, *, autocommit: bool
) -> None:
    """One query, whatever the connection is like; counted on the wire."""
    deploy(database, project=project)
    known = conninfo_to_dict(database)
    with Relay(int(known["port"] or 0), 0, str(known["host"])) as relay:
        dsn = make_conninfo(database, host=LOOPBACK, port=relay.port)
        with psycopg.connect(dsn, autocommit=autocommit) as connection:
            before = relay.round_trips
            require("c", connection, project=project)
            assert 1 == relay.round_trips - before


def test_reading_calls_work_in_a_transaction(database: str, project: Path) -> None:
    """It goes on as if nobody had asked, even if the answer was an error."""
    deploy(database, project=project)
    with psycopg.connect(login(database, "learnplan_login_blind")) as connection:
        connection.execute("select")
        with pytest.raises(RegistryError, match="may not read"):
            require("c", connection, project=project)
        assert (1,) == connection.execute("select 1").fetchone()
    with psycopg.connect(database) as connection:
        connection.execute("create table mine ()")
        assert "c" == require("c", connection, project=project).deployed
        assert status(connection, project=project).up_to_date
        connection.rollback()
        gone = connection.execute("select to_regclass('mine')").fetchone()
    assert (None,) == gone


def test_prove_gives_the_proof(admin_dsn: str) -> None:
    """On a connection in a transaction too, whose own rows stay its own."""
    with psycopg.connect(admin_dsn) as connection:
        connection.execute("select")
        good = learnplan_db.prove(connection, tables=["resources"])
        assert (True, ()) == (good.ok, good.findings)
        connection.execute(
            "drop policy resources_select_authenticated on learnplan.resources"
        )
        bad = learnplan_db.prove(connection, tables=["resources"])
        connection.rollback()
    assert good.tried["matrix"] == bad.tried["matrix"]
    assert not bad.ok


@pytest.mark.gate
def test_prove_reads_only_when_asked(admin_dsn: str) -> None:
    """Of rows that are there; a database without any says so."""
    with pytest.raises(learnplan_db.LearnplanError, match="users"):
        learnplan_db.prove(admin_dsn, read_only=True)


def test_pool_without_a_connection_is_told(database: str, project: Path) -> None:
    """In our words, once the time of the pool is over."""
    with (
        ConnectionPool(database, min_size=1, max_size=1, timeout=0.1) as pool,
        pool.connection(timeout=10),
        pytest.raises(ConnectError, match="no connection: couldn't get a connection"),
    ):
        status(pool, project=project)


@pytest.mark.gate
def test_proof_works_through_a_pooler(admin_dsn: str, pgbouncer: Pooler) -> None:
    """It is one transaction, whoever begins it."""
    dsn = pgbouncer.dsn(str(conninfo_to_dict(admin_dsn)["dbname"]))
    assert learnplan_db.prove(dsn, tables=["resources"]).ok
    with psycopg.connect(dsn) as connection:
        assert learnplan_db.prove(connection, tables=["resources"]).ok


@pytest.mark.gate
def test_proof_that_reads_works_on_a_standby(peopled: Peopled) -> None:
    """Of the rows that are there."""
    dsn = peopled.replica.standby
    assert learnplan_db.prove(dsn, read_only=True, tables=["resources"]).ok
    with psycopg.connect(dsn) as connection:
        proof = learnplan_db.prove(connection, read_only=True, tables=["resources"])
    assert (True, True) == (proof.ok, proof.read_only)


@pytest.mark.gate
def test_deploy_behind_a_pooler_is_refused_and_require_is_not(
    database: str, project: Path, pgbouncer: Pooler
) -> None:
    """Nothing is done, and the pool's sessions are as they were."""
    deploy(database, to="b", project=project)
    dsn = pgbouncer.dsn(str(conninfo_to_dict(database)["dbname"]))
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        before = connection.execute(SESSION).fetchone()
        for source in (dsn, connection):
            with pytest.raises(ConnectError, match="pooler"):
                deploy(source, project=project)
            assert "b" == require("b", source, project=project).deployed
            assert not status(source, project=project).up_to_date
        assert before == connection.execute(SESSION).fetchone()
    assert ["t_a", "t_b"] == tables(database)


SESSION = """select current_user, array(
  select name || '=' || setting from pg_settings
  where source = 'session' and name <> 'application_name' order by 1)"""


@pytest.mark.gate
def test_standby_can_be_asked_but_not_deployed(standby: Standby) -> None:
    """require, status and verify read; deploy and revert are told it is a standby."""
    with psycopg.connect(standby.dsn) as connection:
        for source in (standby.dsn, connection):
            assert "b" == require("b", source, project=standby.root).deployed
            assert ["c"] == [
                one.name for one in status(source, project=standby.root).pending
            ]
            assert learnplan_db.verify(source, project=standby.root).ok
            with pytest.raises(ConnectError, match="standby"):
                deploy(source, project=standby.root)


@pytest.mark.gate
def test_server_that_is_not_there_is_told_without_the_password(
    project: Path, make_project: Callable[[], Path]
) -> None:
    """The address is shown, and no password."""
    with pytest.raises(ConnectError) as caught:
        deploy("postgresql://ann:geheim@127.0.0.1:1/app", project=project)
    assert "127.0.0.1:1" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_requirement_and_address_turned_round_are_told_without_a_password() -> None:
    """Whoever mixes the two arguments up reads which is which, and no password."""
    address = "postgresql://app:tell-nobody@db.example.org/app"
    for first, second in ((address, "@v1.0.0"), (address, address), (None, address)):
        with pytest.raises(ApiError, match="the first argument of require") as caught:
            require(first, second)  # type: ignore[arg-type]
        assert "tell-nobody" not in str(caught.value)

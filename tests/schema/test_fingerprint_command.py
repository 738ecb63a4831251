"""Who reads the fingerprint, and from where, reads the same; the command tells it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql

from fix_catalog import ALL, OURS, of
from fix_database import ROOT, plain_owner
from fix_proof import faulty
from learnplan_db.catalog.fingerprint import fingerprint, lines
from learnplan_db.catalog.reading import read
from learnplan_db.cli import cli
from learnplan_db.engine import runner, session, state
from majors import WHEELS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from fix_database import TestServer
    from fix_proof import Clones
    from fix_servers import Pooler, Standby
    from learnplan_db.catalog.objects import Catalog

# How a session would have the server write, which is not what is there.
SETTINGS = {
    "search_path": "zoo, learnplan, public, pg_catalog",
    "quote_all_identifiers": "on",
    "datestyle": "german",
    "intervalstyle": "iso_8601",
    "timezone": "Asia/Tokyo",
    "extra_float_digits": "-5",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "row_security": "off",
}


# Where the tables and indexes are on disk that upkeep writes anew.
NODES = """
select relname, relfilenode from pg_class where oid in ('learnplan.users'::regclass,
  'learnplan.idx_modules_plan_id'::regclass, 'learnplan.modules'::regclass,
  'learnplan.tasks_pkey'::regclass)"""


@pytest.mark.parametrize("setting", SETTINGS)
def test_how_a_session_is_set_changes_nothing(
    zoo: str, clean: Catalog, setting: str
) -> None:
    """The settings of a role or a database are none of the plan's, and stay as they are."""
    options = f"-c {setting}={SETTINGS[setting].replace(' ', '')}"
    with psycopg.connect(zoo, autocommit=True, options=options) as connection:
        query = sql.SQL("show {}").format(sql.Identifier(setting))
        before = connection.execute(query).fetchone()
        assert lines(clean) == lines(read(connection, ALL))
        assert before == connection.execute(query).fetchone()
        assert psycopg.pq.TransactionStatus.IDLE == connection.info.transaction_status


def test_anybody_reads_the_same(zoo: str, clean: Catalog) -> None:
    """A role without any right sees what a superuser sees, in a transaction of its own."""
    with faulty(zoo, "create role nobody_special") as connection:
        connection.execute("set local role nobody_special")
        assert lines(clean) == lines(read(connection, ALL))
        row = connection.execute("select current_user, current_setting('jit')")
        assert ("nobody_special", "on") == row.fetchone()


def test_the_same_through_a_pooler(zoo: str, clean: Catalog, pgbouncer: Pooler) -> None:
    """A real PgBouncer in transaction mode, whose sessions are others' too."""
    name = psycopg.conninfo.conninfo_to_dict(zoo)["dbname"]
    with psycopg.connect(pgbouncer.dsn(str(name)), autocommit=True) as connection:
        assert lines(clean) == lines(read(connection, ALL))


@pytest.mark.parametrize("major", WHEELS)
def test_every_major_says_the_same(
    clean: Catalog, on_major: Callable[[str], str], major: str
) -> None:
    """The plan and one of everything else are told alike by PostgreSQL 15 to 18."""
    with psycopg.connect(on_major(major)) as connection:
        assert connection.info.server_version // 10000 == int(major)
        found = read(connection, ALL)
    differing = {
        (str(key), facet): (
            clean.get(key, {}).get(facet),
            found.get(key, {}).get(facet),
        )
        for key in clean.keys() | found.keys()
        for facet in {*clean.get(key, ()), *found.get(key, ())}
        if clean.get(key, {}).get(facet) != found.get(key, {}).get(facet)
    }
    assert {} == differing
    assert fingerprint(clean) == fingerprint(found)


def test_upkeep_changes_nothing(clones: Clones) -> None:
    """VACUUM FULL, REINDEX, CLUSTER, ANALYZE, rows and another name of the database."""
    dsn = clones.make()
    name = str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])
    before = of(dsn, schemas=OURS)
    with psycopg.connect(dsn, autocommit=True) as connection:
        old = connection.execute(NODES).fetchall()
        for statement in (
            "insert into learnplan.users (clerk_user_id, email)"
            " select i::text, i || '@x.org' from generate_series(1, 100) as i",
            "delete from learnplan.users where email like '5%'",
            "vacuum (full, analyze) learnplan.users",
            f"reindex database {name}",
            "reindex table concurrently learnplan.tasks",
            "cluster learnplan.modules using idx_modules_plan_id",
        ):
            connection.execute(statement.encode())
        assert not {*old} & {*connection.execute(NODES).fetchall()}
    assert lines(before) == lines(of(dsn, schemas=OURS))
    other = clones.server.dsn("postgres")
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute(f"alter database {name} rename to {name}_x".encode())
        try:
            renamed = clones.server.dsn(f"{name}_x")
            assert lines(before) == lines(of(renamed, schemas=OURS))
        finally:
            connection.execute(f"alter database {name}_x rename to {name}".encode())


def command(*arguments: str) -> Result:
    """Run the command as at a terminal's prompt."""
    done = CliRunner().invoke(cli, ["fingerprint", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done
    return done


def test_the_command_prints_the_hash_alone(zoo: str) -> None:
    """Standard output is the fingerprint: that of the lines that --objects prints."""
    done = command(zoo)
    assert (0, f"{fingerprint(of(zoo, schemas=OURS))}\n", "") == (
        *(done.exit_code, done.stdout),
        done.stderr,
    )
    listed = command(zoo, "--objects").stdout
    assert done.stdout == f"{hashlib.sha256(listed.encode()).hexdigest()}\n"
    assert "  policy learnplan.users.users_select_authenticated\n" in listed


def test_lines_of_two_databases_differ_where_they_do(clones: Clones, zoo: str) -> None:
    """Two lists of --objects have all lines in common but those of what was edited."""
    dsn = clones.make()
    with psycopg.connect(dsn) as connection:
        connection.execute("drop policy users_select_authenticated on learnplan.users")
    one, two = (
        {*command(which, "--objects").stdout.split("\n")} for which in (zoo, dsn)
    )
    differing = {line.partition("  ")[2] for line in one ^ two}
    assert {"policy learnplan.users.users_select_authenticated"} == differing


def test_the_command_answers_programs(zoo: str) -> None:
    """--json has the schemas and, with --objects, each object with its facts."""
    told = json.loads(command(zoo, "--json", "--objects", "--schema", "zoo").stdout)
    assert (1, ["zoo"]) == (told["schema_version"], told["schemas"])
    facts = {(one["kind"], one["name"]): one["facts"] for one in told["objects"]}
    assert "'a, b', 'c''d', 'e'" == facts["enum", "zoo.mood"]["labels"]
    assert {"schema_version", "fingerprint", "schemas"} == {
        *json.loads(command(zoo, "--json").stdout)
    }


def test_schemas_are_named_configured_or_all(zoo: str, tmp_path: Path) -> None:
    """--schema comes first, then learnplan.schemas, then all but the registry's."""
    conf = tmp_path / "sqitch.conf"
    conf.write_text("[core]\n\tengine = pg\n")

    def found(*more: str) -> list[str]:
        done = command("-C", str(tmp_path), zoo, "--json", *more)
        return list(json.loads(done.stdout)["schemas"])

    assert ["learnplan", "learnplan_private", "public", "zoo"] == found()
    conf.write_text("[core]\n\tengine = pg\n[learnplan]\n\tschemas = learnplan  zoo\n")
    assert ["learnplan", "zoo"] == found()
    assert ["zoo", "public"] == found("--schema", "zoo", "--schema", "public")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--schema", "zooo"], 'no schema zooo in the database; did you mean "zoo"?'),
        (["--schema", "zoo", "--schema", "b"], "there is no schema b in the database"),
        (["--schema", "sqitch"], "there is no schema sqitch in the database"),
    ],
)
def test_a_schema_that_is_not_there_is_an_error(
    zoo: str, arguments: list[str], message: str
) -> None:
    """Nothing is compared with nothing: exit 2, and what to do."""
    done = command(zoo, *arguments)
    assert (2, "") == (done.exit_code, done.stdout)
    assert message in done.stderr
    assert "named in --schema\n  fix  deploy first" in done.stderr


def test_a_database_without_the_plan_is_an_error(database: str, tmp_path: Path) -> None:
    """The error names the file that the schemas are configured in."""
    done = command(database)
    assert (2, "") == (done.exit_code, done.stdout)
    assert "no schema learnplan or learnplan_private in the database" in done.stderr
    assert "named in learnplan.schemas of sqitch.conf" in done.stderr
    with psycopg.connect(database) as connection:
        connection.execute("drop schema public")
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    done = command("-C", str(tmp_path), database)
    assert (2, "") == (done.exit_code, done.stdout)
    assert "no schema in the database but the system's" in done.stderr


def test_a_lock_in_the_way_is_told(zoo: str) -> None:
    """Nobody waits for long behind somebody who changes a table, and reads who it is."""
    name = "application_name=a_long_change"
    with faulty(f"{zoo} {name}", "lock table learnplan.users in access exclusive mode"):
        done = command(zoo)
    assert (2, "") == (done.exit_code, done.stdout)
    assert "somebody holds a lock on what is to be read" in done.stderr
    assert "a_long_change, idle in transaction" in done.stderr
    assert 0 == command(zoo).exit_code


def test_the_command_works_on_a_standby(standby: Standby) -> None:
    """A standby, which nobody can write to, is told too."""
    done = command(standby.dsn, "--schema", "public", "--objects")
    assert 0 == done.exit_code, done.stderr
    assert "  column public.t_a.i\n" in done.stdout


def test_whoever_deploys_and_with_what(
    psql: str, zoo: str, server: TestServer, fresh_dsn: Callable[..., str]
) -> None:
    """An owner who is no superuser, and psql without any tool, make the same objects."""
    project = state.load(ROOT)
    clean = lines(of(zoo, schemas=OURS))
    with plain_owner(server, fresh_dsn, "nocreaterole") as (_, dsn):
        with session.connect(dsn) as connection:
            runner.deploy(connection, project)
        assert clean == lines(of(dsn, schemas=OURS))
    bare = fresh_dsn()
    scripts = [
        f"-f{project.scripts.path('deploy', one)}" for one in project.plan.changes
    ]
    subprocess.run(
        [psql, "-Xqd", bare, "-v", "ON_ERROR_STOP=1", *scripts],
        check=True,
        capture_output=True,
    )
    assert clean == lines(of(bare, schemas=OURS))

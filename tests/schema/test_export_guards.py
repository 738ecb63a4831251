"""
What a migration refuses, and what it leaves of a host's transaction: all as it was.

The statements are run as a host's tool runs them: one after the other, in its own
transaction on its own connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from fix_export import ours, untouched
from learnplan_db.engine.locks import LOCK
from learnplan_db.export.span import between
from learnplan_db.export.transit import Transit

if TYPE_CHECKING:
    from collections.abc import Callable

    from fix_export import Deployer

HINTS = ("it is there", "it is gone")
PLACES = {
    "nothing": (None, "@v1.0.0"),
    "first": ("@v1.0.0", "@v1.2.0"),
    "tag": ("@v1.1.0", "@v1.2.0"),
}


def transit(name: str) -> Transit:
    """Return one of the ways."""
    project = ours()
    span = between(project.plan, *PLACES[name])
    return Transit(project, span, {}, {}, HINTS)


def execute(connection: psycopg.Connection[Any], statements: list[str]) -> None:
    """Execute statements one by one."""
    for text in statements:
        connection.execute(text.encode())


def refused(dsn: str, statements: list[str]) -> psycopg.Error:
    """Return the error of statements, which leave nothing."""
    before = untouched(dsn)
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.Error) as caught:
        execute(connection, statements)
    assert before == untouched(dsn)
    return caught.value


@pytest.fixture(scope="module")
def first(newest: Callable[..., str]) -> str:
    """Provide a database at 1.0.0, which no test changes."""
    return newest("@v1.0.0")


@pytest.fixture(scope="module")
def whole(newest: Callable[..., str]) -> str:
    """Provide a database at the newest release, which no test changes."""
    return newest()


# Way and direction, where it is run, and what is said of it: where, and what to do.
WRONG = {
    ("nothing up", "first"): ("policy_views @v1.0.0", "it is there"),
    ("first down", "first"): ("policy_views @v1.0.0", "it is gone"),
    ("tag up", "first"): ("policy_views @v1.0.0", "see learnplan-db status"),
    ("tag up", "whole"): ("@v1.1.0 @v1.2.0", "it is there"),
    ("nothing up", "whole"): ("@v1.1.0 @v1.2.0", "see learnplan-db status"),
    ("nothing down", "whole"): ("@v1.1.0 @v1.2.0", "see learnplan-db status"),
}


@pytest.mark.parametrize(("way", "place"), WRONG)
def test_another_place_is_refused(
    request: pytest.FixtureRequest, way: str, place: str
) -> None:
    """Run where it does not belong, a migration does nothing and says where it is."""
    name, direction = way.split()
    statements = getattr(transit(name), direction)()
    error = refused(request.getfixturevalue(place), statements)
    here, hint = WRONG[way, place]
    assert "55000" == error.sqlstate
    assert f"{here}\n  fix  {hint}" in str(error)


@pytest.mark.gate
def test_empty_database_is_no_place_to_go_on_from(deployer: Deployer) -> None:
    """Where nothing is deployed, only what goes on from nothing runs."""
    error = refused(deployer.make(), transit("first").up())
    assert "this goes on from @v1.0.0, and the database is at nothing\n" in str(error)


@pytest.mark.gate
def test_missing_tag_is_another_place(first: str) -> None:
    """The last change without its tag is not the release."""
    with psycopg.connect(first) as connection:
        connection.execute("delete from sqitch.tags")
        with pytest.raises(psycopg.Error) as caught:
            execute(connection, transit("first").up())
        assert "the database is at policy_views\n" in str(caught.value)


@pytest.mark.gate
def test_edited_plan_is_another_place(first: str) -> None:
    """As many changes with the same tags, of which the last has another id."""
    with psycopg.connect(first) as connection:
        connection.execute(
            "update sqitch.changes set change_id = repeat('a', 40)"
            " where change = 'policy_views'"
        )
        with pytest.raises(psycopg.Error, match="is at policy_views @v1"):
            execute(connection, transit("first").up())


@pytest.mark.gate
def test_other_project_of_the_name_is_refused(first: str) -> None:
    """A project with another URI is another project."""
    with psycopg.connect(first) as connection:
        connection.execute("update sqitch.projects set uri = 'https://example.org/'")
        with pytest.raises(psycopg.Error, match='another project "learnplan-db"'):
            execute(connection, transit("first").up())


@pytest.mark.gate
def test_older_registry_is_refused(first: str) -> None:
    """A registry of another version is upgraded first, by a command."""
    with psycopg.connect(first) as connection:
        connection.execute("update sqitch.releases set version = 1.0")
        with pytest.raises(psycopg.Error, match=r"(?s)not of version 1\.1.*db upgrade"):
            execute(connection, transit("first").up())


def test_running_deploy_is_not_waited_for(first: str) -> None:
    """While Sqitch's lock is held, a migration does not start, nor wait in a queue."""
    with psycopg.connect(first, autocommit=True) as other:
        other.execute(f"select pg_advisory_lock({LOCK})".encode())
        error = refused(first, transit("first").up())
    assert "55P03" == error.sqlstate
    assert "another deploy is running" in str(error)


@pytest.mark.gate
def test_running_migration_holds_deploys_up(newest: Callable[..., str]) -> None:
    """A migration takes Sqitch's lock, and gives it back when the host commits."""
    dsn = newest("@v1.0.0")
    with psycopg.connect(dsn, autocommit=True) as other, psycopg.connect(dsn) as host:
        execute(host, transit("first").up())
        take = f"select pg_try_advisory_lock({LOCK})".encode()
        assert (False,) == other.execute(take).fetchone()
        host.commit()
        assert (True,) == other.execute(take).fetchone()


def test_every_statement_on_its_own_is_refused(first: str) -> None:
    """Where the tool opens no transaction, nothing at all is done."""
    before = untouched(first)
    with (
        psycopg.connect(first, autocommit=True) as connection,
        pytest.raises(psycopg.Error, match="must run in one transaction"),
    ):
        execute(connection, transit("first").up())
    assert before == untouched(first)


SETTINGS = """
  select array(
      select name || '=' || setting from pg_settings
      where name !~ '[.]' order by name), current_setting('role'),
    current_user::text, session_user::text, current_schemas(false)"""


@pytest.mark.parametrize("direction", ["up", "down"])
def test_hosts_transaction_is_as_it_was(
    deployer: Deployer, newest: Callable[..., str], direction: str
) -> None:
    """Path, role and settings are the host's again, before and after its commit."""
    dsn = deployer.make() if direction == "up" else newest("@v1.0.0")
    with psycopg.connect(deployer.admin(dsn)) as host:
        host.execute("set datestyle = 'SQL, DMY'")
        host.execute("set work_mem = '5MB'")
        host.commit()
        outside = host.execute(SETTINGS.encode()).fetchone()
        host.commit()
        for text in (
            f"set local role {deployer.name}",
            "set local search_path = public, pg_catalog",
            "set local row_security = on",
            "set local lock_timeout = '7s'",
            "set local client_min_messages = error",
            "set local quote_all_identifiers = on",
        ):
            host.execute(text.encode())
        inside = host.execute(SETTINGS.encode()).fetchone()
        assert outside != inside
        execute(host, getattr(transit("nothing"), direction)())
        assert inside == host.execute(SETTINGS.encode()).fetchone()
        host.commit()
        assert outside == host.execute(SETTINGS.encode()).fetchone()


@pytest.mark.gate
def test_committer_is_who_runs_it(
    newest: Callable[..., str], deployer: Deployer
) -> None:
    """Without settings of the session, the login is the committer."""
    dsn = newest("@v1.0.0")
    with psycopg.connect(dsn) as host:
        execute(host, transit("first").up())
        row = host.execute(
            "select distinct committer_name, committer_email from sqitch.events"
            " where committed_at >= now()"
        ).fetchall()
        assert [(deployer.name, f"{deployer.name}@{host.info.dbname}")] == row


INSERT = """
  insert into learnplan.users (clerk_user_id, email) values ('a', 'a@x.org'), ('b', 'b@x.org')
"""


def test_way_back_loses_no_rows(newest: Callable[..., str], deployer: Deployer) -> None:
    """With rows in a table that would go the way back is refused, and says how many."""
    dsn = newest("@v1.0.0")
    deployer.as_admin(dsn, INSERT)
    error = refused(dsn, transit("nothing").down())
    assert "this would lose rows\n" in str(error)
    assert "\n  - table_users: table learnplan.users, 2 rows\n" in str(error)
    assert "set learnplan_db.allow_data_loss to on" in str(error)


@pytest.mark.gate
def test_way_back_loses_what_it_may(
    newest: Callable[..., str], deployer: Deployer
) -> None:
    """With the setting, rows go; without rows nobody is asked for it."""
    dsn = newest("@v1.0.0")
    deployer.as_admin(dsn, INSERT)
    with psycopg.connect(dsn) as host:
        host.execute("set learnplan_db.allow_data_loss = on")
        execute(host, transit("nothing").down())
    assert [] == [r for r in untouched(dsn)[1] if r[0].startswith("learnplan")]


@pytest.mark.gate
def test_deleted_rows_are_no_loss(
    newest: Callable[..., str], deployer: Deployer
) -> None:
    """A table whose rows were deleted is empty, whatever space it takes."""
    dsn = newest("@v1.0.0")
    deployer.as_admin(dsn, INSERT, "delete from learnplan.users")
    with psycopg.connect(dsn) as host:
        execute(host, transit("nothing").down())


@pytest.mark.gate
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_way_back_sees_rows_that_came_meanwhile(
    newest: Callable[..., str], deployer: Deployer, level: str
) -> None:
    """Rows that a transaction's snapshot hides cannot be counted: it is refused."""
    dsn = newest("@v1.0.0")
    with psycopg.connect(dsn) as host:
        host.execute(f"set transaction isolation level {level}".encode())
        host.execute("select count(*) from sqitch.changes")
        deployer.as_admin(dsn, INSERT)
        before = untouched(dsn)
        with pytest.raises(psycopg.Error, match=r"(?s)newer rows .* fix .* committed"):
            execute(host, transit("nothing").down())
    assert before == untouched(dsn)
    with psycopg.connect(dsn) as host:
        host.execute(f"set transaction isolation level {level}".encode())
        execute(host, transit("first").up())

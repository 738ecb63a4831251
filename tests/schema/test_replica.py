"""A streaming standby: the policies hold there, and nothing can be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo

from fix_personas import TABLES
from learnplan_db import acting_as
from learnplan_db.cli import cli

if TYPE_CHECKING:
    from fix_servers import Peopled

VIEWS = {"module_progress": "module_id", "plan_progress": "plan_id"}
READ_ONLY = "25006"


def seen(dsn: str, **caller: Any) -> dict[str, list[str]]:
    """Return what a caller sees of each table and view, or why nothing."""
    found = {}
    with psycopg.connect(dsn) as connection, acting_as(connection, **caller):
        for name in (*TABLES, *VIEWS):
            query = f"select {VIEWS.get(name, 'id')}::text from learnplan.{name}"
            try:
                with connection.transaction():
                    rows = connection.execute(query.encode()).fetchall()
                found[name] = sorted(row[0] for row in rows)
            except psycopg.Error as error:
                found[name] = [str(error.sqlstate)]
    return found


def test_personas_see_what_they_see_on_the_primary(peopled: Peopled) -> None:
    """Owners, readers, strangers, who is nobody, anonymous and the service."""
    callers: list[dict[str, Any]] = [{"sub": name} for name in ("ann", "ben", "cy")]
    callers += [{"user_id": peopled.ids["ben"]}, {"sub": "nobody"}, {"role": "anon"}]
    rows = []
    for caller in callers:
        primary, standby = (seen(dsn, **caller) for dsn in peopled.app)
        assert primary == standby, caller
        rows.append(len(standby["learning_plans"]))
    assert [3, 3, 2, 3, 0, 1] == rows  # who is anonymous is refused: one SQLSTATE
    assert {"42501"} == {line for lines in standby.values() for line in lines}
    primary, standby = (seen(dsn, role="service_role") for dsn in peopled.service)
    assert primary == standby
    assert 4 == len(standby["learning_plans"])


def test_plan_that_turns_private_is_hidden_on_the_standby(peopled: Peopled) -> None:
    """What the primary decides holds once it is replayed, and not for its owner."""
    sees = [len(seen(peopled.app[1], sub=s)["modules"]) for s in ("ann", "cy")]
    assert [3, 2] == sees
    with psycopg.connect(peopled.replica.primary, autocommit=True) as admin:
        turn = "update learnplan.learning_plans set visibility = {} where id = %s"
        mine = [peopled.ids["ann public"]]
        admin.execute(turn.format("'private'"), mine)
        try:
            peopled.replica.catch_up()
            sees = [len(seen(peopled.app[1], sub=s)["modules"]) for s in ("ann", "cy")]
            assert [3, 1] == sees
        finally:
            admin.execute(turn.format("'public'"), mine)
            peopled.replica.catch_up()


def refusal(connection: psycopg.Connection[Any], statement: str) -> str | None:
    """Return the SQLSTATE with which a statement is refused."""
    try:
        with connection.transaction():
            connection.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None


def test_nobody_writes_on_the_standby(peopled: Peopled) -> None:
    """Each write of each caller is refused with 25006, whatever else it lacks."""
    writes = [f"delete from learnplan.{table}" for table in TABLES]
    writes += [f"update learnplan.{table} set id = id" for table in TABLES]
    writes += [f"insert into learnplan.{table} default values" for table in TABLES]
    reorder = (
        f"select learnplan.reorder_modules('{peopled.ids['ann private']}',"
        f" array['{peopled.ids['ann module']}']::uuid[])"
    )
    app, service = peopled.app[1], peopled.service[1]
    states = {}
    for dsn, caller, tried in (
        (app, {"sub": "ann"}, [*writes, reorder]),
        (app, {"sub": "nobody"}, writes),
        (service, {"role": "service_role"}, [*writes, reorder]),
    ):
        with psycopg.connect(dsn) as connection, acting_as(connection, **caller):
            states |= {(*caller.values(), s): refusal(connection, s) for s in tried}
    assert {READ_ONLY} == set(states.values()), states
    with psycopg.connect(app) as connection, acting_as(connection, role="anon"):
        # It may not even name a table.
        assert {"42501"} == {refusal(connection, write) for write in writes}
    with psycopg.connect(peopled.replica.standby) as superuser:
        assert {READ_ONLY} == {refusal(superuser, write) for write in writes}


def test_claims_end_with_the_block_on_the_standby(peopled: Peopled) -> None:
    """acting_as needs no write, and leaves nothing in the session."""
    me = "select learnplan.current_user_id()::text, current_user::text"
    with psycopg.connect(peopled.app[1], autocommit=True) as connection:
        with acting_as(connection, sub="ann"):
            row = connection.execute(me).fetchone()
        assert (str(peopled.ids["ann"]), "authenticated") == row
        left = connection.execute(
            "select current_setting('role'),"
            " coalesce(current_setting('request.jwt.claims', true), '')"
        ).fetchone()
    assert ("none", "") == left


def test_commands_say_what_they_can_on_the_standby(peopled: Peopled) -> None:
    """Status, log and check answer; verify says which scripts need the primary."""
    primary, standby = peopled.replica.primary, peopled.replica.standby
    for command in ("status", "log", "check"):
        told = [CliRunner().invoke(cli, [command, dsn]) for dsn in (primary, standby)]
        assert [0, 0] == [one.exit_code for one in told], told
        assert told[0].stdout.splitlines()[1:] == told[1].stdout.splitlines()[1:]
    for command in (["deploy"], ["revert", "-y"], ["upgrade"]):
        done = CliRunner().invoke(cli, [command[0], standby, *command[1:]])
        assert (2, "") == (done.exit_code, done.stdout)
        assert "the server is a standby" in done.stderr
    done = CliRunner().invoke(cli, ["verify", standby])
    assert 2 == done.exit_code
    assert 8 == done.output.count("not ok"), done.output
    assert 8 == done.stderr.count("fix  run it on the primary"), done.stderr
    done = CliRunner().invoke(cli, ["verify", primary])
    assert 0 == done.exit_code, done.output


def test_standby_cannot_be_made_to_forget_the_claims(peopled: Peopled) -> None:
    """Malformed claims are the same error there, and leak nothing."""
    dsn = make_conninfo(peopled.app[1], options="-c role=authenticated")
    with psycopg.connect(dsn) as connection:
        connection.execute("select set_config('request.jwt.claims', 'secret', true)")
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("select from learnplan.users")
    assert "LPCLM" == caught.value.sqlstate
    assert "secret" not in str(caught.value)

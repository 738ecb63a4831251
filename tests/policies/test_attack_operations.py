"""Attacks by those who operate: a service above row security, dumps, hosts' defaults."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fix_attacks import DONE, everything, opened, told
from fix_database import ROOT, deploy_plan
from fix_personas import BY_GRANT, TABLES
from fix_tools import absent, program
from learnplan_db.engine import session, state, verification
from learnplan_db.server import binaries

if TYPE_CHECKING:
    from collections.abc import Callable

    from fix_attacks import Live
    from fix_personas import World

BOTH_WAYS = pytest.mark.parametrize("bypass", ["nobypassrls", "bypassrls"])
CHANGES = {
    "users": "subscription_tier = 'pro'",
    "learning_plans": "origin = 'manual'",
    "modules": "title = 'x'",
    "tasks": "title = 'x'",
    "resources": "author = 'x'",
    "task_resources": "notes = 'x'",
    "task_progress": "status = 'not_started'",
    "plan_generations": "model = 'x'",
}


@BOTH_WAYS
@pytest.mark.parametrize("table", TABLES)
def test_service_can_do_the_same_both_ways(
    world: World, table: str, bypass: str
) -> None:
    """A host's BYPASSRLS changes nothing that the service can do (threat 56)."""
    trees = [everything(world, name) for name in ("ann", "ben")]
    with opened(world, f"alter role service_role {bypass}"), world.as_service():
        found = told(world, f"select id from learnplan.{table}")
        assert {row[0] for row in found.rows} == {tree[table] for tree in trees}
        changed = told(world, f"update learnplan.{table} set {CHANGES[table]}")
        assert (DONE, 2) == (changed.state, changed.count)
        assert told(world, f"delete from learnplan.{table}").count == 2
        assert world.one("select learnplan.current_user_id()") is None


@BOTH_WAYS
def test_service_deletes_a_user_with_all_that_is_theirs(
    world: World, bypass: str
) -> None:
    """Plans and progress go with the user, also on plans of others (threat 56)."""
    ann, ben = everything(world, "ann", "public"), everything(world, "ben", "public")
    on_bens = world.progress(ann["users"], ben["tasks"])
    with opened(world, f"alter role service_role {bypass}"):
        with world.as_service():
            delete = "delete from learnplan.users where id = %s"
            assert told(world, delete, ann["users"]).count == 1
        for table in TABLES:
            assert world.exists(table, ben[table])
            assert world.exists(table, ann[table]) == (table == "resources")
        assert not world.exists("task_progress", on_bens)
    assert world.exists("users", ann["users"])


@BOTH_WAYS
def test_service_cannot_change_frozen_keys(world: World, bypass: str) -> None:
    """Grants hold where row security is bypassed: no plan is given away (threat 39)."""
    _, ben = everything(world, "ann"), world.user("ben")
    with opened(world, f"alter role service_role {bypass}"), world.as_service():
        for table, column in (
            ("learning_plans", "user_id"),
            ("task_progress", "user_id"),
            ("task_progress", "task_id"),
        ):
            give = f"update learnplan.{table} set {column} = %s"
            assert world.attempt(give, ben).kind == BY_GRANT
        assert world.attempt("truncate learnplan.users cascade").kind == BY_GRANT


@BOTH_WAYS
def test_service_that_bypasses_gives_users_nothing(world: World, bypass: str) -> None:
    """What the service may is no matter to users and their claims (threat 33)."""
    everything(world, "ann")
    world.user("ben")
    with (
        opened(world, f"alter role service_role {bypass}"),
        world.as_claims({"sub": "ben", "role": "service_role"}),
    ):
        assert told(world, "select from learnplan.learning_plans").count == 0
        assert told(world, "select from learnplan.users").count == 1


def dump_program(live: Live) -> str:
    """Return the path of a pg_dump that is not older than the server."""
    wanted = live.admin.info.server_version // 10000
    beside = str(binaries.find_bindir(os.environ) / "pg_dump")
    path = ""
    for path in (beside, program("pg_dump")):
        said = subprocess.run([path, "--version"], capture_output=True, check=False)
        found = re.search(rb"(\d+)", said.stdout)
        if found and int(found[1]) >= wanted:
            break
    else:
        absent(f"no pg_dump for PostgreSQL {wanted}")
    return path


def dump(live: Live, dsn: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Dump the data of the tables as one login."""
    known = conninfo_to_dict(dsn)
    return subprocess.run(
        [
            *(dump_program(live), "--data-only", "--schema", "learnplan"),
            *options,
            *("-h", str(known["host"]), "-p", str(known["port"])),
            *("-U", str(known["user"]), "-d", str(known["dbname"])),
        ],
        env={"PGPASSWORD": str(known.get("password", "")), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )


def test_dump_by_a_login_that_is_asked_fails_or_is_empty(live: Live) -> None:
    """Limit: --enable-row-security dumps no row and says nothing (threat 65)."""
    tree = everything(live.rows, "ann")
    for dsn in (live.app, live.service):
        refused = dump(live, dsn)
        assert refused.returncode != 0
        assert "row-level security" in refused.stderr
    quiet = dump(live, live.app, "--enable-row-security")
    assert (0, "") == (quiet.returncode, quiet.stderr)
    assert not any(str(row) in quiet.stdout for row in tree.values())
    # The service has a policy for every row, so what it dumps so is whole.
    whole = dump(live, live.service, "--enable-row-security")
    assert all(str(tree[table]) in whole.stdout for table in TABLES)


@pytest.mark.parametrize("option", ["bypassrls", "nobypassrls"])
def test_dump_by_the_owner_of_the_tables(live: Live, option: str) -> None:
    """Owner or not, FORCE makes a dump fail loudly; BYPASSRLS is whole (threat 65)."""
    tree = everything(live.rows, "ann")
    owner = f"learnplan_dump_{option}_{os.getpid()}"  # roles are the whole cluster's
    live.admin.execute(f"create role {owner} login {option} password 'secret'".encode())
    try:
        grant = f"grant usage on schema learnplan to {owner}"
        live.admin.execute(grant.encode())
        for table in TABLES:
            change = f"alter table learnplan.{table} owner to {owner}"
            live.admin.execute(change.encode())
        dsn = psycopg.conninfo.make_conninfo(live.app, user=owner)
        done = dump(live, dsn, "--table", "learnplan.users")
        if option == "bypassrls":
            assert 0 == done.returncode, done.stderr
            assert str(tree["users"]) in done.stdout
        else:
            assert done.returncode != 0
            assert "row-level security" in done.stderr
    finally:
        live.admin.execute(f"reassign owned by {owner} to current_user".encode())
        live.admin.execute(f"drop owned by {owner}".encode())
        live.admin.execute(f"drop role {owner}".encode())


def test_defaults_of_a_host_open_nothing(
    learnplan_noproc: Any, fresh_dsn: Callable[[], str]
) -> None:
    """Whatever a host grants on all that is new, deploy takes back (threat 13)."""
    dsn = fresh_dsn()
    kinds = ("tables", "functions", "sequences", "types", "schemas")
    with psycopg.connect(dsn, autocommit=True) as admin:
        for kind in kinds:
            for role in ("public", "anon", "authenticated"):
                admin.execute(
                    f"alter default privileges grant all on {kind} to {role}".encode()
                )
        admin.execute("create table public.control (i int)")
        opens = "select has_table_privilege('anon', %s, %s)"
        assert admin.execute(opens, ["public.control", "truncate"]).fetchone() == (
            True,
        )
        deploy_plan(**conninfo_to_dict(dsn))
        for table in TABLES:
            for right in ("select", "insert", "update", "delete", "truncate"):
                found = admin.execute(opens, [f"learnplan.{table}", right]).fetchone()
                assert found == (False,)
        opens = "select has_schema_privilege('anon', %s, 'usage')"
        for schema in ("learnplan", "learnplan_private"):
            assert admin.execute(opens, [schema]).fetchone() == (False,)
        with session.connect(dsn) as connection:
            failed = verification.verify(connection, state.load(ROOT)).failures
        assert failed == ()

"""No drift where there is none: whatever host, owner, version or stage it is."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from fix_database import ROOT, plain_owner
from fix_drift import SCHEMAS
from fix_tools import absent
from learnplan_db import errors
from learnplan_db.catalog import drift, scratch, telling
from learnplan_db.engine import runner, session, state
from learnplan_db.security import render
from learnplan_db.security.variables import Variables
from learnplan_db.server import binaries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fix_database import TestServer
    from fix_drift import Drifting
    from learnplan_db.catalog.drift import Drift
    from learnplan_db.engine.progress import Progress

# What a host has around the plan, and does with it.
NOISE = """
create schema host;
create table host.users (id uuid primary key references learnplan.users);
create function host.f() returns uuid language sql return learnplan.current_user_id();
create view host.v as select id from learnplan.users;
create table public.learning_plans (id integer);
create extension citext schema host;
alter default privileges grant select on tables to public;
alter default privileges for role current_user grant execute on functions to anon;
create publication everything for table learnplan.users;
alter role service_role bypassrls;
create role drifting_login login in role authenticated, anon;
insert into learnplan.users (clerk_user_id, email) values ('user_1', 'a@example.org');
analyze learnplan.users;
vacuum full learnplan.users;
alter table learnplan.users set (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02);
reindex schema learnplan;
alter database {name} set search_path = host;
comment on database {name} is 'Ours.'
"""
QUIET = """
alter role service_role nobypassrls;
alter default privileges for role current_user revoke execute on functions from anon;
drop role drifting_login
"""


def names(found: Drift) -> set[str]:
    """Return the objects that differ."""
    return {str(one.key) for one in found.differences}


def test_what_a_host_has_around_the_plan_is_its_own(drifting: Drifting) -> None:
    """Other schemas, extensions, roles, rows, default privileges: none is drift."""
    name = drifting.meddler.info.dbname
    try:
        for statement in NOISE.format(name=name).split(";\n"):
            drifting.meddler.execute(statement.encode())
        assert set() == names(drifting.drift())
        drifting.meddler.execute("grant select on learnplan.users to drifting_login")
        assert {"table learnplan.users"} == names(drifting.drift())
        drifting.mend(drifting.drift())
        assert set() == names(drifting.drift())
    finally:
        for statement in QUIET.split(";\n"):
            drifting.meddler.execute(statement.encode())


# What a plain owner can meddle with, and has to mend: some of it belongs to others.
OWNED = {
    "nothing": "select 1",
    "policy": "drop policy users_select_authenticated on learnplan.users",
    "right": "grant delete on learnplan.users to authenticated",
    "function": "drop function learnplan.weekly_hours(text)",
    "table": "drop table learnplan.plan_generations",
    "view": "drop view learnplan.plan_progress",
    "all": "drop schema learnplan, learnplan_private cascade",
}
# What only a superuser, or the owner of a definer function, can do.
OTHERS = {
    "owner": "alter function learnplan_private.owns_plan(uuid, uuid) owner to {owner}",
    "path": "alter function learnplan_private.owns_plan(uuid, uuid) reset search_path",
    "body": """create or replace function learnplan.current_user_id() returns uuid
        language plpgsql stable parallel safe security definer
        set search_path = pg_catalog, pg_temp as $$ begin return null; end $$""",
    "right": "grant execute on function learnplan_private.owns_task to public",
}


@pytest.mark.parametrize(
    "mender", ["owner", pytest.param("superuser", marks=pytest.mark.long)]
)
def test_plain_owner_has_none_and_mends_its_own(
    server: TestServer,
    learnplan_noproc: Any,  # the roles are there
    fresh_dsn: Callable[..., str],
    drifting: Drifting,
    mender: str,
) -> None:
    """Whoever owns the plan is no difference, mends it all, and so does a superuser."""
    with (
        plain_owner(server, fresh_dsn, "createrole") as (owner, dsn),
        session.connect(dsn) as connection,
        psycopg.connect(server.dsn(connection.info.dbname), autocommit=True) as admin,
    ):
        if admin.info.server_version >= 160000:  # as who made the roles has them there
            for role in ("learnplan_identity", "learnplan_reader"):
                admin.execute(
                    f"grant {role} to {owner} with admin true, inherit false, set false"
                )
        runner.deploy(connection, drifting.project)
        mending = connection if mender == "owner" else admin
        before = connection.execute("select * from pg_auth_members").fetchall()
        for by, statements in (
            *((connection, text) for text in OWNED.values()),
            *((admin, text.format(owner=owner)) for text in OTHERS.values()),
        ):
            by.execute(statements.encode())
            seen = drift.look(connection, drifting.project, SCHEMAS)
            found = drift.compare(connection, drifting.rebuilt, seen)
            assert bool(found.differences) == (statements != OWNED["nothing"])
            mending.execute(telling.as_sql(found, "").encode())
            seen = drift.look(connection, drifting.project, SCHEMAS)
            found = drift.compare(connection, drifting.rebuilt, seen)
            assert set() == names(found), statements
            assert owner == seen.owner
        assert before == connection.execute("select * from pg_auth_members").fetchall()


def test_none_after_dump_and_restore(
    drifting: Drifting, fresh_dsn: Callable[..., str]
) -> None:
    """A dump of all is restored with its registry, and is as it was."""
    path = binaries.find_bindir(os.environ) / "pg_dump"
    if not path.exists():
        absent(f"no {path}")
    known = conninfo_to_dict(drifting.dsn)
    host, port, user, name = (str(known[k]) for k in ("host", "port", "user", "dbname"))
    words = ["-h", host, "-p", port, "-U", user, "--inserts", name]
    dumped = subprocess.run(
        [path, *words],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line for line in dumped.split("\n") if not line.startswith("\\")]
    restored = fresh_dsn()
    with psycopg.connect(restored, autocommit=True) as connection:
        connection.execute("\n".join(lines).encode())
    with session.connect(restored) as connection:
        seen = drift.look(connection, drifting.project, SCHEMAS)
        assert len(seen.applied) == len(drifting.project.plan.changes)
        found = drift.compare(connection, drifting.rebuilt, seen)
    assert set() == names(found)


def test_half_deployed_database_is_compared_with_that_half(
    server: TestServer, database: str, drifting: Drifting
) -> None:
    """What is not deployed yet is no difference, and what is there is compared."""
    where = server.dsn("postgres")
    with session.connect(database) as connection:
        runner.deploy(connection, drifting.project, to="table_users")
        found = drift.find(connection, drifting.project, server=where)
        assert set() == names(found)
        connection.execute("alter table learnplan.users add column x integer")
        found = drift.find(connection, drifting.project, server=where)
    assert {"column learnplan.users.x"} == names(found)
    assert "1 difference from the plan as deployed up to table_users (16 changes)" in (
        telling.as_text(found)
    )


MAJORS = [
    "15",
    pytest.param("16", marks=pytest.mark.long),
    pytest.param("17", marks=pytest.mark.long),
    pytest.param("18", marks=pytest.mark.long),
]


@pytest.mark.parametrize("major", MAJORS)
def test_scratch_server_may_be_of_another_major(
    on_major: Callable[[str], str], drifting: Drifting, major: str
) -> None:
    """The plan of any major is compared with any other's, and mended."""
    with session.connect(on_major(major)) as connection:

        def found() -> Drift:
            seen = drift.look(connection, drifting.project, SCHEMAS)
            return drift.compare(connection, drifting.rebuilt, seen)

        assert set() == names(found())
        connection.execute("drop schema learnplan, learnplan_private cascade")
        connection.execute(telling.as_sql(found(), "").encode())
        assert set() == names(found())


def test_where_an_extension_is_missing_its_change_is_left_out(
    drifting: Drifting,
) -> None:
    """Without pg_trgm the plan makes no index: that is not drift, all else is."""
    drifting.meddler.execute("drop extension pg_trgm cascade")
    drifting.meddler.execute(
        "comment on column learnplan.learning_plans.topic is 'Not indexed for search.'"
    )
    found = drifting.drift()
    assert set() == names(found)
    assert {"index_learning_plans_topic_public": "pg_trgm"} == found.left_out
    drifting.meddler.execute("drop index learnplan.idx_learning_plans_user_id")
    assert {"index learnplan.idx_learning_plans_user_id"} == names(drifting.drift())


def test_deploy_meanwhile_is_told(
    server: TestServer, database: str, drifting: Drifting
) -> None:
    """Somebody deploys while the plan is rebuilt: nothing is said of a mixture."""
    project = drifting.project
    with (
        session.connect(database) as connection,
        session.connect(database) as other,
    ):
        runner.deploy(connection, project, to="enum_skill_level")

        def meddle(step: Progress) -> None:
            if step.action == "deploying":
                runner.deploy(other, project, to="enum_learning_style")

        with pytest.raises(errors.CatalogError, match="while the database was read"):
            drift.find(connection, project, server=server.dsn("postgres"), tell=meddle)


@pytest.mark.long
def test_renamed_roles_are_the_plans(
    server: TestServer, database: str, tmp_path: Path
) -> None:
    """A host's own names of the roles, as render writes them, are no difference."""
    settings = [
        "authenticated=drift_user",
        "anon=drift_guest",
        "service_role=drift_sys",
    ]
    render.export(ROOT, tmp_path / "host", Variables.from_settings(settings))
    project = state.load(tmp_path / "host")
    with session.connect(database) as connection:
        runner.deploy(connection, project)
        with scratch.database(server.dsn("postgres")) as where:
            made = scratch.rebuild(where, project, project.plan.changes, SCHEMAS)

        def found() -> Drift:
            seen = drift.look(connection, project, SCHEMAS)
            return drift.compare(connection, made, seen)

        assert set() == names(found())
        connection.execute("grant delete on learnplan.users to drift_user")
        granted = found()
    assert {"table learnplan.users"} == names(granted)
    assert "from drift_user;" in telling.as_sql(granted, "")
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(sql.SQL("drop schema learnplan, learnplan_private cascade"))
        for setting in settings:
            role = sql.Identifier(setting.partition("=")[2])
            admin.execute(sql.SQL("drop role {}").format(role))

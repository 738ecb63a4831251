"""Each check of doctor on a database that is ill: found, mended by its own advice."""

from __future__ import annotations

import json
import re
import time
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fix_database import plain_owner
from fix_race import write
from fix_tools import some
from learnplan_db.catalog import reading
from learnplan_db.catalog.fingerprint import fingerprint
from learnplan_db.engine import locks, runner, session
from learnplan_db.health.patient import SCHEMAS, SETTABLE
from learnplan_db.security.variables import Variables
from old_registries import TO_0, TO_1_0

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fix_database import TestServer
    from fix_doctor import Sick
    from learnplan_db.engine.state import Project

USER = (
    "insert into learnplan.users (clerk_user_id, email, name)"
    " values ('{0}', '{0}@example.org', 'Ann')"
)
# Check: what makes it say so, how bad that is, and words of what it says.
ILL: dict[str, tuple[str, str, str, str]] = {
    "a policy's table open": (
        "row security",
        "alter table learnplan.tasks disable row level security",
        "fail",
        "on tasks",
    ),
    "open to its owner": (
        "row security",
        "alter table learnplan.users no force row level security",
        "fail",
        "on users",
    ),
    "a table more, unguarded": (
        "row security",
        "create table learnplan.extra (i int)",
        "fail",
        "on extra",
    ),
    "no index for search": (
        "search",
        "drop index learnplan.idx_learning_plans_topic_public",
        "warn",
        "no index",
    ),
    "no pg_trgm": (
        "search",
        "drop extension pg_trgm cascade",
        "warn",
        "pg_trgm is not in the database",
    ),
    "temporary objects": (
        "temporary",
        "grant temporary on database {database} to public",
        "warn",
        "whoever connects",
    ),
    "functions in public": (
        "public",
        "grant create on schema public to public",
        "fail",
        "whoever connects",
    ),
    "a table of somebody else": (
        "owner",
        "alter table learnplan.tasks owner to {login}",
        "warn",
        "learnplan.tasks",
    ),
    "a function of somebody else": (
        "owner",
        "alter function learnplan.reorder_tasks owner to {login}",
        "warn",
        "learnplan.reorder_tasks(uuid,uuid[])",
    ),
    "never analyzed": ("statistics", USER.format("a"), "warn", "learnplan.users"),
    "row security off": (
        "row_security",
        "alter database {database} set row_security = off",
        "fail",
        "for database {database}",
    ),
    "row security off for a login": (
        "row_security",
        "alter role {login} in database {database} set row_security = off",
        "fail",
        "for role {login} in database {database}",
    ),
    "no triggers": (
        "session_replication_role",
        "alter role {login} set session_replication_role = replica",
        "fail",
        "no trigger fires",
    ),
    "read only": (
        "default_transaction_read_only",
        "alter database {database} set default_transaction_read_only = on",
        "warn",
        "nothing can be written",
    ),
    "backslashes": (
        "standard_conforming_strings",
        "alter role {login} set standard_conforming_strings = off",
        "warn",
        "role {login}",
    ),
    "a search path": (
        "search_path",
        "alter role {login} set search_path = public, pg_catalog",
        "warn",
        "taken for the system's",
    ),
}


@pytest.mark.parametrize("case", some(ILL, ILL))
def test_illness_is_found_and_mended(sick: Sick, case: str) -> None:
    """What is broken is told with a fix; what the fix says makes it well again."""
    name, damage, bad, said = ILL[case]
    sick.run(f"revoke temporary on database {sick.admin.info.dbname} from public")
    assert "ok" == sick.check(name).state, sick.check(name)
    known = {"database": sick.admin.info.dbname, "login": sick.login()}
    sick.run(damage.format(**known))
    sick.ill(name, bad, said.format(**known))


@pytest.mark.parametrize("case", ["no index for search", "no pg_trgm"])
def test_search_is_mended_as_the_plan_makes_it(sick: Sick, case: str) -> None:
    """After the fix nothing differs from the plan: the same fingerprint."""
    name, damage, *_ = ILL[case]
    sick.run(damage)
    assert "fail" == sick.check("drift").state
    sick.mend(sick.check(name))
    assert "ok" == sick.check("drift").state


@pytest.mark.parametrize("mode", ["unique", "again"])
def test_half_built_index(sick: Sick, mode: str) -> None:
    """What a failed CREATE or REINDEX CONCURRENTLY left is rebuilt, or dropped."""
    assert "ok" == sick.check("indexes").state
    sick.run(f"{USER.format('a')}; {USER.format('b')}")
    build = "create unique index concurrently idx_x on learnplan.users (name)"
    with pytest.raises(psycopg.errors.UniqueViolation):
        sick.run(build)
    if mode == "again":
        with pytest.raises(psycopg.errors.UniqueViolation):
            sick.run("reindex index concurrently learnplan.idx_x")
    sick.run("delete from learnplan.users")
    sick.ill("indexes", "warn", "learnplan.idx_x")
    left = sick.admin.execute("select to_regclass('learnplan.idx_x_ccnew')").fetchone()
    assert (None,) == left


def test_server_without_pg_trgm(sick: Sick) -> None:
    """Where contrib is not installed nothing in the database mends it."""
    if sick.admin.info.server_version < 180000:
        pytest.skip("extension_control_path came with 18")
    sick.run("drop extension pg_trgm cascade")
    nowhere = "/nonexistent"
    database = sick.admin.info.dbname
    sick.run(f"alter database {database} set extension_control_path = '{nowhere}'")
    found = sick.check("search")
    assert ("warn", "words") == (found.state, found.fix and found.fix.kind)
    sick.run(f"alter database {database} reset extension_control_path")
    sick.ill("search", "warn")


POLICIES = {
    "one less": "drop policy users_delete_service_role on learnplan.users",
    "one more": "create policy extra on learnplan.users using (true)",
    "none left": "do $do$ declare p text; begin for p in select policyname from"
    " pg_policies where tablename = 'users' loop execute format('drop policy %I on"
    " learnplan.users', p) . end loop . end $do$",
}


@pytest.mark.parametrize("case", POLICIES)
def test_policies_that_are_not_the_plans(sick: Sick, case: str) -> None:
    """One less, one more, or none on a table: told, and drift writes the repair."""
    assert "67 on 8 tables" == sick.check("policies").what
    damage = POLICIES[case].replace(" . ", "; ")
    sick.admin.execute(damage.encode())
    found, drift = sick.check("policies"), sick.check("drift")
    assert ("fail", "fail") == (found.state, drift.state)
    assert ("users" in found.what) == (case == "none left")
    repair = f"learnplan-db drift {sick.line} --sql > repair.sql"
    for one in (found, drift):
        assert one.fix
        assert repair == one.fix.text


def test_roles_that_are_missing(sick: Sick) -> None:
    """Each role that the plan needs is asked for by the name that the host gave it."""
    assert "ok" == sick.check("roles").state
    sick.roles = Variables(anon="doctor_anon", service_role='doctor_Service"s')
    try:
        sick.ill("roles", "fail", 'missing: doctor_anon, doctor_Service"s')
    finally:
        sick.run('drop role doctor_anon; drop role "doctor_Service""s"')


@pytest.mark.parametrize(
    "attribute", ["login", "superuser", "bypassrls", "createrole", "createdb"]
)
def test_role_that_is_more_than_a_role(sick: Sick, attribute: str) -> None:
    """A caller's role that can do by itself what policies should decide."""
    assert "ok" == sick.check("attributes").state
    sick.run(f"alter role authenticated {attribute}")
    try:
        sick.ill("attributes", "fail", f"authenticated has {attribute}")
    finally:
        sick.run(f"alter role authenticated no{attribute}")


def test_service_role_that_bypasses_is_its_hosts(sick: Sick) -> None:
    """Supabase's service_role has BYPASSRLS: said, and no finding; a login is one."""
    sick.run("alter role service_role bypassrls")
    try:
        found = sick.check("attributes")
        assert ("ok", True) == (found.state, "service_role has bypassrls" in found.what)
        sick.run("alter role service_role login")
        sick.ill("attributes", "fail", "service_role has login")
        assert "service_role has bypassrls" in sick.check("attributes").what
    finally:
        sick.run("alter role service_role nologin nobypassrls")


def test_login_on_both_sides(sick: Sick) -> None:
    """A login that can take a caller's role and the service's, directly or not."""
    app, service = sick.login("anon, authenticated"), sick.login("service_role")
    assert app not in sick.check("logins").what
    assert service not in sick.check("logins").what
    sick.run(f"grant service_role to {app}")
    found = sick.check("logins")
    assert ("warn", True) == (found.state, app in found.what), found
    sick.mend(found)
    assert app not in sick.check("logins").what
    sick.run(f"grant {service} to {app}")  # by way of another
    found = sick.check("logins")
    assert ("warn", True) == (found.state, app in found.what), found
    sick.mend(found)
    assert app not in sick.check("logins").what


def test_login_on_both_sides_that_inherits_nothing(sick: Sick) -> None:
    """As Supabase's authenticator: it may SET ROLE to either, and is told."""
    login = sick.login("anon, authenticated, service_role", "noinherit")
    found = sick.check("logins")
    assert ("warn", True) == (found.state, login in found.what), found
    sick.mend(found)
    assert login not in sick.check("logins").what


def test_membership_that_somebody_else_granted(sick: Sick) -> None:
    """Since 16 only a REVOKE that names the grantor takes it back: the fix does."""
    app, boss = sick.login("anon, authenticated"), sick.login()
    sick.run(f"grant service_role to {boss} with admin option; set role {boss}")
    sick.run(f"grant service_role to {app}; reset role")
    found = sick.check("logins")
    assert ("warn", True) == (found.state, app in found.what), found
    sick.mend(found)
    assert app not in sick.check("logins").what
    assert boss not in sick.check("logins").what


def test_callers_role_that_is_the_service(sick: Sick) -> None:
    """A member of the service among the callers' roles opens everything to everybody."""
    sick.run("grant service_role to authenticated")
    try:
        found = sick.check("logins")
        assert ("fail", True) == (found.state, "every caller" in found.what), found
        sick.mend(found)
        assert "fail" != sick.check("logins").state
    finally:
        sick.run("revoke service_role from authenticated")


@pytest.mark.parametrize("attribute", ["superuser", "bypassrls"])
def test_login_above_row_security(sick: Sick, attribute: str) -> None:
    """A login that serves callers and sees all rows until it takes their role."""
    app = sick.login("anon, authenticated")
    assert app not in sick.check("bypassing").what
    sick.run(f"alter role {app} {attribute}")
    found = sick.check("bypassing")
    assert ("warn", True) == (found.state, f"{app} ({attribute})" in found.what), found
    sick.mend(found)
    assert app not in sick.check("bypassing").what


APPS = {
    "above": ("alter role {0} bypassrls", "is above row security"),
    "too little": ("revoke authenticated from {0}", "may not take authenticated"),
    "too much": ("grant service_role to {0}", "may take service_role as well"),
}


@pytest.mark.parametrize("case", APPS)
def test_application_that_is_not_just_that(sick: Sick, case: str) -> None:
    """The login of --app serves users: no more and no less."""
    app = sick.login("anon, authenticated")
    sick.app = make_conninfo(sick.dsn, user=app)
    assert "ok" == sick.check("app").state, sick.check("app")
    damage, said = APPS[case]
    sick.run(damage.format(app))
    sick.ill("app", "fail", said)


def test_membership_that_cannot_be_used(sick: Sick) -> None:
    """Since 16 a membership may be without SET: the application takes no role by it."""
    if sick.admin.info.server_version < 160000:
        pytest.skip("memberships have no options before 16")
    app = sick.login()
    sick.app = make_conninfo(sick.dsn, user=app)
    sick.run(f"grant anon, authenticated to {app} with set false")
    sick.ill("app", "fail", "may not take anon or authenticated")


def test_application_that_owns_or_cannot_connect(sick: Sick) -> None:
    """The owner is no application; a login that is not let in is told with why."""
    assert "skip" == sick.check("app").state
    app = sick.login("anon, authenticated")
    sick.app = make_conninfo(sick.dsn, user=app)
    sick.run(f"alter schema learnplan owner to {app}")
    assert "acts for the owner of learnplan" in sick.check("app").what
    sick.run("alter schema learnplan owner to current_user")
    sick.run(f"alter role {app} nologin")
    found = sick.check("app")
    assert ("fail", True) == (found.state, "not permitted to log in" in found.what)
    sick.run(f"alter role {app} login")
    assert "ok" == sick.check("app").state
    sick.run("drop schema learnplan cascade")
    found = sick.check("app")
    assert ("fail", True) == (found.state, "cannot ask who" in found.what), found


def test_who_can_deploy(
    server: TestServer, fresh_dsn: Callable[..., str], empty: Sick, sick: Sick
) -> None:
    """A superuser and an owner can; another is told what to be granted, and then can."""
    assert "as a superuser" in sick.check("deployer").what
    with plain_owner(server, fresh_dsn) as (_, owned):
        empty.dsn = owned
        found = empty.check("deployer")
        assert ("ok", True) == (found.state, "the owner of the database" in found.what)
        assert "CREATEROLE is not needed" in found.what
    login = sick.login()
    assert "deploy as postgres" in str(sick.check("deployer", user=login).fix)


def test_login_that_was_granted_what_it_lacked_deploys(empty: Sick) -> None:
    """The statements of the fix are enough: the login deploys the plan."""
    version = (
        empty.admin.info.server_version
    )  # before 16 the login alone inherits or not
    login = empty.login(options="noinherit" * (version >= 160000))
    empty.ill("deployer", "warn", f"{login} cannot deploy", user=login)
    assert "ok" == empty.check("deployer", user=login).state
    with session.connect(make_conninfo(empty.dsn, user=login)) as connection:
        runner.deploy(connection, empty.project, to="role_learnplan_reader")
        runner.deploy(connection, empty.project, to="function_current_user_id@v1.0.0")
    assert f"{login} owns the schemas" in empty.check("owner").what
    other = empty.login()
    empty.ill("deployer", "warn", f"{login} can", user=other)


def test_owner_that_serves_users(empty: Sick) -> None:
    """The owner of the tables is no member of those who are served."""
    login = empty.login()
    assert "skip" == empty.check("owner").state
    empty.run(f"create schema learnplan authorization {login}")
    assert "ok" == empty.check("owner").state
    empty.run(f"grant anon, authenticated to {login}")
    empty.ill("owner", "warn", "member of those who are served")


def test_owner_that_made_the_roles(empty: Sick) -> None:
    """Who made a role may grant it, and is its member only when granted to itself."""
    login = empty.login()
    empty.run(f"create schema learnplan authorization {login}")
    if empty.admin.info.server_version >= SETTABLE:
        admin = "with admin true, inherit false, set false"  # as CREATE ROLE leaves it
        empty.run(f"grant anon, authenticated to {login} {admin}")
    else:  # where CREATEROLE is enough
        empty.run(f"alter role {login} createrole")
    assert "ok" == empty.check("owner").state
    empty.run(f"set role {login}; grant authenticated to {login}; reset role")
    empty.ill("owner", "warn", "member of those who are served")


def test_registry_that_is_not_there_or_old(
    empty: Sick, make_project: Callable[[], Path]
) -> None:
    """No registry, one of version 0, one of 1.0, and one that only a newer tool knows."""
    one = empty.of(make_project())
    assert {"skip"} == {one.check(n).state for n in ("plan", "scripts", "drift")}
    one.ill("registry", "fail", "nothing was ever deployed")
    assert "version 1.1 in schema sqitch: race" == one.check("registry").what
    for old, version in ((TO_1_0, "1.0"), (TO_0, "0")):
        one.admin.execute(old.encode())
        one.ill("registry", "warn", f"version {version}")
    one.run(
        "insert into sqitch.releases (version, installer_name, installer_email)"
        " values (2.5, 'New', 'new@x.org')"
    )
    found = one.check("registry")
    assert ("fail", True) == (found.state, "knows 1.1" in found.what)


def test_plan_behind_ahead_and_elsewhere(
    empty: Sick, make_project: Callable[[], Path]
) -> None:
    """Changes to deploy, a plan that lacks some, edited scripts, another project."""
    root = make_project()
    one = empty.of(root)
    one.run("create schema sqitch")
    with session.connect(one.dsn) as connection:
        runner.deploy(connection, one.project, to="a")
    one.ill("plan", "warn", "2 changes behind the plan: b, c")
    assert "up to date, at c" == one.check("plan").what
    text = (root / "sql" / "sqitch.plan").read_text()
    lines = text.splitlines(keepends=True)
    (root / "sql" / "sqitch.plan").write_text("".join(lines[:-1]))
    found = one.of(root).check("plan")
    assert ("fail", True) == (
        found.state,
        "1 changes ahead of this package: c" in found.what,
    )
    (root / "sql" / "sqitch.plan").write_text(text.replace("P <p@", "Q <q@"))
    found = one.of(root).check("plan")
    assert ("fail", True) == (found.state, "not this plan" in found.what), found
    assert "nothing of project" in empty.check("plan").what
    assert "but of race" in empty.check("plan").what


def test_failed_deploy_is_told(empty: Sick, make_project: Callable[[], Path]) -> None:
    """That the last attempt failed is part of being behind."""
    root = make_project()
    write(root, "deploy", "b", "begin;\nselect 1/0;\ncommit;\n")
    one = empty.of(root)
    with (
        session.connect(one.dsn) as connection,
        pytest.raises(Exception, match="division"),
    ):
        runner.deploy(connection, one.project, mode="change")
    assert "the last deploy of b failed" in one.check("plan").what


def test_edited_script(empty: Sick, make_project: Callable[[], Path]) -> None:
    """A script that is not as it was deployed, until it is put back."""
    root = make_project()
    one = empty.of(root)
    with session.connect(one.dsn) as connection:
        runner.deploy(connection, one.project)
    assert "ok" == one.check("scripts").state
    path = root / "sql" / "deploy" / "b.sql"
    text = path.read_text()
    path.write_text(f"{text}-- more\n")
    found = one.check("scripts")
    assert ("warn", True) == (found.state, "sql/deploy/b.sql" in found.what), found
    path.write_text(text)
    assert "ok" == one.check("scripts").state
    one.run("create schema learnplan")
    found = one.check("drift")
    assert ("skip", True) == (found.state, "no fingerprint is known" in found.what)


def test_known_fingerprints_are_those_of_the_newest_plan(
    sick: Sick, packaged_plan: Project
) -> None:
    """What the package says of its plan is what a deploy makes; drift is told by it."""
    text = files("learnplan_db.health").joinpath("known.json").read_text()
    known = json.loads(text)["deployed"][packaged_plan.plan.changes[-1].id]
    found = fingerprint(reading.read(sick.admin, SCHEMAS))
    assert known["fingerprints"][0] == found
    assert "ok" == sick.check("drift").state
    sick.run("alter table learnplan.users alter name set default 'x'")
    assert "fail" == sick.check("drift").state
    sick.run("alter table learnplan.users alter name drop default")
    assert "ok" == sick.check("drift").state


@pytest.mark.gate
def test_known_fingerprints_of_all_releases(
    empty: Sick, packaged_plan: Project
) -> None:
    """Of each release, where pg_trgm is and where it is not."""
    text = files("learnplan_db.health").joinpath("known.json").read_text()
    known = json.loads(text)["deployed"]
    nowhere = "set extension_control_path = '/nonexistent'"
    lacking = empty.admin.info.server_version >= 180000
    for place in range(1 + lacking):
        if place:
            empty.run(f"alter database {empty.admin.info.dbname} {nowhere}")
        with session.connect(empty.dsn) as connection:
            for change_id, one in known.items():
                runner.deploy(connection, packaged_plan, to=change_id)
                found = fingerprint(reading.read(connection, SCHEMAS))
                assert one["fingerprints"][place] == found, one["tag"]
                assert f"{one['policies']} on 8 tables" == empty.check("policies").what
            runner.revert(connection, packaged_plan, confirm=lambda *_: True)
        empty.run("drop extension if exists pg_trgm cascade")


def test_lock_of_a_deploy(sick: Sick) -> None:
    """Who deploys is named; the fix ends a deploy that hangs."""
    assert "ok" == sick.check("deploy lock").state
    with session.connect(sick.dsn) as other:
        locks.lock(other, 1, lambda *_: None)
        pid = other.info.backend_pid
        sick.ill("deploy lock", "warn", f"pid {pid}", "learnplan-db")
        with pytest.raises(psycopg.OperationalError):
            other.execute("select 1")


def waited(sick: Sick, wanted: str, **login: Any) -> None:
    """Wait until the check of transactions says so, for their age matters."""
    end = time.monotonic() + 30
    while (found := sick.check("transactions", **login)).state != wanted:
        assert time.monotonic() < end, found
        time.sleep(0.2)


def test_transaction_that_would_stop_a_deploy(sick: Sick) -> None:
    """Older than a deploy waits for a lock: named, and ended by the fix."""
    assert "ok" == sick.check("transactions").state
    login = sick.login("anon, authenticated")
    with psycopg.connect(sick.dsn, application_name="report") as other:
        other.execute("select count(*) from learnplan.users")
        waited(sick, "warn")
        age = re.search(r"(\d+) s\)", sick.check("transactions").what)
        assert age
        assert int(age[1]) >= 2  # a young one is in nobody's way
        found = sick.check("transactions", user=login)
        assert ("skip", True) == (
            found.state,
            str(other.info.backend_pid) in found.what,
        )
        sick.mend(found)
        assert "warn" == sick.check("transactions", user=login).state
        sick.ill("transactions", "warn", "report", "idle in transaction")
        with pytest.raises(psycopg.OperationalError):
            other.execute("select 1")


def test_what_is_locked_is_skipped_at_once(sick: Sick) -> None:
    """Nobody is waited for: the check says who is in the way, and the others go on."""
    with psycopg.connect(sick.dsn) as other:
        other.execute("lock table sqitch.changes in access exclusive mode")
        report = sick.examine()
    states = {one.name: one.verdict.state for one in report.checks}
    whats = {one.name: one.verdict.what for one in report.checks}
    assert ("skip", True) == (states["plan"], "holds a lock" in whats["plan"])
    assert {"ok"} == {states[name] for name in ("roles", "row security", "search")}
    assert "ok" == sick.check("plan").state

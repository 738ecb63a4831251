"""docker compose up, as a host runs it: the repository's own file, on a real engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import errors

from learnplan_db import acting_as

if TYPE_CHECKING:
    from fix_docker import Compose

pytestmark = pytest.mark.docker
LOGINS = """
select r.rolname, r.rolsuper or r.rolbypassrls, array(
    select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid
    where m.member = r.oid and not m.admin_option order by 1)
from pg_roles r where r.rolname in ('deployer', 'app', 'service') order by 1"""
MAKE_USER = """
insert into learnplan.users (clerk_user_id, email) values (%s, %s) returning id"""


def test_up_deploys_the_plan_at_its_newest_tag(stack: Compose, newest_tag: str) -> None:
    """One command gives a healthy server with the whole plan, and the one-shot ended."""
    assert "healthy" == stack.container("db").attrs["State"]["Health"]["Status"]
    assert 0 == stack.container("deploy").attrs["State"]["ExitCode"]
    said = stack.run("run", "--rm", "deploy", "status", "--json")
    status = json.loads(said.stdout)
    assert (True, []) == (status["up_to_date"], status["pending"])
    assert newest_tag in status["deployed"][-1]["tags"]


def test_second_up_finds_the_plan_up_to_date(stack: Compose) -> None:
    """Deploying what is deployed does nothing, and is no failure."""
    stack.up("--profile", "pooler")
    assert "up-to-date" in stack.logs("deploy")


def test_logins_are_no_more_than_the_documents_advise(stack: Compose) -> None:
    """No login is a superuser; none is in both roles for callers and the system's."""
    with psycopg.connect(stack.conninfo("deployer")) as connection:
        assert [
            ("app", False, ["anon", "authenticated"]),
            ("deployer", False, []),
            ("service", False, ["service_role"]),
        ] == connection.execute(LOGINS).fetchall()


def test_logins_reach_the_plan_from_this_machine(stack: Compose) -> None:
    """The service adds a user, whom the application then serves."""
    with psycopg.connect(stack.conninfo("service")) as connection:
        connection.execute("set role service_role")
        row = connection.execute(MAKE_USER, ["compose", "c@example.org"]).fetchone()
    with (
        psycopg.connect(stack.conninfo("app")) as connection,
        acting_as(connection, sub="compose"),
    ):
        mine = connection.execute("select id from learnplan.users").fetchall()
    assert [row] == mine
    with (
        psycopg.connect(stack.conninfo("app")) as connection,
        pytest.raises(errors.InsufficientPrivilege, match="service_role"),
    ):
        connection.execute("set role service_role")


def test_ports_are_of_this_machine_only(stack: Compose) -> None:
    """With passwords that everybody knows, nobody else may come in."""
    for service, port in (("db", "5432/tcp"), ("pooler", "6432/tcp")):
        bindings = stack.container(service).attrs["NetworkSettings"]["Ports"]
        assert ["127.0.0.1"] == [one["HostIp"] for one in bindings[port]]


def test_containers_of_the_plan_are_not_root_and_cannot_write(stack: Compose) -> None:
    """What has no need of a right has none: no root, no file, no capability."""
    for service in ("deploy", "pooler"):
        told = stack.container(service).attrs
        assert "10001:10001" == told["Config"]["User"]
        assert (True, ["ALL"]) == (
            told["HostConfig"]["ReadonlyRootfs"],
            told["HostConfig"]["CapDrop"],
        )


def test_identity_is_told_through_the_pooler(stack: Compose) -> None:
    """Two people on one session of the server: neither is the other's."""
    stack.wait_healthy("pooler")
    with psycopg.connect(stack.conninfo("service")) as connection:
        connection.execute("set role service_role")
        for name in ("first", "second"):
            connection.execute(MAKE_USER, [name, f"{name}@example.org"])
    seen, sessions = {}, set()
    clients = [
        psycopg.connect(stack.pooled("app"), prepare_threshold=None) for _ in "ab"
    ]
    for client, name in [*zip(clients, ("first", "second"), strict=True)] * 2:
        with acting_as(client, sub=name):
            query = "select pg_backend_pid(), array(select clerk_user_id from learnplan.users)"
            pid, seen[name] = client.execute(query).fetchone()
            sessions.add(pid)
        client.rollback()
    for client in clients:
        assert (None,) == client.execute(
            "select learnplan.current_user_id()"
        ).fetchone()
        client.close()
    assert {"first": ["first"], "second": ["second"]} == seen
    assert 1 == len(sessions)


@pytest.mark.parametrize("login", ["deployer", "service", "postgres"])
def test_pooler_takes_the_application_only(stack: Compose, login: str) -> None:
    """A deploy needs a session of its own, and the system is no user's business."""
    stack.wait_healthy("pooler")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(stack.pooled(login))
    word = "learnplan" if login == "postgres" else login
    psycopg.connect(stack.conninfo(login, word)).close()


def test_deploy_that_fails_shows_its_exit_code(stack: Compose) -> None:
    """Whoever waits for the one-shot is told, in words without the password."""
    said = stack.run("run", "--rm", "deploy", DEPLOYER_PASSWORD="not-it")  # noqa: S106
    assert 2 == said.returncode
    assert (
        'password authentication failed for user "deployer"'
        in said.stdout + said.stderr
    )
    assert "not-it" not in said.stdout + said.stderr


def test_volume_is_kept_by_down_and_gone_by_down_v(composed: Compose) -> None:
    """Rows and logins live as long as the volume, whatever the passwords are."""
    hard = """it's "a" $word: % \\ with spaces"""
    logins = ("DEPLOYER_PASSWORD", "APP_PASSWORD", "SERVICE_PASSWORD")
    composed.passwords = dict.fromkeys(logins, hard)
    count = "select count(*) from learnplan.users"
    for options, rows in (((), 0), (("--volumes",), 1)):
        composed.up("--profile", "pooler")
        with psycopg.connect(composed.conninfo("service"), autocommit=True) as service:
            service.execute("set role service_role")
            assert (rows,) == service.execute(count).fetchone()
            service.execute(MAKE_USER, [f"kept {rows}", f"{rows}@example.org"])
        composed.wait_healthy("pooler")
        psycopg.connect(composed.pooled("app")).close()
        assert 1 == len(composed.volumes())
        said = composed.run("--profile", "pooler", "down", *options)
        assert not said.returncode, said.stderr
    assert [] == composed.volumes()


def test_debians_server_takes_the_same_file(composed: Compose) -> None:
    """An older PostgreSQL is an image's name, no more."""
    composed.server = "debian"
    composed.up("--profile", "pooler")
    composed.wait_healthy("pooler")
    with psycopg.connect(composed.pooled("app"), prepare_threshold=None) as connection:
        assert 160000 > connection.info.server_version
        with acting_as(connection, sub="nobody"):
            query = "select learnplan.current_user_id()"
            assert (None,) == connection.execute(query).fetchone()

"""The command doctor: every way to a server, what it prints, and that it only reads."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bench.relay import Relay
from fix_doctor import Sick
from fix_guard import answered
from fix_lost import Proxy
from fix_servers import pooler
from fix_tools import absent, program
from learnplan_db.cli import cli
from learnplan_db.engine import runner, session, state
from learnplan_db.errors import ConnectError
from learnplan_db.health.examination import CHECKS, examine
from learnplan_db.server import processes
from learnplan_db.server.binaries import Account
from learnplan_db.server.embedded import Server
from majors import UnavailableError, bindir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    from fix_database import TestServer
    from fix_servers import Pooler, Replica
    from learnplan_db.engine.state import Project

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "doctor.md").read_text()


def doctor(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["doctor", *words])


def told(*words: str) -> dict[str, Any]:
    """Run the command for machines; return what each check says."""
    done = doctor(*words, "--json")
    found = json.loads(done.stdout)
    assert 1 == found["schema_version"]
    return {one["name"]: one for one in found["checks"]}


def test_healthy_database(sick: Sick, app_dsn: str) -> None:
    """Each check has a line, none is skipped, none warns; exit 0."""
    sick.run(f"revoke temporary on database {sick.admin.info.dbname} from public")
    found = told(sick.dsn, "--app", app_dsn)
    others = {"logins", "bypassing"}  # logins of other tests may be there
    assert list(CHECKS) == list(found)
    states = {one["state"] for name, one in found.items() if name not in others}
    assert {"ok"} == states, found
    done = doctor(sick.dsn, "--app", app_dsn)
    assert 0 == done.exit_code, done.output
    assert "\x1b" not in done.output
    for name in CHECKS:
        assert re.search(
            rf"^(ok  |warn)  {re.escape(name)} ", done.stdout, re.MULTILINE
        )
    assert re.search(
        r"\n\d+ ok, \d+ warnings, 0 failures, 0 not looked at\n\Z", done.stdout
    )
    quiet = doctor(sick.dsn, "--quiet")
    assert "ok    " not in quiet.stdout


def test_failure_has_its_fix_below_and_exit_1(sick: Sick) -> None:
    """A failure exits 1, and its fix stands below it; a mere warning exits 0."""
    sick.run("alter table learnplan.tasks no force row level security")
    done = doctor(sick.dsn)
    fix = "alter table learnplan.tasks enable row level security, force row level security;"
    assert re.search(rf"\nfail  row security .* on tasks\n +fix  {fix}\n", done.stdout)
    assert 1 == done.exit_code
    one = told(sick.dsn)["row security"]
    assert ("fail", {"kind": "sql", "text": fix}) == (one["state"], one["fix"])
    sick.run(fix)
    sick.run(f"grant temporary on database {sick.admin.info.dbname} to public")
    assert 0 == doctor(sick.dsn).exit_code


def test_no_connection_is_a_line_and_exit_2(tmp_path: Path) -> None:
    """What cannot be reached is a failed connection, with the server's reason."""
    done = doctor(f"host={tmp_path} dbname=app user=me")
    assert 2 == done.exit_code
    assert done.stdout.startswith("fail  connection  no connection: ")
    assert "fix  check host, port, database, user and password" in done.stdout
    found = told(f"host={tmp_path} dbname=app user=me password=hush")
    assert ["connection"] == list(found)
    assert "hush" not in str(found)


def test_server_that_never_answers() -> None:
    """A port that accepts and says nothing holds the doctor a moment, and not for ever."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        dsn = f"host=127.0.0.1 port={port} dbname=app user=me connect_timeout=2"
        done = doctor(dsn)
    assert (2, True) == (done.exit_code, "timeout" in done.stdout), done.output


def test_colours_only_at_a_terminal(sick: Sick) -> None:
    """Words are coloured where a person reads them, unless NO_COLOR is set."""
    code, text = answered(["doctor", sick.dsn], "")
    assert (0, True) == (code, "\x1b[32mok  \x1b[0m" in text), text


@pytest.mark.parametrize(
    "words", [("--set", "anon=anon", "--set", "authenticated=anon")]
)
def test_roles_that_make_no_sense(sick: Sick, words: tuple[str, ...]) -> None:
    """Names of roles are those that render takes: exit 2."""
    done = doctor(sick.dsn, *words)
    assert (2, "") == (done.exit_code, done.stdout)


def test_roles_of_the_host(sick: Sick) -> None:
    """With --set the host's own names are looked for."""
    found = told(sick.dsn, "--set", "anon=web_anon")["roles"]
    assert ("fail", "missing: web_anon") == (found["state"], found["what"])


def test_application_login_sees_what_it_may(sick: Sick, app_dsn: str) -> None:
    """With few rights nothing fails: what cannot be looked at says so, with why."""
    found = told(app_dsn)
    skipped = {name for name, one in found.items() if one["state"] == "skip"}
    assert {"registry", "plan", "scripts", "app"} == skipped
    assert "may not look" in found["plan"]["what"]
    assert "the fingerprint is that of" in found["drift"]["what"]
    assert "warn" == found["deployer"]["state"]
    assert 0 == doctor(app_dsn).exit_code


def test_doctor_only_reads(sick: Sick, app_dsn: str) -> None:
    """No transaction of the doctor gets a number, so that none wrote a thing."""
    query = "select pg_snapshot_xmax(pg_current_snapshot())"
    before = sick.admin.execute(query).fetchone()
    assert 0 == doctor(sick.dsn, "--app", app_dsn).exit_code
    assert before == sick.admin.execute(query).fetchone()
    sick.run("create table learnplan_private.x ()")  # a write has a number
    assert before != sick.admin.execute(query).fetchone()


@pytest.mark.parametrize("mode", ["transaction", "session", "statement"])
def test_pooler(server: TestServer, sick: Sick, pgbouncer: Pooler, mode: str) -> None:
    """A real PgBouncer is told with its mode, what that means, and the way around."""
    assert "ok" == sick.check("pooling").state
    name = sick.admin.info.dbname
    if mode == "transaction":
        found = told(pgbouncer.dsn(name))
    else:
        with pooler(server, mode) as started:
            found = told(started.dsn(name))
    pooling = found["pooling"]
    if mode == "statement":
        assert ("fail", ["pooling"]) == (pooling["state"], list(found))
        assert "pool_mode = transaction" in pooling["fix"]["text"]
        return
    assert ("warn", True) == (pooling["state"], f"in {mode} mode" in pooling["what"])
    host, port = re.findall(r": (\S+) port (\d+)$", pooling["fix"]["text"])[0]
    direct = make_conninfo(sick.dsn, host=host, port=port)
    assert "ok" == told(direct)["pooling"]["state"]
    states = {n for n, one in found.items() if one["state"] in {"fail", "skip"}}
    assert {"app"} == states


@pytest.mark.gate
def test_standby_and_lost_standby(replica: Replica, packaged_plan: Project) -> None:
    """A standby is read as any other server; what a lost one keeps is told."""
    found = told(replica.standby)
    assert "a standby, which is only read" in found["replication"]["what"]
    assert {"ok", "warn"} >= {one["state"] for n, one in found.items() if n != "app"}
    with psycopg.connect(replica.standby, autocommit=True) as admin:
        one = Sick(replica.standby, admin, packaged_plan)
        one.run("select pg_wal_replay_pause()")
        one.ill("replication", "warn", "replay is paused")
    with psycopg.connect(replica.primary, autocommit=True) as admin:
        one = Sick(replica.primary, admin, packaged_plan)
        assert "a primary with 1 connected standby" == one.check("replication").what
        one.run("select pg_create_physical_replication_slot('gone', true)")
        assert "ok" == one.check("replication").state
        for _ in range(5):
            one.run(
                "select pg_logical_emit_message(true, 'x', 'y'); select pg_switch_wal()"
            )
        one.ill("replication", "warn", "gone (")


@pytest.mark.gate
def test_prepared_transaction(packaged_plan: Project) -> None:
    """One that was prepared and forgotten holds its locks, and is ended by the fix."""
    home = Path(tempfile.mkdtemp(prefix="lp-", dir=processes.scratch_base(os.environ)))
    home.chmod(0o711)  # the server's account must reach what is in it
    own = Server(home, environ=os.environ)
    try:
        with psycopg.connect(own.start().dsn(), autocommit=True) as admin:
            admin.execute("alter system set max_prepared_transactions = 5")
        own.stop()  # it is read at the start
        with psycopg.connect(own.start().dsn(), autocommit=True) as admin:
            one = Sick(own.dsn(), admin, packaged_plan)
            assert "ok" == one.check("prepared").state
            one.run("begin; create table t (); prepare transaction 'it''s lost'")
            one.ill("prepared", "warn", "it's lost of postgres")
    finally:
        own.stop()
        shutil.rmtree(home)


@pytest.mark.gate
def test_drift_is_mended_by_its_script(sick: Sick, tmp_path: Path) -> None:
    """The command of the fix writes the script, and the script mends it."""
    sick.run("drop policy users_select_authenticated on learnplan.users")
    fix = sick.check("drift").fix
    assert sick.check("policies").fix == fix
    assert fix
    line = fix.text.replace("learnplan-db", f"{sys.executable} -m learnplan_db", 1)
    subprocess.run(line, shell=True, cwd=tmp_path, check=False)  # noqa: S602 - as a person would
    sick.admin.execute((tmp_path / "repair.sql").read_bytes())
    assert {"ok"} == {sick.check(name).state for name in ("drift", "policies")}


@pytest.fixture
def tcp(networked: str, make_proxy: Callable[[str], Proxy], empty: Sick) -> Sick:
    """Provide an empty database over TCP, through a proxy on the loopback."""
    return replace(empty, dsn=make_proxy(networked).dsn)


def test_minor_with_known_holes(tcp: Sick, make_proxy: Callable[[str], Proxy]) -> None:
    """A server that says it is 15.9 is to be upgraded; what it is itself is fine."""
    assert "ok" == tcp.check("version").state
    proxy = make_proxy(tcp.dsn)
    with psycopg.connect(tcp.dsn) as known:
        old = f"server_version\0{known.info.parameter_status('server_version')}\0"
    for said, state_, text in (
        ("15.9", "warn", "PostgreSQL 15.9 has known security holes"),
        ("19.0", "warn", "newer than the plan was tested on"),
    ):
        new = f"server_version\0{said}".ljust(len(old) - 1) + "\0"
        proxy.retold = {old.encode(): new.encode()}
        found = replace(tcp, dsn=proxy.dsn).check("version")
        assert (state_, True) == (found.state, text in found.what), found


def outside() -> str:
    """Return an address of this machine that is not the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            absent("this machine has no address but the loopback")
        return str(one.getsockname()[0])


def test_network_without_encryption(tcp: Sick, networked: str, sick: Sick) -> None:
    """The loopback and a socket are no network; without TLS others can read along."""
    assert "a socket of this machine" in sick.check("encryption").what
    found = tcp.check("encryption")
    assert ("ok", True) == (found.state, "loopback" in found.what)
    proxy = Proxy(networked, outside())
    try:
        found = replace(tcp, dsn=proxy.dsn).check("encryption")
    finally:
        proxy.close()
    assert ("warn", True) == (found.state, "no TLS" in found.what), found
    assert "sslmode=require" in str(found.fix)


@contextmanager
def encrypted(directory: Path) -> Iterator[str]:
    """Start a server that speaks TLS, with a certificate for the address outside."""
    try:
        known = os.environ | {"LEARNPLAN_PG_BINDIR": str(bindir("15"))}
    except UnavailableError as error:
        absent(str(error))
    cert, key = directory / "server.crt", directory / "server.key"
    subject = ("-subj", f"/CN={outside()}", "-addext", f"subjectAltName=IP:{outside()}")
    names = ("-keyout", str(key), "-out", str(cert))
    subprocess.run(
        [program("openssl"), "req", "-new", "-x509", "-nodes", *names, *subject],
        check=True,
        capture_output=True,
    )
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    server = Server(None, environ=known)
    try:
        with psycopg.connect(server.start(port=port).dsn(), autocommit=True) as admin:
            for path in (cert, key):
                copy = server.data / path.name
                copy.write_bytes(path.read_bytes())
                copy.chmod(0o600)
                Account.current().own(copy)
            admin.execute("alter role postgres password 'hush-hush'")
            admin.execute("alter system set ssl = on")
            admin.execute("select pg_reload_conf()")
        more = {"host": "127.0.0.1", "port": port, "password": "hush-hush"}
        yield make_conninfo(server.dsn(), **more)
    finally:
        server.stop()


@pytest.mark.gate
def test_fix_of_encryption(empty: Sick, tmp_path: Path) -> None:
    """With sslmode=require it is encrypted, with verify-full the server is known too."""
    with encrypted(tmp_path) as dsn:
        proxy = Proxy(dsn, outside())
        try:
            one = replace(empty, dsn=proxy.dsn)
            assert "warn" == one.check("encryption").state
            one.dsn = make_conninfo(proxy.dsn, sslmode="require")
            found = one.check("encryption")
            assert ("ok", True) == (found.state, "verify-full" in found.what)
            root = str(tmp_path / "server.crt")
            one.dsn = make_conninfo(proxy.dsn, sslmode="verify-full", sslrootcert=root)
            assert "certificate is verified" in one.check("encryption").what
        finally:
            proxy.close()


def test_server_far_away(sick: Sick) -> None:
    """A round trip of more than 0.1 s is told; beside the server it is not."""
    assert "ok" == sick.check("connection").state
    known = conninfo_to_dict(sick.dsn)
    with Relay(int(known["port"]), 0.06, str(known["host"])) as relay:
        far = make_conninfo(sick.dsn, host="127.0.0.1", port=relay.port)
        found = replace(sick, dsn=far).check("connection")
    assert ("warn", True) == (found.state, "a deploy takes some minutes" in found.what)


def test_connection_that_is_lost_meanwhile(sick: Sick) -> None:
    """What ends while the doctor asks is an error of the connection, no verdict."""
    with sick.patient() as patient:
        sick.run(f"select pg_terminate_backend({patient.connection.info.backend_pid})")
        with pytest.raises(ConnectError, match="connection to the server is lost"):
            examine(patient)


def test_docs_name_every_check() -> None:
    """docs/doctor.md lists the checks, all of them and no other, in their order."""
    table = PAGE.partition("## The checks")[2]
    listed = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert list(CHECKS) == listed


def test_deploy_makes_an_ill_database_well(empty: Sick, project: Path) -> None:
    """Before the first deploy doctor fails, and its own advice is the deploy."""
    one = empty.of(project)
    assert 1 == doctor("-C", str(project), one.dsn).exit_code
    one.mend(one.check("registry"))
    with session.connect(one.dsn) as connection:
        assert () == state.status(connection, one.project).pending
        assert () == runner.deploy(connection, one.project)
    found = told("-C", str(project), one.dsn)
    for name in ("roles", "logins", "attributes", "bypassing", "app"):
        assert 'project "race" has roles of its own' == found[name]["what"]
    assert "fail" not in {one["state"] for one in found.values()}, found

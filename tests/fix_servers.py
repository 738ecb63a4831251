"""
Servers on which a deploy must not run: behind a real PgBouncer, and real standbys.

All are started once a worker, when a test first asks for them, and end with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fix_database import deploy_plan
from fix_tools import program
from learnplan_db.engine import runner, session, state
from learnplan_db.security.variables import Variables
from learnplan_db.server import processes
from learnplan_db.server.binaries import Account
from learnplan_db.server.embedded import Server
from learnplan_db.testing.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fix_database import TestServer

POOLER_PORT = 6432  # of no network: it only names the socket
POOLER_LOGIN = '"learnplan_login_app" "secret"'  # of the fixture app_dsn
# The session used last is lent first: what one client leaves, the next one finds.
POOLER = """
[databases]
* = host={host} port={port}
[pgbouncer]
unix_socket_dir = {directory}
listen_addr =
listen_port = {pooler_port}
auth_type = trust
auth_file = {directory}/users
admin_users = {user}
pool_mode = {mode}
default_pool_size = 3
server_round_robin = 0
server_check_query =
"""


@dataclass(frozen=True)
class Pooler:
    """A PgBouncer, in transaction mode unless a test says, with up to three sessions for each database."""

    directory: Path
    user: str

    def dsn(self, dbname: str, **more: Any) -> str:
        """Return conninfo for one of the databases, through the pool."""
        where = {"host": str(self.directory), "port": POOLER_PORT, "user": self.user}
        return make_conninfo("", dbname=dbname, **(where | more))


@pytest.fixture(scope="session")
def pgbouncer(server: TestServer) -> Iterator[Pooler]:
    """Provide the real PgBouncer in front of the worker's server."""
    with pooler(server, "transaction") as started:
        yield started


@contextmanager
def pooler(server: TestServer, mode: str, logins: str = "") -> Iterator[Pooler]:
    """Start a PgBouncer in one of its modes, in front of a server, for logins too."""
    path, account = program("pgbouncer"), Account.current()
    scratch = tempfile.mkdtemp(
        prefix="lp-pool-", dir=processes.scratch_base(os.environ)
    )
    directory = Path(scratch)
    known = {"host": server.host, "port": server.port, "user": server.user}
    known |= {"mode": mode}
    text = POOLER.format(directory=scratch, pooler_port=POOLER_PORT, **known)
    for name, content in (
        ("pgbouncer.ini", text),
        (
            "users",
            f'"{server.user}" "{server.password or ""}"\n{POOLER_LOGIN}\n{logins}',
        ),
    ):
        (directory / name).write_text(content)
        account.own(directory / name)
    account.own(directory)
    started = Pooler(directory, server.user)
    process = subprocess.Popen(
        [path, "-q", str(directory / "pgbouncer.ini")],
        preexec_fn=processes.death_signal(),  # noqa: PLW1509 - one system call
        stdout=(log := (directory / "log").open("wb")),
        stderr=log,
        **account.popen,
    )
    try:
        _wait_for(started.dsn("postgres"), process, directory / "log")
        yield started
    finally:
        process.terminate()
        process.wait(10)
        log.close()
        shutil.rmtree(directory)


def _wait_for(dsn: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers; ten seconds at most."""
    end = time.monotonic() + 10
    while True:
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        else:
            return


@dataclass(frozen=True)
class Standby:
    """A standby of a server on which one project is half deployed."""

    dsn: str
    root: Path


@pytest.fixture(scope="session")
def standby(
    make_project: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Standby]:
    """
    Provide a real standby, made by pg_basebackup from a primary that is then gone.

    The project has changes a, b and c, of which a and b are deployed.
    """
    root = make_project()
    with Server(None, environ=os.environ) as primary:
        with session.connect(primary.dsn()) as connection:
            runner.deploy(connection, state.load(root), to="b")
        second = Server(None, environ=os.environ)
        second._make_root()
        try:
            back_up(primary, second)
            (second.data / "standby.signal").touch()
            second.account.own(second.data / "standby.signal")
            primary.stop()
            second.start()
            yield Standby(second.dsn(), root)
        finally:
            second.stop()


@dataclass(frozen=True)
class Replica:
    """A primary with the plan deployed, and a standby that streams from it."""

    primary: str
    standby: str

    def catch_up(self) -> None:
        """Wait until the standby has replayed all that the primary has committed."""
        with (
            psycopg.connect(self.primary, autocommit=True) as primary,
            psycopg.connect(self.standby, autocommit=True) as standby,
        ):
            primary.execute("set synchronous_commit = on")  # flushes what is not yet
            primary.execute("select pg_logical_emit_message(true, 'learnplan', '')")
            row = primary.execute("select pg_current_wal_flush_lsn()").fetchone()
            end = time.monotonic() + 30
            there = "select pg_last_wal_replay_lsn() >= %s::pg_lsn"
            while not standby.execute(there, row).fetchone()[0]:  # type: ignore[index]
                assert time.monotonic() < end, "the standby does not catch up"
                time.sleep(0.01)


@pytest.fixture(scope="session")
def replica() -> Iterator[Replica]:
    """Provide a primary of its own and its streaming standby, with a slot for it."""
    with Server(None, environ=os.environ) as primary:
        deploy_plan(**conninfo_to_dict(primary.dsn()))
        second = Server(None, environ=os.environ)
        second._make_root()
        try:
            slot = ("-C", "-S", "learnplan_standby", "-X", "stream")
            back_up(primary, second, "-R", *slot)
            second.start()
            yield Replica(primary.dsn(), second.dsn())
        finally:
            second.stop()


@dataclass(frozen=True)
class Peopled:
    """
    A replica with rows, and the two logins of a host on primary and standby.

    ``ids`` are those of users by subject, and of plans by owner and visibility.
    """

    replica: Replica
    app: tuple[str, str]
    service: tuple[str, str]
    ids: dict[str, Any]


@pytest.fixture(scope="session")
def peopled(replica: Replica) -> Peopled:
    """
    Provide plans of ann and ben, of both visibilities, with a row of each sort.

    Cy reads all of them: those that are private were public when cy began.
    """
    logins = {"app": "anon, authenticated", "service": "service_role"}
    dsns = (replica.primary, replica.standby)
    with psycopg.connect(replica.primary) as admin:
        for login, roles in logins.items():
            admin.execute(f"create role {login} login in role {roles}".encode())
        rows = Rows(admin, Variables())
        people = {
            name: rows.make_user(clerk_user_id=name) for name in ("ann", "ben", "cy")
        }
        ids = {name: made.id for name, made in people.items()}
        for name, visibility in product(("ann", "ben"), ("private", "public")):
            plan = rows.make_plan(user=people[name], visibility=visibility)
            module = rows.make_module(plan=plan)
            task = rows.make_task(module=module)
            rows.make_link(task=task)
            rows.make_progress(task=task, status="completed")
            rows.make_progress(task=task, user=people["cy"])
            rows.make_generation(plan=plan)
            ids[f"{name} {visibility}"] = plan.id
            ids.setdefault(f"{name} module", module.id)  # of the private one
    replica.catch_up()
    app, service = (
        (make_conninfo(dsns[0], user=login), make_conninfo(dsns[1], user=login))
        for login in logins
    )
    return Peopled(replica, app, service, ids)


def back_up(primary: Server, copy: Server, *more: str) -> None:
    """Make the data directory of a copy, as the account that may read it."""
    processes.make_directory(copy.socket, 0o700)
    copy.account.own(copy.socket)
    fresh = copy.socket / "data.new"
    subprocess.run(
        [
            *(primary.binary("pg_basebackup"), "-D", fresh, "-h", primary.socket),
            *("-p", str(primary.port), "-U", "postgres", "-c", "fast", "-X", "fetch"),
            *("--no-sync", *more),
        ],
        check=True,
        capture_output=True,
        **copy.account.popen,
    )
    fresh.rename(copy.data)

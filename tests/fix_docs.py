"""
A server for readers of the documents: one a worker, with the logins that pages name.

Each page gets the database "app", which deployer owns, with the plan or empty; what a
page makes, databases and roles, goes with it.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from doc_reader import Reader
from fix_copies import ROWS
from fix_database import deploy_plan
from fix_servers import back_up
from learnplan_db.server import binaries, processes
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from doc_pages import Page

LOGINS = {
    "deployer": "createrole",  # owns the databases
    "app": "in role anon, authenticated",
    "service": "in role service_role",
    "prover": "in role anon, authenticated, service_role",
}
WITH_PLAN = {"app", "staging", "production"}  # other databases begin empty
_NAMED = re.compile(r"\w+\.example\.org(?::\d+)?/(\w+)")
_MADE = re.compile(r"(?:createdb|create database)\b.*\b(\w+)\b")
PLAN = "docs_plan"  # the template
# What databases share: roles with what makes them what they are, and memberships with
# what gives and what takes them (before 16 nobody notes who gave one).
ROLES = """
select rolname, concat_ws(' ', 'alter role', quote_ident(rolname),
  case when rolsuper then 'superuser' else 'nosuperuser' end,
  case when rolbypassrls then 'bypassrls' else 'nobypassrls' end,
  case when rolcreaterole then 'createrole' else 'nocreaterole' end,
  case when rolcanlogin then 'login' else 'nologin' end)
from pg_roles where rolname not like 'pg\\_%' and rolname <> 'postgres'
"""
MEMBERS = """
select format('grant %s to %s', roleid::regrole, member::regrole),
  format('revoke %s from %s%s cascade', roleid::regrole, member::regrole,
    case when current_setting('server_version_num')::int >= 160000
      then format(' granted by %s', grantor::regrole) end)
from pg_auth_members
"""
KEPT = {"PATH", "PYTHONPATH", "LANG", "LC_ALL", "TERM", "CI", "TZ"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def docs_server() -> Iterator[Server]:
    """Provide a server that listens to TCP, with the plan in a template of deployer's."""
    server = Server(None, environ=os.environ)
    server.start(_free_port())
    with server, psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute("alter role postgres password 'secret'")
        admin.execute("create role deployer login createrole password 'secret'")
        _make(admin, PLAN)
        deploy_plan(**conninfo_to_dict(server.dsn(PLAN, "deployer")))
        for name, more in LOGINS.items():
            if name != "deployer":
                login = f"create role {name} login password 'secret' {more}"
                admin.execute(login.encode())
        yield server


def _make(admin: psycopg.Connection, name: str, template: str = "template0") -> None:
    """Make a database of deployer's."""
    strategy = " strategy file_copy" if admin.info.server_version >= 150000 else ""
    statement = "create database {} template {} owner deployer" + strategy
    names = sql.Identifier(name), sql.Identifier(template)
    admin.execute(sql.SQL(statement).format(*names))


@contextmanager
def _databases(server: Server, page: Page) -> Iterator[None]:
    """Provide the databases of a page, and take away what it made besides."""
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        before = _shared(admin)
        named = set(_NAMED.findall(page.text)) - set(_MADE.findall(page.text))
        planned = WITH_PLAN - {"app"} if page.database == "empty" else WITH_PLAN
        for name in (named | {"app"}) - {"postgres"}:
            _make(admin, name, PLAN if name in planned else "template0")
            if name in planned and page.database == "seeded":
                with psycopg.connect(server.dsn(name)) as there:
                    there.execute(ROWS.encode())
        try:
            yield
        finally:
            _clean(admin, server, before)


def _shared(admin: psycopg.Connection) -> tuple[dict[str, str], dict[str, str]]:
    """Return the roles and memberships, each with the statement that belongs to it."""
    members = admin.execute(MEMBERS).fetchall()
    return dict(admin.execute(ROLES).fetchall()), {take: give for give, take in members}


def _clean(
    admin: psycopg.Connection,
    server: Server,
    before: tuple[dict[str, str], dict[str, str]],
) -> None:
    """Drop all databases but the template, and make roles what they were."""
    query = "select datname from pg_database where not datistemplate and datname not in"
    for (name,) in admin.execute(f"{query} ('postgres', '{PLAN}')".encode()).fetchall():
        drop = sql.SQL("drop database {} with (force)")
        admin.execute(drop.format(sql.Identifier(name)))
    (roles, members), (roles_now, members_now) = before, _shared(admin)
    statements = [take for take in members_now if take not in members]
    statements += [give for take, give in members.items() if take not in members_now]
    statements += [alter for alter in roles.values() if alter not in roles_now.values()]
    for role in roles_now:
        if role not in roles:
            statements += [f'drop owned by "{role}"', f'drop role "{role}"']
        else:
            statements.append(f'alter role "{role}" reset all')
    with psycopg.connect(server.dsn(PLAN)) as there:
        for statement in statements:
            there.execute(statement.encode())


@contextmanager
def _standby(primary: Server, page: Page) -> Iterator[int]:
    """Provide the port of a streaming standby, where a page speaks of one."""
    if "standby.example.org" not in page.text:
        yield 0
        return
    second = Server(None, environ=os.environ)
    second._make_root()
    try:
        back_up(primary, second, "-R", "-X", "stream")
        second.start(port := _free_port())
        yield port
    finally:
        second.stop()


@pytest.fixture(scope="session")
def reading(docs_server: Server) -> Callable[[Page], AbstractContextManager[Reader]]:
    """Return what provides a reader of a page, with databases of the page's own."""
    account = binaries.Account.current()
    programs = binaries.runnable(binaries.find_bindir(os.environ), account)

    @contextmanager
    def begin(page: Page) -> Iterator[Reader]:
        base = processes.scratch_base(os.environ)
        kept = Path(tempfile.mkdtemp(prefix="lp-docs-", dir=base))
        kept.chmod(0o711)  # a server of the page's own runs as another account
        (kept / "home").mkdir()
        (kept / page.path.stem).mkdir()
        environ = _environ(docs_server, kept, programs)
        ports = {"db.example.org": docs_server.port}
        reader = Reader(kept / page.path.stem, kept, environ, ports)
        try:
            with _databases(docs_server, page), _standby(docs_server, page) as port:
                ports["standby.example.org"] = port
                yield reader
        finally:
            reader.close()
            Server(kept / "state-dir", environ=os.environ).stop()
            shutil.rmtree(kept)

    return begin


def _environ(server: Server, kept: Path, programs: Path) -> dict[str, str]:
    """Return the environment of a reader: this one's programs, and nobody's settings."""
    passwords = kept / "passwords"
    passwords.write_text("*:*:*:*:secret\n")
    passwords.chmod(0o600)
    mine = {k: v for k, v in os.environ.items() if k in KEPT}
    path = [str(Path(sys.executable).parent), str(programs), mine.get("PATH", "")]
    return mine | {
        "PATH": os.pathsep.join(path),
        "HOME": str(kept / "home"),
        "PGHOST": "127.0.0.1",
        "PGUSER": "deployer",
        "PGPORT": str(server.port),
        "PGPASSFILE": str(passwords),
        "LEARNPLAN_STATE_DIR": str(kept / "state-dir"),
        "NO_COLOR": "1",
        "EDITOR": "true",
        **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Ann"),
        **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "ann@example.org"),
        "PIP_NO_INDEX": "1",  # what a page installs is there, or the page is wrong
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }

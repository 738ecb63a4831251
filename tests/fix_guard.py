"""A guarded project whose deployer is a plain owner, on a database of its own."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from learnplan_db.engine import runner, session, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fix_database import TestServer
    from learnplan_db.engine.progress import Progress

CONF = "[core]\n\tengine = pg\n\ttop_dir = sql\n[learnplan]\n\tguard = true\n"
LINE = "{} 2026-01-01T00:00:00Z P <p@x.org> # Change.\n"
COMMAND = (sys.executable, "-m", "learnplan_db")
ROLES = ("anon", "authenticated", "service_role")


@dataclass
class Guarded:
    """
    A project that grows change by change, and the database it is deployed on.

    ``dsn`` is the plain owner's; ``admin`` a superuser's session, as an application.
    """

    root: Path
    dsn: str
    admin: psycopg.Connection[Any]
    count: int = 0
    told: list[Progress] = field(default_factory=list)

    def change(self, name: str, deploy: str, revert: str = "select 1;") -> None:
        """Plan one change more, its scripts as they are or one transaction each."""
        for kind, text in (("deploy", deploy), ("revert", revert)):
            whole = text.startswith(("begin;", "-- bare"))
            script = text if whole else f"begin;\n{text}\ncommit;"
            (self.root / "sql" / kind / f"{name}.sql").write_text(f"{script}\n")
        with (self.root / "sql" / "sqitch.plan").open("a") as plan:
            plan.write(LINE.format(name))

    def forget(self) -> None:
        """Take the last change out of the plan again."""
        plan = self.root / "sql" / "sqitch.plan"
        plan.write_text(plan.read_text().rpartition("\n")[0].rpartition("\n")[0] + "\n")

    def unguard(self) -> None:
        """Make it somebody else's project, as Sqitch would run it."""
        path = self.root / "sqitch.conf"
        path.write_text(path.read_text().replace("guard = true", "guard = false"))

    def deploy(self, *, dsn: str = "", **options: Any) -> list[str]:
        """Deploy as the plain owner, or over another connection; return the names."""
        with session.connect(dsn or self.dsn) as connection:
            done = runner.deploy(
                connection, state.load(self.root), tell=self.told.append, **options
            )
        return [change.name for change in done]

    def revert(self, **options: Any) -> list[str]:
        """Revert as the plain owner; return the names."""
        with session.connect(self.dsn) as connection:
            return list(
                runner.revert(
                    connection, state.load(self.root), tell=self.told.append, **options
                )
            )

    @property
    def name(self) -> str:
        """Return the name of the database."""
        return self.admin.info.dbname

    def as_role(self, attribute: str) -> str:
        """Return conninfo of a member of the owner with an attribute of its own."""
        known = conninfo_to_dict(self.dsn)
        name = f"{known['user']}_{attribute}"
        self.admin.execute(
            f"drop role if exists {name};"
            f"create role {name} login {attribute} password 'secret' in role {known['user']}".encode()
        )
        return make_conninfo(self.dsn, user=name)

    def package(self, root: Path) -> None:
        """Make it a copy of the packaged plan, to which changes can be added."""
        shutil.rmtree(self.root / "sql")
        shutil.copytree(root / "sql", self.root / "sql")

    def ask(self, query: str) -> Any:
        """Return the first value that a superuser gets."""
        row = self.admin.execute(query.encode()).fetchone()
        return row[0] if row else None

    def deployed(self) -> list[str]:
        """Return what the registry has, oldest first."""
        query = "select change from sqitch.changes order by committed_at"
        return [row[0] for row in self.admin.execute(query.encode())]


@pytest.fixture(scope="session")
def plain_role(server: TestServer) -> Iterator[str]:
    """Provide a plain owner that may take service_role, but has none of its rights."""
    name = f"guarded_{os.getpid()}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        for role in ROLES:
            if not admin.execute(f"select to_regrole('{role}')").fetchone()[0]:  # type: ignore[index]
                admin.execute(f"create role {role} nologin".encode())
        admin.execute(f"create role {name} noinherit login password 'secret'".encode())
        admin.execute(f"grant service_role, authenticated to {name}".encode())
        yield name
        for role in (f"{name}_superuser", f"{name}_bypassrls", name):
            admin.execute(f"drop role if exists {role}".encode())


@pytest.fixture
def guarded(
    plain_role: str, fresh_dsn: Callable[..., str], tmp_path: Path
) -> Iterator[Guarded]:
    """Provide a guarded project without changes, and a database of the plain owner."""
    (tmp_path / "sqitch.conf").write_text(CONF)
    for kind in ("deploy", "revert", "verify"):
        (tmp_path / "sql" / kind).mkdir(parents=True)
    head = "%syntax-version=1.0.0\n%project=guarded\n\n"
    (tmp_path / "sql" / "sqitch.plan").write_text(head)
    dsn = fresh_dsn(plain_role)
    owned = make_conninfo(dsn, user=plain_role, password="secret")  # noqa: S106
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f"grant all on schema public to {plain_role}".encode())
        yield Guarded(tmp_path, owned, admin)


@pytest.fixture
def creator(plain_role: str, guarded: Guarded) -> Iterator[None]:
    """Give the plain owner what it would have, had it made the roles itself."""
    roles = "learnplan_identity, learnplan_reader, service_role"
    for role in roles.split(", "):
        if guarded.ask(f"select to_regrole('{role}') is null"):
            guarded.admin.execute(f"create role {role} nologin".encode())
    guarded.admin.execute(f"revoke service_role from {plain_role}".encode())
    old = guarded.admin.info.server_version < 160000
    give, take = (
        (
            f"alter role {plain_role} inherit createrole",
            f"alter role {plain_role} noinherit nocreaterole",
        )
        if old
        else (
            f"grant {roles} to {plain_role} with admin true, inherit false, set false",
            f"revoke {roles} from {plain_role} cascade",
        )
    )
    guarded.admin.execute(give.encode())
    yield
    guarded.admin.execute(take.encode())
    guarded.admin.execute(f"grant service_role to {plain_role}".encode())


def answered(argv: Sequence[str], answer: str) -> tuple[int, str]:
    """Run a command at a terminal and answer its question; return code and text."""
    here, there = pty.openpty()
    ends = dict.fromkeys(("stdin", "stdout", "stderr"), there)
    process = subprocess.Popen([*COMMAND, *argv], **ends)
    os.close(there)
    text = b""
    while select.select([here], [], [], 30)[0]:
        try:
            text += os.read(here, 4096)
        except OSError:  # it has ended
            break
        if text.endswith(b"] "):
            os.write(here, answer.encode())
    os.close(here)
    return process.wait(30), text.decode().replace("\r", "")


def learnplan(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal."""
    return subprocess.run(
        [*COMMAND, *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

"""
A server that asks for a password, all the ways to tell it, and how to find it again.

The password is new in each run and holds what URIs, conninfo and shells mean something
by: three random words with such characters between them, each word looked for alone.
"""

from __future__ import annotations

import base64
import os
import secrets
import socket
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGIN, DATABASE = "learnplan_locked", "locked"
CONF = """[core]
	engine = pg
[engine "pg"]
	target = "{uri}"
[target "named"]
	uri = "{uri}"
"""


class Secret:
    """One password, and what it looks like wherever it might come out."""

    def __init__(self) -> None:
        self.words = [f"{secrets.choice('GHKQ')}{secrets.token_hex(5)}" for _ in "abc"]
        self.text = "{}@:/#{}é%'\" \\&;?={}".format(*self.words)

    @cached_property
    def looks(self) -> list[str]:
        """Return what to look for: words, reversed, in hexadecimal and in base 64."""
        plain = [*self.words, *(word[::-1] for word in self.words)]
        plain += [word.encode().hex() for word in self.words]
        for word in self.words:
            for shift in range(3):  # where the word may begin in a group of three
                coded = base64.b64encode(b" " * shift + word.encode()).decode()
                plain.append(coded[4 if shift else 0 : len(word)])
        return plain

    def found_in(self, text: str) -> list[str]:
        """Return what of the password is in a text."""
        return [look for look in self.looks if look in text]


@dataclass(frozen=True)
class Way:
    """One way to name a database and its password to a command."""

    name: str
    words: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)
    malformed: bool = False


@dataclass(frozen=True)
class Locked:
    """A server on TCP with a login that needs its password."""

    server: Server
    port: int
    secret: Secret

    def ways(self, root: Path, secret: Secret, port: int, name: str) -> Iterator[Way]:
        """Yield every way to tell a password; its files are written into a directory."""
        coded = quote(secret.text, safe="")
        bare = f"127.0.0.1:{port}/{name}"
        where, full = f"{LOGIN}@{bare}", f"{LOGIN}:{coded}@{bare}"
        raw = f"{LOGIN}:{secret.text}@{bare}"
        known = {"host": "127.0.0.1", "port": port, "user": LOGIN, "dbname": name}
        self.write(root, secret, full, known)
        service = {"PGSERVICEFILE": str(root / "service")}
        parts = ("-h", "127.0.0.1", "-p", str(port), "-d", name)
        yield Way("db uri", (f"db:pg://{full}",))
        yield Way("libpq uri", (f"postgresql://{full}",))
        yield Way("query", (f"db:pg://{where}?password={coded}",))
        yield Way("libpq query", (f"postgresql://{where}?password={coded}",))
        yield Way("conninfo", (make_conninfo("", **known, password=secret.text),))
        yield Way("option", ("--target", f"db:pg://{full}"))
        yield Way("parts", parts)
        yield Way("named", ("named",))
        yield Way("engine", ("pg",))
        yield Way("default", ())
        yield Way("several", (f"db:pg://{full.replace('@', '@localhost:1,')}",))
        for variable in ("PGPASSWORD", "SQITCH_PASSWORD"):
            yield Way(variable, (f"db:pg://{where}",), {variable: secret.text})
        yield Way("SQITCH_TARGET", (), {"SQITCH_TARGET": f"db:pg://{full}"})
        passfile = {"PGPASSFILE": str(root / "pgpass")}
        yield Way("pgpass", (f"db:pg://{where}",), passfile)
        yield Way("service", ("service=locked",), service)
        yield Way("PGSERVICE", ("db:pg:",), service | {"PGSERVICE": "locked"})
        # What nobody should write, and somebody does.
        for title, word in (
            ("raw uri", f"db:pg://{raw}"),
            ("raw libpq", f"postgresql://{raw}"),
            ("raw conninfo", f"host=127.0.0.1 password={secret.text}"),
            ("raw query", f"db:pg://{where}?password={secret.text}"),
            ("spaces", f"host=127.0.0.1 password = '{secret.text}"),
            ("other engine", f"db:mysql://{full}"),
            ("no db", f"mysql://{full}"),
            ("no scheme", full),
            ("raw no scheme", raw),
            ("no port", f"db:pg://{full.replace(f':{port}', ':none')}"),
            ("no option", f"db:pg://{where}?password={coded}&nonsense=1"),
            ("equals", f"--target=postgresql://{raw}"),
            ("short", f"-tdb:pg://{raw}"),
        ):
            yield Way(title, (word,), malformed=True)

    @staticmethod
    def write(root: Path, secret: Secret, full: str, known: dict[str, Any]) -> None:
        """Write the files that may hold a password: Sqitch's, .pgpass, a service's."""
        (root / "sqitch.conf").write_text(CONF.format(uri=f"db:pg://{full}"))
        escaped = secret.text.replace("\\", r"\\").replace(":", r"\:")
        values = known | {"password": secret.text}
        service = "".join(f"{key}={value}\n" for key, value in values.items())
        for name, text in (
            ("pgpass", f"*:*:*:*:{escaped}\n"),
            ("service", f"[locked]\n{service}"),
        ):
            (root / name).write_text(text)
            (root / name).chmod(0o600)


@pytest.fixture(scope="module")
def locked() -> Iterator[Locked]:
    """Provide a server that writes every statement it is sent into its log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server, secret = Server(None, environ=os.environ), Secret()
    try:
        server.start(port)
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            made = sql.SQL("create role {} login superuser password {}")
            admin.execute(made.format(sql.Identifier(LOGIN), sql.Literal(secret.text)))
            admin.execute(f"create database {DATABASE} owner {LOGIN}".encode())
            for setting in ("log_statement = 'all'", "log_connections = 'on'"):
                admin.execute(f"alter system set {setting}".encode())
            admin.execute("select pg_reload_conf()")
        yield Locked(server, port, secret)
    finally:
        server.stop()

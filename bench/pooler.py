"""A real PgBouncer in transaction mode, in front of a server. Never prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import make_conninfo

from bench.errors import BenchError
from learnplan_db.server import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.server.embedded import Server

PORT = 6432  # of no network: it only names the socket
SESSIONS = 8  # that one login has on the server, for however many clients
SECONDS = 10.0  # in which it must answer
CONFIG = """\
[databases]
* = host={host} port={port}
[pgbouncer]
unix_socket_dir = {directory}
listen_addr =
listen_port = {own_port}
auth_type = trust
auth_file = {directory}/users
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 200
"""


def find(name: str) -> str:
    """
    Return the path of a program of the system.

    Raises: BenchError: it is not there.
    """
    # Debian keeps what is meant for administrators where people do not look.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise BenchError.missing(name)
    return found


@contextmanager
def pooled(server: Server, *users: str) -> Iterator[Path]:
    """
    Provide the directory of the socket of a PgBouncer, which ends with the block.

    Raises: BenchError: there is none, or it does not answer.
    """
    argv = [find("pgbouncer"), "-q"]
    base = processes.scratch_base(os.environ)
    with tempfile.TemporaryDirectory(prefix="lp-pool-", dir=base) as made:
        directory = Path(made)
        known = {"host": server.socket, "port": server.port, "sessions": SESSIONS}
        text = CONFIG.format(directory=directory, own_port=PORT, **known)
        (directory / "pgbouncer.ini").write_text(text)
        logins = "".join(f'"{user}" ""\n' for user in users)
        (directory / "users").write_text(logins)
        for path in (*directory.iterdir(), directory):
            server.account.own(path)
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [*argv, str(directory / "pgbouncer.ini")],
                preexec_fn=processes.death_signal(),  # noqa: PLW1509 - one system call
                stdout=log,
                stderr=log,
                **server.account.popen,
            )
        try:
            _wait(process, make_conninfo("", host=made, port=PORT, user=users[0]))
            yield directory
        finally:
            process.terminate()
            process.wait(SECONDS)


def _wait(process: subprocess.Popen[bytes], dsn: str) -> None:
    """Wait until it lends a session."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            psycopg.connect(dsn, dbname="postgres").close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > end:
                code = process.poll() or 124
                raise BenchError.failed(["pgbouncer"], code, str(error)) from error
            time.sleep(0.02)
        else:
            return

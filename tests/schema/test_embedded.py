"""The embedded server, as real processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from learnplan_db import binaries
from learnplan_db.embedded import Server, state_root
from learnplan_db.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")  # noqa: S108
START = (
    "import os, sys; from pathlib import Path;"
    "from learnplan_db.embedded import Server;"
    "s = Server(Path(sys.argv[1]), environ=os.environ).start();"
    "print(s.status().pid)"
)


@pytest.fixture
def root() -> Iterator[Path]:
    """Provide a short directory that every account may enter; stop what runs there."""
    path = Path(tempfile.mkdtemp(prefix="lpt-", dir=SHORT))
    path.chmod(0o755)
    yield path
    if path.exists():
        path.chmod(0o755)
        if (path / f"pg{major()}").exists():
            Server(path, environ=os.environ).stop()
        shutil.rmtree(path, ignore_errors=True)


def major() -> str:
    """Return the major version of the embedded binaries."""
    return binaries.major_of(binaries.find_bindir(os.environ))


def open_server(root: Path) -> Server:
    """Return the persistent server of a directory."""
    return Server(root, environ=os.environ)


def one(server: Server) -> int:
    """Ask a server for the rows of a table that a test made."""
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute("select count(*) from kept").fetchone()
    assert row is not None
    return int(row[0])


def test_server_keeps_running_and_its_data(root: Path) -> None:
    """A second start attaches; a stop ends it; a start finds the data again."""
    first = open_server(root).start()
    with psycopg.connect(first.dsn()) as connection:
        connection.execute("create table kept as select 1")
    second = open_server(root).start()
    assert first.status().pid == second.status().pid
    second.stop()
    assert not first.status().running
    assert one(open_server(root).start()) == 1


def test_server_starts_after_kill(root: Path) -> None:
    """A killed server leaves a stale pid file; the next start just works."""
    server = open_server(root).start()
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("create table kept as select 1")
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert server._process is not None
    server._process.wait()
    assert (server.data / "postmaster.pid").exists()
    assert one(open_server(root).start()) == 1


def test_many_processes_start_one_server(root: Path) -> None:
    """Eight at once on a new directory: one initdb, one server."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(root)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    pids = {process.communicate()[0].strip() for process in processes}
    assert {str(open_server(root).status().pid)} == pids


def test_data_of_another_major_is_refused(root: Path) -> None:
    """A data directory of another PostgreSQL major is named, and not touched."""
    server = open_server(root).start()
    server.stop()
    version = server.data / "PG_VERSION"
    version.write_text("9\n")
    with pytest.raises(ServerError, match="of PostgreSQL 9"):
        open_server(root).start()
    assert version.read_text() == "9\n"
    version.write_text(f"{major()}\n")


def test_directory_that_is_no_cluster_is_refused(root: Path) -> None:
    """Something else lives where the data should go: it stays."""
    server = open_server(root)
    server.data.mkdir()
    (server.data / "precious").write_text("x")
    with pytest.raises(ServerError, match="no PostgreSQL cluster"):
        server.start()
    assert (server.data / "precious").read_text() == "x"


def test_directory_that_cannot_be_written_is_refused() -> None:
    """Disk path not writable: says which, and what to set."""
    with pytest.raises(ServerError, match="cannot be written") as caught:
        open_server(Path("/proc/learnplan"))
    assert "LEARNPLAN_STATE_DIR" in str(caught.value)


def test_path_of_socket_that_is_too_long_is_refused(root: Path) -> None:
    """A Unix socket has room for 107 bytes."""
    with pytest.raises(ServerError, match="longer than"):
        open_server(root / ("x" * 90))


def test_port_that_is_taken_is_refused(root: Path) -> None:
    """Embedded port taken: says which; a free one is listened to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"TCP port {port} is taken"):
            open_server(root).start(port)
    server = open_server(root).start(port)
    with psycopg.connect(f"host=127.0.0.1 port={port} user=postgres dbname=postgres"):
        pass
    assert open_server(root).status().port == server.port == port


def test_data_directory_in_use_by_a_foreign_server_is_refused(root: Path) -> None:
    """Somebody else's server on the data: the start says so and harms nothing."""
    server = open_server(root).start()
    server.stop()
    foreign = subprocess.Popen(
        [
            *(
                server.binary("postgres"),
                "-D",
                server.data,
                "-c",
                f"port={free_port()}",
            ),
            *("-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1"),
        ],
        stderr=subprocess.DEVNULL,
        **server.account.popen,
    )
    try:
        end = time.monotonic() + 20
        while not (server.data / "postmaster.pid").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        with pytest.raises(ServerError, match="did not start"):
            open_server(root).start()
        assert foreign.poll() is None
    finally:
        foreign.send_signal(signal.SIGINT)
        foreign.wait(20)


def free_port() -> int:
    """Return a TCP port that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_throw_away_server_ends_with_its_owner() -> None:
    """An owner killed with SIGKILL leaves no server, and its directory is swept."""
    code = (
        "import os, time; from learnplan_db.embedded import Server;"
        "s = Server(None, environ=os.environ).start();"
        "print(s.root, s.status().pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    directory, pid = owner.stdout.readline().split()
    owner.kill()
    owner.wait()
    owner.stdout.close()
    end = time.monotonic() + 20
    while (Path(directory) / "data" / "postmaster.pid").exists():
        assert time.monotonic() < end, f"server {pid} is still there"
        time.sleep(0.05)
    with Server(None, environ=os.environ):
        assert not Path(directory).exists()


def test_binaries_that_are_nowhere_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No server program: lists where it looked and what to install."""
    with pytest.raises(ServerError, match="has no initdb"):
        binaries.find_bindir({"LEARNPLAN_PG_BINDIR": str(tmp_path)})
    monkeypatch.setattr(binaries, "DEBIAN", tmp_path)
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="no PostgreSQL server found") as caught:
        binaries.find_bindir({})
    assert "learnplan-db[embedded]" in str(caught.value)


def test_state_directory_is_the_users() -> None:
    """LEARNPLAN_STATE_DIR, else XDG_STATE_HOME; root has one of its own."""
    assert Path("/x") == state_root({"LEARNPLAN_STATE_DIR": "/x"})
    if os.geteuid() != 0:
        assert Path("/y/learnplan-db") == state_root({"XDG_STATE_HOME": "/y"})

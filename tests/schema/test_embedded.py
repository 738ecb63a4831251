"""
The embedded server, as real processes.

One cluster is made for the module; most tests work on a copy of it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from fix_tools import absent
from learnplan_db.errors import ServerError
from learnplan_db.server import binaries, embedded, processes
from learnplan_db.server.binaries import Account
from learnplan_db.server.embedded import Server, state_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.gate

SHORT = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")  # noqa: S108 - short
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
START = """
import os, sys
from pathlib import Path
from learnplan_db.server.embedded import Server
print(Server(Path(sys.argv[1]), environ=os.environ).start().status().pid)
"""
THROW_AWAY = """
import os, threading, time
from learnplan_db.server.embedded import Server
server = Server(None, environ=os.environ)
if {thread}:
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
else:
    server.start()
print(server.root, server.status().pid, flush=True)
time.sleep(60)
"""
ORDINARY = """
import os
from learnplan_db.server.embedded import Server, state_root
server = Server(state_root(os.environ), environ=os.environ).start()
print(server.root, server.status().running)
server.stop()
print(server.status().running, server.data.stat().st_uid)
with Server(None, environ=os.environ) as scratch:
    print(scratch.status().running)
print(scratch.root.exists())
"""
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root takes an account")


@pytest.fixture
def root() -> Iterator[Path]:
    """Provide a short directory that every account may enter; stop what runs there."""
    path = Path(tempfile.mkdtemp(prefix="lpt-", dir=SHORT))
    path.chmod(0o755)
    yield path
    with contextlib.suppress(ServerError):
        persistent(path).stop()
    for data in [*path.glob("pg*/data"), *path.glob("*/pg*/data")]:
        pid = processes.pid_in(data / "postmaster.pid")
        assert pid is None or not processes.serves(pid, data), "still runs"
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    """Provide a stopped cluster with one table, to be copied."""
    path = Path(tempfile.mkdtemp(prefix="lpt-", dir=SHORT))
    path.chmod(0o755)
    server = persistent(path).start()
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("create table kept as select 'kept' as word")
    server.stop()
    yield server.root
    shutil.rmtree(path)


@pytest.fixture
def server(root: Path, prepared: Path) -> Server:
    """Provide a persistent server that does not run, on a cluster with one table."""
    subprocess.run(["/bin/cp", "-a", prepared, root], check=True)
    return persistent(root)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Provide a TCP port that another program listens to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def persistent(root: Path) -> Server:
    """Return the persistent server of a directory."""
    return Server(root, environ=os.environ)


def ask(server: Server, question: str) -> str:
    """Return the one value that a query yields."""
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def kept(server: Server) -> bool:
    """Whether the server has the table of the prepared cluster."""
    return ask(server, "select word from kept") == "kept"


@contextlib.contextmanager
def refusal(message: str) -> Iterator[None]:
    """Expect a ServerError that says what, where and what to do, in our form."""
    with pytest.raises(ServerError, match=message) as caught:
        yield
    error = caught.value
    assert error.where
    assert error.fix
    assert 4 == error.exit_code
    assert not error.message.endswith(".")
    assert not error.fix.endswith(".")


def kill(server: Server) -> int:
    """Kill the postmaster as a crash would; return its process id."""
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited too long"
        time.sleep(0.005)


# Starting, attaching, stopping


def test_server_keeps_running_when_its_starter_ends(server: Server) -> None:
    """A demo started twice finds its server; anybody stops it; its data stay."""
    command = [sys.executable, "-c", START, str(server.root.parent)]
    pids = [subprocess.check_output(command, text=True).strip() for _ in range(2)]
    assert [str(server.status().pid)] * 2 == pids
    assert kept(server)
    server.stop()
    assert not server.status().running
    assert kept(server.start())


def test_demo_whose_database_was_changed_is_made_anew(root: Path) -> None:
    """It says what differs and how to begin again; that works."""
    environ = os.environ | {"LEARNPLAN_STATE_DIR": str(root)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "learnplan_db", *words]
        return subprocess.run(
            argv, env=environ, capture_output=True, text=True, check=False
        )

    try:
        assert 0 == run("demo").returncode
        change = "drop policy users_select_authenticated on learnplan.users"
        assert 0 == run("psql", "--", "-c", change).returncode
        found = run("demo")
        assert 2 == found.returncode
        assert "does not verify: policy_users" in found.stderr
        assert (
            "  fix  somebody changed it; make it anew: learnplan-db demo --fresh"
            in (found.stderr)
        )
        assert 0 == run("demo", "--fresh").returncode
    finally:
        run("server", "stop")


def test_many_processes_start_one_server(root: Path) -> None:
    """Eight at once on a new directory: one initdb, one server."""
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", START, root], stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    pids = [starter.communicate()[0].strip() for starter in starters]
    server = persistent(root)
    assert [str(server.status().pid)] * 8 == pids
    assert 1 == server.log.read_text().count("starting PostgreSQL")


def test_status_and_stop_make_nothing(root: Path) -> None:
    """Asking for the state of a server, or stopping none, leaves no trace."""
    new = persistent(root)
    new.stop()
    state = new.status()
    assert (False, None, None) == (state.running, state.pid, state.version)
    assert [] == list(root.iterdir())


def test_status_of_a_running_server(server: Server) -> None:
    """The state holds what a person needs to connect."""
    state = server.start().status()
    assert state.running
    assert str(state.version).startswith(f"{server.major}.")
    assert (str(server.data), str(server.socket)) == (state.data, state.socket)
    assert f"pg{server.major}" == server.root.name
    assert state.pid
    assert state.pid == os.getsid(state.pid), "a session of its own: Ctrl-C spares it"
    with psycopg.connect(state.dsn) as connection:
        assert ("postgres", 5432) == (connection.info.user, state.port)
    assert server.binary("psql").is_file()


def test_server_is_private(server: Server) -> None:
    """No TCP, and a directory of sockets that only the account may enter."""
    server.start()
    assert ask(server, "show listen_addresses") == ""
    assert ask(server, "show fsync") == "on"
    assert 0o700 == server.socket.stat().st_mode & 0o777


def test_server_is_found_through_a_symbolic_link(server: Server) -> None:
    """Two names of one directory are one server."""
    server.start()
    link = server.root.parent / "link"
    link.symlink_to(server.root.parent)
    assert server.status().pid == persistent(link).start().status().pid
    link.unlink()


def test_environment_of_libpq_does_not_lead_elsewhere(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PGHOSTADDR and PGPORT name other servers: ours is not looked for there."""
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGPORT", "1")
    assert kept(server.start())


# After a crash


def test_server_starts_after_kill(server: Server) -> None:
    """A killed server, still a zombie, leaves its locks; the next start just works."""
    pid = kill(server.start())
    assert pid == processes.pid_in(server.data / "postmaster.pid")
    assert kept(server.start())
    assert pid != server.status().pid


@pytest.mark.parametrize("content", ["live", "ours", "gone", "empty"])
def test_server_starts_with_a_stale_pid_file(server: Server, content: str) -> None:
    """The number in a pid file may be anybody's by now; that process stays unharmed."""
    kill(server.start())
    other = subprocess.Popen(["/bin/sleep", "60"], **server.account.popen)
    named = {"live": other.pid, "ours": os.getpid(), "gone": 2**22 - 1}
    for lock in (server.data / "postmaster.pid", server.socket / ".s.PGSQL.5432.lock"):
        rest = lock.read_text().partition("\n")[2]
        lock.write_text(f"{named[content]}\n{rest}" if content in named else "")
    try:
        server.stop()
        assert kept(server.start())
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_server_starts_when_its_pid_is_of_another_server(
    server: Server, prepared: Path
) -> None:
    """A stale pid file that names a live postmaster: it is one of other data."""
    kill(server.start())
    with persistent(prepared.parent) as other:
        pid_file = server.data / "postmaster.pid"
        rest = pid_file.read_text().partition("\n")[2]
        pid_file.write_text(f"{other.status().pid}\n{rest}")
        server.stop()
        assert kept(server.start())
        assert kept(other)


def test_running_server_whose_pid_file_was_removed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No second server takes its place or its socket."""
    monkeypatch.setattr(embedded, "ORPHAN_SECONDS", 0.0)
    pid = server.start().status().pid
    assert pid is not None
    (server.data / "postmaster.pid").unlink()
    try:
        with refusal("pre-existing shared memory block"):
            server.start()
        assert (server.socket / ".s.PGSQL.5432.lock").exists()
        assert kept(server)
    finally:
        os.kill(pid, signal.SIGQUIT)
        assert processes.wait_until_gone(pid, server.data, 20)
    assert kept(server.start())


def test_starter_killed_while_it_makes_the_cluster(root: Path) -> None:
    """Half a cluster is made anew, once the first initdb has ended."""
    starter = subprocess.Popen([sys.executable, "-c", START, root])
    server = persistent(root)
    until((server.socket / "data.new" / "base").exists)
    starter.kill()
    starter.wait()
    assert server.start().status().running


def test_backends_that_outlive_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one works on the data no second server starts; then one does."""
    monkeypatch.setattr(embedded, "ORPHAN_SECONDS", 0.2)
    client = psycopg.connect(server.start().dsn())
    busy = client.info.backend_pid
    client.pgconn.send_query(b"do $$ begin loop end loop; end $$")
    time.sleep(0.1)
    kill(server)
    try:
        with refusal("pre-existing shared memory block"):
            server.start()
    finally:
        os.kill(busy, signal.SIGKILL)
        client.close()
    monkeypatch.undo()
    assert kept(server.start())


# Refusals: what, where, what to do, and nothing lost


@pytest.mark.parametrize("found", ["9", ""])
def test_data_of_another_major_is_refused(server: Server, found: str) -> None:
    """A data directory of another PostgreSQL major is named, and not touched."""
    version = server.data / "PG_VERSION"
    version.write_text(f"{found}\n")
    with refusal(f'of PostgreSQL "{found}", the programs are of "{server.major}"'):
        server.start()
    version.write_text(f"{server.major}\n")
    assert kept(server.start())


def test_real_other_major(server: Server) -> None:
    """PostgreSQL 15 refuses the data of 18, and runs beside it on its own."""
    if not DEBIAN_15.exists():
        absent("no PostgreSQL 15 of Debian")
    if server.major == "15":
        pytest.skip("this is PostgreSQL 15")
    parent = server.root.parent
    older = Server(parent, environ=os.environ, bindir=DEBIAN_15)
    server.root.rename(older.root)
    with refusal(f'of PostgreSQL "{server.major}", the programs are of "15"'):
        older.start()
    older.root.rename(server.root)
    assert kept(server.start())
    with older:
        assert str(older.status().version).startswith("15.")
        assert server.status().running
        assert {"pg15", server.root.name} == {path.name for path in parent.iterdir()}


def test_directory_that_is_no_cluster_is_refused(server: Server) -> None:
    """Something else lives where the data should go: it stays."""
    (server.data / "PG_VERSION").unlink()
    with refusal("not empty and holds no PostgreSQL cluster"):
        server.start()
    assert (server.data / "base").is_dir()


@pytest.mark.parametrize("below", ["/proc/learnplan", "/dev/null/learnplan"])
def test_directory_that_cannot_be_written_is_refused(below: str) -> None:
    """Not a place for files: says which, and what to set."""
    with refusal(f"(?s)cannot be used: .*{below}.*LEARNPLAN_STATE_DIR"):
        persistent(Path(below)).start()


@pytest.mark.parametrize("name", ["x" * 90, "ü" * 40])
def test_path_of_socket_that_is_too_long_is_refused(root: Path, name: str) -> None:
    """A Unix socket has room for about 100 bytes."""
    with refusal("longer than 100 bytes"):
        persistent(root / name).start()
    assert [] == list(root.iterdir())


@pytest.mark.parametrize("name", ["a,b", "a\nb"])
def test_path_of_socket_that_libpq_cannot_say_is_refused(root: Path, name: str) -> None:
    """To libpq a comma separates hosts."""
    with refusal("holds a comma or an odd character"):
        persistent(root / name).start()


def test_path_with_blanks_and_quotes(server: Server) -> None:
    """Any other character may stand in the path of a socket."""
    odd = server.root.parent / 'it\'s "odd" é'
    odd.mkdir(mode=0o755)
    server.root.rename(odd / server.root.name)
    with persistent(odd) as moved:
        assert kept(moved)


def test_port_that_is_taken_is_refused(server: Server, taken_port: int) -> None:
    """Another program listens: says at which port; without TCP it starts."""
    with refusal(f"TCP port {taken_port} is taken"):
        server.start(taken_port)
    assert kept(server.start())


def test_port_is_listened_to(server: Server) -> None:
    """127.0.0.1 with --port; who asks for another port of a running server is told."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server.start(port)
    assert port == server.status().port == persistent(server.root.parent).port
    address = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(address)  # any account of the machine can reach a port
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("alter role postgres password 'secret'")
    psycopg.connect(address, password="secret").close()  # noqa: S106
    assert kept(server.start())
    with refusal(f"runs already, without TCP port {port + 1}"):
        server.start(port + 1)
    assert server.status().running


def test_running_server_without_port_is_not_taken_for_one_with(server: Server) -> None:
    """The default port names the socket, too: that is not listening to it."""
    server.start()
    with refusal("runs already, without TCP port 5432"):
        server.start(5432)


def test_data_directory_in_use_by_a_foreign_server_is_refused(
    server: Server, taken_port: int
) -> None:
    """Somebody else's server on the data: a start harms nothing, a stop stops it."""
    foreign = subprocess.Popen(
        [
            *(server.binary("postgres"), "-D", server.data, "-c", "port=54329"),
            *("-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1"),
        ],
        stderr=subprocess.DEVNULL,
        **server.account.popen,
    )
    until((server.data / "postmaster.pid").exists)
    with refusal(f"process {foreign.pid} serves this data directory"):
        server.start()
    assert foreign.poll() is None
    server.stop()
    assert not processes.serves(foreign.pid, server.data)
    foreign.wait(1)
    assert kept(server.start())


def test_failure_to_start_shows_the_log(server: Server) -> None:
    """The last lines of the log say what is wrong; the data are as they were."""
    configuration = server.data / "postgresql.conf"
    text = configuration.read_text()
    configuration.write_text(f"{text}\nno_such_setting = 1\n")
    with refusal('unrecognized configuration parameter "no_such_setting"'):
        server.start()
    assert 1 == server.log.read_text().count("unrecognized"), "tried once"
    configuration.write_text(text)
    assert kept(server.start())


def test_failure_of_initdb_is_told(root: Path) -> None:
    """What initdb says is shown, and no half of a cluster stays."""
    server = persistent(root)
    server.bindir = root / "bin"
    server.bindir.mkdir()
    program = server.bindir / "initdb"
    program.write_text(
        '#!/bin/sh\nfor d; do :; done; mkdir "$d"; echo disk full; exit 1'
    )
    program.chmod(0o755)
    with refusal("initdb failed: disk full"):
        server.start()
    assert not server.data.exists()
    assert [] == list(server.socket.iterdir())


def test_server_that_does_not_answer_in_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time limit ends the wait and says how to wait on."""
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "START_SECONDS", 0.0)
        with refusal("does not answer after 0 s"):
            server.start()
    assert kept(server.start())


def test_lock_that_another_process_holds(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody starts or stops the server without end: waiting has a limit."""
    monkeypatch.setattr(embedded, "LOCK_SECONDS", 0.05)
    with processes.locked(server.root / ".lock", 1), refusal("another process starts"):
        server.start()


# Throw-away servers


def test_throw_away_server_is_fast_and_leaves_nothing() -> None:
    """No fsync; its directory goes with it; two of them are two."""
    with (
        Server(None, environ=os.environ) as one,
        Server(None, environ=os.environ) as two,
    ):
        assert ask(one, "show fsync") == "off"
        assert one.status().pid != two.status().pid
        assert one.root.is_dir()
    assert not one.root.exists()
    assert not two.root.exists()


def test_throw_away_server_that_fails_leaves_nothing(taken_port: int) -> None:
    """What cannot start is removed."""
    server = Server(None, environ=os.environ)
    with refusal("is taken"):
        server.start(taken_port)
    assert not server.root.exists()


@pytest.mark.parametrize("thread", [False, True])
def test_throw_away_server_ends_with_its_owner(*, thread: bool) -> None:
    """
    An owner killed with SIGKILL leaves no server, and its directory is swept.

    Linux ends it at once; one started by a helper thread outlives the thread, and is
    ended by whoever sweeps.
    """
    owner = subprocess.Popen(
        [sys.executable, "-c", THROW_AWAY.format(thread=thread)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    directory, number = owner.stdout.readline().split()
    data, pid = Path(directory) / "data", int(number)
    processes.sweep(data.parents[1])
    assert processes.serves(pid, data), "its owner lives: it is not to be swept"
    owner.stdout.close()
    owner.kill()
    owner.wait()
    if processes.LINUX and not thread:
        until(lambda: not processes.serves(pid, data))
    processes.sweep(data.parents[1])
    assert not processes.serves(pid, data)
    assert not data.parent.exists()


def test_sweep_leaves_what_is_not_ours(root: Path) -> None:
    """A link out of the place, and what another user made, stay."""
    (root / "precious").touch()
    linked, others = (root / f"{processes.SCRATCH_PREFIX}{n}" for n in "ab")
    linked.mkdir()
    (linked / ".owner").symlink_to(root / "precious")
    expected = {"precious", linked.name}
    if os.geteuid() == 0:
        others.mkdir()
        (others / ".owner").touch()
        os.chown(others, 65534, 65534)
        expected.add(others.name)
    processes.sweep(root)
    assert expected == {path.name for path in root.iterdir()}


def test_scratch_space_is_memory_unless_named(tmp_path: Path) -> None:
    """LEARNPLAN_PG_TMP is taken at its word."""
    assert tmp_path == processes.scratch_base({"LEARNPLAN_PG_TMP": str(tmp_path)})
    assert processes.scratch_base({}).is_dir()


# Programs and accounts


def test_programs_that_are_nowhere_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No server program: lists where it looked and what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    if DEBIAN_15.exists():
        assert DEBIAN_15.parents[1] in binaries.find_bindir({}).parents
    monkeypatch.setattr(binaries, "DEBIAN", tmp_path)
    with refusal(r"(?s)no PostgreSQL server found.*PATH.*learnplan-db\[embedded\]"):
        binaries.find_bindir({"PATH": str(tmp_path), "LEARNPLAN_PG_BINDIR": ""})


def test_wrong_directory_of_programs_is_named(tmp_path: Path) -> None:
    """LEARNPLAN_PG_BINDIR without initdb and postgres: no other place is tried."""
    with refusal(f"(?s)LEARNPLAN_PG_BINDIR.*{tmp_path}"):
        binaries.find_bindir({"LEARNPLAN_PG_BINDIR": str(tmp_path)})


@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_programs_that_do_not_run_are_named(
    monkeypatch: pytest.MonkeyPatch, root: Path, mode: int
) -> None:
    """A library is missing, or the file is no program: says so."""
    monkeypatch.setattr(binaries, "CACHE", root / "cache")
    bindir = root / "some" / "pg" / "bin"
    bindir.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (bindir / name).write_text("#!/bin/sh\necho libz.so is missing >&2\nexit 127\n")
        (bindir / name).chmod(mode)
    with refusal("the PostgreSQL programs do not run"):
        Server(root, environ=os.environ, bindir=bindir)


@ROOT_ONLY
def test_programs_in_a_closed_directory_are_copied(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    """A virtual environment made under umask 077 stays closed; the copy is used."""
    parent = server.root.parent
    monkeypatch.setattr(binaries, "CACHE", parent / "cache")
    install = server.bindir.parent
    closed = parent / "closed"
    shutil.copytree(install, closed / "package" / install.name, symlinks=True)
    libraries = install.parents[1] / f"{install.parent.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, closed / "package.libs")
    subprocess.run(["/bin/chmod", "-R", "go-rwx", closed], check=True)
    bindir = closed / "package" / install.name / "bin"
    with Server(parent, environ=os.environ, bindir=bindir) as moved:
        assert kept(moved)
        assert parent / "cache" in moved.bindir.parents
    assert 0o700 == closed.stat().st_mode & 0o777
    os.chown(parent / "cache", 65534, 65534)
    with refusal("not root's own"):
        Server(parent, environ=os.environ, bindir=bindir)


@ROOT_ONLY
def test_directory_closed_to_the_account_is_refused(root: Path) -> None:
    """Root's private directory is not opened: it says which account cannot reach it."""
    root.chmod(0o700)
    with refusal("which cannot reach its directory"):
        persistent(root).start()
    assert 0o700 == root.stat().st_mode & 0o777


@ROOT_ONLY
def test_directory_is_made_for_the_account_under_any_umask(root: Path) -> None:
    """A strict umask of root's does not close the directories that we make."""
    before = os.umask(0o077)
    try:
        with persistent(root / "a" / "b") as server:
            assert server.status().running
    finally:
        os.umask(before)
    assert 0o711 == server.root.parent.stat().st_mode & 0o777


@ROOT_ONLY
def test_directory_of_another_owner_is_refused(server: Server) -> None:
    """Neither data nor directory of somebody else is taken over."""
    os.chown(server.data, 1, 1)
    with refusal("belongs to user id 1"):
        server.start()
    os.chown(server.root, 2, 2)
    with refusal("belongs to user id 2"):
        server.start()


@ROOT_ONLY
def test_link_in_the_place_of_the_pid_file_is_not_followed(server: Server) -> None:
    """The server's account cannot make root copy a file that it may not read."""
    secret = server.root / "secret"
    secret.write_text("1\nsecret\n")
    (server.data / "postmaster.pid").symlink_to(secret)
    with refusal("cannot be used"):
        server.start()
    assert secret.read_text() == "1\nsecret\n"


def without(capabilities: str, expression: str) -> str:
    """Return what root prints that lacks capabilities, as in many a container."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        absent("no setpriv")
    code = (
        "import os, sys; from pathlib import Path\n"
        "from learnplan_db.server.binaries import *; from learnplan_db.server.embedded import *\n"
        "from learnplan_db.errors import ServerError\n"
        f"try: print({expression})\n"
        "except ServerError as error: print(error)"
    )
    limits = (f"--bounding-set={capabilities}", f"--inh-caps={capabilities}")
    return subprocess.check_output(
        [setpriv, *limits, sys.executable, "-c", code], text=True
    ).strip()


@ROOT_ONLY
def test_root_that_may_not_look_at_processes(server: Server, prepared: Path) -> None:
    """Root of a container stops its server, and not one that a pid file names."""
    stop = f"Server(Path('{server.root.parent}'), environ=os.environ).stop()"
    server.start()
    assert without("-sys_ptrace", stop) == "None"
    assert not server.status().running
    kill(server.start())
    with persistent(prepared.parent) as other:
        pid_file = server.data / "postmaster.pid"
        rest = pid_file.read_text().partition("\n")[2]
        pid_file.write_text(f"{other.status().pid}\n{rest}")
        assert without("-sys_ptrace", stop) == "None"
        assert kept(other)


@ROOT_ONLY
def test_root_without_an_account_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither postgres nor nobody exists; nobody alone is enough."""
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(pwd, "getpwnam", {"nobody": nobody}.__getitem__)
    assert nobody == Account.current().entry
    monkeypatch.setattr(pwd, "getpwnam", {}.__getitem__)
    with refusal("no account postgres or nobody"):
        Account.current()


@ROOT_ONLY
def test_root_that_may_not_change_its_account_is_refused() -> None:
    """A container without SETUID: says what is missing, and copies no programs."""
    assert "which may not become" in without(
        "-setuid,-setgid", "Server(None, environ=os.environ)"
    )


def test_account_without_a_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container run with a number for a user: initdb needs a name."""
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with refusal("user id 54321, which has no name"):
        Account.current()


@ROOT_ONLY
def test_ordinary_user_has_a_server_of_its_own(root: Path) -> None:
    """No root, no other account: data under the user's state directory."""
    entry = pwd.getpwnam("nobody")
    drop: dict[str, Any] = {"user": entry.pw_uid, "group": entry.pw_gid}
    drop |= {"extra_groups": [], "cwd": "/"}
    source = Path(embedded.__file__).parents[1]
    drop["env"] = {
        "PYTHONPATH": os.pathsep.join([str(source), *sys.path]),
        "XDG_STATE_HOME": str(root / "home"),
        "LEARNPLAN_PG_BINDIR": str(persistent(root).bindir),
    }
    program = "/usr/bin/python3"
    probe = [program, "-c", "import psycopg, learnplan_db.server.embedded"]
    if (
        not Path(program).exists()
        or subprocess.run(probe, check=False, capture_output=True, **drop).returncode
    ):
        absent("no Python that another account may run")
    (root / "home").mkdir()
    os.chown(root / "home", entry.pw_uid, entry.pw_gid)
    told = subprocess.check_output([program, "-c", ORDINARY], text=True, **drop)
    where = root / "home" / "learnplan-db" / f"pg{persistent(root).major}"
    expected = [str(where), "True", "False", str(entry.pw_uid), "True", "False"]
    assert expected == told.split()
    assert 0o700 == where.stat().st_mode & 0o777
    with refusal(f"belongs to user id {entry.pw_uid}"):
        persistent(where.parent).start()


@pytest.mark.parametrize("module", ["fcntl", "pwd"])
def test_platform_without_accounts_and_locks_is_refused(module: str) -> None:
    """Where Python has no fcntl or pwd, it says so instead of a traceback."""
    code = (
        f"import sys; sys.modules['{module}'] = None\n"
        "from learnplan_db.errors import ServerError\n"
        "try: import learnplan_db.server.embedded\n"
        "except ServerError as error: print(error)"
    )
    said = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert f"the embedded server does not run on {sys.platform}" in said


def test_state_directory_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """LEARNPLAN_STATE_DIR, else root's own, else XDG_STATE_HOME, else the home's."""
    assert Path("/x") == state_root({"LEARNPLAN_STATE_DIR": "/x"})
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Path("/var/lib/learnplan-db") == state_root({"XDG_STATE_HOME": "/y"})
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    assert Path("/y/learnplan-db") == state_root({"XDG_STATE_HOME": "/y"})
    at_home = Path("/h/.local/state/learnplan-db")
    for unusable in ({}, {"XDG_STATE_HOME": "y"}, {"XDG_STATE_HOME": ""}):
        assert at_home == state_root({"HOME": "/h", **unusable})
    assert state_root({}).is_absolute()

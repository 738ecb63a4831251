"""What a figure depends on: machine, programs, settings. Reads only; never prints."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from learnplan_db.server.embedded import Server

SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")


def gather(server: Server, **more: str) -> dict[str, str]:
    """
    Return the facts by name, in the order in which the page shows them.

    Args: more: what else was compared, and with which version.
    """
    with psycopg.connect(server.dsn()) as connection:
        shown = []
        for name in SETTINGS:
            row = connection.execute(f"show {name}".encode()).fetchone()
            shown.append(f"{name} {row[0] if row else '?'}")
        found = connection.info.server_version
    load = os.getloadavg()[0]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": f"{processor()}, {os.cpu_count()} cores",
        "load before the run": f"{load:.1f}",
        "system": f"{platform.system()} {platform.machine()}",
        "PostgreSQL": f"{found // 10000}.{found % 10000}, embedded, data on "
        f"{file_system(server.data)}, {', '.join(shown)}",
        "learnplan-db": version("learnplan-db"),
        **more,
        "psql": said("psql", "--version"),
        "Python": f"{platform.python_version()}, psycopg {version('psycopg')}",
    }


def processor(path: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name as the system gives it."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else "unknown processor"


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """Return the kind of file system that a path is on, such as tmpfs."""
    kinds = {}
    try:
        for line in mounts.read_text().splitlines():
            _, point, kind, *_ = line.split(" ")
            kinds[Path(point)] = kind
    except OSError:
        return "an unknown file system"
    near = (kinds[p] for p in (path, *path.parents) if p in kinds)
    return next(near, "an unknown file system")


def said(*argv: str) -> str:
    """Return the first line of what a program says."""
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[0]

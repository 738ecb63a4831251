"""
The programs that try the access matrix, as command lines, and what each must say.

Whole processes are timed, start included. Nobody is fast by doing less: each says how
many cells it tried, and that all are as the matrix has them. Never prints.
"""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from bench import loop, pgtap, tools
from bench.errors import BenchError
from bench.facts import said
from learnplan_db.engine import runner, session, state
from learnplan_db.proof.prover import DEFAULTS, roles
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.tools import Link
    from learnplan_db.proof.nouns import Cell

EXTENSIONS = Path("/usr/share/postgresql")
AGREED = re.compile(r"^([\d,]+) cells of \d+ tables?: all accounts agree", re.MULTILINE)
SUMMARY = re.compile(r"^Files=\d+, Tests=(\d+),.*\nResult: PASS$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """
    Some of the cells, written down for those that read files.

    Args: tables: those that ours is told; none are all. files: for pg_prove; loop:
        for psql.
    """

    name: str
    cells: int
    tables: tuple[str, ...]
    files: tuple[Path, ...]
    loop: Path


def write(
    name: str, cells: Sequence[Cell], tables: tuple[str, ...], home: Path
) -> Part:
    """Write the cells of some tables, or of all, into a new directory."""
    home.mkdir()
    chosen = [cell for cell in cells if not tables or cell.table in tables]
    names = roles(DEFAULTS)
    bare = home / "loop.psql"
    bare.write_text(loop.script(chosen, names))
    files = tuple(pgtap.write(chosen, names, home))
    return Part(name, len(chosen), tables, files, bare)


def extension() -> Path:
    """
    Return the SQL of the newest pgTAP there is.

    Raises: BenchError: there is none, or no program to run its tests.
    """
    if shutil.which("pg_prove") is None:
        raise BenchError.no_pgtap("PATH")
    pattern = "*/extension/pgtap--*.sql"
    whole = [p for p in EXTENSIONS.glob(pattern) if p.name.count("--") == 1]
    if not whole:
        raise BenchError.no_pgtap(str(EXTENSIONS / pattern))
    return max(whole, key=lambda path: [int(n) for n in re.findall(r"\d+", path.stem)])


def prepare(link: Link, dbname: str) -> None:
    """Deploy the packaged plan into a new database, and pgTAP beside it."""
    with psycopg.connect(link.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"create database {dbname} template template0".encode())
    with session.connect(link.dsn(dbname)) as connection:
        runner.deploy(connection, state.load(config.project_root(None)))
    with psycopg.connect(link.dsn(dbname)) as admin:
        add_pgtap(admin)


def add_pgtap(connection: psycopg.Connection[Any]) -> None:
    """
    Load pgTAP into a schema of its own.

    It is SQL alone: as an extension it would be the same functions, but the embedded
    server has no directory for one that is not its own.
    Raises: BenchError: it is not on this machine.
    """
    path = extension()
    connection.execute(f"create schema {pgtap.SCHEMA}".encode())
    connection.execute(f"grant usage on schema {pgtap.SCHEMA} to public".encode())
    connection.execute(f"set local search_path = {pgtap.SCHEMA}".encode())
    connection.execute(path.read_bytes())


def command(tool: str, part: Part, link: Link, dbname: str) -> list[str]:
    """Return the command line with which a tool tries a part."""
    if tool == "loop":
        psql = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        return [*psql, "-d", link.dsn(dbname), "-f", str(part.loop)]
    if tool == "ours":
        options = [word for name in part.tables for word in ("--table", name)]
        start = [sys.executable, "-m", "learnplan_db", "prove", "--cells-only"]
        return [*start, *options, link.uri(dbname)]
    words = tool.split()
    where = ["--host", link.host, "--port", str(link.port), "--username", link.user]
    return [*words, *where, "--dbname", dbname, *map(str, part.files)]


def tried(tool: str, printed: str) -> int:
    """Return how many cells a tool says it tried and found right; -1: it does not."""
    if tool == "loop":
        return sum(map(int, printed.split()))
    told = (AGREED if tool == "ours" else SUMMARY).search(printed)
    return int(told[1].replace(",", "")) if told else -1


def seconds(
    tool: str, part: Part, link: Link, dbname: str, environ: dict[str, str]
) -> float:
    """
    Let a tool try a part, and return the seconds it took.

    Raises: BenchError: it failed, or did not find all as the matrix says.
    """
    argv = command(tool, part, link, dbname)
    took, printed = tools.timed(argv, part.loop.parent, environ)
    if tried(tool, printed) != part.cells:
        raise BenchError.disagrees(tool, printed, part.cells)
    return round(took, 5)


def versions() -> dict[str, str]:
    """Return the versions of what is not ours."""
    version = extension().stem.partition("--")[2]
    return {"pg_prove": said("pg_prove", "--version"), "pgTAP": version}

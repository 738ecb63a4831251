"""Every example of every --help is run: as it stands there, but for its address."""

from __future__ import annotations

import re
import shlex
import socket
import sys
from typing import TYPE_CHECKING, Any

import click
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import fix_terminal
from fix_race import wrapped, write
from fix_tools import program
from learnplan_db.cli import cli

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

ADDRESS = re.compile(
    r"(?:db:pg|postgresql)://(?:\w+@)?db\.example\.org/app\b|\bTARGET\b"
)
APP = re.compile(r"(?:db:pg|postgresql)://app@db\.example\.org/app\b")
PLAN = """%syntax-version=1.0.0
%project=flipr

schema 2026-01-01T00:00:00Z P <p@x.org> # First.
users [schema] 2026-01-01T00:00:01Z P <p@x.org> # Second.
@v1.0.0 2026-01-01T00:00:02Z P <p@x.org> # A release.
table_lists [users] 2026-01-01T00:00:03Z P <p@x.org> # Third.
"""
DEPLOY = "learnplan-db -C . deploy"
GIT = "git -c user.name=x -c user.email=x@example.org"
BEFORE = {  # what must have been done before a command's examples, or one of a kind
    "": DEPLOY,
    "checkout": f"{DEPLOY}; git init -q; git add -A; {GIT} commit -qm x; git branch feature",
    "deploy --dry-run": "learnplan-db revert -y --to table_tasks",
    "reference --check": "learnplan-db reference TARGET --out schema.md",
    "completion": "mkdir -p ~/.local/share/bash-completion/completions ~/.zfunc"
    " ~/.config/fish/completions",
    "engine": "learnplan-db -C . target add prod db:pg:prod",
    "init": "rm -r sqitch.conf sql",
    "prove": f"{sys.executable} -c 'import os; from learnplan_db.server import demo;"
    ' demo.load_sample(os.environ["DATABASE_URL"])\'',
    "rebase": DEPLOY,
    "revert": DEPLOY,
    "server stop": "learnplan-db server start",
    "server status": "learnplan-db server start",
}
QUICK = ("plan --oneline", "status --check", "log --oneline -n 10", "tag v1.1.0")
LONG = ("--mutate", "--plans 10000")


def walk(
    command: click.Command, ctx: click.Context, name: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield every line of every example, with the command whose it is."""
    head, _, lines = (command.epilog or "").partition("Example:\n")
    assert head.strip() in {"", "\b"}, name
    yield from ((name, line.strip()) for line in lines.splitlines())
    if isinstance(command, click.Group):
        for one in command.list_commands(ctx):
            found = command.get_command(ctx, one)
            assert found
            yield from walk(found, ctx, f"{name} {one}".strip())


def cases() -> list[Any]:
    """Return all lines; some are quick, and the rest is for CI's gate."""
    found = []
    for name, line in walk(cli, click.Context(cli)):
        mark: Any = pytest.mark.gate
        if any(word in line for word in QUICK):
            mark = ()
        elif any(word in line for word in LONG):
            mark = pytest.mark.long
        found.append(pytest.param(name, line, id=line, marks=mark))
    return found


@pytest.fixture
def place(
    tmp_path: Path,
    database: str,
    admin_dsn: str,
    app_dsn: str,
    person: dict[str, str],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Provide a shell in a project of three changes, with a database for each plan."""
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n\ttop_dir = sql\n")
    for kind in ("deploy", "revert", "verify"):
        (tmp_path / "sql" / kind).mkdir(parents=True)
        for name in ("schema", "users", "table_lists"):
            write(tmp_path, kind, name, wrapped(f"select '{name}';"))
    (tmp_path / "sql" / "sqitch.plan").write_text(PLAN)
    own = conninfo_to_dict(database)
    environ = person | {
        "DATABASE_URL": admin_dsn,
        "PGHOST": str(own["host"]),
        "PGPORT": str(own["port"]),
        "PGUSER": str(own["user"]),
        "PGPASSWORD": str(own.get("password") or ""),
        "PGDATABASE": str(own["dbname"]),
    }

    def run(line: str) -> subprocess.CompletedProcess[str]:
        meant = database if " -C . " in line else admin_dsn
        line = APP.sub(lambda _: shlex.quote(app_dsn), line)
        line = ADDRESS.sub(lambda _: shlex.quote(meant), line)
        return fix_terminal.shell(
            environ, line.replace("5433", _free_port()), tmp_path, "-eu"
        )

    return run


def _free_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


@pytest.mark.parametrize(("name", "line"), cases())
def test_example_works(
    name: str, line: str, place: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """It ends well and prints no error; each begins as a person would type it."""
    assert line.startswith("learnplan-db ")
    if name == "psql":
        program("psql")
    kinds = [f"{name} {word}" for word in line.split()]
    key = next((kind for kind in kinds if kind in BEFORE), name)
    before = place(BEFORE.get(key, "true"))
    assert 0 == before.returncode, before
    done = place(line)
    assert 0 == done.returncode, done
    assert "error" not in done.stderr.lower()


def test_every_command_has_an_example() -> None:
    """Those of a group too."""
    shown = {name for name, _ in walk(cli, click.Context(cli))}
    ctx = click.Context(cli)
    for one in cli.list_commands(ctx):
        found = cli.get_command(ctx, one)
        more = found.commands if isinstance(found, click.Group) else {}
        assert {one, *(f"{one} {name}" for name in more)} <= shown


def test_example_that_does_not_work_is_noticed(
    place: Callable[..., subprocess.CompletedProcess[str]], admin_dsn: str
) -> None:
    """The control: a change that is not there, on the database that is meant."""
    line = "learnplan-db revert --to table_taks -y db:pg://db.example.org/app"
    done = place(line)
    assert (2, True) == (done.returncode, "table_taks" in done.stderr)
    with psycopg.connect(admin_dsn) as connection:
        connection.execute("select from learnplan.tasks")

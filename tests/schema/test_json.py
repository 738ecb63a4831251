"""--json: one object on standard output, one a line on standard error, whatever happens."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psycopg
import pytest

import fix_terminal
from fix_race import SLEEPS, wait_for, wrapped, write
from learnplan_db.cli import MODULES, cli
from learnplan_db.engine import locks, runner, session, state

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "terminal.md").read_text()
WITHOUT = {
    "psql": "it becomes psql, whose output is psql's",
    "completion": "it prints a script of a shell",
    "reference": "it prints a page; erd --json has what it says",
}
ERROR = {"class", "message", "where", "fix", "sqlstate", "exit_code"}
OF_SCRIPT = {"detail", "hint", "excerpt"}
TYPES = {"progress", "warning", "notice", "error"}


def walk(
    command: click.Command, ctx: click.Context, name: str = ""
) -> Iterator[tuple[str, click.Command]]:
    """Yield each command that does something, with its whole name."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    for one in command.list_commands(ctx):
        found = command.get_command(ctx, one)
        assert found
        yield from walk(found, ctx, f"{name} {one}".strip())


ALL = dict(walk(cli, click.Context(cli)))


def documented() -> dict[str, list[set[str]]]:
    """Return the keys of each command's answers, as the page lists them."""
    part = PAGE.split("### The answer on standard output")[1].split("###")[0]
    rows = re.findall(r"^\| `([a-z ]+)` \| (.+) \|$", part, re.MULTILINE)
    return {
        name: [set(re.findall(r"`([a-z_]+)`", form)) for form in forms.split(";")]
        for name, forms in rows
    }


def run(
    person: dict[str, str], root: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a project's directory."""
    return fix_terminal.piped(person, "-C", ".", *words, directory=root)


def lines(text: str) -> list[dict[str, Any]]:
    """Return what stands on standard error, every line of which must be JSON."""
    found = [json.loads(line) for line in text.splitlines()]
    assert {1} >= {one["schema_version"] for one in found}
    assert {one["type"] for one in found} <= TYPES
    for one in found:
        if one["type"] == "error":
            keys = {*one} - {"schema_version", "type", "would_lose"}
            assert ERROR == keys - OF_SCRIPT, one
    return found


def answer(text: str) -> dict[str, Any]:
    """Return the one object of standard output."""
    assert text.endswith("}\n")
    found: dict[str, Any] = json.loads(text)  # fails at a second one
    assert 1 == found.pop("schema_version")
    return found


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_command_speaks_json(name: str) -> None:
    """Each has --json and a row in the page, or a reason why not."""
    options = {option for param in ALL[name].params for option in param.opts}
    assert ("--json" in options) != (name in WITHOUT)
    assert (name in documented()) != (name in WITHOUT)


def test_page_names_no_command_that_is_gone() -> None:
    """The page's rows and the reasons are of commands that are there."""
    assert {*documented(), *WITHOUT} == {*ALL}
    assert {name.split()[0] for name in ALL} == {*MODULES}


@pytest.fixture
def begun(project: Path, database: str) -> Path:
    """Provide a project of which a is deployed, as the database that is its target."""
    (project / "sqitch.conf").write_text(
        f'[core]\n\tengine = pg\n\ttop_dir = sql\n[engine "pg"]\n\ttarget = {database}\n'
    )
    with session.connect(database) as connection:
        runner.deploy(connection, state.load(project), to="a")
    return project


def test_success_is_told_step_by_step(begun: Path, person: dict[str, str]) -> None:
    """Each change's start and end with its time, and a summary; nothing else."""
    done = run(person, begun, "deploy", "--json")
    told = lines(done.stderr)
    assert 0 == done.returncode
    assert ["b", "c"] == [one["name"] for one in answer(done.stdout)["deployed"]]
    steps = [(one["change"], one["state"]) for one in told if one.get("state")]
    assert [(n, s) for n in "bc" for s in ("start", "ok")] == steps
    assert {"progress"} == {one["type"] for one in told}
    assert ("summary", 2) == (told[-1]["action"], told[-1]["deployed"])
    assert all(one["seconds"] > 0 for one in told if one.get("state") == "ok")
    quiet = run(person, begun, "revert", "-y", "--json", "--quiet")
    assert (0, []) == (quiet.returncode, lines(quiet.stderr))
    assert ["c", "b", "a"] == answer(quiet.stdout)["reverted"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("deploy", "--bogus"), "UsageError"),
        (("deplyo",), "UsageError"),
        pytest.param(("deploy", "nonsense"), "ConfigError", marks=pytest.mark.gate),
        pytest.param(("prove", "--tap"), "UsageError", marks=pytest.mark.gate),
        pytest.param(("-v", "log", "-f", "x:y"), "ReportError", marks=pytest.mark.gate),
        pytest.param(
            ("deploy", "host=/nowhere dbname=x"), "ConnectError", marks=pytest.mark.gate
        ),
        pytest.param(("completion", "bash"), "UsageError", marks=pytest.mark.gate),
    ],
    ids=str,
)
def test_wrong_use_is_an_error_object(
    project: Path, person: dict[str, str], words: tuple[str, ...], kind: str
) -> None:
    """A wrong command, option, word, format, and no connection."""
    done = run(person, project, *words, "--json")
    [told] = [one for one in lines(done.stderr) if one["type"] == "error"]
    assert (2, 2, kind) == (done.returncode, told["exit_code"], told["class"])
    said = answer(done.stdout)["error"]
    assert {key: told[key] for key in said} == said
    assert said["fix"]


@pytest.mark.gate
def test_password_is_in_no_object(project: Path, person: dict[str, str]) -> None:
    """Neither in the error nor in the answer; that it was the target shows all the same."""
    done = run(
        person, project, "deploy", "postgresql://u:hunter2@127.0.0.1:1/x", "--json"
    )
    assert "127.0.0.1" in lines(done.stderr)[-1]["where"]
    assert "hunter2" not in done.stderr + done.stdout
    done = run(person, project, "deploy", "postgresql://u:hunter2@[x/x", "--json")
    assert 2 == answer(done.stdout)["error"]["exit_code"]
    assert "hunter2" not in done.stderr + done.stdout


@pytest.mark.gate
@pytest.mark.parametrize(
    ("words", "empty"),
    [
        ("config --get x.y", {"key": "x.y", "value": None}),
        ("config --get-all x.y", {"key": "x.y", "values": []}),
        ("config --get-regex nothing", {"settings": {}}),
        ("config --list --user", {"settings": {}}),
        ("show -e change nothing", {"exists": False}),
    ],
)
def test_nothing_there_is_an_answer(
    project: Path, person: dict[str, str], words: str, empty: dict[str, Any]
) -> None:
    """What is not there has its usual keys, and what the exit code says of it."""
    done = run(person, project, *words.split(), "--json")
    assert (empty, []) == (answer(done.stdout), lines(done.stderr))
    code = {"config --list --user": 0, "show -e change nothing": 2}.get(words, 1)
    assert code == done.returncode


def test_script_that_fails_is_an_error_object(
    begun: Path, person: dict[str, str]
) -> None:
    """Address, SQLSTATE and what was taken back; notices are objects too."""
    notice = "do $$ begin raise notice 'on the way'; end $$;"
    write(begun, "deploy", "b", wrapped(f"{notice}\nselect nothing;"))
    done = run(person, begun, "deploy", "--json")
    told = lines(done.stderr)
    [error] = [one for one in told if one["type"] == "error"]
    assert (2, "42703") == (done.returncode, error["sqlstate"])
    assert "sql/deploy/b.sql:3" in error["where"]
    assert "ScriptError" == answer(done.stdout)["error"]["class"]
    assert ["not ok"] == [
        o["state"] for o in told if o.get("state", "start") != "start"
    ]
    [said] = [one for one in told if one.get("action") == "notice"]
    assert ("notice", True) == (said["type"], "on the way" in said["message"])


@pytest.mark.gate
def test_blocked_and_interrupted_are_objects(
    begun: Path, database: str, admin: psycopg.Connection[Any], person: dict[str, str]
) -> None:
    """Sqitch's lock that stays held, a table's, and Ctrl-C while a script sleeps."""
    with psycopg.connect(database, autocommit=True) as holder:
        holder.execute(f"select pg_advisory_lock({locks.LOCK})".encode())
        done = run(person, begun, "deploy", "--json", "--lock-timeout", "1")
        pid = holder.info.backend_pid
    assert (2, "RegistryError") == (
        done.returncode,
        answer(done.stdout)["error"]["class"],
    )
    [blocked] = [one for one in lines(done.stderr) if one.get("action") == "blocked"]
    assert f"pid {pid}, " in blocked["message"]
    write(begun, "deploy", "b", wrapped("alter table t_a add j int;"))
    with psycopg.connect(database) as holder:
        holder.execute("select from t_a")
        done = run(person, begun, "deploy", "--json", "--lock-timeout", "1")
        pid = holder.info.backend_pid
    told = lines(done.stderr)
    assert "55P03" == answer(done.stdout)["error"]["sqlstate"]
    [waiting] = [one for one in told if one.get("action") == "waiting"]
    assert f"pid {pid}, " in waiting["message"]
    write(begun, "deploy", "b", wrapped("select pg_sleep(60);"))
    process = fix_terminal.begin(person, "-C", ".", "deploy", "--json", directory=begun)
    wait_for(admin, SLEEPS)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert 2 == process.returncode
    assert "interrupted" == answer(out)["error"]["message"]
    assert {"error", "progress"} <= {one["type"] for one in lines(err)}


@pytest.mark.gate
def test_interrupt_while_nothing_is_begun(
    begun: Path, database: str, admin: psycopg.Connection[Any], person: dict[str, str]
) -> None:
    """Ctrl-C while it asks for the lock: 130, in words for both."""
    with psycopg.connect(database, autocommit=True) as holder:
        holder.execute(f"select pg_advisory_lock({locks.LOCK})".encode())
        process = fix_terminal.begin(
            person, "-C", ".", "revert", "-y", "--json", directory=begun
        )
        wait_for(
            admin,
            "select 1 from pg_stat_activity where application_name = 'learnplan-db'"
            " and query like '%pg_try_advisory_lock%' or query like 'select concat_ws%'",
        )
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert 130 == process.returncode
    assert "Interrupted" == answer(out)["error"]["class"]
    assert 130 == lines(err)[-1]["exit_code"]


@pytest.mark.gate
def test_refusal_to_lose_rows_is_an_object(
    begun: Path, database: str, person: dict[str, str]
) -> None:
    """What would be lost stands beside the error; allowed, each loss is a warning."""
    with (begun / "sqitch.conf").open("a") as conf:
        conf.write("[learnplan]\n\tguard = true\n")
    with psycopg.connect(database) as application:
        application.execute("insert into t_a values (1)")
    done = run(person, begun, "revert", "-y", "--json")
    found = answer(done.stdout)
    assert (2, {"would_lose", "error"}) == (done.returncode, {*found})
    assert 1 == found["would_lose"][0]["rows"]
    assert "DataLossError" == lines(done.stderr)[-1]["class"]
    done = run(person, begun, "revert", "-y", "--json", "--allow-data-loss")
    [warned] = [one for one in lines(done.stderr) if one["type"] == "warning"]
    assert (0, "a", 1) == (done.returncode, warned["change"], warned["rows"])


ANSWERS = {  # each command's answers, in an order in which they make sense
    "plan": ["plan --json", "plan --sql --json"],
    "add": ["add d -n 'A fourth' --json"],
    "tag": ["tag --json", "tag v2 -n 'A tag' --json"],
    "show": [
        "show change b --json",
        "show tag v1 --json",
        "show deploy b --json",
        "show -e change b --json",
    ],
    "bundle": ["bundle --json"],
    "config": [
        "config --get core.engine --json",
        "config --get-all core.engine --json",
        "config --list --json",
        "config --user user.name X --json",
        "config --get-regex core --json",
    ],
    "target": ["target --json", "target add prod db:pg:prod --json"],
    "engine": ["engine --json", "engine alter pg --client psql --json"],
    "init": ["-C new init flipr --engine pg --json"],
    "deploy": [
        "deploy --dry-run --to b --json",
        "deploy --dry-run --sql --to b --json",
        "deploy --to b --json",
    ],
    "status": ["status --json"],
    "log": ["log --json"],
    "check": ["check --json"],
    "verify": ["verify --json"],
    "upgrade": ["upgrade --json"],
    "fingerprint": ["fingerprint --json", "fingerprint --objects --json"],
    "rebase": ["rebase -y --json"],
    "checkout": ["checkout feature -y --json"],
    "revert": ["revert -y --json"],
    "rework": ["rework a -n Again --json"],
    "drift": ["-C PACKAGED drift TARGET --scratch TARGET --json"],
    "render": [
        "-C PACKAGED render --check --json",
        "-C PACKAGED render --out out --json",
    ],
    "erd": ["-C PACKAGED erd TARGET --json"],
    "seed": ["-C PACKAGED seed TARGET --plans 2 --users 2 --json"],
    "export": ["-C PACKAGED export --format sql --from @v1.1.0 --out sqls --json"],
    "doctor": ["-C PACKAGED doctor TARGET --json"],
    "prove": ["-C PACKAGED prove TARGET --table users --cells-only --json"],
    "server start": ["server start --json"],
    "server status": ["server status --json"],
    "demo": ["-C PACKAGED demo --json"],
    "server stop": ["server stop --json"],
}


@pytest.mark.gate
def test_answers_have_the_documented_keys(
    begun: Path, admin_dsn: str, person: dict[str, str]
) -> None:
    """Each command's answers, one after the other; the page lists all their keys."""
    (begun / "new").mkdir()
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in ("init -q", "add -A", "commit -qm x", "branch feature"):
        subprocess.run([*git, *words.split()], cwd=begun, check=True)
    seen: dict[str, list[set[str]]] = {}
    for name, commands in ANSWERS.items():
        for line in commands:
            if name == "checkout":
                subprocess.run([*git, "add", "-A"], cwd=begun, check=True)
                subprocess.run([*git, "commit", "-qm", "y"], cwd=begun, check=True)
            words = [
                {"TARGET": admin_dsn, "PACKAGED": str(ROOT)}.get(word, word)
                for word in shlex.split(line)
            ]
            done = run(person, begun, *words)
            assert 0 == done.returncode, (line, done)
            assert "error" not in {one["type"] for one in lines(done.stderr)}
            seen.setdefault(name, []).append({*answer(done.stdout)})
    for name, forms in documented().items():
        assert {*map(frozenset, forms)} == {*map(frozenset, seen[name])}, name

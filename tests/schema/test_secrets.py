"""No password in any output, error, log, report, process list or row of the registry."""

from __future__ import annotations

import logging
import os
import random
import stat
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fix_database import ROOT
from fix_secrets import DATABASE, LOGIN, Locked, Secret
from learnplan_db.engine import session
from learnplan_db.errors import LearnplanError
from learnplan_db.settings import targets
from learnplan_db.settings.configuration import Configuration
from learnplan_db.testing.addresses import Database
from learnplan_db.testing.servers import Source
from warm import warm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fix_secrets import Way
    from warm import Warm

# Every command, each before all the ways to name a database.
COMMANDS = (
    """
status -vv|status --json|log|log --json|deploy -vv|deploy --json|verify|check|upgrade
revert -y|rebase -y|checkout -y main|prove|prove --json|psql|bundle|plan|plan --json
show change a|add|tag|rework|render|demo --fresh=|server|nonsense|init|init x --target
target|target show|target list|target -v|target --json show|target --json list
target add x|target alter named --uri|target remove|target rename a
engine|engine show|engine -v|engine --json show|engine add pg|engine alter pg --target
engine remove|config --get|drift|drift --json|fingerprint|fingerprint --json|deploy --set|deploy --mode|deploy --to
status --project|log --format|status -h|status -d|status -u|--cd|--target|--help
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
RIGHT, WRONG, CLOSED, ABSENT = "right", "wrong", "closed", "absent"
SEED = int(os.environ.get("LEARNPLAN_SECRETS_SEED") or random.randrange(2**32))  # noqa: S311
EVERY = """
select string_agg(t::text, '') from (
  select to_jsonb(p) from sqitch.projects as p union all
  select to_jsonb(c) from sqitch.changes as c union all
  select to_jsonb(e) from sqitch.events as e union all
  select to_jsonb(d) from sqitch.dependencies as d union all
  select to_jsonb(a) from pg_stat_activity as a) as t (t)"""
SPY = """#!/bin/sh
{ printf '%s\\n' "$@"; tr '\\0' '\\n' < /proc/$$/cmdline; } >> "$SPY_LOG"
exec psql "$@"
"""


@pytest.fixture(scope="module")
def ours() -> Iterator[Warm]:
    """Provide the command line, warm."""
    with warm("ours", "") as found:
        yield found


@pytest.fixture
def flip(tmp_path: Path) -> Path:
    """Provide a project of one change."""
    line = "a 2020-01-01T00:00:00Z Ann <ann@example.org> # first\n"
    head = "%syntax-version=1.0.0\n%project=flip\n\n"
    (tmp_path / "sqitch.plan").write_text(head + line)
    for kind in ("deploy", "revert", "verify"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "a.sql").write_text("select 1;\n")
    return tmp_path


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment without anybody's settings."""
    known = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}
    return known | {"SQITCH_USER_CONFIG": str(home / "none")} | more


def ways(locked: Locked, root: Path, outcome: str) -> tuple[Secret, list[Way]]:
    """Return the password of one outcome, and all the ways to tell it."""
    secret = Secret() if outcome == WRONG else locked.secret
    port = 1 if outcome == CLOSED else locked.port
    name = "nowhere" if outcome == ABSENT else DATABASE
    return secret, list(locked.ways(root, secret, port, name))


@pytest.mark.parametrize("outcome", [RIGHT, WRONG, CLOSED, ABSENT])
def test_no_way_to_connect_shows_the_password(
    locked: Locked, ours: Warm, flip: Path, outcome: str
) -> None:
    """However a password is told, right or not, no command that connects repeats it."""
    secret, all_ways = ways(locked, flip, outcome)
    connected = set()
    for way in all_ways:
        for command in ("status", "deploy"):
            words = ["-C", ".", command, "-vv", *way.words]
            done = ours.run(flip, environment(flip, **way.environ), *words)
            said = done.out + done.err
            assert [] == secret.found_in(said), (way.name, said)
            assert "Traceback" not in said, (way.name, said)
            if done.code == 0:
                connected.add(way.name)
    if outcome == RIGHT:  # the positive control: the password was really told
        told = {way.name for way in all_ways if not way.malformed}
        assert told == connected
    else:
        assert set() == connected


def show_nothing(
    locked: Locked, ours: Warm, flip: Path, command: str, count: int
) -> None:
    """Run a command with some of the words that hold a password: it repeats none."""
    secret, all_ways = ways(locked, flip, CLOSED)
    telling = [way for way in all_ways if secret.found_in(" ".join(way.words))]
    chance = random.Random(f"{SEED} {command}")  # noqa: S311 - repeatable
    for way in chance.sample(telling, min(count, len(telling))):
        ways(locked, flip, CLOSED)  # before, an edit may have changed the files
        words = [*command.split(), *way.words]
        done = ours.run(flip, environment(flip, **way.environ), "-C", ".", *words)
        said = done.out + done.err
        assert [] == secret.found_in(said), (SEED, way.name, done.code, said)
        assert "Traceback" not in said, (SEED, way.name, said)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_shows_the_password(
    locked: Locked, ours: Warm, flip: Path, command: str
) -> None:
    """Whatever a command makes of a word that holds a password, it does not repeat it."""
    show_nothing(locked, ours, flip, command, 5)


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_shows_the_password_in_any_way(
    locked: Locked, ours: Warm, flip: Path, command: str
) -> None:
    """So it is with every spelling of a database, whole or broken."""
    show_nothing(locked, ours, flip, command, 100)


@pytest.mark.parametrize("name", ["DATABASE_URL", "SQITCH_TARGET"])
def test_no_variable_of_the_environment_is_shown(
    locked: Locked, ours: Warm, flip: Path, name: str
) -> None:
    """What DATABASE_URL says of the packaged plan's database is not repeated either."""
    secret, all_ways = ways(locked, flip, CLOSED)
    words = {word for way in all_ways for word in way.words if secret.found_in(word)}
    for word in words:
        done = ours.run(flip, environment(flip, **{name: word}), "status")
        said = done.out + done.err
        assert (2, []) == (done.code, secret.found_in(said)), said


def test_server_and_registry_never_learn_it(
    locked: Locked, ours: Warm, flip: Path
) -> None:
    """What is in the registry, and all that the server logs, has no password."""
    secret, all_ways = ways(locked, flip, RIGHT)
    environ = environment(flip)
    for command in ("deploy", "verify", "revert -y", "deploy"):
        words = [*command.split(), *all_ways[0].words]
        assert 0 == ours.run(flip, environ, "-C", ".", *words).code
    with psycopg.connect(locked.server.dsn(DATABASE)) as admin:
        rows = str(admin.execute(EVERY).fetchone())
    assert "flip" in rows
    assert [] == secret.found_in(rows)
    logged = locked.server.log.read_text(errors="replace")
    assert "insert into" in logged.lower()
    # The fixture itself told the server the password, before it logged statements.
    assert [] == secret.found_in(logged)


def test_process_list_never_shows_it(
    locked: Locked, ours: Warm, flip: Path, psql: str
) -> None:
    """A client that is psql gets it by its environment: others read arguments."""
    secret, all_ways = ways(locked, flip, RIGHT)
    spy, log = flip / "spy", flip / "log"
    spy.write_text(SPY)
    spy.chmod(spy.stat().st_mode | stat.S_IXUSR)
    environ = environment(flip, SPY_LOG=str(log))
    for way in all_ways:
        if way.malformed:
            continue
        words = ["rebase", "-y", "--client", str(spy), *way.words]
        done = ours.run(flip, environ | way.environ, "-C", ".", *words)
        assert 0 == done.code, done
    seen = log.read_text()
    assert "--file" in seen
    assert [] == secret.found_in(seen)


def test_reports_of_a_proof_never_show_it(
    locked: Locked, ours: Warm, flip: Path
) -> None:
    """The page, SARIF and JUnit of a proof name the database, without its password."""
    secret, (way, *_) = ways(locked, flip, RIGHT)
    environ = environment(flip)
    with psycopg.connect(locked.server.dsn(DATABASE), autocommit=True) as admin:
        admin.execute(f"create database proved owner {LOGIN}".encode())
    uri = way.words[0].replace(f"/{DATABASE}", "/proved")
    deployed = ours.run(flip, environ, "deploy", uri)
    assert 0 == deployed.code, deployed
    files = [flip / name for name in ("page.html", "sarif.json", "junit.xml")]
    names = ("--html", "--sarif", "--junit")
    words = [w for pair in zip(names, map(str, files), strict=True) for w in pair]
    done = ours.run(flip, environ, "prove", "--cells-only", *words, uri)
    assert 0 == done.code, done
    said = done.out + done.err + "".join(file.read_text() for file in files)
    assert "proved" in said
    assert [] == secret.found_in(said)


def everything_of(error: BaseException) -> str:
    """Return all that an error and its causes say of themselves."""
    lines = traceback.format_exception(error)
    chain: BaseException | None = error
    while chain is not None:
        lines += [str(chain), repr(chain), repr(chain.args)]
        shown = None if chain.__suppress_context__ else chain.__context__
        chain = chain.__cause__ or shown
    return "\n".join(lines)


@pytest.mark.parametrize("outcome", [WRONG, CLOSED, ABSENT])
def test_library_never_tells_it(
    locked: Locked, flip: Path, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No error of the library, nor its cause, its log or what a report prints of it."""
    caplog.set_level(logging.DEBUG)
    secret, all_ways = ways(locked, flip, outcome)
    configuration = Configuration.load(flip, {"HOME": str(flip)})
    errors = 0
    said: list[Any] = [configuration]
    for word in {way.words[-1] for way in all_ways if way.words}:
        try:
            target = targets.resolve(configuration, word)
            said.append(repr(target))
            session.connect(target.conninfo)
        except LearnplanError as error:
            said.append(everything_of(error))
            errors += 1
        try:
            with Source(word, "a test").running() as conninfo:
                Source(word, "a test").connect(conninfo).close()
        except LearnplanError as error:
            said.append(everything_of(error))
    assert errors > 10
    known = {"host": "h", "password": secret.text}
    said.append(Database("d", *(make_conninfo("", **known) for _ in "abc")))
    assert [] == secret.found_in("\n".join(map(str, said)) + caplog.text)


@pytest.mark.parametrize("spelling", ["uri", "conninfo", "raw"])
def test_pytest_plugin_never_shows_it(
    locked: Locked, tmp_path: Path, spelling: str
) -> None:
    """A suite whose server refuses the password says so, and not which it was."""
    secret = Secret()
    _, all_ways = secret, list(locked.ways(tmp_path, secret, locked.port, "postgres"))
    name = {"uri": "libpq uri", "conninfo": "conninfo", "raw": "raw libpq"}[spelling]
    (word,) = next(way.words for way in all_ways if way.name == name)
    (tmp_path / "test_x.py").write_text("def test_x(learnplan_db): pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-vv", "-s"],
        cwd=tmp_path,
        env=environment(tmp_path, LEARNPLAN_TEST_SERVER=word)
        | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert 0 != done.returncode
    assert "LEARNPLAN_TEST_SERVER" in said
    assert [] == secret.found_in(said), said

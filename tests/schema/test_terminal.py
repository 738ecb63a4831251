"""What people see: times, who is in the way, colours, levels; pipes get Sqitch's lines."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import fix_terminal
from fix_race import wrapped, write
from fix_terminal import piped
from learnplan_db.engine import locks, runner, session, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fix_terminal import Screen

TIME = r"\d+(?:\.\d)? m?s"
GREEN = "\x1b[32mok\x1b[0m"
ALTER = "alter table t_a add column j int;\ncreate table t_b (i int);"


@contextmanager
def holding(dsn: str, statement: str) -> Iterator[psycopg.Connection[Any]]:
    """Provide another session that has done something and not ended."""
    with psycopg.connect(dsn, application_name="a report") as holder:
        holder.execute(statement.encode())
        yield holder


@pytest.fixture
def begun(project: Path, database: str) -> Path:
    """Provide a project of which a is deployed, and b alters the table of a."""
    write(project, "deploy", "b", wrapped(ALTER))
    with session.connect(database) as connection:
        runner.deploy(connection, state.load(project), to="a")
    return project


def test_times_stand_where_a_person_looks(
    project: Path, database: str, person: dict[str, str], screens: list[Screen]
) -> None:
    """On a terminal and with -v, behind Sqitch's lines; a pipe gets these alone."""
    there = ("-C", str(project))
    words = ["learnplan-db", *there, "deploy", database]
    screens.append(fix_terminal.start(words, person))
    seen = screens[0].end()
    assert 0 == screens[0].code
    for name in ("a @v1 ..", "b ......", "c ......"):
        assert re.search(rf"  \+ {name} {re.escape(GREEN)}  {TIME}\r\n", seen), seen
    assert re.search(
        rf"Deployed 3 changes in {TIME}; longest: (a @v1|b|c), {TIME}\r\n$", seen
    )
    back = piped(person, *there, "revert", "-y", "-v", database)
    assert re.search(rf"  - c \.{{6}} ok  {TIME}\n", back.stdout), back
    assert re.search(rf"\nReverted 3 changes in {TIME}; longest: ", back.stdout)
    plain = piped(person, *there, "deploy", database)
    lines = "  + a @v1 .. ok\n  + b ...... ok\n  + c ...... ok\n"
    assert plain.stdout.split("\n", 1)[1] == lines
    assert "" == plain.stderr + back.stderr


def test_who_is_in_the_way_stands_on_a_line_of_its_own(
    begun: Path, database: str, person: dict[str, str], screens: list[Screen]
) -> None:
    """Below it a line counts the seconds, and goes; then the change's is whole."""
    with holding(database, "select from t_a") as holder:
        words = ["learnplan-db", "-C", str(begun), "deploy", database]
        screens.append(fix_terminal.start(words, person))
        pid, role = holder.info.backend_pid, holder.info.user
        screens[0].read(f"\x1b[K# Waiting for pid {pid}: ")
        holder.rollback()
        seen = screens[0].end()
    assert 0 == screens[0].code
    told = f"  + b .. \r\n# Blocked by pid {pid}, {role}, a report, idle in"
    assert told in seen
    assert f"; to end it: select pg_terminate_backend({pid}); waiting " in seen
    whole = rf" left\r\x1b\[K  \+ b \.\. {re.escape(GREEN)}  {TIME}\r\n"
    assert re.search(whole, seen), seen
    assert re.search(rf"; longest: b, {TIME}; waited {TIME} for locks", seen)


@pytest.mark.gate
def test_what_a_script_says_breaks_no_line(
    project: Path, database: str, person: dict[str, str], screens: list[Screen]
) -> None:
    """A notice and an error begin a line; the change's own is shown once more."""
    there = ["learnplan-db", "-C", str(project)]
    notice = "do $$ begin raise notice 'hello'; end $$;"
    write(project, "deploy", "b", wrapped(f"{notice}\ncreate table t_b (i int);"))
    write(project, "verify", "b", "begin;\nselect nothing;\nrollback;")
    screens.append(fix_terminal.start([*there, "deploy", database], person))
    seen = screens[0].end()
    said = r"  \+ b \.{6} \r\npsql:sql/deploy/b\.sql:2: NOTICE:  hello\r\n  \+ b \.{6} \x1b"
    assert re.search(said, seen), seen
    screens.append(fix_terminal.start([*there, "verify", database], person))
    seen = screens[1].end()
    assert 2 == screens[1].code
    assert re.search(r"  \* b \.{6} \r\n\x1b.*error:.* column", seen), seen
    assert re.search(r"\r\n  \* b \.{6} \x1b\[31mnot ok", seen), seen
    assert re.search(rf"\r\nVerified 2 changes, 1 failed in {TIME}; longest", seen), (
        seen
    )


@pytest.mark.gate
def test_rows_of_a_script(
    project: Path, database: str, person: dict[str, str], screens: list[Screen]
) -> None:
    """A pipe gets them as psql prints them, a person no empty line, --quiet none."""
    write(project, "deploy", "b", wrapped("select pg_sleep(0);\nselect 'a row';"))
    write(project, "revert", "b", wrapped("select pg_sleep(0);"))
    write(project, "verify", "b", wrapped("select 1;"))
    there = ["-C", str(project)]
    back = ["revert", "-y", "--quiet", database]
    for words in (["deploy", "--quiet", database], back):
        quiet = piped(person, *there, *words)
        assert (0, "", "") == (quiet.returncode, quiet.stdout, quiet.stderr)
    plain = piped(person, *there, "deploy", database)
    assert "  + b ...... \na row\nok\n" in plain.stdout
    piped(person, *there, *back)
    screens.append(
        fix_terminal.start(["learnplan-db", *there, "deploy", database], person)
    )
    seen = screens[0].end()
    assert re.search(r"  \+ b \.{6} \r\na row\r\n  \+ b \.{6} \x1b", seen), seen
    piped(person, *there, *back)
    told = piped(person, *there, "deploy", "--json", database).stderr.splitlines()
    rows = [line for line in map(json.loads, told) if line.get("action") == "output"]
    assert ["a row"] == [row["message"] for row in rows]


@pytest.mark.gate
def test_holder_of_sqitchs_lock_is_named(
    begun: Path, database: str, person: dict[str, str], screens: list[Screen]
) -> None:
    """Sqitch's line says that somebody works here; ours says who, and since when."""
    lock = f"select pg_advisory_lock({locks.LOCK})"
    with holding(database, lock) as holder:
        words = ["learnplan-db", "-C", str(begun), "deploy", database]
        screens.append(fix_terminal.start(words, person))
        pid, role = holder.info.backend_pid, holder.info.user
        screens[0].read(f"\x1b[K# Waiting for pid {pid}: ")
        holder.execute("select pg_advisory_unlock_all()")
        seen = screens[0].end()
    assert 0 == screens[0].code
    assert "Blocked by another instance of Sqitch working on " in seen
    held = f"# The lock is held by pid {pid}, {role}, a report, idle in"
    assert held in seen
    assert f" s ago; to end it: select pg_terminate_backend({pid})\r\n" in seen


@pytest.mark.parametrize(
    ("environ", "on_terminal", "in_pipe"),
    [
        ({}, True, False),
        pytest.param({"NO_COLOR": ""}, True, False, marks=pytest.mark.gate),
        pytest.param({"NO_COLOR": "0"}, False, False, marks=pytest.mark.gate),
        pytest.param({"TERM": "dumb"}, False, False, marks=pytest.mark.gate),
        pytest.param({"FORCE_COLOR": "1"}, True, True, marks=pytest.mark.gate),
        pytest.param(
            {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False, marks=pytest.mark.gate
        ),
    ],
    ids=str,
)
def test_colours(
    person: dict[str, str],
    screens: list[Screen],
    environ: dict[str, str],
    *,
    on_terminal: bool,
    in_pipe: bool,
) -> None:
    """Only on a terminal; NO_COLOR and a dumb one have none, FORCE_COLOR has some."""
    words = ("deploy", "host=/nowhere dbname=x")
    screens.append(fix_terminal.start(["learnplan-db", *words], person | environ))
    assert on_terminal == ("\x1b[" in screens[0].end())
    told = piped(person, *words, **environ)
    assert in_pipe == ("\x1b[" in told.stderr)
    assert "error:" in told.stderr


# What each level prints of each command, on a project that is deployed.
DONE = {  # with --quiet: nothing
    "deploy": ["deploy"],
    "revert": ["revert", "-y"],
    "rebase": ["rebase", "-y"],
    "upgrade": ["upgrade"],
}
ASKED = {  # with --quiet: what was asked for
    "verify": (["verify"], "Verify successful"),
    "check": (["check"], "Check successful"),
    "status": (["status"], "Nothing to deploy (up-to-date)"),
    "log": (["log"], "Deploy "),
    "plan": (["plan"], "# Project: race"),
    "fingerprint": (["fingerprint"], ""),
    "show": (["show", "change", "b"], "project race"),
}


@pytest.fixture(scope="module")
def levels(
    make_project: Callable[[], Path], server: Any
) -> Iterator[Callable[..., Any]]:
    """Provide what runs a command on a deployed project."""
    root, name = make_project(), "learnplan_levels"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"create database {name}")
        dsn = server.dsn(name)
        with session.connect(dsn) as connection:
            runner.deploy(connection, state.load(root))

        def run(person: dict[str, str], command: list[str], *level: str) -> Any:
            needs = command[0] not in {"plan", "show"}
            words = ["-C", str(root), *command, *([dsn] if needs else []), *level]
            return piped(person, *words)

        yield run
        admin.execute(f"drop database {name} with (force)")


@pytest.mark.gate
@pytest.mark.parametrize("command", DONE)
def test_quiet_is_silent_where_nothing_was_asked(
    levels: Callable[..., Any], person: dict[str, str], command: str
) -> None:
    """All is well and done: no line; the control is that there is one without."""
    said = levels(person, DONE[command])
    assert (0, True, "") == (said.returncode, bool(said.stdout), said.stderr)
    if command == "revert":
        assert 0 == levels(person, DONE["deploy"], "--quiet").returncode
    quiet = levels(person, DONE[command], "--quiet")
    assert (0, "", "") == (quiet.returncode, quiet.stdout, quiet.stderr)
    loud = levels(
        person, DONE["deploy"] if command == "revert" else DONE[command], "-v"
    )
    assert 0 == loud.returncode
    if command in {"revert", "rebase"}:
        assert re.search(rf"ed 3 changes.* in {TIME}; longest", loud.stdout), loud


@pytest.mark.gate
def test_quiet_authors_write_without_a_word(
    project: Path, person: dict[str, str], tmp_path: Path
) -> None:
    """init, add, rework, tag and bundle; the files are there all the same."""
    (tmp_path / "new").mkdir()
    there = ["-C", str(project)]
    for words in (
        ["-C", str(tmp_path / "new"), "init", "flipr", "--engine", "pg"],
        [*there, "add", "d", "-n", "A fourth."],
        [*there, "rework", "a", "-n", "Again."],
        [*there, "tag", "v2", "-n", "A tag."],
        [*there, "bundle", "--dest-dir", str(tmp_path / "bundle")],
    ):
        quiet = piped(person, *words, "--quiet")
        told = quiet.stderr.startswith("warning: ")  # that a is not edited yet
        assert (0, "", "rework" in words) == (quiet.returncode, quiet.stdout, told)
    assert (tmp_path / "new" / "sqitch.conf").is_file()
    assert (project / "sql" / "deploy" / "d.sql").is_file()
    assert "@v2" in (tmp_path / "bundle" / "sql" / "sqitch.plan").read_text()
    loud = piped(person, *there, "tag", "v3", "-n", "A tag.")
    assert (0, True) == (loud.returncode, "Tagged" in loud.stdout)


@pytest.mark.gate
@pytest.mark.parametrize("command", ASKED)
def test_answers_are_printed_at_every_level(
    levels: Callable[..., Any], person: dict[str, str], command: str
) -> None:
    """Quiet, normal, with times and with details: the answer is there, nothing wrong."""
    words, answer = ASKED[command]
    for level in (["--quiet"], [], ["-v"], ["-vv"]):
        said = levels(person, words, *level)
        assert (0, True) == (said.returncode, answer in said.stdout), said
        assert said.stdout.strip()
        assert "error" not in said.stderr
        timed = "Verified 3 changes in " in said.stdout
        assert timed == (command == "verify" and level in (["-v"], ["-vv"]))


@pytest.mark.gate
def test_details_show_what_scripts_print(
    begun: Path, database: str, person: dict[str, str]
) -> None:
    """A verify script's output is for -vv; a deadlock that was tried again too."""
    write(begun, "verify", "a", "begin;\nselect 'seen' as word;\nrollback;")
    for level, shown in (((), False), (("-v",), False), (("-vv",), True)):
        said = piped(person, "-C", str(begun), "verify", "--to", "a", database, *level)
        assert (0, shown) == (said.returncode, "seen" in said.stdout), said


def test_bare_command_helps(person: dict[str, str]) -> None:
    """What there is, by what it is for; it is no success, since nothing was done."""
    said = piped(person)
    assert (2, "") == (said.returncode, said.stdout)
    for title in ("Databases:", "Writing changes:", "Proving and showing:"):
        assert f"\n{title}\n" in said.stderr
    assert "\n  deploy " in said.stderr


def test_version_says_what_a_report_needs(
    person: dict[str, str], tmp_path: Path
) -> None:
    """Package, plan, Python and libpq; also where the configuration cannot be read."""
    said = piped(person, "--version").stdout
    versions = r"learnplan-db [\d.]+\nplan @v[\d.]+\nPython 3[\d.]+\npsycopg [\d.]+, libpq [\d.]+\n"
    assert re.fullmatch(versions, said), said
    (tmp_path / ".sqitch").mkdir()
    (tmp_path / ".sqitch" / "sqitch.conf").write_text("[core\n")
    broken = piped(person, "--version")
    assert (0, True) == (broken.returncode, "\nplan unknown: " in broken.stdout), broken


@pytest.mark.gate
@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (["deplyo"], '"deploy"'),
        (["server", "strat"], "start"),
        (["deploy", "--jsn"], "--json"),
        (["deploy", "--mode", "al"], "all"),
        (["deploy", "table_taks", "db:pg:x"], "table_tasks"),
        (["completion", "fsh"], "fish"),
    ],
    ids=" ".join,
)
def test_wrong_words_are_answered_with_the_nearest(
    person: dict[str, str], words: list[str], nearest: str
) -> None:
    """A mistyped command, option, choice or change."""
    said = piped(person, *words)
    assert (2, True) == (said.returncode, nearest in said.stderr), said

"""log, plan and status beside the real sqitch: the same bytes, the same exit codes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
import tracemalloc
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from learnplan_db.cli import cli
from learnplan_db.engine import session
from learnplan_db.reports import history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fix_database import TestServer
    from warm import Done, Warm

pytestmark = pytest.mark.gate

WHO = {"SQITCH_FULLNAME": "Dée Bà", "SQITCH_EMAIL": "dee@example.org"}
ONE = """%syntax-version=1.0.0
%project=one
%uri=https://example.org/one

a 2026-01-01T00:00:00Z Pä <p@x.org> # First.
b [a] 2026-01-09T08:07:06Z P <p@x.org> # Second,\\n\\nin “three” lines.\\n  Indented.
@v1 2026-01-10T00:00:02Z P <p@x.org> # One.
@v1.1 2026-01-10T00:00:02Z P <p@x.org> # One, mended.
change-with-a-long-name [b@v1 !f !two:y] 2026-02-28T23:59:59Z Q <q@x.org> # Ünïcode.
@v2 2026-03-01T00:00:00Z P <p@x.org> # Two.
b [b@v2 a] 2026-07-04T12:30:00Z P <p@x.org> # Reworked.
d 2026-11-01T05:30:00Z Q <q@x.org> # Fails.\\n
e [d] 2026-12-31T23:30:00Z P <p@x.org> # Last.
@v3 2027-01-01T00:00:00Z P <p@x.org> # Three.
-f 2027-01-03T12:00:00Z P <p@x.org> # Taken back in the plan.
"""
TWO = """%syntax-version=1.0.0
%project=two

x [one:a] 2026-05-05T05:05:05Z P <p@x.org> # Of another project.
"""
NAMES = ("a", "b", "b@v2", "change-with-a-long-name", "d", "e", "f", "x")


@dataclass(frozen=True)
class World:
    """One registry with a past, the projects on disk, and an empty database."""

    root: Path
    full: str
    single: str
    empty: str


def project(directory: Path, plan: str | None) -> None:
    """Write a project whose scripts do nothing, but d's, which fails."""
    for kind in ("deploy", "revert", "verify"):
        (directory / "sql" / kind).mkdir(parents=True)
        for name in NAMES:
            text = "select 1 / 0;" if (name, kind) == ("d", "deploy") else "select 1;"
            (directory / "sql" / kind / f"{name}.sql").write_text(f"-- {name}\n{text}")
    (directory / "sqitch.conf").write_text("[core]\n\tengine = pg\n\ttop_dir = sql\n")
    if plan is not None:
        (directory / "sql" / "sqitch.plan").write_text(plan)


def uri(dsn: str) -> str:
    """Return a conninfo as Sqitch writes it."""
    known = conninfo_to_dict(dsn)
    where = f"?host={known['host']}&port={known['port']}"
    return f"db:pg://{known['user']}@/{known['dbname']}{where}"


def environment(root: Path, zone: str) -> dict[str, str]:
    """Return what both tools see."""
    kept = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "LANGUAGE"}}
    fixed = {"LC_ALL": "C.UTF-8", "HOME": str(root), "TZ": zone}
    return kept | WHO | fixed


def theirs(oracle: Warm, directory: Path, *words: str, zone: str = "UTC") -> Done:
    """Run the real sqitch."""
    return oracle.run(directory, environment(directory.parent, zone), *words)


@pytest.fixture(scope="module")
def world(
    oracle: Warm, server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Let the real sqitch deploy, fail and revert, two projects in one registry."""
    if server.password:
        pytest.skip("the URI that both print carries no password")
    root = tmp_path_factory.mktemp("report")
    edited = ONE.replace("# First.", "# Edited.")
    plans = {"one": ONE, "two": TWO, "edited": edited, "none": None}
    plans |= {
        "other": TWO.replace("=two", "=other"),
        "void": ONE[: ONE.index("a 2026")],
    }
    for name, plan in plans.items():
        project(root / name, plan)
    names = [f"learnplan_report_{place}_{os.getpid()}" for place in range(3)]
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        for name in names:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        full, single, empty = (uri(server.dsn(name)) for name in names)
        for code, where, *words in (
            (0, "one", "deploy", full, "--to", "@v2"),
            (0, "one", "revert", full, "--to", "a", "-y"),
            (2, "one", "deploy", full, "--mode", "change"),
            (0, "two", "deploy", full),
            (0, "one", "deploy", single, "--to", "a"),
        ):
            done = theirs(oracle, root / where, *words)
            assert code == done.code, done
        yield World(root, full, single, empty)
        for name in names:
            drop = sql.SQL("drop database {} with (force)")
            admin.execute(drop.format(sql.Identifier(name)))


CODES = (
    "format:%e|%L|%l|%H|%h|%{8}h|%n|%o|%t|%T|%{+}T|%s|%{>}s|%r|%{;}r|%x|%R%X|%v|%%",
    "format:<%b><%{> }b><%B><%{--}B>",
    "format:%{event}_%{change}_%{committer}_%{planner}_%{by}_%{date}_%{committed}_"
    "%{planned}_%{name}_%{project}_%{email}_%{requires}_%{conflicts}_",
    "format:%{event}a%{project}a%{change_id}a%{change}a%{note}a%{tags}a%{requires}a"
    "%{conflicts}a%{planned_at}a%{planner_name}a%{planner_email}a",
    "format:%{date}p|%{date:rfc}p|%{d:raw}p|%{d}p|%{n}p|%{name}p|%{e}p|%{email}p|%p"
    "|%{x}p|%{date:strftime:%Y %j}p|%{date:cldr:EEEE}p|%{date:full}p",
    "format:[%20n][%-20n][%.3n][%-12.5n][%025n][%8{name}p]% n 100%",
    "format:%{red}C%n%{reset}C%{bold blue on_white}C%{:event}C%{rgb123}C%{ansi9}C"
    "%{grey5}C%{on_bright_red}C%{r1g2b3}C",
)
COMMON: list[tuple[str, ...]] = [
    (),
    *(("-f", name) for name in ("raw", "full", "long", "medium", "short", "oneline")),
    ("--oneline", "--abbrev", "9", "-n", "3", "--skip", "1"),
    ("-n2", "--reverse", "--color", "always"),
    ("--change", "^b$", "--oneline", "--no-headers"),
]
LOG: list[tuple[str, ...]] = [
    *COMMON,
    ("--skip", "2", "--reverse", "--format", "oneline", "--no-color"),
    ("--abbrev", "12", "--format", "long", "--color", "never"),
    ("--skip", "100"),
    ("--event", "revert", "--oneline"),
    ("--change-pattern", "-[a-z]+-", "--no-headers"),
    ("--change", "nothing"),
    *(("-f", text, "--color", "always", "--no-headers") for text in CODES),
    ("--event", "fail", "--event", "revert", "--oneline"),
    ("--project", "two", "-f", "full"),
    ("--committer", "^D.e"),
    ("--committer", "dee"),
    ("--event", "bogus"),
    ("-f", "format:%c %{date}c %{committed_at}a%{committer_name}a%{committer_email}a"),
    ("a",),
]
PLAN: list[tuple[str, ...]] = [
    *COMMON,
    ("--skip", "100"),
    ("--planner", "^Q", "-f", "full"),
    ("--event", "DEPLOY", "--oneline", "-n", "2"),
    ("--change", "b", "-n", "3", "--skip", "1", "--oneline"),
    ("-f", "format:%c|%{name}c"),
]
DATES = [
    *("iso", "iso8601", "raw", "rfc", "rfc2822", "full", "long", "medium", "short"),
    "cldr:G GGGG GGGGG y yy yyy yyyy yyyyyyy u uuuuuu Y YYYY Q QQ QQQ QQQQ QQQQQ q qqqq",
    "cldr:M MM MMM MMMM MMMMM L LL LLL LLLL LLLLL w ww W d dd D DD DDD F g E EEEE EEEEE",
    "cldr:e ee eee eeee eeeee c cc ccc cccc ccccc a aa h hh H HH K KK k kk j jj m mm s",
    "cldr:ss S SSSSSS A z zzzz Z ZZZZ ZZZZZ v vvvv V VVVV 'quo''ted' '' o'clock x b",
    "strftime:%a %A %b %B %c %C %d %D %e %F %g %G %h %H %I %j %k %l %m %M %n %N %3N",
    "strftime:%p %P %r %R %s %S %t %T %u %U %V %w %W %x %X %y %Y %z %Z %% %E",
]
METHODS = (
    "strftime:%{day_name} %{month_abbr} %{ymd} %{mdy} %{dmy} %{hms} %{iso8601} %{nope}"
    " %{quarter} %{hour_12} %{day_of_year} %{week_number} %{time_zone_long_name} %0N"
)
STATUS: list[tuple[str, str, tuple[str, ...]]] = [
    ("one", "full", ()),
    ("one", "full", ("--show-tags", "--show-changes")),
    ("one", "full", ("--show-tags", "--date", "raw")),
    ("one", "full", ("--project", "two", "--show-changes", "--show-tags")),
    ("one", "full", ("--project", "nope")),
    ("two", "full", ("--show-tags",)),
    ("one", "single", ("--show-changes", "--show-tags", "--date-format", "long")),
    ("one", "empty", ()),
    ("one", "empty", ("--show-tags",)),
    ("other", "full", ()),
    ("edited", "full", ("--show-changes",)),
    ("none", "full", ()),
    ("none", "full", ("--project", "two")),
    ("none", "single", ()),
    ("none", "empty", ()),
]


def cases(world: World) -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Return directory, words and zone of each case."""
    found = {}
    for options in LOG:
        found[f"log {options}"] = ("one", ("log", world.full, *options), "UTC")
    for options in PLAN:
        found[f"plan {options}"] = ("one", ("plan", *options), "UTC")
    found["log empty"] = ("one", ("log", world.empty), "UTC")
    found["plan empty"] = ("void", ("plan",), "UTC")
    for where, database, options in STATUS:
        words = ("status", getattr(world, database), *options)
        found[f"status {where} {database} {options}"] = (where, words, "UTC")
    for zone in ("America/St_Johns", "UTC"):
        form = "\n".join(f"%{{date:{date}}}p" for date in DATES)
        form = f"format:{form}\n%{{date}}p"
        words = ("plan", "--no-headers", "-f", form, "--date", METHODS)
        found[f"dates {zone}"] = ("one", words, zone)
    new_york = ("status", world.full, "--date", "full", "--show-tags")
    found["status elsewhere"] = ("one", new_york, "America/New_York")
    return found


def ours(directory: Path, words: tuple[str, ...], zone: str) -> Any:
    """Run our command in this process, with the zone asked for."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        arguments = ["-C", str(directory), *words]
        return CliRunner().invoke(cli, arguments, prog_name="learnplan-db")
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def test_all_is_printed_as_sqitch_prints_it(oracle: Warm, world: World) -> None:
    """Standard output and exit code are equal in every case."""
    different, codes, deploys = {}, set(), 0
    for name, (where, words, zone) in cases(world).items():
        expected = theirs(oracle, world.root / where, *words, zone=zone)
        done = ours(world.root / where, words, zone)
        if (expected.code, expected.out) != (done.exit_code, done.stdout):
            different[name] = (expected, (done.exit_code, done.stdout, done.stderr))
        codes.add(expected.code)
        deploys += "Deploy" in expected.out
    assert {} == different
    assert {0, 1, 2} == codes
    assert deploys > 20


REFUSED = (
    ("plan", "-f", "nope"),
    ("plan", "-f", "format:%z"),
    ("plan", "-f", "format:%{nope}a"),
    ("plan", "--date", "nope"),
    ("plan", "--color", "nope"),
    ("plan", "--change", "("),
    ("plan", "--event", "nope"),
    ("log", "FULL", "--change", "("),
    ("log", "FULL", "--project", "[", "--json"),
    ("log", "FULL", "-n", "-1"),
    ("log", "FULL", "-f", "format:%{date:nope}c"),
    ("status", "FULL", "--date", "nope"),
)


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_sqitch_refuses_is_refused(
    oracle: Warm, world: World, words: tuple[str, ...]
) -> None:
    """Both fail; ours with exit code 2 and a reason; no output, or that reason as JSON."""
    given = tuple(world.full if word == "FULL" else word for word in words)
    plain = [word for word in given if word != "--json"]
    assert theirs(oracle, world.root / "one", *plain).code in {2, 255}
    done = ours(world.root / "one", given, "UTC")
    assert 2 == done.exit_code
    if "--json" in words:
        assert [2, 2] == [
            json.loads(done.stdout)["error"]["exit_code"],
            json.loads(done.stderr)["exit_code"],
        ]
        return
    assert "" == done.stdout
    assert "rror: " in done.stderr


def test_filters_of_log_are_all_to_hold(oracle: Warm, world: World) -> None:
    """Sqitch builds invalid SQL of two filters; each of ours narrows the search."""
    two = ("--change", "^b$", "--event", "revert", "--no-headers", "-f", "format:%n %e")
    assert 2 == theirs(oracle, world.root / "one", "log", world.full, *two).code
    done = ours(world.root / "one", ("log", world.full, *two), "UTC")
    assert (0, "b revert\n") == (done.exit_code, done.stdout)


def test_quiet_drops_only_that_there_is_nothing(oracle: Warm, world: World) -> None:
    """With --quiet the mild messages go; what was asked for stays."""
    for words in (
        ("log", world.empty),
        ("status", world.empty),
        ("status", world.full),
    ):
        expected = theirs(oracle, world.root / "one", "--quiet", *words)
        done = ours(world.root / "one", ("--quiet", *words), "UTC")
        assert (expected.code, expected.out) == (done.exit_code, done.stdout)


def test_other_projects_are_named_on_standard_error(world: World) -> None:
    """Where nothing of this project is there, but of others: the wrong database?"""
    done = ours(world.root / "other", ("status", world.full), "UTC")
    assert (1, "Other projects here: one, two\n") == (done.exit_code, done.stderr)


def test_disagreement_is_explained_line_by_line(world: World) -> None:
    """Each deployed change that the plan has not so, with what is different."""
    done = ours(world.root / "edited", ("status", world.full), "UTC")
    lines = done.stderr.splitlines()
    assert "error: the database and the plan disagree from a on" == lines[0]
    assert lines[1].startswith("     1  a has another ")
    assert lines[1].endswith(" in line 5")
    assert lines[-1].startswith("  fix  ")


def test_json_holds_what_the_text_says(world: World) -> None:
    """The fields of log, plan and status, and --check for what is pending."""

    def asked(*words: str) -> tuple[int, dict[str, Any]]:
        done = ours(world.root / "one", (*words, "--json"), "UTC")
        return done.exit_code, json.loads(done.stdout)

    code, found = asked("status", world.full, "--check")
    assert (1, False, ["two"]) == (code, found["up_to_date"], found["other_projects"])
    assert ["a", "b", "change-with-a-long-name", "b"] == [
        one["name"] for one in found["deployed"]
    ]
    assert ["d", "e", "f"] == [one["name"] for one in found["pending"]]
    code, found = asked("status", world.empty)
    assert (1, [], 7) == (code, found["deployed"], len(found["pending"]))
    code, found = asked("log", world.full, "--event", "fail")
    assert (0, 1, "d") == (code, found["schema_version"], found["events"][0]["change"])
    code, found = asked("log", world.empty)
    assert (1, []) == (code, found["events"])
    code, found = asked("plan", "--change", "^b$")
    assert [["a"], ["b@v2", "a"]] == [one["requires"] for one in found["changes"]]


def test_old_registry_elsewhere_can_be_read(
    oracle: Warm, world: World, fresh_dsn: Callable[[], str]
) -> None:
    """A registry before 1.0, in a schema of another name, by a role that may only read."""
    dsn, role = fresh_dsn(), f"reader_{os.getpid()}"
    schema = "Old Registry"
    words = (uri(dsn), "--registry", schema)
    done = theirs(oracle, world.root / "two", "deploy", *words, "--log-only")
    assert 2 == done.code  # x requires one:a
    theirs(oracle, world.root / "one", "deploy", *words, "--to", "@v2")
    with psycopg.connect(dsn, autocommit=True) as admin:
        for statement in (
            f'drop table "{schema}".releases',
            f'alter table "{schema}".changes drop column script_hash',
            f"create role {role} login",
            f'grant usage on schema "{schema}" to {role}',
            f'grant select on all tables in schema "{schema}" to {role}',
            f"alter role {role} set default_transaction_read_only = on",
        ):
            admin.execute(statement.encode())
        try:
            for command in ("status", "log"):
                asked = (command, *words, "-u", role)
                expected = theirs(oracle, world.root / "one", *asked)
                found = ours(world.root / "one", (command, *words), "UTC")
                assert 0 == expected.code, expected
                lines = expected.out.splitlines()[1:]
                assert lines == found.stdout.splitlines()[1:]
                with session.connect(make_conninfo(dsn, user=role)) as reader:
                    assert history.newest(reader, schema, "one")
                    assert any(history.events(reader, schema, history.Search()))
        finally:
            admin.execute(f"drop owned by {role}; drop role {role}".encode())


def test_many_events_need_little_memory(world: World, database: str) -> None:
    """Events are fetched in batches; 20,000 of 1 kB take less than 10 MB.

    A reader who leaves early leaves no transaction open.
    """
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("create schema sqitch")
        admin.execute(
            "create table sqitch.events as select 'deploy' as event, n::text as"
            " change_id, 'c' as change, 'p' as project, repeat('n', 1000) as note,"
            " '{}'::text[] as requires, '{}'::text[] as conflicts, '{}'::text[] as tags,"
            " now() + n * interval '1s' as committed_at, 'D' as committer_name,"
            " 'd@x' as committer_email, now() as planned_at, 'P' as planner_name,"
            " 'p@x' as planner_email from generate_series(1, 20000) as n"
        )
    with session.connect(database) as connection:
        tracemalloc.start()
        count = sum(1 for _ in history.events(connection, "sqitch", history.Search()))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        with closing(history.events(connection, "sqitch", history.Search())) as some:
            next(some)
        assert TransactionStatus.IDLE == connection.info.transaction_status
    assert 20000 == count
    assert peak < 10_000_000


@pytest.mark.parametrize(
    ("variables", "words", "expected"),
    [
        ({}, ["-n1"], b"\x1b[32m"),
        ({"NO_COLOR": "1"}, ["-n1", "--color", "always"], b"deploy a"),
        ({"SQITCH_PAGER": "sed s/deploy/PAGED/"}, ["-n2"], b"PAGED"),
        ({"PAGER": "sed s/deploy/PAGED/"}, ["-n2", "--no-pager"], b" deploy"),
    ],
)
def test_terminal_gets_colors_and_a_pager(
    sqitch: str,
    world: World,
    variables: dict[str, str],
    words: list[str],
    expected: bytes,
) -> None:
    """On a terminal both tools write the same escape sequences, through the pager."""
    known = environment(world.root, "UTC") | {"PAGER": "cat", "TERM": "xterm"}
    options = ["plan", "--oneline", *words]
    mine = [sys.executable, "-m", "learnplan_db"]
    found = [
        on_terminal([*program, *options], world.root / "one", known | variables)
        for program in ([sqitch], [*mine, "-C", "."])
    ]
    assert found[0] == found[1]
    assert expected in found[1]


def on_terminal(command: list[str], directory: Path, known: dict[str, str]) -> bytes:
    """Return what a command writes to a terminal."""
    ours_end, its_end = pty.openpty()
    done = subprocess.Popen(
        command, cwd=directory, env=known, stdin=its_end, stdout=its_end, stderr=its_end
    )
    os.close(its_end)
    parts = []
    with suppress(OSError):  # the terminal is gone when all have closed it
        while part := os.read(ours_end, 4096):
            parts.append(part)
    os.close(ours_end)
    assert 0 == done.wait()
    return b"".join(parts)

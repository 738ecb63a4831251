"""
Names that mean something to SQL, to a shell, to libpq or to Python's formatting.

Each works from deploy to revert, or is refused in our own words; nothing in it is ever
run. Canaries show that: a table and a role for SQL, a file for a shell.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fix_tools import some
from warm import warm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fix_database import TestServer
    from warm import Done, Warm

DROP = "drop table canary; drop role hostile_canary"
NAMES = {
    "literal": f"'; {DROP}; --",
    "identifier": f'"; {DROP}; --',
    "dollar": f"$$; {DROP}; $$ $1 $x$",
    "shell": "$(touch canary) `touch canary`; touch canary | touch canary &",
    "percent": "%s %(name)s %% %41 %",
    "braces": "{} {0} {name} {{ 7 * 7 }}",
    "backslash": "\\'; \\\" \\n \\",
    "newline": "line\nbreak\r\n\ttab",
    "unicode": "Zoë 漢字 🎓 \u202e",
    "control": "\x1b]0;title\x07\x1b[31mred",
    "dash": "-c --help",
    "spaces": "  both ends  ",
    "uri": "u:p@h:1/n?a=b&c=d#e",
    "conninfo": "host=h user='u' x",
    "upper": "MiXed_Case",
    "long": "x" * 63,
    "long-bytes": "é" * 31,
}
# What Sqitch's grammar takes for the name of a change or tag.
CHANGES = {
    "quotes": "a';drop/table/canary;--'b",
    "double": 'a";drop"b',
    "shell": "a$(touch$IFS/canary)`touch`b",
    "percent": "a%s%(x)sb",
    "braces": "a{}{0}{{b}}c",
    "stars": "a*?{b}c",
    "unicode": "Zoë漢字🎓x",
    "long": "x" * 200,
    "pipes": "a|b&c>d<e;f",
    "dash": "a--help",
}
BAD_CHANGES = [
    "-rf",
    "a b",
    "a:b",
    "a#b",
    "a@b",
    "a\\b",
    "",
    "a\nb",
    "a[b]c",
    "x" * 300,
]
# A backslash and n are a line break to Sqitch, too.
NOTES = [note.replace("\\n", "\\t") for note in NAMES.values()]
NOTES += ["<script>alert(1)</script>", "a\\nb"]


@pytest.fixture(scope="module")
def ours() -> Iterator[Warm]:
    """Provide the command line, warm."""
    with warm("ours", "") as found:
        yield found


class Place:
    """A project in a directory, and how the commands are run there."""

    def __init__(self, ours: Warm, root: Path, home: Path) -> None:
        self.ours, self.root, self.home = ours, root, home
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "SQITCH_FULLNAME": "Ann",
            "SQITCH_EMAIL": "ann@example.org",
        }
        root.mkdir(parents=True, exist_ok=True)
        (root / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
        head = "%syntax-version=1.0.0\n%project=flip\n\n"
        (root / "sqitch.plan").write_text(head)

    def run(self, *words: str) -> Done:
        """Run a command, which may fail, but only in our own words."""
        done = self.ours.run(self.root, self.environ, "-C", ".", *words)
        assert "Traceback" not in done.err, done.err
        assert not [*self.root.rglob("canary"), *self.home.glob("canary")]
        return done

    def done(self, *words: str) -> str:
        """Run a command that works, and return what it prints."""
        done = self.run(*words)
        assert 0 == done.code, (words, done)
        return done.out

    def add(self, *names: str, note: str = "a note") -> None:
        """Plan changes, each with scripts that only say something."""
        for name in names:
            self.done("add", "-n", note, "--", name)
            for kind in ("deploy", "revert", "verify"):
                (self.root / kind / f"{name}.sql").write_text(f"-- {name}\nselect 1;\n")

    def walk(self, *target: str, registry: str = "sqitch") -> None:
        """Deploy, look in every way, verify and revert."""
        more = ("--registry", registry) if registry != "sqitch" else ()
        self.done("deploy", "--verify", *more, *target)
        for words in (
            ("status", "--show-changes", "--show-tags"),
            ("status", "--json"),
            *(("log", "-f", form) for form in ("raw", "full", "oneline")),
            ("log", "--json"),
            ("verify",),
            ("check",),
            ("revert", "-y"),
        ):
            self.done(*words, *more, *target)
        assert 1 == self.run("status", *more, *target).code


@pytest.fixture
def place(ours: Warm, tmp_path: Path) -> Place:
    """Provide an empty project."""
    return Place(ours, tmp_path, tmp_path)


class Nest:
    """A server with canaries: what a name might have dropped."""

    def __init__(self, server: TestServer) -> None:
        self.server = server
        self.admin = psycopg.connect(server.dsn("postgres"), autocommit=True)
        self.databases: list[str] = []
        self.admin.execute("create role hostile_canary")

    def database(self, name: str, owner: str | None = None) -> dict[str, Any]:
        """Make a database, with a table that must stay, and return how to reach it."""
        identifier = sql.Identifier(name)
        text = "create database {} template template0"
        if self.admin.info.server_version >= 150000:
            text += " strategy file_copy"
        text += " owner {}"
        role = sql.Identifier(owner or self.server.user)
        self.admin.execute(sql.SQL(text).format(identifier, role))
        self.databases.append(name)
        with psycopg.connect(self.server.dsn(name), autocommit=True) as there:
            there.execute("create table canary ()")
        return conninfo_to_dict(self.server.dsn(name))

    def check(self) -> None:
        """Assert that what must stay is there."""
        for name in self.databases:
            with psycopg.connect(self.server.dsn(name)) as there:
                row = there.execute("select 'canary'::regclass::text").fetchone()
                assert ("canary",) == row
        role = "select 1 from pg_roles where rolname = 'hostile_canary'"
        assert (1,) == self.admin.execute(role).fetchone()

    def close(self) -> None:
        """Drop it all."""
        for name in self.databases:
            drop = sql.SQL("drop database {} with (force)")
            self.admin.execute(drop.format(sql.Identifier(name)))
        self.admin.execute("drop role hostile_canary")
        self.admin.close()


@pytest.fixture
def nest(server: TestServer) -> Iterator[Nest]:
    """Provide the canaries, which the test's end looks for."""
    found = Nest(server)
    try:
        yield found
        found.check()
    finally:
        found.close()


def as_uri(known: dict[str, Any]) -> str:
    """Return a target as Sqitch writes one."""
    coded = {k: quote(str(v), safe="") for k, v in known.items()}
    secret = f":{coded['password']}" if known.get("password") else ""
    where = f"{coded['host']}:{coded['port']}/{coded['dbname']}"
    return f"db:pg://{coded['user']}{secret}@{where}"


@pytest.mark.parametrize("name", some(NAMES.values(), NAMES))
def test_database_of_any_name(place: Place, nest: Nest, name: str) -> None:
    """A database is reached and deployed to by URI and by conninfo, whatever its name."""
    known = nest.database(name)
    place.add("one", "two")
    place.done("tag", "-n", "a tag", "v1")
    place.walk(as_uri(known))
    place.walk(make_conninfo("", **known))


@pytest.mark.parametrize("name", some(NAMES.values(), NAMES))
def test_registry_and_login_of_any_name(place: Place, nest: Nest, name: str) -> None:
    """The registry's schema and the login that deploys may be called anything."""
    role = sql.Identifier(name)
    known = nest.database("learnplan hostile", nest.server.user)
    nest.admin.execute(sql.SQL("create role {} login password 'x'").format(role))
    try:
        place.add("one")
        target = as_uri(known | {"user": name, "password": "x"})
        told = place.run("deploy", "--registry", name, target)
        assert 2 == told.code
        assert "grant create on database" in told.err
        # What the error says to run is quoted, and helps.
        if name in told.err:  # a terminal is told no escape, nobody a password
            grant = told.err.partition("administrator: ")[2].partition("; or, for")[0]
            nest.admin.execute(grant.encode())
        else:
            grant_ = sql.SQL("grant create on database {} to {}")
            nest.admin.execute(
                grant_.format(sql.Identifier(str(known["dbname"])), role)
            )
        place.walk(target, registry=name)
    finally:
        drop = sql.SQL("drop owned by {}; drop role {}")
        with psycopg.connect(nest.server.dsn("learnplan hostile")) as there:
            there.execute(drop.format(role, role))


@pytest.mark.parametrize("name", CHANGES.values(), ids=CHANGES)
def test_change_and_tag_of_any_name(place: Place, nest: Nest, name: str) -> None:
    """What the plan's grammar takes is planned, deployed, shown and reverted."""
    if len(name.encode()) > 150:
        place.add(name[:150])
    else:
        place.add(name)
    place.done("tag", "-n", "a tag", "--", name.replace("/", "_")[:150])
    planned = place.done("plan", "--json")
    assert name[:150] in [one["name"] for one in json.loads(planned)["changes"]]
    place.done("show", "change", name[:150])
    place.walk(as_uri(nest.database("learnplan hostile")))


@pytest.mark.parametrize("name", BAD_CHANGES)
def test_change_that_no_plan_can_name_is_refused(place: Place, name: str) -> None:
    """What the grammar does not take is refused, and nothing is written."""
    before = (place.root / "sqitch.plan").read_text()
    done = place.run("add", "-n", "a note", "--", name)
    assert 2 == done.code, done
    assert done.err.strip()
    assert before == (place.root / "sqitch.plan").read_text()


def test_notes_and_planners_of_any_text(place: Place, nest: Nest) -> None:
    """A note, and the name of who plans or deploys, comes back as it was given."""
    for number, note in enumerate(NOTES):
        place.environ["SQITCH_FULLNAME"] = "O'Neil %s {} $(touch canary) \\'; \"Zoë\""
        place.add(f"n{number}", note=note)
    target = as_uri(nest.database("learnplan hostile"))
    place.done("deploy", target)
    found = json.loads(place.done("log", "--json", "--reverse", target))
    notes = [event["note"] for event in found["events"]]
    kept = [note.replace("\\n", "\n").strip() for note in NOTES]
    assert kept == notes
    names = {event["committer"] for event in found["events"]}
    assert {f"{place.environ['SQITCH_FULLNAME']} <ann@example.org>"} == names
    place.done("revert", "-y", target)


@pytest.mark.parametrize("client", [(), ("--client", "psql")], ids=["ours", "psql"])
def test_variables_and_paths_of_any_text(
    ours: Warm, tmp_path: Path, nest: Nest, psql: str, client: tuple[str, ...]
) -> None:
    """A variable's value stays inside its quotes, a directory's name is only a name."""
    folder = "a b'\";$(touch canary)`touch canary`%s{}\\ -x"
    place = Place(ours, tmp_path / folder, tmp_path)
    place.add("one")
    script = "create table t as select :'v' as v;\nalter table t rename to :\"v\";\n"
    (place.root / "deploy" / "one.sql").write_text(script)
    known = nest.database("learnplan hostile")
    target = as_uri(known)
    with psycopg.connect(make_conninfo("", **known), autocommit=True) as admin:
        for name in ("literal", "identifier", "shell", "percent", "braces", "unicode"):
            value = NAMES[name][:40]
            words = ["--set", f"v={value}", *client, target]
            place.done("deploy", "--no-verify", *words)
            table = sql.Identifier(value)
            found = admin.execute(sql.SQL("table {}").format(table)).fetchone()
            assert (value,) == found
            admin.execute(sql.SQL("drop table {}").format(table))
            place.done("revert", "-y", *client, target)
    place.done("bundle", "--dest-dir", folder)
    assert (place.root / folder / "sqitch.plan").exists()


@pytest.mark.parametrize("part", ["host", "user", "dbname"])
def test_nul_is_refused(place: Place, nest: Nest, part: str) -> None:
    """A NUL, which no name of the server can hold, is refused in our own words."""
    known = conninfo_to_dict(nest.server.dsn("postgres"))
    done = place.run("status", as_uri(known | {part: "a\0b"}))
    assert 2 == done.code, done


@pytest.mark.parametrize("name", [n for n in NAMES.values() if n != NAMES["long"]])
def test_role_of_the_policies_is_a_plain_name(place: Place, name: str) -> None:
    """Templates put roles into SQL: what is more than a name is refused beforehand."""
    for words in (("render", "--out", "own"), ("prove",)):
        done = place.run(*words, "--set", f"authenticated={name}")
        assert 2 == done.code, done
        assert "role name" in done.err
    assert not (place.root / "own").exists()

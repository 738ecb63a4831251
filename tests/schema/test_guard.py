"""
Data migrations that row security would silently turn into nothing, and their twins.

``tests/migrations`` holds pairs, on the small application of ``world.sql``: how many
rows the blind one changes without the guard, and how many the correct one changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from learnplan_db import errors

if TYPE_CHECKING:
    from fix_guard import Guarded

ROOT = Path(__file__).parents[2]
MIGRATIONS = Path(__file__).parents[1] / "migrations"
WORLD = (MIGRATIONS / "world.sql").read_text()
MARK = "-- the guard stops:\n"
ROLE = "set local role service_role"
PLAYED = "\n\\set played 1"  # as psql plays it, rather than as one message


@dataclass(frozen=True)
class Pair:
    """A blind migration and its correct twin; ``changed`` counts what they did."""

    changed: str
    numbers: tuple[int, int]
    blind: str
    correct: str
    read: bool
    bare: bool

    @property
    def lines(self) -> range:
        """Return the lines of the blind one's statement that is stopped."""
        before, _, after = self.blind.partition(MARK)
        first = before.count("\n") + 2
        return range(first, first + after.partition("\n\n")[0].count("\n") + 1)


def load(name: str) -> Pair:
    """Read a pair."""
    text = (MIGRATIONS / f"{name}.sql").read_text()
    head, blind, correct = re.split(
        r"^-- (?:blind|correct):\n", text, flags=re.MULTILINE
    )
    changed = re.search(r"^-- changed: (.*)", head, re.MULTILINE)
    numbers = re.search(r"^-- blind (\d+), correct (\d+)$", head, re.MULTILINE)
    assert changed is not None, name
    assert numbers is not None, name
    counts = int(numbers[1]), int(numbers[2])
    read, bare = "-- refused by reading" in head, "-- not one transaction" in head
    return Pair(changed[1], counts, blind.strip(), correct.strip(), read, bare)


NAMES = sorted(path.stem for path in MIGRATIONS.glob("[0-9]*.sql"))
PAIRS = {name: load(name) for name in NAMES}
SHAPES = ("one message", "played", "not one transaction")


def shaped(text: str, shape: str) -> str:
    """Return a script, its statements one line below where they stand in ``text``."""
    if shape == "not one transaction":
        return "-- bare\n" + text.replace("set local role", "set role")
    return f"begin;\n{text}\ncommit;" + (PLAYED if shape == "played" else "")


def shapes(pair: Pair) -> tuple[str, ...]:
    """Return the shapes in which a pair makes sense."""
    return SHAPES[-1:] if pair.bare else SHAPES


class Trial:
    """One pair, tried again and again on a new world, each time as a new change."""

    def __init__(self, guarded: Guarded, pair: Pair) -> None:
        """Try nothing yet."""
        self.guarded, self.pair = guarded, pair

    def run(self, text: str, *, dsn: str = "") -> int:
        """Deploy a script on a new world; return how many rows it has changed."""
        guarded = self.guarded
        with psycopg.connect(guarded.dsn, autocommit=True) as owner:
            owner.execute("set client_min_messages = error")
            owner.execute(WORLD.encode())
        guarded.admin.execute("refresh materialized view app.titles")
        guarded.count += 1
        guarded.change(f"change_{guarded.count}", text)
        guarded.deploy(dsn=dsn)
        return self.changed()

    def changed(self) -> int:
        """Count what has changed; a table that is not there has not."""
        try:
            return int(self.guarded.ask(self.pair.changed))
        except psycopg.errors.UndefinedTable:
            return 0

    def stopped(self, text: str) -> None:
        """Assert that a script is stopped: where, why, what to do, nothing done."""
        with pytest.raises(errors.ScriptError) as caught:
            self.run(text)
        error, lines = caught.value, self.pair.lines
        name = f"sql/deploy/change_{self.guarded.count}.sql"
        where = re.match(rf"{name}:(\d+)", error.where or "")
        assert where, error
        assert int(where[1]) - 1 in lines, error
        assert ROLE in (error.fix or "")
        assert (None if self.pair.read else "42501") == error.sqlstate
        assert 0 == self.changed()
        self.guarded.forget()


@pytest.mark.parametrize("name", NAMES)
def test_blind_migration_is_stopped_and_its_twin_is_not(
    guarded: Guarded, name: str
) -> None:
    """Without the guard it changes nothing or too much, and says nothing (threat 2)."""
    pair = PAIRS[name]
    trial = Trial(guarded, pair)
    blind, correct = pair.numbers
    for shape in shapes(pair):
        trial.stopped(shaped(pair.blind, shape))
        if pair.bare:
            assert correct == trial.run("-- bare\n" + pair.correct)
        else:
            assert correct == trial.run(shaped(pair.correct, shape)), shape
    guarded.unguard()
    shape = shapes(pair)[0]
    assert blind == trial.run(shaped(pair.blind, shape))


# What looks with the rights of a plain owner, or takes another role, is blind whoever
# deploys; what would undo the guard is refused for everybody.
ALWAYS = {
    *("08_definer_function", "09_definer_function_as_service", "13_refresh", "14_view"),
    *("15_view_as_service", "20_definer_trigger_as_service", "26_wrong_role"),
}


@pytest.mark.parametrize("attribute", ["superuser", "bypassrls"])
def test_who_sees_all_rows_is_never_stopped(guarded: Guarded, attribute: str) -> None:
    """A superuser's or a BYPASSRLS role's blind migration changes the rows: no alarm."""
    dsn = guarded.as_role(attribute)
    for name in NAMES if attribute == "superuser" else ("01_backfill", "10_merge"):
        pair = PAIRS[name]
        trial = Trial(guarded, pair)
        script = shaped(pair.blind, shapes(pair)[0])
        if pair.read or name in ALWAYS:
            with pytest.raises(errors.ScriptError):
                trial.run(script, dsn=dsn)
            assert 0 == trial.changed(), name
            guarded.forget()
        else:
            assert pair.numbers[1] == trial.run(script, dsn=dsn), name


@pytest.mark.parametrize("name", ["01_backfill", "05_do_block", "40_gset"])
def test_revert_script_is_guarded_too(guarded: Guarded, name: str) -> None:
    """What a revert script would do blindly is stopped; its twin does it."""
    pair = PAIRS[name]
    guarded.change("world", WORLD)
    guarded.change("one", "select 1;", shaped(pair.blind, "one message"))
    guarded.deploy()
    guarded.admin.execute("delete from app.stats")
    with pytest.raises(errors.ScriptError) as caught:
        guarded.revert(to="world")
    assert ROLE in (caught.value.fix or "")
    assert ["world", "one"] == guarded.deployed()
    revert = guarded.root / "sql" / "revert" / "one.sql"
    revert.write_text(shaped(pair.correct, "one message"))
    assert ["one"] == guarded.revert(to="world")
    assert pair.numbers[1] == guarded.ask(pair.changed)


NARROWED = (
    "drop policy service on app.audit;"
    " create policy seen on app.audit for select to service_role using (true);"
    " revoke all on app.audit from service_role;"
    " grant select, {} on app.audit to service_role; set local role service_role;"
)
HELD = (
    (NARROWED.format("select"), "on"),
    *((NARROWED.format(command), "off") for command in ("insert", "update", "delete")),
    (NARROWED.format("update (what)"), "off"),
    ("set local role service_role;", "on"),
    ("SET /* a role */ ROLE -- of the service\n 'service_role';", "on"),
    ("set session role service_role; reset role;", "off"),
    ("set local role authenticated;", "off"),
    ("set local role service_role; set local role none;", "off"),
    ("set local role service_role; reset all;", "on"),
    ("savepoint s; set local role service_role; rollback to s;", "off"),
    ("set local role service_role; set session authorization default;", "off"),
    ("drop policy service on app.audit; set local role service_role;", "off"),
    (
        "create policy no on app.audit as restrictive using (what <> '');"
        " set local role service_role;",
        "off",
    ),
    (
        "drop policy service on app.audit; revoke all on app.audit from service_role;"
        " set local role service_role;",
        "on",
    ),
    (
        "alter table app.archive owner to service_role; set local role service_role;",
        "off",
    ),
    ("select set_config('role', 'service_role', true);", "off"),
)


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_row_security_is_on_only_for_a_role_that_sees_all(
    guarded: Guarded, shape: str
) -> None:
    """Which roles and statements let the guard go, and which bring it back."""
    guarded.admin.execute(f"grant create on database {guarded.name} to service_role")
    for number, (statements, expected) in enumerate(HELD):
        with psycopg.connect(guarded.dsn, autocommit=True) as owner:
            owner.execute("set client_min_messages = error")
            owner.execute(WORLD.encode())
            owner.execute("grant create on schema app to service_role")
        shown = f"do $$ begin assert current_setting('row_security') = '{expected}'; end $$;"
        guarded.change(f"change_{number}", shaped(f"{statements}\n{shown}", shape))
        assert [f"change_{number}"] == guarded.deploy(), statements


def test_script_may_speak_of_row_security(guarded: Guarded) -> None:
    """To switch it off, to read it and to write a comment about it undoes nothing."""
    guarded.change(
        "one",
        "set local row_security = off; -- and not: set row_security = on;\n"
        "/* set row_security to on */\n"
        "select current_setting('row_security'), row_security_active('pg_class');\n"
        "do $$ begin -- set row_security = on\n"
        "  assert current_setting('row_security') = 'off'; end $$;",
    )
    assert ["one"] == guarded.deploy()


def test_plain_deployer_borrows_the_service_of_the_packaged_plan(
    guarded: Guarded, creator: None
) -> None:
    """The way that docs/data-migrations.md shows, on the real tables."""
    guarded.package(ROOT)
    guarded.deploy()
    guarded.admin.execute(
        "insert into learnplan.users (clerk_user_id, email, name)"
        " values ('a', 'a@x.org', ' Ann '), ('b', 'b@x.org', 'Bob')"
    )
    guarded.admin.execute(
        "insert into learnplan.learning_plans"
        " (user_id, topic, skill_level, weekly_hours, learning_style)"
        " select id, 'Topic of ' || name, 'beginner', 1, 'reading' from learnplan.users"
    )
    text = (ROOT / "docs" / "data-migrations.md").read_text()
    for number, script in enumerate(re.findall(r"```sql\n(.*?)```", text, re.DOTALL)):
        guarded.change(f"data_{number}", script)
    assert ["data_0", "data_1", "data_2"] == guarded.deploy()
    for count, query in (
        (1, "select count(*) from learnplan.users where name = 'Ann'"),
        (2, "select count(*) from learnplan_private.topics"),
        (2, "select count(*) from learnplan_private.plans_by_topic"),
    ):
        assert count == guarded.ask(query)

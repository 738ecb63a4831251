"""A host's own tables, triggers, policies and sessions in the way of a proof."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from fix_proof import faulty, proof_of
from learnplan_db.errors import ProofError
from learnplan_db.proof import target
from learnplan_db.proof.prover import prove

if TYPE_CHECKING:
    from collections.abc import Callable

    from fix_proof import Clones
    from learnplan_db.engine.progress import Progress

pytestmark = pytest.mark.gate

NO_CELLS = ["functions"]


def trigger(body: str, when: str, table: str) -> tuple[str, ...]:
    """Return what makes a trigger of the host's."""
    return (
        "create function public.host() returns trigger language plpgsql"
        f" as $$ begin {body}; end $$",
        f"create trigger host {when} on learnplan.{table}"
        " for each row execute function public.host()",
    )


@pytest.mark.parametrize(
    ("extra", "unproved"),
    [
        ("create table learnplan.host (i int)", ("host", "host.i")),
        ("create view learnplan.host as select 1 as i", ("host", "host.i")),
        (
            "create materialized view learnplan.host as select 1",
            ("host", "host.?column?"),
        ),
        ("alter table learnplan.users add host int", ("users.host",)),
        (
            "alter table learnplan.users add host int not null default 3",
            ("users.host",),
        ),
        ("alter table learnplan.users add h int generated always as (1) stored", ()),
        ('create table learnplan."x; y" (i int)', ("x; y", "x; y.i")),
        (
            "create function learnplan.host() returns int language sql as 'select 1'",
            ("host()",),
        ),
        ("create table public.users (i int)", ()),
        ("create sequence learnplan.host", ()),
        ("create index host on learnplan.users (name)", ()),
    ],
)
def test_more_than_the_matrix_knows(
    proved: str, extra: str, unproved: tuple[str, ...]
) -> None:
    """What no cell speaks of is told, and disturbs nothing."""
    proof = proof_of(proved, extra, tables=NO_CELLS)
    assert () == proof.findings
    assert unproved == proof.unproved


@pytest.mark.parametrize(
    ("extra", "cell", "got"),
    [
        (
            (
                "create policy host on learnplan.modules for select to public"
                " using (true)",
            ),
            "stranger select modules private",
            "rows",
        ),
        (
            (
                "create policy host on learnplan.modules as restrictive to"
                " authenticated using (title <> 'proved')",
            ),
            "owner insert modules(title) private",
            "refused-by-policy",
        ),
        (
            trigger("raise 'host says no'", "before delete", "tasks"),
            "owner delete tasks private",
            "error P0001: host says no",
        ),
        (
            trigger("return null", "before update", "tasks"),
            "owner update tasks(title) private",
            "hidden",
        ),
        (
            ("create rule host as on update to learnplan.tasks do instead nothing",),
            "owner update tasks(title) private",
            "hidden",
        ),
    ],
    ids=["policy", "restrictive", "raises", "null", "rule"],
)
def test_host_changes_an_outcome(
    proved: str, extra: tuple[str, ...], cell: str, got: str
) -> None:
    """What the host's own does to a cell is a finding."""
    proof = proof_of(proved, *extra, tables=[cell.split()[2].partition("(")[0]])
    found = {finding.name: finding for finding in proof.findings}
    assert found[cell].got.startswith(got)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (trigger("raise 'host says no'", "before insert", "tasks"), "host says no"),
        (
            trigger("return null", "before insert", "users"),
            "the row was not inserted, though nothing failed",
        ),
        (
            ("create rule host as on insert to learnplan.users do instead nothing",),
            "the row was not inserted, though nothing failed",
        ),
        (("alter table learnplan.users add host int not null",), '"host"'),
        (("alter table learnplan.tasks add check (title <> 'Proof')",), "check"),
        (("revoke insert on learnplan.users from service_role",), "permission denied"),
        (("alter table learnplan.task_progress disable trigger user",), "completed"),
    ],
    ids=["raises", "null", "rule", "column", "check", "grant", "no-trigger"],
)
def test_world_cannot_be_made(proved: str, extra: tuple[str, ...], said: str) -> None:
    """The row that cannot be made is shown with the reason, and nothing is proved."""
    with faulty(proved, *extra) as connection:
        with pytest.raises(ProofError, match="the service cannot make the rows") as one:
            prove(connection)
        assert said in one.value.message
        assert "\n  did  insert into learnplan." in one.value.message
        assert "triggers" in str(one.value.fix)
        connection.execute("select 1")


def test_event_trigger(proved: str) -> None:
    """An event trigger that forbids any change of the schema is none of ours."""
    extra = (
        "create function public.host() returns event_trigger language plpgsql"
        " as $$ begin raise 'frozen'; end $$",
        "create event trigger host on ddl_command_start execute function public.host()",
    )
    assert () == proof_of(proved, *extra).findings


def test_many_hostile_rows(clones: Clones) -> None:
    """Ten thousand rows with names that bite neither change the proof nor themselves."""
    dsn = clones.make()
    count = "select count(*), max(xmin::text::bigint) from learnplan.{}"
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        connection.execute(
            "insert into learnplan.users (clerk_user_id, email, name) select"
            " E'\\'; drop table x; --' || n, n || '@example.org', E'%s {{}} \\\\ \"' || n"
            " from generate_series(1, 10000) as n"
        )
        connection.execute(
            "insert into learnplan.learning_plans (user_id, topic, skill_level,"
            " weekly_hours, learning_style, visibility) select id, E'\\\\if \\'', 'beginner',"
            " 3, 'mixed', 'public' from learnplan.users"
        )
        connection.execute(
            'insert into learnplan.modules (plan_id, "order", title, estimated_minutes)'
            " select id, 1, '$$', 3 from learnplan.learning_plans"
        )
        tables = ("users", "learning_plans", "modules")
        before = [connection.execute(count.format(t)).fetchone() for t in tables]
        assert [10_000] * 3 == [row[0] for row in before if row]
        started = time.monotonic()
        assert () == prove(connection, effects=False, random=3, seed=1).findings
        assert time.monotonic() - started < 20
        assert before == [
            connection.execute(count.format(t)).fetchone() for t in tables
        ]


@pytest.mark.parametrize("other", ["users", "module_progress"])
def test_somebody_holds_a_lock(proved: str, other: str) -> None:
    """The prover waits two seconds for a lock of others, and says so."""
    with (
        closing(psycopg.connect(proved)) as holder,
        closing(psycopg.connect(proved, autocommit=True)) as connection,
    ):
        held = "alter view learnplan.module_progress set (security_invoker = true)"
        lock = "lock table learnplan.users in access exclusive mode"
        holder.execute(lock if other == "users" else held)
        started = time.monotonic()
        with pytest.raises(ProofError, match="canceling statement due to lock timeout"):
            prove(connection)
        assert time.monotonic() - started < 15
        holder.rollback()
        assert () == prove(connection, tables=NO_CELLS, effects=False).findings


def test_slow_trigger(proved: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first statement that takes too long ends it; the rest is not waited for."""
    sooner = target._SETTINGS.replace(
        "statement_timeout = '10s'", "statement_timeout = '1s'"
    )
    monkeypatch.setattr(target, "_SETTINGS", sooner)
    slow = trigger("perform pg_sleep(60); return new", "before update", "modules")
    with faulty(proved, *slow) as connection:
        started = time.monotonic()
        with pytest.raises(ProofError, match="due to statement timeout") as caught:
            prove(connection)
        assert 1 < time.monotonic() - started < 20
        assert "did  update learnplan.modules" in caught.value.message
        connection.execute("select 1")


def together(*acts: Callable[[], object]) -> None:
    """Run some things at once; fail if one does."""
    failures: list[BaseException] = []

    def guarded(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - the main thread reports it
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failures


def test_two_provers(proved: str) -> None:
    """Two provers on one database do not meet."""

    def act() -> None:
        with closing(psycopg.connect(proved, autocommit=True)) as connection:
            proof = prove(connection, effects=False, random=5)
            assert () == proof.findings

    together(act, act)


def test_application_does_not_wait(clones: Clones) -> None:
    """An application that writes all the time is held up by no lock of the prover's."""
    dsn = clones.make()
    done = threading.Event()
    slowest: list[float] = []
    locks: set[tuple[str, str]] = set()

    def write() -> None:
        with closing(psycopg.connect(dsn, autocommit=True)) as app:
            app.execute("set lock_timeout = '1s'")
            number = 0
            while not done.is_set():
                number += 1
                started = time.monotonic()
                app.execute(
                    "insert into learnplan.users (clerk_user_id, email) values (%s, %s)",
                    [f"app-{number}", f"app-{number}@example.org"],
                )
                app.execute("update learnplan.users set name = clerk_user_id")
                slowest.append(time.monotonic() - started)
            app.execute("delete from learnplan.users")

    def act() -> None:
        def look(step: Progress) -> None:
            if step.state != "start":
                with closing(psycopg.connect(dsn, autocommit=True)) as other:
                    locks.update(held(other, connection.info.backend_pid))

        try:
            with closing(psycopg.connect(dsn, autocommit=True)) as connection:
                assert () == prove(connection, tell=look).findings
        finally:
            done.set()

    together(write, act)
    assert len(slowest) > 10
    modes = {mode for _, mode in locks}
    assert modes <= {"AccessShareLock", "RowShareLock", "RowExclusiveLock"}


def held(connection: psycopg.Connection[Any], backend: int) -> list[tuple[str, str]]:
    """Return the locks on relations that a session holds."""
    return connection.execute(
        "select relation::regclass::text, mode from pg_catalog.pg_locks"
        " where pid = %s and locktype = 'relation' and granted",
        [backend],
    ).fetchall()

"""Prove --read-only: on a standby, beside real rows, and never a full proof."""

from __future__ import annotations

import json
import re
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import IsolationLevel
from psycopg.conninfo import make_conninfo

from fix_proof import fingerprint
from learnplan_db.cli import cli
from learnplan_db.errors import ProofError
from learnplan_db.evidence import terms
from learnplan_db.proof import sample
from learnplan_db.proof.reading import prove_reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from fix_servers import Peopled
    from learnplan_db.proof.nouns import Proof

ME = "(select learnplan.current_user_id())"
# What is broken on the primary, the tables to look at, and what the standby says of it.
FAULTS = {
    "modules are everybody's": (
        "alter policy modules_select_authenticated on learnplan.modules using (true)",
        "modules",
        "stranger select modules private",
    ),
    "users are everybody's": (
        "alter policy users_select_authenticated on learnplan.users using (true)",
        "users",
        "stranger select users profile",
    ),
    "progress is nobody's": (
        "drop policy task_progress_select_authenticated on learnplan.task_progress",
        "task_progress",
        "reader select task_progress turned-private",
    ),
    "public plans are private": (
        "alter policy learning_plans_select_authenticated on learnplan.learning_plans"
        f" using (user_id = {ME})",
        "learning_plans",
        "stranger select learning_plans public",
    ),
    "row security is off": (
        "alter table learnplan.tasks disable row level security",
        "tasks",
        "a signed-in caller without claims select tasks",
    ),
    "a view is its owner's": (
        "alter view learnplan.plan_progress reset (security_invoker)",
        "plan_progress",
        "stranger select plan_progress private",
    ),
    "anonymous reads": (
        "grant usage on schema learnplan to anon;"
        "grant select on learnplan.resources to anon",
        "resources",
        "anonymous select resources catalog",
    ),
    "a subject may be changed": (
        "grant update (clerk_user_id) on learnplan.users to authenticated",
        "users",
        "owner update users(clerk_user_id) profile",
    ),
    "a table may be emptied": (
        "grant truncate on learnplan.modules to authenticated",
        "modules",
        "owner truncate modules",
    ),
    "a helper may be called": (
        "grant usage on schema learnplan_private to authenticated",
        "functions",
        "owner execute functions owns_plan",
    ),
    "subjects are not looked up": (
        "create or replace function learnplan.current_user_id() returns uuid"
        " language sql stable security definer set search_path = pg_catalog, pg_temp"
        " as $$ select (learnplan.current_claims() ->> 'user_id')::uuid $$",
        "functions",
        "whom user ",
    ),
}


def run(dsn: str, *options: str) -> Result:
    """Run prove --read-only as at a prompt."""
    done = CliRunner().invoke(cli, ["prove", dsn, "--read-only", *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done
    return done


def proof_on(dsn: str, **options: Any) -> Proof:
    """Return the proof of a database."""
    with closing(psycopg.connect(dsn)) as connection:
        return prove_reading(connection, **options)


@contextmanager
def broken(peopled: Peopled, fault: str) -> Iterator[None]:
    """Break a copy of the rules on the primary; the standby replays it, and its end."""
    primary = peopled.replica.primary
    with psycopg.connect(primary) as connection:
        saved = _definitions(connection)
        connection.execute(fault.encode())
    peopled.replica.catch_up()
    try:
        yield
    finally:
        with psycopg.connect(primary) as connection:
            for statement in saved:
                connection.execute(statement.encode())
        peopled.replica.catch_up()


def _definitions(connection: psycopg.Connection[Any]) -> list[str]:
    """Return statements that take each of the faults back."""
    policies = connection.execute(
        """select format('drop policy if exists %1$I on %2$s; create policy %1$I on %2$s'
            ' for select to authenticated using (%3$s); comment on policy %1$I on %2$s'
            ' is %4$L', polname, polrelid::regclass, pg_get_expr(polqual, polrelid),
            obj_description(oid, 'pg_policy'))
        from pg_policy where polname like '%_select_authenticated'"""
    ).fetchall()
    body = connection.execute(
        "select pg_get_functiondef('learnplan.current_user_id()'::regprocedure)"
    ).fetchall()
    return [row[0] for row in policies + body] + [
        "alter table learnplan.tasks enable row level security",
        "alter view learnplan.plan_progress set (security_invoker = true)",
        "revoke usage on schema learnplan from anon",
        "revoke select on learnplan.resources from anon",
        "revoke update (clerk_user_id) on learnplan.users from authenticated",
        "revoke truncate on learnplan.modules from authenticated",
        "revoke usage on schema learnplan_private from authenticated",
    ]


def test_nothing_is_found_and_nothing_changed(peopled: Peopled) -> None:
    """Primary and standby say the same; no row, setting or transaction stays."""
    primary, standby = peopled.replica.primary, peopled.replica.standby
    before = fingerprint(primary)
    proofs = []
    for dsn in (primary, standby):
        with closing(psycopg.connect(dsn, autocommit=True)) as connection:
            proofs.append(prove_reading(connection, seed=7))
            left = connection.execute(
                "select current_setting('role'), current_setting('statement_timeout'),"
                " coalesce(current_setting('request.jwt.claims', true), '')"
            ).fetchone()
            assert ("none", "0", "") == left
    assert [(), ()] == [proof.findings for proof in proofs]
    asked = [[(r.cell.name, r.got.outcome) for r in p.results] for p in proofs]
    assert asked[0] == asked[1]
    assert 800 < len(asked[0])
    assert proofs[0].unasked == proofs[1].unasked
    assert before == fingerprint(primary)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_the_primary_is_found_on_the_standby(
    peopled: Peopled, fault: str
) -> None:
    """The broken rule is named; without the fault nothing is found there."""
    statement, table, name = FAULTS[fault]
    with broken(peopled, statement):
        proof = proof_on(peopled.replica.standby, tables=[table])
        found = [one.name for one in proof.findings]
        assert [one for one in found if one.startswith(name)], found
    assert () == proof_on(peopled.replica.standby, tables=[table]).findings


def test_command_on_a_standby(peopled: Peopled, tmp_path: Path) -> None:
    """No report calls it a proof: each lists what was not asked."""
    standby = peopled.replica.standby
    page, junit, sarif = (tmp_path / name for name in ("p.html", "j.xml", "s.json"))
    files = ("--html", str(page), "--junit", str(junit), "--sarif", str(sarif))
    done = run(standby, *files)
    assert 0 == done.exit_code, done.output
    summary = re.search(
        r"only read, which is no full proof: (\d+) of ([\d,]+) cells asked,"
        r" (\d+) not asked: no finding in these",
        done.stdout,
    )
    assert summary, done.stdout
    left = int(summary[3])
    assert int(summary[1]) + left == int(summary[2].replace(",", ""))
    assert "all accounts agree" not in done.stdout
    assert "users 3 (all)" in done.stdout
    data = json.loads(run(standby, "--json").stdout)
    assert (None, True, left) == (
        data["agreed"],
        data["read_only"],
        len(data["not_asked"]),
    )
    assert {"read": 4, "all": True} == data["rows"]["learning_plans"]
    tap = run(standby, "--tap").stdout
    assert left == tap.count("# SKIP not asked: ")
    skipped = ET.fromstring(junit.read_text()).iter("skipped")  # noqa: S314 - ours
    assert left == len(list(skipped))
    log = json.loads(sarif.read_text())["runs"][0]["properties"]
    assert (True, left) == (log["read_only"], len(log["not_asked"]))
    html = page.read_text()
    assert "All accounts agree" not in html
    assert "only read: no full proof" in html
    assert f"Not asked: {left} cells" in html


def test_command_finds_a_fault(peopled: Peopled) -> None:
    """Exit code 1, and the JSON says that the accounts do not agree."""
    with broken(peopled, FAULTS["modules are everybody's"][0]):
        done = run(peopled.replica.standby, "--table", "modules")
        assert 1 == done.exit_code, done.output
        assert "only read, which is no full proof" in done.stdout
        data = json.loads(run(peopled.replica.standby, "--json").stdout)
        assert data["agreed"] is False


@pytest.mark.parametrize(
    "options", [["--mutate"], ["--exhaustive"], ["--random", "3"], ["--kind", "x"]]
)
def test_what_writes_is_not_asked_for(options: list[str]) -> None:
    """Options that make rows or faults contradict it."""
    done = run("host=/nowhere", *options)
    assert 2 == done.exit_code
    assert "--read-only writes nothing" in done.stderr


def test_least_login_is_told_by_the_service(peopled: Peopled) -> None:
    """A login that row security holds takes the service's word, and says so."""
    login = "learnplan_reading_prover"
    with psycopg.connect(peopled.replica.primary, autocommit=True) as admin:
        admin.execute(
            f"create role {login} login in role anon, authenticated, service_role"
        )
        try:
            dsn = make_conninfo(peopled.replica.primary, user=login)
            proof = proof_on(dsn)
            assert () == proof.findings
            witness = [u.cell for u in proof.unasked if "service is who" in u.why]
            assert {"service"} == {cell.persona for cell in witness}
            assert {"select"} == {cell.command for cell in witness}
            # What it hides is missed by whoever is a part of it.
            admin.execute(
                "alter policy modules_select_service_role on learnplan.modules"
                f" using (id <> '{peopled.ids['ann module']}')"
            )
            names = {one.name for one in proof_on(dsn).findings}
            assert "the service select modules" in names
        finally:
            admin.execute(
                "alter policy modules_select_service_role on learnplan.modules"
                " using (true)"
            )
            admin.execute(f"drop role {login}")


def test_empty_database_proves_nothing(admin_dsn: str) -> None:
    """No plans, or no users: exit code 2, and what to do."""
    for statement in (
        "select 1",
        "insert into learnplan.users values (default, 'a', 'a')",
    ):
        with psycopg.connect(admin_dsn) as admin:
            admin.execute(statement)
        done = run(admin_dsn)
        assert 2 == done.exit_code, done.output
        assert "is empty, so reading it proves nothing" in done.stderr
        assert "prove without --read-only" in done.stderr


def test_sample_of_many_rows(admin_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many rows some are read, with a heavy owner's; a fault among them is found."""
    monkeypatch.setattr(sample, "WHOLE", 40)
    with psycopg.connect(admin_dsn) as admin:
        admin.execute(MANY)
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        proof = proof_on(admin_dsn, seed=3)
        assert () == proof.findings
        sizes = dict(proof.rows or {})
        assert (3, True) == sizes["resources"]
        assert not sizes["users"][1]
        assert 25 < sizes["modules"][0] < 3 * 109
        again = proof_on(admin_dsn, seed=3)
        reads = [
            [r.got for r in one.results if r.cell.command == "select"]
            for one in (proof, again)
        ]
        assert reads[0] == reads[1]
        admin.execute("alter table learnplan.modules no force row level security")
        admin.execute(
            "alter policy modules_select_authenticated on learnplan.modules"
            " using (title like '%7')"
        )
        found = proof_on(admin_dsn, seed=3, tables=["modules"]).findings
        assert found
        # Cells without a row of their kind are not asked: here is no public plan.
        kinds = {u.cell.row for u in proof.unasked if u.cell.command == "select"}
        assert {"public", "reading"} == kinds


MANY = """
insert into learnplan.users (clerk_user_id, email)
  select 'user ' || n, n || '@example.org' from generate_series(1, 60) as n;
insert into learnplan.learning_plans
  (user_id, topic, skill_level, weekly_hours, learning_style)
  select u.id, 'SQL', 'beginner', 5, 'mixed' from learnplan.users as u
  cross join generate_series(1, case when u.clerk_user_id = 'user 5' then 50 else 1 end);
insert into learnplan.modules (plan_id, "order", title, estimated_minutes)
  select id, n, 'Module ' || n, 30 from learnplan.learning_plans, generate_series(1, 3) n;
insert into learnplan.tasks (module_id, "order", title, estimated_minutes)
  select id, 1, 'Task', 30 from learnplan.modules;
insert into learnplan.task_progress (task_id, user_id)
  select t.id, u.id from learnplan.tasks as t
  join learnplan.users as u on u.clerk_user_id in ('user 5', 'user 6');
insert into learnplan.plan_generations (plan_id, model, prompt)
  select id, 'm', '{}' from learnplan.learning_plans;
insert into learnplan.resources (type, title, url)
  select 'doc', 'r', 'https://example.org/' || n from generate_series(1, 3) as n;
insert into learnplan.task_resources (task_id, resource_id, "order")
  select t.id, r.id, 1 from learnplan.tasks as t, learnplan.resources as r;
"""


def test_caller_has_a_transaction(peopled: Peopled) -> None:
    """One that shows one moment is used, and goes on; any other is refused."""
    with closing(psycopg.connect(peopled.replica.standby)) as connection:
        connection.execute("select 1")
        with pytest.raises(ProofError, match="one moment only"):
            prove_reading(connection, tables=["users"])
        connection.rollback()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.execute("select 1")
        assert () == prove_reading(connection, tables=["users"]).findings
        assert (1,) == connection.execute("select 1").fetchone()


def test_standby_whose_default_is_serializable(peopled: Peopled) -> None:
    """Serializable is not to be had on a standby; the proof does not ask for it."""
    odd = "-c default_transaction_isolation=serializable"
    dsn = make_conninfo(peopled.replica.standby, options=odd)
    assert () == proof_on(dsn, tables=["users"]).findings


def test_writers_do_not_wait_for_it(peopled: Peopled) -> None:
    """It takes no lock that a writer, or it from one, would have to wait for."""
    primary = peopled.replica.primary
    with psycopg.connect(primary) as writer:
        writer.execute("update learnplan.modules set title = title")
        writer.execute("lock table learnplan.users in row exclusive mode")
        proof = proof_on(primary)
        assert () == proof.findings
        writer.rollback()


def test_summary_in_words(peopled: Peopled) -> None:
    """With --table the count is of what was wanted."""
    proof = proof_on(peopled.replica.primary, tables=["users"])
    total = len(proof.results) + len(proof.unasked)
    assert f"of {total:,} cells asked" in terms.summary(proof)
    assert {"users"} == {result.cell.table for result in proof.results}

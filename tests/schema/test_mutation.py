"""
The gate: every fault of the security surface is noticed, and nothing else is.

What README.md, docs/proving.md and others call ``prove --mutate`` is run here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fix_database import ROOT, deploy_plan
from learnplan_db.engine import state
from learnplan_db.errors import MutationError, ProofError
from learnplan_db.evidence.text import mutation_text
from learnplan_db.mutation.controls import controls
from learnplan_db.mutation.mutants import mutants
from learnplan_db.mutation.scoring import FILE, mutate
from learnplan_db.proof.nouns import TABLES
from learnplan_db.proof.prover import DEFAULTS, cells_of, examining, prepared, roles
from learnplan_db.proof.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fix_database import TestServer

LEAST = 250
CALLERS = "anon, authenticated, service_role"
EQUIVALENT = "service_role: bypasses row security"
# One kind that only a verify script notices, and has few mutants.
QUICK = "schema-option"
OWN_LOCKS = """
select count(*) from pg_locks as l
inner join pg_class as c on c.oid = l.relation
where l.pid = pg_backend_pid() and c.relnamespace = 'learnplan'::regnamespace"""
HEART = (
    *("policy-conjunct", "policy-disjunct", "policy-dropped", "policy-using"),
    *("security-disabled", "security-unforced", "trigger-disabled", "view-invoker"),
    *("function-comparison", "role-bypass"),
)
# All that a mutant may change, as the catalog holds it.
SURFACE = """
select md5(string_agg(line, E'\\n' order by line)) from (
  select row(polrelid, polname, polcmd, polpermissive, polroles, polqual::text,
    polwithcheck::text)::text as line from pg_policy
  union all
  select row(oid, relname, relrowsecurity, relforcerowsecurity, relacl, reloptions)::text
  from pg_class where relkind <> 'i' and oid > 16383
  union all
  select row(attrelid, attname, attnotnull, attacl)::text
  from pg_attribute where attrelid > 16383
  union all
  select row(oid, proname, proowner, provolatile, prosecdef, proacl, proconfig, prosrc)::text
  from pg_proc where oid > 16383
  union all
  select row(oid, nspname, nspacl)::text from pg_namespace where nspname !~ 'temp'
  union all
  select row(oid, tgrelid, tgname, tgenabled)::text from pg_trigger
  union all
  select row(oid, conrelid, conname, convalidated)::text from pg_constraint
  union all
  select row(oid, rolname, rolsuper, rolbypassrls, rolcanlogin)::text from pg_roles
  union all
  select row(roleid, member, grantor, admin_option)::text from pg_auth_members
) as all_of_it"""


def learnplan(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as CI would, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "learnplan_db", *arguments],
        env={k: v for k, v in os.environ.items() if k != "DATABASE_URL"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def one(connection: psycopg.Connection[Any], query: str) -> Any:
    """Return the only value of a query."""
    row = connection.execute(query.encode()).fetchone()
    assert row
    return row[0]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of this project that may be weakened."""
    copy = tmp_path / "weak"
    copy.mkdir()
    for name in ("sql", "policies"):
        shutil.copytree(ROOT / name, copy / name)
    shutil.copy(ROOT / "sqitch.conf", copy)
    return copy


@contextmanager
def plain_owner(
    server: TestServer, fresh_dsn: Callable[..., str]
) -> Iterator[tuple[psycopg.Connection[Any], str]]:
    """Deploy as a login that is no superuser, and may become every caller."""
    name = f"owner_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"create role {name} login password 'secret'")
        admin.execute(
            f"grant learnplan_identity, learnplan_reader, {CALLERS} to {name}"
        )
        dsn = make_conninfo(fresh_dsn(name), user=name, password="secret")  # noqa: S106
        try:
            deploy_plan(**conninfo_to_dict(dsn))
            with psycopg.connect(dsn, autocommit=True) as connection:
                yield connection, dsn
        finally:
            database = conninfo_to_dict(dsn)["dbname"]
            admin.execute(f"drop database {database} with (force)")
            admin.execute(f"drop owned by {name} cascade")
            admin.execute(f"drop role {name}")


@pytest.mark.gate
def test_every_mutant_is_noticed(cloned: psycopg.Connection[Any]) -> None:
    """The gate of CI: a score of 100 %, of many mutants, and no stale exception."""
    cloned.autocommit = True
    before = one(cloned, SURFACE)
    found = mutate(cloned, state.load(ROOT))
    print(f"\n{mutation_text(found)}")  # noqa: T201 - seen with -s
    assert [] == [v.mutant.name for v in found.verdicts if not v.killer]
    assert found.score == 100.0
    assert len(found.verdicts) - found.counted("equivalent") >= LEAST
    assert found.counted("matrix") >= LEAST
    assert found.stale == ()
    assert [EQUIVALENT] == [
        v.mutant.name for v in found.verdicts if v.killer == "equivalent"
    ]
    assert one(cloned, SURFACE) == before


def test_mutants_of_what_policies_say_are_noticed(
    cloned: psycopg.Connection[Any],
) -> None:
    """The same for the kinds at the heart of it, within every run of the tests."""
    cloned.autocommit = True
    found = mutate(cloned, state.load(ROOT), kinds=HEART)
    assert [] == [v.mutant.name for v in found.verdicts if not v.killer]
    assert len(found.verdicts) >= LEAST
    assert found.stale == ()


def test_harmless_change_alarms_neither_matrix_nor_model(
    cloned: psycopg.Connection[Any],
) -> None:
    """A policy said in other words is the same policy to whoever watches."""
    cells = cells_of(None, DEFAULTS)
    made = controls(cloned)
    assert len(made) >= 4
    alarms = []
    with prepared(cloned, cells, DEFAULTS), examining(cloned, cells) as seen:
        search = Search(cloned, roles(DEFAULTS), anyone=False)
        for control in made:
            with cloned.transaction(force_rollback=True):
                for statement in control.statements:
                    cloned.execute(statement.encode())
                alarms += [r.cell.name for r in seen.results() if not r.agreed]
                alarms += [control.name for _ in search.sample()]
    assert alarms == []


@pytest.mark.gate
def test_survivor_is_named_and_fails_the_command(admin_dsn: str, project: Path) -> None:
    """A verify script that asserts nothing lets a mutant live: exit 1, by name."""
    weak = project / "sql" / "verify" / "policy_roles.sql"
    weak.write_text("begin;\nselect 1;\nrollback;\n")
    done = learnplan("prove", admin_dsn, "--kind", QUICK, "-C", str(project))
    assert done.returncode == 1, done
    name = "usage to authenticated with grant option on schema learnplan"
    assert f"learnplan: {name}" in done.stdout
    assert "2 of 4 killed" in done.stdout
    whole = learnplan("prove", admin_dsn, "--kind", QUICK)
    assert (whole.returncode, "4 of 4 killed" in whole.stdout) == (0, True), whole


def flip(project: Path) -> None:
    """Let the matrix of a copy say of some cells the opposite of what is so."""
    path = project / "policies" / "plan_generations.matrix.toml"
    text = path.read_text()
    assert 'private = "hidden"' in text
    path.write_text(text.replace('private = "hidden"', 'private = "rows"', 1))


def test_flipped_cell_is_a_finding_before_any_mutant(
    admin_dsn: str, project: Path
) -> None:
    """What a wrong matrix would notice tells nothing: no mutant is made."""
    flip(project)
    done = learnplan("prove", admin_dsn, "--kind", QUICK, "-C", str(project))
    assert (done.returncode, "killed" in done.stdout) == (1, False), done
    assert "plan_generations" in done.stdout
    with (
        psycopg.connect(admin_dsn, autocommit=True) as connection,
        pytest.raises(ProofError, match="fails before any fault is made") as caught,
    ):
        mutate(connection, state.load(project), directory=project / "policies")
    assert "plan_generations" in caught.value.message


@pytest.mark.parametrize(
    "name",
    ["modules: policy long_gone dropped", "plan_progress: security_invoker off"],
)
def test_stale_exception_fails_the_command(
    admin_dsn: str, project: Path, name: str
) -> None:
    """An exception for a mutant that is noticed, or is not there, is listed."""
    path = project / "policies" / FILE
    text = f'\n[[equivalent]]\nname = "{name}"\nreason = "It was so once."\n'
    path.write_text(path.read_text() + text)
    kind = "view-invoker"
    done = learnplan("prove", admin_dsn, "--kind", kind, "-C", str(project))
    assert (done.returncode, name in done.stdout) == (1, True), done
    assert EQUIVALENT not in done.stdout


def test_wrong_exception_has_its_line(admin_dsn: str, project: Path) -> None:
    """An entry that says no reason is an error with file and line."""
    path = project / "policies" / FILE
    text = path.read_text()
    path.write_text(f'{text}\n[[equivalent]]\nname = "x"\n')
    done = learnplan("prove", admin_dsn, "--kind", QUICK, "-C", str(project))
    line = text.count("\n") + 2
    assert (done.returncode, 'has no "reason"' in done.stderr) == (2, True), done
    assert f"policies/{FILE}:{line}" in done.stderr


def test_unknown_kind_is_refused(cloned: psycopg.Connection[Any]) -> None:
    """A misspelt kind is an error that names the nearest."""
    with pytest.raises(MutationError, match=r"did you mean .schema-option"):
        mutate(cloned, state.load(ROOT), kinds=["schema-options"])


def test_login_that_does_not_own_the_schema_is_refused(
    admin_dsn: str, app_dsn: str, service_dsn: str
) -> None:
    """Whoever may not alter the schema makes no mutant, and is told what to do."""
    assert service_dsn
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        admin.execute("grant service_role to learnplan_login_app")
        try:
            done = learnplan("prove", app_dsn, "--kind", QUICK)
        finally:
            admin.execute("revoke service_role from learnplan_login_app")
    assert done.returncode == 2, done
    assert 'login "learnplan_login_app" may not alter the schema' in done.stderr
    assert "fix  connect as a superuser, or as a member of" in done.stderr


@pytest.mark.gate
def test_plain_owner_makes_mutants_and_is_told_which_not(
    learnplan_noproc: Any,  # the roles are there
    server: TestServer,
    fresh_dsn: Callable[..., str],
) -> None:
    """Without a superuser all works but what PostgreSQL keeps for one."""
    with plain_owner(server, fresh_dsn) as (connection, dsn):
        made = {mutant.kind for mutant in mutants(connection, DEFAULTS)}
        kinds = sorted(k for k in made if k.startswith(("schema", "role", "trigger")))
        asked = [word for kind in (*kinds, "role-bypass") for word in ("--kind", kind)]
        done = learnplan("prove", dsn, *asked)
        assert done.returncode == 0, done
        assert "mutation score 100 %" in done.stdout
        reason = "only a superuser may let a role bypass row security"
        assert f'"role-bypass" are left out: {reason}' in done.stderr
        none = learnplan("prove", dsn, "--kind", "role-bypass")
        assert (none.returncode, reason in none.stderr) == (2, True), none


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_stays_behind(
    cloned: psycopg.Connection[Any], project: Path, *, fails: bool
) -> None:
    """Surface, rows, roles, locks and session are as before, whatever happened."""
    cloned.autocommit = True
    before = one(cloned, SURFACE), one(cloned, "show row_security")
    if fails:
        flip(project)
        with pytest.raises(ProofError):
            mutate(cloned, state.load(project), directory=project / "policies")
    else:
        kinds = ["role-member", "role-bypass", "trigger-dropped", "primary-dropped"]
        assert mutate(cloned, state.load(ROOT), kinds=kinds).score == 100.0
    assert cloned.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert (one(cloned, SURFACE), one(cloned, "show row_security")) == before
    for table in TABLES:
        assert one(cloned, f"select count(*) from learnplan.{table}") == 0
    assert one(cloned, OWN_LOCKS) == 0

"""
Databases to prove: one a module, which the prover leaves as it was.

Faults are made in a transaction of the test, or in a clone where they must be seen by
another session.
"""

from __future__ import annotations

import re
import subprocess
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from pytest_postgresql.janitor import DatabaseJanitor

from learnplan_db.proof.prover import prove
from learnplan_db.proof.trial import outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fix_database import TestServer
    from learnplan_db.proof.nouns import Proof

OURS = "('learnplan', 'learnplan_private', 'public', 'sqitch', 'host')"


@dataclass(frozen=True)
class Clones:
    """A maker of databases with the plan deployed, and conninfo for them."""

    make: Callable[[], str]
    server: TestServer


@pytest.fixture(scope="module")
def clones(learnplan_noproc: Any, server: TestServer) -> Iterator[Clones]:
    """Provide a maker of clones of the template, which are dropped in the end."""
    found = learnplan_noproc
    made: list[DatabaseJanitor] = []

    def make() -> str:
        janitor = DatabaseJanitor(
            user=found.user,
            host=found.host,
            port=found.port,
            password=found.password,
            dbname=f"learnplan_proof_{uuid.uuid4().hex[:8]}",
            template_dbname=found.template_dbname,
        )
        janitor.init()
        made.append(janitor)
        return server.dsn(janitor.dbname)

    yield Clones(make, server)
    for janitor in made:
        janitor.drop()


@pytest.fixture(scope="module")
def proved(clones: Clones) -> str:
    """Provide a superuser's conninfo of a database that no test changes for good."""
    return clones.make()


@contextmanager
def faulty(dsn: str, *faults: str, **more: Any) -> Iterator[psycopg.Connection[Any]]:
    """Provide a connection in a transaction with faults, which is rolled back."""
    connection = psycopg.connect(dsn, **more)
    try:
        for fault in faults:
            connection.execute(fault.encode())
        yield connection
    finally:
        connection.close()


def proof_of(dsn: str, *faults: str, **options: Any) -> Proof:
    """Return the cells' proof of a database with these faults, while it takes."""
    options.setdefault("effects", False)
    with faulty(dsn, *faults) as connection:
        return prove(connection, **options)


def played(psql: str, dsn: str, script: str) -> str:
    """Run a finding's script with the real psql, and return what came of its play."""
    done = subprocess.run(
        [psql, "-X", "-v", "VERBOSITY=verbose", dsn],
        input=script,
        capture_output=True,
        text=True,
        check=True,
    )
    if refusals := re.findall(r"ERROR:  (\w{5}): (.*)", done.stderr):
        return outcome_of(*refusals[-1])
    lines = [line.strip() for line in done.stdout.split("\n") if line.strip()]
    while lines[-1] == "ROLLBACK":
        lines.pop()
    if "_table_privilege(" in script:
        return "rows" if lines[-2] == "t" else "refused-by-grant"
    count = re.search(r"\((\d+) rows?\)|^(?:INSERT 0|UPDATE|DELETE) (\d+)", lines[-1])
    assert count, done.stdout
    return "rows" if int(count[1] or count[2]) else "hidden"


def fingerprint(dsn: str) -> dict[str, str]:
    """Return all that a database holds, for what must be the same before and after."""
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "select schemaname, relname from pg_stat_user_tables order by 1, 2"
        ).fetchall()
        found = {
            f"{schema}.{name}": _one(
                connection,
                sql.SQL(
                    "select md5(string_agg(t::text || ctid, '' order by t::text)) from"
                    " {}.{} as t"
                ).format(sql.Identifier(schema), sql.Identifier(name)),
            )
            for schema, name in tables
        }
        for catalog, key in (
            *(("pg_class", "relname, relacl, relrowsecurity, relforcerowsecurity"),),
            *(("pg_proc", "proname, proacl, prosrc, proconfig, prosecdef"),),
            *(("pg_policy", "polname, polqual, polwithcheck, polroles, polcmd"),),
            *(("pg_trigger", "tgname, tgenabled, tgtype"),),
            *(("pg_attribute", "attname, attacl, attnotnull, attisdropped"),),
            *(("pg_constraint", "conname, convalidated"),),
            *(("pg_roles", "rolname, rolbypassrls, rolsuper, rolconfig"),),
            *(("pg_auth_members", "roleid, member"),),
            *(("pg_db_role_setting", "setdatabase, setrole, setconfig"),),
            *(("pg_namespace", "nspname, nspacl"),),
            *(("pg_sequences", "sequencename, last_value"),),
        ):
            found[catalog] = _one(
                connection,
                f"select md5(string_agg(x::text, '' order by x::text)) from"
                f" (select {key} from pg_catalog.{catalog}) as x",
            )
        return found


def _one(connection: psycopg.Connection[Any], query: Any) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None

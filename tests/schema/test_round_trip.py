"""Each revert takes its change back completely; the plan deploys as a plain owner."""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from learnplan_db.engine import runner, session, state, verification
from learnplan_db.engine.registry import Registry
from learnplan_db.plans.plan import resolve
from learnplan_db.proof.prover import prove
from learnplan_db.security import render
from learnplan_db.security.variables import Variables
from learnplan_db.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fix_database import TestServer

ROOT = Path(__file__).parents[2]
# Everything in our schemas and the database, without oids: names, definitions, grants.
SNAPSHOT = """
select 'schema ' || nspname || ' ' || coalesce(obj_description(oid, 'pg_namespace'), '')
from pg_namespace where nspname !~ '^pg_' and nspname <> 'sqitch'
union all
select 'schema grant ' || nspname || ' ' || a.grantee::regrole || a.privilege_type
from pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) as a
where nspname like 'learnplan%%'
union all
select concat_ws(' ', 'relation', c.oid::regclass, relkind, relrowsecurity,
  relforcerowsecurity, reloptions, obj_description(c.oid, 'pg_class'))
from pg_class as c inner join pg_namespace as n on n.oid = relnamespace
where nspname like 'learnplan%%'
union all
select concat_ws(' ', 'column', attrelid::regclass, attname, atttypid::regtype,
  attnotnull, attgenerated, pg_get_expr(d.adbin, d.adrelid),
  col_description(attrelid, attnum))
from pg_attribute as a inner join pg_class as c on c.oid = attrelid
inner join pg_namespace as n on n.oid = relnamespace
left join pg_attrdef as d on d.adrelid = attrelid and d.adnum = attnum
where nspname like 'learnplan%%' and attnum > 0 and not attisdropped
union all
select concat_ws(' ', 'grant', c.oid::regclass, g.grantee::regrole, g.privilege_type)
from pg_class as c inner join pg_namespace as n on n.oid = relnamespace,
  aclexplode(coalesce(relacl, acldefault('r', relowner))) as g
where nspname like 'learnplan%%' and relkind in ('r', 'v')
union all
select concat_ws(' ', 'grant', attrelid::regclass, attname, g.grantee::regrole,
  g.privilege_type)
from pg_attribute inner join pg_class as c on c.oid = attrelid, aclexplode(attacl) as g
union all
select concat_ws(' ', 'constraint', conrelid::regclass, conname,
  pg_get_constraintdef(oid)) from pg_constraint where connamespace::regnamespace::text
  like 'learnplan%%'
union all
select 'index ' || indexdef from pg_indexes where schemaname like 'learnplan%%'
union all
select concat_ws(' ', 'trigger', pg_get_triggerdef(oid), tgenabled)
from pg_trigger where not tgisinternal
union all
select concat_ws(' ', 'policy', polname, polrelid::regclass, polcmd, polroles::text,
  pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
  obj_description(oid, 'pg_policy')) from pg_policy
union all
select concat_ws(' ', 'function', pg_get_functiondef(p.oid), proowner::regrole,
  (select string_agg(g.grantee::regrole || g.privilege_type, ',' order by 1)
    from aclexplode(coalesce(proacl, acldefault('f', proowner))) as g),
  obj_description(p.oid, 'pg_proc'))
from pg_proc as p where pronamespace::regnamespace::text like 'learnplan%%'
union all
select concat_ws(' ', 'enum', enumtypid::regtype, enumlabel, enumsortorder,
  obj_description(enumtypid, 'pg_type')) from pg_enum
union all
select 'extension ' || extname from pg_extension
union all
select concat_ws(' ', 'member', roleid::regrole, member::regrole) from pg_auth_members
where roleid::regrole::text like 'learnplan%%'
  and member::regrole::text !~ '^owner_' -- another worker's, on a shared server
order by 1"""


def snapshot(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the catalog as sorted lines; definitions are qualified."""
    connection.execute("set search_path = pg_catalog")
    found = [row[0] for row in connection.execute(SNAPSHOT.replace("%%", "%").encode())]
    connection.execute("reset search_path")
    return found


@contextmanager
def plain_owner(
    server: TestServer, fresh_dsn: Callable[..., str], *options: str
) -> Iterator[tuple[str, str]]:
    """Make an owner of databases that is no superuser; yield its name and a conninfo."""
    name = f"owner_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"create role {name} login password 'secret' {' '.join(options)}")
        if "createrole" not in options:
            admin.execute(f"grant learnplan_identity, learnplan_reader to {name}")
        else:  # internal roles that are there were made by somebody else
            for role in ("learnplan_identity", "learnplan_reader"):
                there = admin.execute(
                    "select 1 from pg_roles where rolname = %s", [role]
                ).fetchone()
                if there:
                    admin.execute(f"grant {role} to {name} with admin option")
        yield name, make_conninfo(fresh_dsn(name), user=name, password="secret")  # noqa: S106
        for database in admin.execute(
            "select datname from pg_database where datdba = %s::regrole", [name]
        ).fetchall():
            admin.execute(f"drop database {database[0]} with (force)")
        admin.execute(f"reassign owned by {name} to current_user")
        admin.execute(f"drop owned by {name} cascade")
        admin.execute(f"drop role {name}")


def test_each_revert_takes_its_change_back(database: str) -> None:
    """Catalog snapshot before a deploy equals the one after its revert, per change."""
    project = state.load(ROOT)
    with session.connect(database) as connection:
        before = [snapshot(connection)]
        for change in project.plan.changes:
            runner.deploy(connection, project, to=change.name)
            before.append(snapshot(connection))
        for change, after in zip(
            reversed(project.plan.changes), reversed(before[:-1]), strict=True
        ):
            to = project.plan.changes[change.index - 1].name if change.index else None
            runner.revert(connection, project, to=to)
            assert after == snapshot(connection), change.name


def test_plan_deploys_again_after_a_whole_revert(database: str) -> None:
    """What a revert leaves never stands in the way of the next deploy."""
    project = state.load(ROOT)
    with session.connect(database) as connection:
        runner.deploy(connection, project, verify=True)
        first = snapshot(connection)
        runner.revert(connection, project)
        runner.deploy(connection, project, verify=True)
        assert first == snapshot(connection)


@pytest.mark.parametrize("option", ["createrole", "nocreaterole"])
def test_plan_deploys_as_an_owner_that_is_no_superuser(
    learnplan_noproc: Any,  # the roles are there
    server: TestServer,
    fresh_dsn: Callable[..., str],
    option: str,
) -> None:
    """A plain role that owns the database, CREATEROLE only when roles are missing."""
    project = state.load(ROOT)
    with (
        plain_owner(server, fresh_dsn, option) as (_, conninfo),
        session.connect(conninfo) as connection,
    ):
        runner.deploy(connection, project, verify=True)
        assert () == verification.verify(connection, project).failures
        runner.revert(connection, project)
        assert [] == Registry(connection, "sqitch").applied(project.plan.project)


def test_project_for_other_names_deploys(
    server: TestServer, fresh_dsn: Callable[..., str], tmp_path: Path
) -> None:
    """A host with other names, whose roles are missing yet, gets its own project."""
    tail = uuid.uuid4().hex[:8]
    settings = [
        f"authenticated=user_{tail}",
        f"anon=guest_{tail}",
        f"service_role=system_{tail}",
        "anon_reads_resources=on",
    ]
    variables = Variables.from_settings(settings)
    render.export(ROOT, tmp_path / "host", variables)
    project = state.load(config.project_root(tmp_path / "host"))
    with (
        plain_owner(server, fresh_dsn, "createrole") as (_, conninfo),
        session.connect(conninfo) as connection,
    ):
        runner.deploy(connection, project, verify=True)
        assert () == verification.verify(connection, project).failures
        anon = connection.execute(
            "select has_table_privilege(%s, 'learnplan.resources', 'select'),"
            " has_table_privilege(%s, 'learnplan.users', 'select')",
            [variables.anon, variables.anon],
        ).fetchone()
        assert (True, False) == anon
        policies = tmp_path / "host" / "policies"
        with psycopg.connect(server.dsn(connection.info.dbname)) as admin:
            proof = prove(admin, directory=policies, variables=variables)
        assert () == proof.findings
        assert len(proof.results) > 1000
        runner.revert(connection, project)
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        for role in (variables.anon, variables.authenticated, variables.service_role):
            admin.execute(f"drop role {role}")


def test_two_databases_of_one_cluster_deploy_at_once(
    server: TestServer, fresh_dsn: Callable[..., str], tmp_path: Path
) -> None:
    """Roles are cluster-wide; two deploys that both miss them do not collide."""
    tail = uuid.uuid4().hex[:8]
    names = {"anon": "guest", "authenticated": "user", "service_role": "system"}
    settings = [f"{key}={value}_{tail}" for key, value in names.items()]
    render.export(ROOT, tmp_path / "host", Variables.from_settings(settings))
    project = state.load(tmp_path / "host")
    failures: list[BaseException] = []

    def deploy(conninfo: str) -> None:
        try:
            with session.connect(conninfo) as connection:
                runner.deploy(connection, project, verify=True)
        except BaseException as error:  # noqa: BLE001 - the main thread reports it
            failures.append(error)

    with plain_owner(server, fresh_dsn, "createrole") as (name, first):
        second = make_conninfo(fresh_dsn(name), user=name, password="secret")  # noqa: S106
        threads = [threading.Thread(target=deploy, args=[c]) for c in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [] == failures
        for conninfo in (first, second):
            with session.connect(conninfo) as connection:
                assert () == state.status(connection, project).pending
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        for value in names.values():
            admin.execute(f"drop role {value}_{tail}")


def test_resolve_knows_every_change() -> None:
    """Each change can be named as a target."""
    plan = state.load(ROOT).plan
    assert plan.changes == tuple(resolve(plan, change.name) for change in plan.changes)

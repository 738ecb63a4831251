"""Each revert takes its change back completely; the plan deploys as a plain owner."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fix_database import plain_owner
from learnplan_db.engine import runner, session, state, verification
from learnplan_db.engine.registry import Registry
from learnplan_db.plans.plan import resolve
from learnplan_db.proof.prover import prove
from learnplan_db.security import render
from learnplan_db.security.variables import Variables
from learnplan_db.settings import config
from snapshots import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from fix_database import TestServer

ROOT = Path(__file__).parents[2]


def test_each_revert_takes_its_change_back(database: str) -> None:
    """Catalog snapshot before a deploy equals the one after its revert, per change."""
    project = state.load(ROOT)
    with session.connect(database) as connection:
        before = [snapshot(connection)]
        for change in project.plan.changes:
            runner.deploy(connection, project, to=change.id)
            before.append(snapshot(connection))
        for change, after in zip(
            reversed(project.plan.changes), reversed(before[:-1]), strict=True
        ):
            to = project.plan.changes[change.index - 1].id if change.index else None
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
    """Each change can be named as a target: its last version, or the one at a tag."""
    plan = state.load(ROOT).plan
    named = (f"{c.name}@{(*c.reworked_tags, 'HEAD')[0]}" for c in plan.changes)
    assert plan.changes == tuple(resolve(plan, name) for name in named)


def test_reworked_policy_replaces_the_released_one_and_comes_back(
    database: str, tmp_path: Path
) -> None:
    """
    A rework of a template deploys over the old version, and its revert restores it.

    The way that docs/authoring.md shows.
    """
    root = tmp_path / "project"
    for part in ("sql", "policies"):
        shutil.copytree(ROOT / part, root / part)
    shutil.copy(ROOT / "sqitch.conf", root)
    for words in (
        ("tag", "v99.0.0", "-n", "A release."),
        ("rework", "policy_modules", "-n", "Lets nobody delete modules."),
    ):
        environ = os.environ | {"SQITCH_FULLNAME": "P", "SQITCH_EMAIL": "p@x.org"}
        argv = [sys.executable, "-m", "learnplan_db", "-C", str(root), *words]
        subprocess.run(argv, check=True, env=environ, capture_output=True)
    template = root / "policies" / "modules.sql.j2"
    there, before = (
        set(one.glob("sql/deploy/policy_modules@*")) for one in (root, ROOT)
    )
    (kept,) = {path.name for path in there} - {path.name for path in before}
    shutil.copy(template, template.with_name(f"{kept.removeprefix('policy_')}.j2"))
    text = template.read_text()
    start = text.index("-- Only the owner of the plan may delete modules.")
    end = text.index("-- learnplan_reader answers")
    template.write_text(text[:start] + text[end:])
    rendered = render.render_project(root / "policies", Variables())
    changed = {f"{kind}/policy_modules.sql" for kind in ("deploy", "revert", "verify")}
    assert changed == set(render.write(rendered, root / "sql"))

    project = state.load(root)
    with session.connect(database) as connection:
        runner.deploy(connection, project, to="@v99.0.0")
        before = snapshot(connection)
        runner.deploy(connection, project, verify=True)
        query = "select 1 from pg_policies where policyname = %s"
        gone = ["modules_delete_authenticated"]
        assert connection.execute(query, gone).fetchone() is None
        runner.revert(connection, project, to="@v99.0.0")
        assert before == snapshot(connection)
        assert connection.execute(query, gone).fetchone()

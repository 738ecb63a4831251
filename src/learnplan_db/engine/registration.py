"""
The making of a registry, as SQL text: its tables, its version, a project in it.

May import lower floors; reads the package's own SQL, and runs nothing.
Source: Sqitch 1.3.1, registry versions 0, 1.0 and 1.1.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnplan_db.engine.rows import Rows
    from learnplan_db.model import Plan, Planner

VERSION = 1.1
STEPS = ((1.0, "registry-1.0.sql"), (1.1, "registry-1.1.sql"))
PATH = "set local search_path = pg_catalog, pg_temp"


def schema_there(rows: Rows, schema: str) -> str:
    """Return the question whether the schema is there."""
    return f"select 1 from pg_catalog.pg_namespace where nspname = {rows.text(schema)}"


def schema_made() -> str:
    """Return what makes it."""
    return "create schema {schema}"


def made(rows: Rows, by: Planner) -> str:
    """Return what makes all tables, in a schema that is there."""
    return _file("registry.sql", _release(rows, VERSION, by))


def upgraded(rows: Rows, found: float, by: Planner) -> list[tuple[float, str]]:
    """Return (version, SQL) of each step from what was found to our version."""
    return [
        (version, _file(name, _release(rows, version, by)))
        for version, name in STEPS
        if version > found
    ]


def known(rows: Rows, plan: Plan) -> str:
    """Return the question for the URI of a project."""
    return (
        f"select uri from {{schema}}.projects where project = {rows.text(plan.project)}"
    )


def registered(rows: Rows, plan: Plan, by: Planner) -> str:
    """Return the row of a project, unless it is there."""
    return (
        "insert into {schema}.projects (project, uri, creator_name,"
        " creator_email, created_at) values ("
        f"{rows.values(plan.project, plan.uri)}, {rows.by(by)},"
        " pg_catalog.clock_timestamp()) on conflict (project) do nothing"
    )


def adopted(rows: Rows, plan: Plan, hashes: Mapping[str, str | None]) -> list[str]:
    """Return what replaces hashes that an upgrade from version 0 could not know."""
    statements = [
        "update {schema}.changes set script_hash = "
        + rows.values(hashes[change.id])
        + f" where change_id = {rows.text(change.id)} and script_hash = change_id"
        for change in plan.changes
    ]
    statements.append(
        "update {schema}.changes set script_hash = null"
        f" where project = {rows.text(plan.project)} and script_hash = change_id"
    )
    return statements


def _release(rows: Rows, version: float, by: Planner) -> str:
    return (
        "insert into {schema}.releases (version, installer_name, installer_email)"
        f" values ({version}, {rows.by(by)});"
    )


def _file(name: str, *more: str) -> str:
    text = files("learnplan_db.engine").joinpath(name).read_text(encoding="utf-8")
    return "\n".join([text, *more])

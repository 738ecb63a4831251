"""
Checks of what is deployed: the registry, the plan, its scripts, and drift.

May import lower floors; only reads.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from learnplan_db.catalog import reading
from learnplan_db.catalog.fingerprint import fingerprint
from learnplan_db.engine import state
from learnplan_db.engine.registry import VERSION
from learnplan_db.health.nouns import fail, listed, ok, shell, skip, warn, words
from learnplan_db.health.patient import SCHEMAS
from learnplan_db.plans import plan as plans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnplan_db.engine.registry import Applied
    from learnplan_db.health.nouns import Verdict
    from learnplan_db.health.patient import Patient

UPGRADE = "python -m pip install --upgrade learnplan-db"


def registry(patient: Patient) -> Verdict:
    """Tell whether there is a registry, and of which version."""
    found, schema = patient.registry.version(), patient.registry.schema
    if found is None:
        return fail(
            f"nothing was ever deployed: there is no registry in schema {schema}",
            shell(patient.line("deploy")),
        )
    if found > VERSION:
        return fail(
            f"the registry has version {found}, and this package knows {VERSION}",
            shell(UPGRADE),
        )
    if found < VERSION:
        return warn(
            f"the registry has version {found}, not yet {VERSION}",
            shell(patient.line("upgrade")),
        )
    projects = ", ".join(patient.registry.projects()) or "no project yet"
    return ok(f"version {found} in schema {schema}: {projects}")


def plan(patient: Patient) -> Verdict:
    """Tell whether the database is where the plan is: behind, ahead, or elsewhere."""
    planned = patient.project.plan
    applied = _applied(patient)
    if applied is None:
        return skip("there is no registry")
    if not applied:
        others = ", ".join(patient.registry.projects())
        also = f", but of {others}" if others else ""
        return fail(
            f'nothing of project "{planned.project}" is deployed{also}',
            shell(patient.line("deploy")),
        )
    differing = state.differences(patient.project, applied, patient.registry)
    if differing:
        return _elsewhere(patient, applied, differing)
    pending = planned.changes[len(applied) :]
    if not pending:
        return ok(f"up to date, at {applied[-1].label}")
    names = listed([change.name for change in pending])
    failed = patient.registry.attempted(pending[0].id)
    return warn(
        f"{len(pending)} changes behind the plan: {names}"
        + (f"; the last deploy of {pending[0].name} failed" if failed else ""),
        shell(patient.line("deploy")),
    )


def _applied(patient: Patient) -> list[Applied] | None:
    found = patient.registry.version()
    if found is None:
        return None
    return patient.registry.applied(patient.project.plan.project, found)


def _elsewhere(
    patient: Patient,
    applied: Sequence[Applied],
    differing: Sequence[tuple[int, str, str]],
) -> Verdict:
    """Say how what is deployed is no start of the plan."""
    planned = patient.project.plan.changes
    same = [one.change_id for one in applied[: len(planned)]]
    if same == [change.id for change in planned]:
        more = [one.name for one in applied[len(planned) :]]
        return fail(
            f"{len(more)} changes ahead of this package: {listed(more)}",
            shell(UPGRADE),
        )
    number, label, reason = differing[0]
    error = state.disagreement(patient.project, applied, patient.registry)
    return fail(
        f"not this plan: deployed change {number}, {label}, {reason}",
        words(error.fix or ""),
    )


def scripts(patient: Patient) -> Verdict:
    """Tell whether the scripts are those that were deployed."""
    applied = _applied(patient)
    if not applied:
        return skip("nothing is deployed")
    project = patient.project
    edited = []
    for one in applied:
        change = plans.by_id(project.plan, one.change_id)
        if change and project.scripts.script_hash(change) != one.script_hash:
            edited.append(project.scripts.shown("deploy", change))
    if not edited:
        return ok(f"{len(applied)} deploy scripts are as they were deployed")
    return warn(
        f"edited since they were deployed: {listed(edited)}",
        words("put them back as they were, then rework the changes (rework)"),
    )


def known(patient: Patient) -> list[dict[str, Any]]:
    """
    Return what is known of the database as it was deployed, nothing of another plan.

    A login that may not read the registry is told of all releases.
    """
    text = files("learnplan_db.health").joinpath("known.json").read_text("utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)["deployed"]
    if not _readable(patient):
        return list(found.values())
    applied = _applied(patient)
    last = applied[-1].change_id if applied else ""
    return [found[last]] if last in found else []


def _readable(patient: Patient) -> bool:
    """Tell whether this login may read the registry, if there is one."""
    rows = patient.rows(
        "select has_schema_privilege(oid, 'USAGE') from pg_namespace"
        " where nspname = %s",
        patient.registry.schema,
    )
    return not rows or bool(rows[0][0])


def drift(patient: Patient) -> Verdict:
    """Tell by its fingerprint whether the catalog is as the plan made it."""
    (there,) = patient.row("select to_regnamespace(%s) is not null", SCHEMAS[0])
    expected = known(patient)
    if not expected:
        text = "no fingerprint is known of what is deployed"
        return skip(text, shell(patient.line("drift"))) if there else skip("no schema")
    found = fingerprint(reading.read(patient.connection, SCHEMAS))
    same = [one["tag"] for one in expected if found in one["fingerprints"]]
    if same:
        return ok(f"the fingerprint is that of {same[0]}")
    return fail(
        f"the catalog is not as the plan made it: fingerprint {found[:12]}…",
        shell(patient.line("drift", "--sql", ">", "repair.sql")),
    )

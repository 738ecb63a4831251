"""
Faults of what holds the data together: views, triggers, constraints and defaults.

May import faults, predicates and surface; never runs a statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnplan_db.mutation.faults import fault, literal
from learnplan_db.mutation.predicates import Predicate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.mutation.surface import Surface
    from learnplan_db.proof.nouns import Mutant

_SORTS = {"c": "check", "p": "primary", "u": "unique", "f": "foreign", "x": "exclusion"}
_CASCADE = " ON DELETE CASCADE"


def table_faults(surface: Surface) -> Iterator[Mutant]:
    """Yield what can be wrong with tables and views, beside who may touch them."""
    for view in surface.relations:
        if view.kind == "v" and view.invoker:
            statement = f"alter view {view.sql} set (security_invoker = false)"
            what = "security_invoker off"
            yield fault("view-invoker", view.name, what, statement)
    for trigger in surface.triggers:
        yield from _trigger(trigger)
    for constraint in surface.constraints:
        yield from _constraint(constraint)
    for field in surface.fields:
        if field.kind in ("r", "p"):
            yield from _field(surface, field)


def _trigger(trigger: Any) -> Iterator[Mutant]:
    name = f"trigger {trigger.name}"
    if trigger.enabled != "D":
        statement = f"alter table {trigger.sql} disable trigger {trigger.quoted}"
        yield fault("trigger-disabled", trigger.table, f"{name} disabled", statement)
    statement = f"drop trigger {trigger.quoted} on {trigger.sql}"
    yield fault("trigger-dropped", trigger.table, f"{name} dropped", statement)


def _constraint(constraint: Any) -> Iterator[Mutant]:
    name = f"constraint {constraint.name}"
    drop = f"alter table {constraint.sql} drop constraint {constraint.quoted}"
    # Foreign keys stand on a key, and views that group by one.
    cascade = " cascade" if constraint.kind in "pu" else ""
    kind = f"{_SORTS[constraint.kind]}-dropped"
    says = f"{name} dropped" + (" with all that needs it" if cascade else "")
    yield fault(kind, constraint.table, f"{name} dropped", drop + cascade, says=says)
    if constraint.kind == "f" and constraint.deletes == "c":
        definition = constraint.definition.replace(_CASCADE, "")
        add = f"alter table {constraint.sql} add constraint {constraint.quoted}"
        what = f"{name} without on delete cascade"
        statements = (drop, f"{add} {definition}")
        yield fault("foreign-cascade", constraint.table, what, *statements)


def _field(surface: Surface, field: Any) -> Iterator[Mutant]:
    alter = f"alter table {field.sql} alter column {field.quoted}"
    if field.required and not field.key:
        what = f"{field.name} may be null"
        yield fault("null-allowed", field.table, what, f"{alter} drop not null")
    if field.initial is None or not field.initial.startswith("'"):
        return
    for value in field.labels or _allowed(surface, field):
        if not field.initial.startswith(f"{value}::"):
            what = f"default of {field.name} {value}"
            statement = f"{alter} set default {value}"
            yield fault("default-changed", field.table, what, statement)


def _allowed(surface: Surface, field: Any) -> list[str]:
    """Return the literals that a check on one column allows there."""
    return [
        literal(value)
        for one in surface.constraints
        if (one.kind, one.sql, one.fields) == ("c", field.sql, [field.name])
        for value in Predicate(
            one.definition.removeprefix("CHECK "), one.name, columns=surface.columns
        ).allowed(field.name)
    ]

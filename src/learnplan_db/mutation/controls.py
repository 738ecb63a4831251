"""
Changes that change nothing: what must not alarm whoever watches behaviour.

A script that compares definitions may well notice them. May import the modules of
faults and mutation.surface; needs sqlglot; never runs a statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnplan_db.mutation import surface as surfaces
from learnplan_db.mutation.faults import fault, unique
from learnplan_db.mutation.faults_policies import CLAUSES, altered
from learnplan_db.mutation.predicates import Predicate
from learnplan_db.security.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from learnplan_db.mutation.predicates import Edit
    from learnplan_db.proof.nouns import Mutant

_SAYS = {
    "operands": "with the sides changed of",
    "conjuncts": "with the order changed of",
    "list": "with IN for",
}


def controls(connection: psycopg.Connection[Any]) -> list[Mutant]:
    """
    Return one of each kind of change that has no effect.

    Each is on the first policy, in the order of the catalog, that has what it takes.
    Raises: MutationError: sqlglot is missing, or cannot read an expression.
    """
    found = surfaces.read(connection, Variables())
    kept: dict[str, Mutant] = {}
    for policy in found.policies:
        kept.setdefault("renamed", _renamed(policy))
        kept.setdefault("comment", _commented(policy))
        for clause, edit in _edits(found, policy):
            if edit.what not in kept:
                words = CLAUSES[clause]
                statement = altered(policy, f"{words} ({edit.sql})")
                what = f"policy {policy.name} {words} {_SAYS[edit.what]} {edit.label}"
                kept[edit.what] = fault("control", policy.table, what, statement)
    return unique(kept.values())


def _renamed(policy: Any) -> Mutant:
    statement = altered(policy, "rename to learnplan_control")
    return fault("control", policy.table, f"policy {policy.name} renamed", statement)


def _commented(policy: Any) -> Mutant:
    target = f"policy {policy.quoted} on {policy.sql}"
    statement = f"comment on {target} is 'Said in other words.'"
    what = f"policy {policy.name} with another comment"
    return fault("control", policy.table, what, statement)


def _edits(found: surfaces.Surface, policy: Any) -> Iterator[tuple[str, Edit]]:
    home = (policy.schema, policy.table)
    for clause in CLAUSES:
        text = getattr(policy, clause)
        if text is not None:
            where = f"policy {policy.name}"
            one = Predicate(text, where, columns=found.columns, home=home)
            for edit in (*one.mirrors(), *one.lists()):
                yield clause, edit

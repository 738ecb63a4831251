"""
Faults of policies and of the switches of row security.

May import faults, predicates and surface; never runs a statement.
Source: PostgreSQL, "Row Security Policies".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnplan_db.mutation.faults import fault, grantee, literal, quoted
from learnplan_db.mutation.predicates import Predicate
from learnplan_db.mutation.surface import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.mutation.surface import Surface
    from learnplan_db.proof.nouns import Mutant

CLAUSES = {"using": "using", "check": "with check"}
CONSTANTS = ("true", "false", "null")


def policy_faults(surface: Surface) -> Iterator[Mutant]:
    """Yield what can be wrong with each policy, and with row security of each table."""
    for policy in surface.policies:
        yield from _whole(policy)
        yield from _widened(surface, policy)
        for clause in CLAUSES:
            if getattr(policy, clause) is not None:
                yield from _clause(surface, policy, clause)
    for table in surface.relations:
        if table.kind in ("r", "p"):
            yield from _switches(surface, table)


def created(policy: Any, **changed: Any) -> tuple[str, ...]:
    """
    Return the statements that put another policy in the place of one.

    Args: changed: of the policy's columns, "command", "permissive", "using", "check".
        The comment stays: it is not what is wrong.
    """
    new = policy._asdict() | changed
    target = f"{policy.quoted} on {policy.sql}"
    comment = policy.comment and literal(policy.comment)
    kept = [f"comment on policy {target} is {comment}"] if comment else []
    roles = ", ".join(map(grantee, policy.roles))
    clauses = "".join(
        f" {words} ({new[clause]})"
        for clause, words in CLAUSES.items()
        if new[clause] is not None
    )
    permissive = "permissive" if new["permissive"] else "restrictive"
    create = (
        f"create policy {target} as {permissive} for {new['command']}"
        f" to {roles}{clauses}"
    )
    return f"drop policy {target}", create, *kept


def altered(policy: Any, rest: str) -> str:
    """Return the statement that changes a policy in place."""
    return f"alter policy {policy.quoted} on {policy.sql} {rest}"


def _whole(policy: Any) -> Iterator[Mutant]:
    name = f"policy {policy.name}"
    drop = f"drop policy {policy.quoted} on {policy.sql}"
    yield fault("policy-dropped", policy.table, f"{name} dropped", drop)
    if policy.command != "all":
        # What an INSERT alone had to pass, the rows of all commands now have to.
        using = policy.using if policy.using is not None else policy.check
        statements = created(policy, command="all", using=using)
        yield fault("policy-command", policy.table, f"{name} for all", *statements)
    if policy.permissive:
        statements = created(policy, permissive=False)
        what = f"{name} restrictive"
        yield fault("policy-restrictive", policy.table, what, *statements)


def _widened(surface: Surface, policy: Any) -> Iterator[Mutant]:
    if PUBLIC in policy.roles:
        return
    name = f"policy {policy.name}"
    statement = altered(policy, "to public")
    yield fault("policy-role", policy.table, f"{name} to public", statement)
    if surface.anon not in policy.roles and surface.anon in surface.callers:
        roles = ", ".join(map(grantee, (*policy.roles, surface.anon)))
        what = f"{name} to {surface.anon} too"
        yield fault("policy-role", policy.table, what, altered(policy, f"to {roles}"))


def _clause(surface: Surface, policy: Any, clause: str) -> Iterator[Mutant]:
    """Yield one clause as a constant, with a part lost, and with another column."""
    text, words = getattr(policy, clause), CLAUSES[clause]
    name = f"policy {policy.name} {words}"
    for constant in CONSTANTS:
        if text.strip("() ").lower().removesuffix("::boolean") != constant:
            statement = altered(policy, f"{words} ({constant})")
            kind = f"policy-{clause}"
            yield fault(kind, policy.table, f"{name} {constant}", statement)
    home = (policy.schema, policy.table)
    predicate = Predicate(text, name, columns=surface.columns, home=home)
    for edit in predicate.losses():
        statement = altered(policy, f"{words} ({edit.sql})")
        what = f"{name} without {edit.label}"
        yield fault(f"policy-{edit.what}", policy.table, what, statement)
    for edit in predicate.swaps():
        statement = altered(policy, f"{words} ({edit.sql})")
        what = f"{name} with {edit.label}"
        yield fault("policy-column", policy.table, what, statement)


def _switches(surface: Surface, table: Any) -> Iterator[Mutant]:
    if table.secured:
        off = f"alter table {table.sql} disable row level security"
        yield fault("security-disabled", table.name, "row security disabled", off)
    if table.forced:
        off = f"alter table {table.sql} no force row level security"
        yield fault("security-unforced", table.name, "row security not forced", off)
    if surface.authenticated in surface.callers:
        role = surface.authenticated
        statement = (
            f"create policy learnplan_mutant on {table.sql} to {quoted(role)}"
            " using (true)"
        )
        what = f"one more policy using true to {role}"
        yield fault("policy-added", table.name, what, statement)

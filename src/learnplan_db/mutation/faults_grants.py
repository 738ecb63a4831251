"""
Faults of rights: given too widely, given too much, taken away; and of roles.

May import faults and surface; never runs a statement.
Source: PostgreSQL, "Privileges".
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from learnplan_db.mutation.faults import as_owner, fault, grantee, quoted
from learnplan_db.mutation.surface import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.mutation.surface import Surface
    from learnplan_db.proof.nouns import Mutant

TABLE_RIGHTS = (
    "select",
    "insert",
    "update",
    "delete",
    "truncate",
    "references",
    "trigger",
)
MAINTAIN_SINCE = 170000
NEEDS_SUPERUSER = {
    "role-bypass": "only a superuser may let a role bypass row security",
}


def grant_faults(surface: Surface) -> Iterator[Mutant]:
    """Yield what can be wrong with who holds which right on which object."""
    wide = () if surface.version < MAINTAIN_SINCE else ("maintain",)
    for relation in surface.relations:
        yield from _object(surface, "table", relation, (*TABLE_RIGHTS, *wide))
        if relation.kind in ("r", "p") or relation.writable:
            yield from _columns(surface, relation)
    for schema in surface.schemas:
        yield from _object(surface, "schema", schema, ("usage", "create"))
    for function in surface.functions:
        yield from _object(surface, "function", function, ("execute",))


def role_faults(surface: Surface) -> Iterator[Mutant]:
    """Yield what can be wrong with the roles themselves, as far as it is allowed."""
    roles = (*surface.callers, *surface.keepers)
    for role in roles:
        if surface.superuser and role not in surface.bypassing:
            statement = f"alter role {grantee(role)} bypassrls"
            yield fault("role-bypass", role, "bypasses row security", statement)
    for place, member in enumerate(surface.callers):
        # The service is nobody's lesser; the rest must not become who may more.
        above = (*surface.callers[place + 1 :], *surface.keepers)
        for role in above if member != surface.callers[-1] else ():
            if (role, member) not in surface.members and role in surface.grants:
                statement = f"grant {grantee(role)} to {quoted(member)}"
                yield fault("role-member", member, f"member of {role}", statement)


def _held(surface: Surface, sort: str, sql: str) -> dict[tuple[str, str], Any]:
    """Return the rights on a whole object by grantee and right."""
    return {
        (one.grantee, one.right): one
        for one in surface.rights
        if (one.sort, one.sql, one.field) == (sort, sql, None)
    }


def _object(
    surface: Surface, sort: str, item: Any, rights: tuple[str, ...]
) -> Iterator[Mutant]:
    held = _held(surface, sort, item.sql)
    named = item.name if sort == "table" else item.sql
    target = f"on {sort} {item.sql}"
    where = item.name

    def made(kind: str, what: str, statement: str) -> Mutant:
        told = what if sort == "table" else f"{what} on {sort} {named}"
        return fault(kind, where, told, *as_owner(surface, item.owner, statement))

    for (role, right), one in held.items():
        statement = f"revoke {right} {target} from {grantee(role)}"
        yield made(f"{sort}-revoked", f"{right} revoked from {role}", statement)
        if role != PUBLIC and not one.grantable:
            statement = f"grant {right} {target} to {grantee(role)} with grant option"
            what = f"{right} to {role} with grant option"
            yield made(f"{sort}-option", what, statement)
    for role in (*surface.callers, *surface.keepers, PUBLIC):
        for right in rights:
            lower = any((caller, right) in held for caller in surface.callers)
            if (role, right) in held or role == item.owner:
                continue
            if role == PUBLIC and sort == "table" and not lower:
                continue  # nobody has it: one role more or all is the same fault
            widened = lower and role in (PUBLIC, surface.anon)
            kind = f"{sort}-widened" if widened else f"{sort}-granted"
            statement = f"grant {right} {target} to {grantee(role)}"
            yield made(kind, f"{right} granted to {role}", statement)


def _columns(surface: Surface, relation: Any) -> Iterator[Mutant]:
    held = _held(surface, "table", relation.sql)
    listed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in surface.rights:
        if one.sort == "table" and one.sql == relation.sql and one.field is not None:
            listed[one.grantee, one.right].append(one.field)
    for (role, right), fields in listed.items():
        yield from _list(surface, relation, (role, right), fields)
    every = surface.columns[relation.schema, relation.name]
    wanted = {(surface.authenticated, right) for right in ("insert", "update")}
    for role, right in sorted(wanted | set(listed)):
        known = role == PUBLIC or role in surface.callers + surface.keepers
        if (role, right) in held or not known:
            continue
        for field in every:
            if field not in listed.get((role, right), ()):
                what = f"{right} ({field}) granted to {role}"
                rest = f"on {relation.sql} to {grantee(role)}"
                statement = f"grant {right} ({quoted(field)}) {rest}"
                yield fault("column-granted", relation.name, what, statement)


def _list(
    surface: Surface, relation: Any, held: tuple[str, str], fields: list[str]
) -> Iterator[Mutant]:
    """Yield what can be wrong with the columns that one role holds one right on."""
    role, right = held
    for field in fields:
        rest = f"on {relation.sql} from {grantee(role)}"
        statement = f"revoke {right} ({quoted(field)}) {rest}"
        what = f"{right} ({field}) revoked from {role}"
        yield fault("column-revoked", relation.name, what, statement)
    columns = ", ".join(map(quoted, fields))
    grant = f"grant {right} ({columns}) on {relation.sql} to"
    if role != PUBLIC:
        what = f"{right} of its columns to {role} with grant option"
        statement = f"{grant} {grantee(role)} with grant option"
        yield fault("column-option", relation.name, what, statement)
    for wider in (surface.anon, PUBLIC) if role == surface.authenticated else ():
        if wider == PUBLIC or wider in surface.callers:
            what = f"{right} of the columns of {role} granted to {wider}"
            statement = f"{grant} {grantee(wider)}"
            yield fault("column-widened", relation.name, what, statement)

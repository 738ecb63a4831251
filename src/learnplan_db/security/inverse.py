"""
The inverse of a policy script, and the assertions that it is in force.

Works on statements of the few kinds that policy scripts are made of; anything else is
refused, since a revert that forgets one rots unseen. May import errors and script.
"""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnplan_db.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from learnplan_db.psql.script import Statement

SPACE = re.compile(r"\s+")
HARMLESS = re.compile(
    r"comment on policy .*|revoke .*|set local search_path = .*"
    r"|select learnplan_private\.ensure_role\('(?P<ensured>\w+)'\)"
)
SECURITY = re.compile(r"alter table (\S+) (enable|force) row level security")
_OBJECT = r"\w+(?:\.\w+)?(?:\([^)]*\))?"
# Neither "all" nor "with grant option": their inverse and proof say something else.
GRANT = re.compile(
    r"grant (?P<rights>(?!all\b).+?) on (?:(?P<kind>schema|function|table) )?"
    rf"(?P<objects>{_OBJECT}(?:, ?{_OBJECT})*) to (?P<roles>\w+(?:, ?\w+)*)"
)
CLOSED = re.compile(
    rf"revoke all on schema (?P<objects>{_OBJECT}(?:, ?{_OBJECT})*) from .*"
)
ALL_CLOSED = re.compile(
    r"revoke all on all functions in schema (?P<schema>\w+) from .*"
)
POLICY = re.compile(r"create policy (\w+) on (\S+) .*")
BORROW = re.compile(r"select learnplan_private\.(borrow|return)_role\('(\w+)'\)")
KEEPERS = ("learnplan_identity", "learnplan_reader")  # who owns the definer functions
RIGHT = re.compile(r'(\w+)(?: ?\(([\w", ]+)\))?')
UNDO = {"enable": "disable", "force": "no force"}
SWAP = {"borrow": "return", "return": "borrow"}


def _flat(statement: Statement) -> str:
    """Return a statement on one line, without comments and its semicolon."""
    text = re.sub(r"--[^\n]*", "", statement.text)
    return SPACE.sub(" ", text).strip().removesuffix(";").strip()


def _inverse(text: str) -> str | None:
    """Return what takes a statement back, "" for nothing, None if unknown."""
    if HARMLESS.fullmatch(text):
        return ""
    if match := SECURITY.fullmatch(text):
        return f"alter table {match[1]} {UNDO[match[2]]} row level security;"
    if match := GRANT.fullmatch(text):
        kind = f"{match['kind']} " if match["kind"] else ""
        target = f"{kind}{match['objects']}"
        text = f"revoke {match['rights']} on {target}"
        wrapped = textwrap.fill(
            text, 98, subsequent_indent="  ", break_on_hyphens=False
        )
        return f"{wrapped}\nfrom {match['roles']};"
    if match := POLICY.fullmatch(text):
        return f"drop policy {match[1]} on {match[2]};"
    if match := BORROW.fullmatch(text):
        return f"select learnplan_private.{SWAP[match[1]]}_role('{match[2]}');"
    return None


def revert_lines(statements: Iterable[Statement], shown: str) -> str:
    """
    Return the statements that take a policy script back, last first.

    Raises: RenderError: a statement has no known inverse.
    """
    lines = []
    for statement in statements:
        inverse = _inverse(_flat(statement))
        if inverse is None:
            where = f"{shown}, rendered line {statement.line}"
            raise RenderError.no_inverse(statement.verb, where)
        lines.append(inverse)
    return "\n".join(line for line in reversed(lines) if line)


def verify_lines(statements: Iterable[Statement], shown: str, may_bypass: str) -> str:
    """
    Return the assertions that what a policy script says is there, and no more.

    Args: may_bypass: the role for which BYPASSRLS is the host's own business.
    """
    said = _said(statements)
    parts = [_role(role, may_bypass) for role in said.roles]
    if said.roles:
        parts.append(_memberships(said.roles))
    for table, made in said.policies.items():
        if not table.startswith("learnplan."):
            raise RenderError.foreign_table(table, shown)
        parts.append(_policies(table, made))
    parts.extend(_grants(*key, lines) for key, lines in said.grants.items())
    opened = [target for kind, target in said.grants if kind == "function"]
    parts.extend(_others(schema, opened) for schema in said.closed)
    return "\n\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Said:
    """
    What a policy script says: all of it is to be asserted.

    ``closed`` are schemas in which no function is open but those it grants.
    """

    roles: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    policies: dict[str, list[Statement]] = field(
        default_factory=lambda: defaultdict(list)
    )
    grants: dict[tuple[str, str], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )


def _said(statements: Iterable[Statement]) -> _Said:
    said = _Said()
    for statement in statements:
        text = _flat(statement)
        if (match := HARMLESS.fullmatch(text)) and match["ensured"]:
            said.roles.append(match["ensured"])
        elif match := CLOSED.fullmatch(text):
            for target in _objects(match["objects"]):
                said.grants["schema", target] |= set()  # if none follow, none at all
        elif match := ALL_CLOSED.fullmatch(text):
            said.closed.append(match["schema"])
        elif match := GRANT.fullmatch(text):
            for target in _objects(match["objects"]):
                said.grants[match["kind"] or "table", target] |= set(_granted(match))
        elif match := POLICY.fullmatch(text):
            said.policies[match[2]].append(statement)
    return said


def _objects(text: str) -> list[str]:
    """Split a list of objects at commas that are not inside parentheses."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text)]


def _granted(match: re.Match[str]) -> Iterator[str]:
    """Yield one line for each right, column and role of a grant."""
    for right in RIGHT.finditer(match["rights"]):
        columns = [f" ({c.strip()})" for c in right[2].split(",")] if right[2] else [""]
        for column in columns:
            for role in match["roles"].split(","):
                yield f"grant {right[1]}{column} to {role.strip()}"


def _array(lines: Collection[str]) -> str:
    if not lines:
        return "array[]::text[]"
    return "array[\n" + ",\n".join(f"    '{line}'" for line in sorted(lines)) + "\n  ]"


def _names(roles: Iterable[str]) -> str:
    return "(" + ", ".join(f"'{role}'" for role in roles) + ")"


def _assert(subject: str, expected: str, actual: str) -> str:
    return (
        f"select learnplan_private.assert_same(\n  '{subject}',\n"
        f"  {expected},\n  {actual}\n);"
    )


def _role(role: str, may_bypass: str) -> str:
    bypass = "" if role == may_bypass else " and not rolbypassrls"
    actual = (
        "array(\n    select rolname::text\n    from pg_catalog.pg_roles\n"
        f"    where rolname = '{role}' and not rolsuper{bypass}\n  )"
    )
    return _assert(f"role {role}", f"array['{role}']", actual)


def _memberships(roles: Collection[str]) -> str:
    """Assert that no caller can become another, nor the owner of a definer function."""
    callers, keepers = _names(roles), _names(KEEPERS)
    actual = (
        "array(\n    select concat_ws(' ', m.rolname, 'in', r.rolname)\n"
        "    from pg_catalog.pg_roles as m\n"
        "    cross join pg_catalog.pg_roles as r\n"
        f"    where m.rolname in {callers}\n"
        f"      and (r.rolname in {callers}\n"
        f"        or r.rolname in {keepers})\n"
        "      and m.oid <> r.oid\n"
        "      and pg_catalog.pg_has_role(m.oid, r.oid, 'member')\n  )"
    )
    return _assert("memberships of " + ", ".join(roles), _array([]), actual)


def _others(schema: str, opened: Collection[str]) -> str:
    """Assert that nobody but its owner may call any other function of a schema."""
    listed = [target for target in opened if target.startswith(f"{schema}.")]
    but = ",\n".join(f"        '{target}'::regprocedure" for target in listed)
    rest = f"\n      and o.oid not in (\n{but}\n      )" if listed else ""
    actual = (
        "array(\n    select o.oid::regprocedure::text\n"
        "    from pg_catalog.pg_proc as o\n"
        "    cross join lateral pg_catalog.aclexplode(\n"
        "      coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))\n"
        "    ) as a\n"
        f"    where o.pronamespace = '{schema}'::regnamespace\n"
        f"      and a.grantee <> o.proowner{rest}\n  )"
    )
    return _assert(f"other grants on functions of {schema}", _array([]), actual)


def _policies(table: str, made: list[Statement]) -> str:
    """Make the policies again on an empty copy: PostgreSQL shows both the same way."""
    name = table.partition(".")[2]
    copies = [
        re.sub(rf"\bon\s+{re.escape(table)}\b", f"on pg_temp.{name}", s.text, count=1)
        for s in made
    ]
    described = "array(select learnplan_private.describe_relation('{}', '{}'))"
    uncommented = (
        "array(\n    select polname::text\n    from pg_catalog.pg_policy\n"
        f"    where polrelid = '{table}'::regclass\n"
        "      and pg_catalog.obj_description(oid, 'pg_policy') is null\n  )"
    )
    return "\n\n".join(
        [
            f"create temporary table {name} (like {table});",
            *copies,
            _assert(
                f"policies of {table}",
                described.format(f"pg_temp.{name}", "policy"),
                described.format(table, "policy"),
            ),
            _assert(
                f"row security of {table}",
                "array['row security enabled forced']",
                described.format(table, "row"),
            ),
            _assert(
                f"policies without a comment of {table}", "array[]::text[]", uncommented
            ),
        ]
    )


def _grants(kind: str, target: str, lines: set[str]) -> str:
    """Assert the exact grants on an object, its owner's aside."""
    if kind == "table":
        actual = (
            f"array(select learnplan_private.describe_relation('{target}', 'grant'))"
        )
        return _assert(f"grants on {target}", _array(lines), actual)
    catalog, acl, owner, code, key = (
        ("pg_namespace", "nspacl", "nspowner", "n", f"'{target}'::regnamespace")
        if kind == "schema"
        else ("pg_proc", "proacl", "proowner", "f", f"'{target}'::regprocedure")
    )
    # Internal roles use the schema too: their own changes assert that.
    others = (
        f"\n      and coalesce(r.rolname, 'public') not in {_names(KEEPERS)}"
        if kind == "schema"
        else ""
    )
    actual = (
        "array(\n    select concat_ws(' ', 'grant', "
        "lower(a.privilege_type collate \"C\"), 'to',\n"
        "      coalesce(r.rolname, 'public'),"
        " case when a.is_grantable then 'with grant option' end)\n"
        f"    from pg_catalog.{catalog} as o\n"
        "    cross join lateral pg_catalog.aclexplode(\n"
        f"      coalesce(o.{acl}, pg_catalog.acldefault('{code}', o.{owner}))\n"
        "    ) as a\n"
        "    left join pg_catalog.pg_roles as r on r.oid = a.grantee\n"
        f"    where o.oid = {key}\n"
        f"      and a.grantee <> o.{owner}{others}\n  )"
    )
    return _assert(f"grants on {kind} {target}", _array(lines), actual)

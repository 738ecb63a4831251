"""Which volatile functions a policy calls: itself, or through the functions it calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from node_trees import parse, walk
from policy_rules import policies

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

# Comments, then strings: what is quoted is no call.
QUOTED = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|(\$\w*\$).*?\1", re.DOTALL)
CALL = re.compile(r"(?:(\w+)\s*\.\s*)?(\w+)\s*\(")


def volatile_calls(connection: psycopg.Connection[Any]) -> list[str]:
    """Volatile functions that a policy calls, itself or through others."""
    found = set()
    for policy in policies(connection):
        for path in _volatile(connection, _called(connection, policy.trees), ()):
            found.add(f"{policy.name}: {' > '.join(path)}")
    return sorted(found)


def _called(connection: psycopg.Connection[Any], tree: Any) -> set[int]:
    """Return the functions that an expression calls: by name, operator or cast."""
    found = set()
    for node, _ in walk(tree):
        for name in ("funcid", "opfuncid", "aggfnoid", "winfnoid"):
            found.add(int(node[name] or 0))
        for number in [node["opno"] or 0, *node.rows("opnos")]:
            found |= _of_operator(connection, number)
        if node.tag == "COERCEVIAIO":
            row = connection.execute(
                "select typinput::oid::int8 from pg_type where oid = %s",
                [node.number("resulttype")],
            ).fetchone()
            found.add(row[0] if row else 0)
    return found - {0}


def _of_operator(connection: psycopg.Connection[Any], number: Any) -> set[int]:
    if not str(number).isdigit():  # an "o" before a list of OIDs
        return set()
    rows = connection.execute(
        "select oprcode::oid::int8 from pg_operator where oid = %s", [int(number)]
    )
    return {row[0] for row in rows}


def _volatile(
    connection: psycopg.Connection[Any], functions: set[int], path: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """Yield how a volatile function is reached, through bodies that are not C."""
    rows = connection.execute(
        "select p.oid::int8, p.oid::regprocedure::text, provolatile::text,"
        " l.lanname in ('sql', 'plpgsql'), prosrc, prosqlbody::text"
        " from pg_proc as p inner join pg_language as l on l.oid = p.prolang"
        " where p.oid = any(%s)",
        [list(functions)],
    ).fetchall()
    for _, name, volatility, readable, source, body in rows:
        if name in path:
            continue
        if volatility == "v":
            yield (*path, name)
        elif body:
            inner = _called(connection, parse(body))
            yield from _volatile(connection, inner, (*path, name))
        elif readable:
            text = QUOTED.sub(" '' ", source)
            if re.search(r"\bexecute\b", text, re.IGNORECASE):
                yield (*path, name, "EXECUTE")
            inner = _named(connection, text)
            yield from _volatile(connection, inner, (*path, name))


def _named(connection: psycopg.Connection[Any], text: str) -> set[int]:
    """Return every function that a call in the text of a body may mean."""
    calls = {(schema or None, name.lower()) for schema, name in CALL.findall(text)}
    rows = connection.execute(
        "select p.oid::int8 from pg_proc as p"
        " inner join unnest(%s::text[], %s::text[]) as call (schema, name)"
        "  on call.name = p.proname"
        "  and coalesce(call.schema::regnamespace, p.pronamespace) = p.pronamespace",
        [[schema for schema, _ in calls], [name for _, name in calls]],
    )
    return {row[0] for row in rows}

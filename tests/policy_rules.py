"""
What keeps policies cheap, each rule as a reader of their parsed expressions.

A rule takes a connection and returns what breaks it, in words, sorted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from node_trees import Node, has, parse, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

RELATION, SUBQUERY, VALUES = "0", "1", "5"  # :rtekind
SCALAR = "4"  # :subLinkType
ONCE = ("TRUE", "FALSE", "FALSE", "FALSE")


@dataclass(frozen=True)
class Policy:
    """A policy: its name, its table's OID, its command, and its parsed expressions."""

    name: str
    table: int
    command: str
    texts: tuple[str, ...]

    @cached_property
    def trees(self) -> list[Any]:
        """The expressions of USING and WITH CHECK."""
        return [parse(text) for text in self.texts]

    def column(self, var: Node, queries: tuple[Node, ...]) -> tuple[int, int] | None:
        """Return the OID of the table and the number of the column that is meant."""
        up = var.number("varlevelsup")
        if up >= len(queries):
            return self.table, var.number("varattno")
        entry = queries[-1 - up].rows("rtable")[var.number("varno") - 1]
        if entry["rtekind"] != RELATION:
            return None
        return entry.number("relid"), var.number("varattno")


def policies(connection: psycopg.Connection[Any]) -> list[Policy]:
    """Return all policies of the database."""
    rows = connection.execute(
        "select polname::text, polrelid::int8, polcmd::text,"
        " array_remove(array[polqual::text, polwithcheck::text], null)"
        " from pg_policy order by polname"
    ).fetchall()
    assert rows
    return [Policy(row[0], row[1], row[2], tuple(row[3])) for row in rows]


def each_node(
    connection: psycopg.Connection[Any],
) -> Iterator[tuple[Policy, Node, tuple[Node, ...]]]:
    """Yield each node of each policy, with the sub-queries that it is within."""
    for policy in policies(connection):
        for node, queries in walk(policy.trees):
            yield policy, node, queries


def bare_session_calls(connection: psycopg.Connection[Any]) -> list[str]:
    """Calls that ask who is asking, other than alone in a SELECT without FROM."""
    rows = connection.execute(
        "select oid::int8, proname::text from pg_proc where proname = 'current_setting'"
        " or (proname like 'current%' and pronamespace = 'learnplan'::regnamespace)"
    )
    names = dict(rows.fetchall())
    found = set()
    for policy, node, queries in each_node(connection):
        if node.tag == "SQLVALUEFUNCTION":
            name = "current_user or the like"
        elif node.tag == "FUNCEXPR" and node.number("funcid") in names:
            name = names[node.number("funcid")]
        else:
            continue
        alone = queries and not queries[-1]["rtable"] and not has(node["args"], "VAR")
        if not (alone and _is_target(policy, node, queries[-1])):
            found.add(f"{policy.name}: {name}")
    return sorted(found)


def _is_target(policy: Policy, call: Node, query: Node) -> bool:
    """Whether the call is what a scalar sub-select returns."""
    return any(
        node.tag == "SUBLINK"
        and node["subLinkType"] == SCALAR
        and node["subselect"] is query
        and any(inner is call for inner, _ in walk(query["targetList"]))
        for node, _ in walk(policy.trees)
    )


def unindexed_foreign_keys(connection: psycopg.Connection[Any]) -> list[str]:
    """Foreign keys of ours whose columns do not lead a whole, valid B-tree."""
    rows = connection.execute(
        "select c.conname::text from pg_constraint as c where c.contype = 'f'"
        " and c.connamespace = 'learnplan'::regnamespace and not exists ("
        "  select from pg_index as i"
        "  inner join pg_class as x on x.oid = i.indexrelid"
        "  inner join pg_am as a on a.oid = x.relam and a.amname = 'btree'"
        "  where i.indrelid = c.conrelid and i.indisvalid and i.indpred is null"
        "    and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey"
        ") order by 1"
    )
    return [row[0] for row in rows]


def unindexed_columns(connection: psycopg.Connection[Any]) -> list[str]:
    """
    Columns that a policy compares and that lead no index.

    A comparison with a constant may instead be the condition of a partial index.
    """
    indexes = connection.execute(
        "select indrelid::int8, indkey[0]::int4, indpred::text from pg_index"
        " where indisvalid"
    ).fetchall()
    leading = {(table, column) for table, column, only in indexes if only is None}
    conditions = {
        (table, *_comparison(node))
        for table, _, only in indexes
        if only is not None
        for node, _ in walk(parse(only))
        if node.tag == "OPEXPR"
    }
    found = set()
    for policy, node, queries in each_node(connection):
        if node.tag not in {"OPEXPR", "SCALARARRAYOPEXPR", "DISTINCTEXPR"}:
            continue
        for var, within in walk(node["args"], queries):
            column = policy.column(var, within) if var.tag == "VAR" else None
            if column is None or len(within) > len(queries) or column in leading:
                continue
            if (column[0], *_comparison(node)) not in conditions:
                found.add((policy.name, *column))
    return sorted(
        f"{name}: {_column_name(connection, table, number)}"
        for name, table, number in found
    )


def _comparison(node: Node) -> tuple[str, ...]:
    """Return operator, column and constant of a comparison; it is no key otherwise."""
    args = node.rows("args")
    if [arg.tag for arg in args] != ["VAR", "CONST"]:
        return ("none",)
    return node["opno"], args[0]["varattno"], str(args[1]["constvalue"])


def _column_name(connection: psycopg.Connection[Any], table: int, number: int) -> str:
    row = connection.execute(
        "select attrelid::regclass || '.' || attname from pg_attribute"
        " where attrelid = %s and attnum = %s",
        [table, number],
    ).fetchone()
    assert row is not None
    return str(row[0])


def parents_asked_by_row(connection: psycopg.Connection[Any]) -> list[str]:
    """Sub-queries on a table that are not written so that what was found is kept."""
    keys = {
        tuple(row)
        for row in connection.execute(
            "select conrelid::int8, conkey[1]::int4 from pg_constraint"
            " where contype = 'p' and cardinality(conkey) = 1"
        )
    }
    found: set[tuple[str, int]] = set()
    for policy, node, queries in each_node(connection):
        if node.tag != "QUERY":
            continue
        asked = [e for e in node.rows("rtable") if e["rtekind"] == RELATION]
        if asked and not _is_kept(policy, node, (*queries, node), keys):
            found.update((policy.name, entry.number("relid")) for entry in asked)
    return sorted(
        f"{name}: {_name(connection, 'regclass', table)}" for name, table in found
    )


def _is_kept(
    policy: Policy,
    query: Node,
    queries: tuple[Node, ...],
    keys: set[tuple[Any, ...]],
) -> bool:
    """Whether it is the join of the macro kept() in policies/_predicates.sql.j2."""
    entries = [e for e in query.rows("rtable") if e["rtekind"] in {RELATION, SUBQUERY}]
    joins = [node for node, within in walk(query) if node.tag == "JOINEXPR"]
    if [e["rtekind"] for e in entries] != [SUBQUERY, RELATION] or len(joins) != 1:
        return False
    equal = joins[0]["quals"]
    if equal is None or [arg.tag for arg in equal.rows("args")] != ["VAR", "CASEEXPR"]:
        return False
    key, case = equal.rows("args")
    when = case.rows("args")
    return (
        _constants(entries[0]["subquery"]) == ONCE
        and policy.column(key, queries) in keys
        and len(when) == 1
        and when[0]["expr"]["varno"] == "1"
        and when[0]["result"].tag == "VAR"
        and when[0]["result"]["varlevelsup"] == "1"
        and case["defresult"]["constisnull"] == "true"
    )


def _constants(subquery: Node) -> tuple[str, ...]:
    """Return the booleans of a list of values, in their order."""
    lists = [node for node, _ in walk(subquery) if node["rtekind"] == VALUES]
    return tuple(
        "TRUE" if node["constvalue"][2] == "1" else "FALSE"
        for node, _ in walk([entry["values_lists"] for entry in lists])
        if node.tag == "CONST"
    )


def functions_of_rows(connection: psycopg.Connection[Any]) -> list[str]:
    """Functions that a policy for SELECT calls with a column: once for each row."""
    found = {
        f"{policy.name}: {_name(connection, 'regprocedure', node.number('funcid'))}"
        for policy, node, _ in each_node(connection)
        if policy.command == "r" and node.tag == "FUNCEXPR" and has(node["args"], "VAR")
    }
    return sorted(found)


def _name(connection: psycopg.Connection[Any], kind: str, oid: int) -> str:
    """Return the name of a table or function, as its alias type writes it."""
    row = connection.execute(f"select %s::oid::{kind}::text".encode(), [oid]).fetchone()
    assert row is not None
    return str(row[0])

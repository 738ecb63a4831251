"""
One table or view of a drawing: columns, rules, indexes, triggers, policies and grants.

May import lower floors of pictures, and catalog; pure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from learnplan_db.catalog.rights import ACL, grantees
from learnplan_db.errors.base import identifier
from learnplan_db.pictures.model import (
    ENFORCED,
    FOR_OTHERS,
    OFF,
    Column,
    Grant,
    Part,
    Policy,
    Table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.catalog.objects import Facts, Key
    from learnplan_db.pictures.source import Source

_KINDS = ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE")
_COMMANDS = ("select", "insert", "update", "delete", "all")
_SORTS = {"partitioned": "partitioned", "foreign": "foreign table"}
_MARKS = {"primary": "PK", "foreign": "FK", "unique": "UK"}


def table_of(source: Source, key: Key) -> Table:
    """Return a table or view with all that it has."""
    facts, name = source.catalog[key], key.name
    on = {"enabled": FOR_OTHERS, "disabled": OFF}
    security = on.get(facts.get("row_security", ""), "")
    if security == FOR_OTHERS and facts["forced"] == "yes":
        security = ENFORCED
    return Table(
        name,
        source.name(name),
        facts.get("comment", ""),
        tuple(_columns(source, name)),
        security,
        _view_note(facts) if key.kind == "view" else _note(source, name, facts),
        tuple(_plain(source, name, "constraint")),
        tuple(_indexes(source, name)),
        tuple(_plain(source, name, "trigger")),
        tuple(_policies(source, name)),
        tuple(_grants(source, key)),
    )


def _view_note(facts: Facts) -> str:
    """Return with whose rights a view reads."""
    if facts.get("sort") == "materialized":
        return "materialized view"
    invoker = "security_invoker=true" in facts.get("options", "")
    whose = "the caller's" if invoker else "the owner's"
    return f"view with {whose} rights"


def _note(source: Source, table: str, facts: Facts) -> str:
    """Return what is unusual of a table."""
    parts = source.partitions(table)
    words = (
        _SORTS.get(facts.get("sort", "")),
        f"{parts} partition{'' if parts == 1 else 's'}" if parts else "",
        f"inherits {facts['parents']}" if "parents" in facts else "",
        "unlogged" if facts.get("persistence") == "unlogged" else "",
    )
    return ", ".join(filter(None, words))


def _columns(source: Source, table: str) -> Iterator[Column]:
    marks = _marks(source, table)
    for name, facts in source.columns(table):
        identity = facts.get("identity")
        yield Column(
            name,
            source.type(facts["type"]),
            facts["not_null"] == "no",
            f"identity {identity}" if identity else facts.get("default", ""),
            facts.get("generated", ""),
            facts.get("comment", ""),
            tuple(marks[name]),
        )


def _marks(source: Source, table: str) -> dict[str, list[str]]:
    """Return the marks of columns: PK, FK, and UK where it alone is unique."""
    found: dict[str, list[str]] = defaultdict(list)
    for key in source.keys_of(table, *_MARKS):
        if key.kind == "unique" and len(key.columns) > 1:
            continue
        for name in key.columns:
            if _MARKS[key.kind] not in found[name]:
                found[name].append(_MARKS[key.kind])
    return found


def _plain(source: Source, table: str, kind: str) -> Iterator[Part]:
    for name, facts in sorted(source.parts(table, kind), key=_rank):
        off = facts.get("enabled", "yes") == "no" or facts.get("held") == "no"
        known = facts.get("validated", "yes") == "yes"
        note = "switched off" if off else "" if known else "not validated"
        yield Part(name, facts["definition"], facts.get("comment", ""), note)


def _rank(one: tuple[str, Facts]) -> tuple[int, str]:
    """Return the order of constraints: keys first."""
    name, facts = one
    word = facts["definition"].split()[0]
    return (_KINDS.index(word) if word in _KINDS else len(_KINDS), name)


def _indexes(source: Source, table: str) -> Iterator[Part]:
    constraints = {name for name, _ in source.parts(table, "constraint")}
    for name, facts in sorted(source.parts(table, "index"), key=lambda one: one[0]):
        if name not in constraints:
            method = facts["definition"].partition(" USING ")[2]
            note = "" if facts["valid"] == "yes" else "invalid"
            reason = facts.get("comment", "") or _served(source, table, method)
            yield Part(name, method, reason, note)


def _served(source: Source, table: str, method: str) -> str:
    """Return the foreign key that an index serves whole, in words, or nothing."""
    for key in source.keys_of(table, "foreign"):
        columns = ", ".join(identifier(name) for name in key.columns)
        leads = re.match(rf"btree \({re.escape(columns)}[,)]", method)
        if leads and " WHERE " not in method:
            return f"Serves the foreign key to {source.name(key.parent)}."
    return ""


def _policies(source: Source, table: str) -> list[Policy]:
    found = [
        Policy(
            name,
            facts["command"],
            facts["roles"],
            facts.get("comment", ""),
            facts.get("using", ""),
            facts.get("check", ""),
            facts["permissive"] == "no",
        )
        for name, facts in source.parts(table, "policy")
    ]
    return sorted(found, key=lambda p: (_COMMANDS.index(p.command), p.roles, p.name))


def _grants(source: Source, key: Key) -> Iterator[Grant]:
    """Yield what others than the owner may do with a table or its columns."""
    whole, columns = source.catalog[key], source.columns(key.name)
    roles = {role for _, facts in columns for role in grantees(facts)}
    for role in sorted({*roles, *grantees(whole)} - {whole.get("owner")}):
        words: dict[str, list[str]] = {word: [] for word in _privileges(whole, role)}
        full = set(words)
        for name, facts in columns:
            for word in _privileges(facts, role):
                if word not in full:
                    words.setdefault(word, []).append(name)
        order = sorted(words, key=_place)
        yield Grant(role, tuple((word, tuple(words[word])) for word in order))


def _privileges(facts: Facts, role: str) -> list[str]:
    return [w.rstrip("*") for w in facts.get(ACL + role, "").split(", ") if w]


def _place(privilege: str) -> tuple[int, str]:
    known = privilege in _COMMANDS
    return (_COMMANDS.index(privilege) if known else len(_COMMANDS), privilege)

"""
SQL for what objects of most kinds have: an owner, rights and a comment.

Rights are taken as a whole and given anew, so that what SQL cannot show apart, such as
MAINTAIN, goes too. May import lower floors of catalog; does no I/O.
Source: PostgreSQL, GRANT, REVOKE, COMMENT and ALTER DEFAULT PRIVILEGES.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.catalog.names import NOBODY, literal, role, schema, split
from learnplan_db.catalog.objects import Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from learnplan_db.catalog.objects import Catalog, Facts

ACL = "acl:"
_TYPES = ("enum", "composite", "range")
_ON_TABLE = ("constraint", "policy", "rule", "trigger")
# How many rights an owner has at first.
_ALL = {"table": 7, "view": 7, "sequence": 3, "schema": 2}
_SORTS = {"foreign": "foreign table", "materialized": "materialized view"}


def noun(key: Key, facts: Facts) -> str:
    """Return what SQL calls an object of this kind."""
    if key.kind in _TYPES:
        return "type"
    if key.kind == "function":
        sort = facts.get("sort", "function")
        return "function" if sort == "window" else sort
    return _SORTS.get(facts.get("sort", ""), key.kind)


def address(key: Key, catalog: Catalog) -> str:
    """Return an object of a catalog as COMMENT ON takes it."""
    facts = catalog[key]
    if key.kind in _ON_TABLE:
        carrier, word = split(key.name)
        on = "domain " if Key("domain", carrier) in catalog else ""
        return f"{key.kind} {word} on {on}{carrier}"
    if key.kind == "other":
        return key.name  # its kind is part of it
    if key.kind == "function" and facts.get("sort") == "aggregate":
        return f"aggregate {key.name}"
    return f"{noun(key, facts)} {key.name}"


def comment(key: Key, catalog: Catalog) -> str:
    """Return what sets the comment, or takes it away."""
    text = literal(catalog[key]["comment"]) if "comment" in catalog[key] else "null"
    return f"comment on {address(key, catalog)} is {text}"


def owned(key: Key, catalog: Catalog, owner: str) -> Iterator[str]:
    """
    Yield what gives an object to its owner.

    He has to be allowed to create in the schema, unless a superuser gives it.
    """
    facts = catalog[key]
    to = role(facts["owner"], owner)
    given = f"alter {noun(key, facts)} {key.name} owner to {to}"
    holder = Key("schema", schema(key.name))
    rest = catalog.get(holder, {})
    may = rest.get("owner") == facts["owner"] or "create" in rest.get(
        ACL + facts["owner"], ""
    )
    if may or key.kind == "schema":
        yield given
        return
    yield f"grant create on schema {holder.name} to {to}"
    yield given
    yield f"revoke create on schema {holder.name} from {to}"


def grantees(facts: Facts) -> list[str]:
    """Return who has a right, by the catalog's names."""
    return sorted(facet[len(ACL) :] for facet in facts if facet.startswith(ACL))


def given(key: Key, facts: Facts, who: Iterable[str], owner: str) -> Iterator[str]:
    """Yield the grants of some roles."""
    for name in who:
        words = facts.get(ACL + name, "").split(", ")
        for option in (False, True):
            some = [w.rstrip("*") for w in words if w and w.endswith("*") == option]
            if some:
                more = " with grant option" if option else ""
                yield (
                    f"grant {_words(key, some)} {_target(key, facts)}"
                    f" to {role(name, owner)}{more}"
                )


def taken(key: Key, facts: Facts, name: str, owner: str) -> str:
    """Return what takes all rights of a role, and what it gave to others."""
    passed = " cascade" if "*" in facts.get(ACL + name, "") else ""
    words = _words(key, ["all"])
    return f"revoke {words} {_target(key, facts)} from {role(name, owner)}{passed}"


def righted(
    key: Key, expected: Facts, found: Facts, catalog: Catalog, owner: str
) -> Iterator[str]:
    """
    Yield what brings the rights on an object back.

    Args: catalog: what is expected of all, since who loses a right on a table loses it
        on its columns too.
    """
    differ = [
        name
        for name in sorted({*grantees(expected), *grantees(found)})
        if expected.get(ACL + name) != found.get(ACL + name)
    ]
    losing = [n for n in differ if _more(found.get(ACL + n), expected.get(ACL + n))]
    passed = any("*" in found.get(ACL + name, "") for name in losing)
    for name in losing:
        yield taken(key, found, name, owner)
    # What a role gave to others went with its option.
    yield from given(key, expected, grantees(expected) if passed else differ, owner)
    if key.kind in {"table", "view"}:
        for column, facts in catalog.items():
            if column.kind == "column" and split(column.name)[0] == key.name:
                yield from given(column, facts, losing, owner)


def fresh(key: Key, facts: Facts, others: Iterable[str], owner: str) -> Iterator[str]:
    """
    Yield what gives a new object its rights.

    Args: others: who may have got some by default privileges of the host.
    """
    names = grantees(facts)
    if "owner" in facts and key.kind != "statistics":  # all else starts without any
        keeper = facts["owner"]
        whose = [NOBODY, *others]
        if len(facts.get(ACL + keeper, "").split()) >= _ALL.get(key.kind, 1):
            names = [name for name in names if name != keeper]
            whose = [name for name in whose if name != keeper]
        else:
            whose.append(keeper)
        listed = ", ".join(dict.fromkeys(role(name, owner) for name in whose))
        yield f"revoke all {_target(key, facts)} from {listed}"
    yield from given(key, facts, names, owner)


def _more(found: str | None, expected: str | None) -> bool:
    """Tell whether a role has what it should not."""
    there, planned = (
        set((words or "").split(", ")) - {""} for words in (found, expected)
    )
    return bool(there - planned)


def _words(key: Key, words: list[str]) -> str:
    """Return privileges; those on a column name it."""
    if key.kind != "column":
        return ", ".join(words)
    _, column = split(key.name)
    return ", ".join(f"{word} ({column})" for word in words)


def _target(key: Key, facts: Facts) -> str:
    """Return what a privilege is granted on."""
    if key.kind == "default_acl":
        return f"on {split_default(key)[2]}"
    if key.kind == "column":
        return f"on {split(key.name)[0]}"
    if key.kind in {"table", "view"}:
        return f"on {key.name}"
    sort = noun(key, facts)
    return f"on {'function' if sort == 'aggregate' else sort} {key.name}"


def split_default(key: Key) -> tuple[str, str, str]:
    """Return schema, role and sort of objects of default privileges."""
    rest, _, sort = key.name.rpartition(" ")
    schema, word = rest.split(" ", 1) if rest[:1] != '"' else _quoted(rest)
    return schema, word, sort


def _quoted(text: str) -> tuple[str, str]:
    end = text.index('" ', 1) + 1
    return text[:end], text[end + 1 :]

"""
SQL that makes an object of a catalog as it is, and SQL that drops one.

May import lower floors of catalog; does no I/O.
Source: PostgreSQL, "SQL Commands"; pg_dump.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from learnplan_db.catalog import rights, wording
from learnplan_db.catalog.names import (
    NOBODY,
    OWNER,
    inherited,
    parent,
    role,
    roles,
    split,
)
from learnplan_db.catalog.objects import Catalog, Facts, Key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_REFERRED = re.compile(r'REFERENCES ((?:"(?:[^"]|"")*"|[\w.])+)\(')


@dataclass(frozen=True)
class Making:
    """
    A catalog as the statements that make it.

    Args: sources: of the functions; owner: who deployed, as the target calls him.
    """

    catalog: Catalog
    sources: Mapping[Key, str]
    owner: str

    def makes(self, key: Key) -> list[str] | None:
        """Return what makes an object with all its facts; None: not SQL alone."""
        facts = self.catalog[key]
        method = getattr(self, f"_{key.kind}", None)
        made = method(key, facts) if method else None
        if made is None:
            return None
        return [*made, *self._finish(key, facts)]

    def inside(self, key: Key, made: set[Key]) -> bool:
        """Tell whether an object is made along with another that is being made."""
        carrier = parent(key, self.catalog)
        if made & {*inherited(key, self.catalog)}:
            return True
        if carrier is None or carrier not in made:
            return False
        if key.kind == "sequence":
            return "identity" in self.catalog[carrier]
        return key.kind == "column" or carrier.kind == "constraint"

    @cached_property
    def people(self) -> list[str]:
        """All roles that have a right on anything."""
        names = {n for facts in self.catalog.values() for n in rights.grantees(facts)}
        return sorted(names - {OWNER, NOBODY})

    def column(self, facts: Facts) -> str:
        """Return the definition of a column, without its name."""
        parts = [facts["type"]]
        if "collation" in facts:
            parts.append(f"collate {facts['collation']}")
        if facts.get("not_null") == "yes":
            parts.append("not null")
        if "default" in facts:
            parts.append(f"default {facts['default']}")
        if "generated" in facts:
            sort, _, expression = facts["generated"].partition(" ")
            parts.append(f"generated always as ({expression}) {sort}")
        if "identity" in facts:
            parts.append(f"generated {facts['identity']} as identity")
        return " ".join(parts)

    def columns(self, carrier: str) -> list[Key]:
        """Return the columns of a relation, in their order."""
        found = [
            key
            for key in self.catalog
            if key.kind == "column" and split(key.name)[0] == carrier
        ]
        return sorted(found, key=lambda key: int(self.catalog[key]["position"]))

    def _finish(self, key: Key, facts: Facts) -> Iterator[str]:
        """Yield comment, rights and owner, of the columns too."""
        if "comment" in facts:
            yield rights.comment(key, self.catalog)
        if key.kind != "default_acl":
            yield from rights.fresh(key, facts, self.people, self.owner)
        if key.kind in {"table", "view", "composite"}:
            for column in self.columns(key.name):
                yield from self._finish(column, self.catalog[column])
        if "owner" in facts:
            yield from rights.owned(key, self.catalog, self.owner)

    def _role(self, key: Key, facts: Facts) -> list[str]:
        members = [
            f"grant {role(facet.partition(':')[2], self.owner)} to {key.name}"
            for facet in facts
            if facet.startswith("member_of:")
        ]
        return [f"create role {key.name} nologin", *members]

    def _schema(self, key: Key, _: Facts) -> list[str]:
        return [f"create schema {key.name}"]

    def _enum(self, key: Key, facts: Facts) -> list[str]:
        return [f"create type {key.name} as enum ({facts.get('labels', '')})"]

    def _domain(self, key: Key, facts: Facts) -> list[str]:
        return [f"create domain {key.name} as {self.column(facts)}"]

    def _composite(self, key: Key, _: Facts) -> list[str]:
        fields = [
            f"{split(column.name)[1]} {self.column(self.catalog[column])}"
            for column in self.columns(key.name)
        ]
        return [f"create type {key.name} as ({', '.join(fields)})"]

    def _sequence(self, key: Key, facts: Facts) -> list[str]:
        return [f"create sequence {key.name} {wording.numbering(facts)}"]

    def _table(self, key: Key, facts: Facts) -> list[str] | None:
        odd = {"bound", "parents", "of_type", "partitioned_by"} & facts.keys()
        if odd or facts["sort"] != "ordinary":
            return None
        columns = self.columns(key.name)
        lines = [
            f"  {split(column.name)[1]} {self.column(self.catalog[column])}"
            for column in columns
        ]
        unlogged = "unlogged " if facts["persistence"] == "unlogged" else ""
        options = f" with ({facts['options']})" if "options" in facts else ""
        text = ",\n".join(lines)
        made = [f"create {unlogged}table {key.name} (\n{text}\n){options}"]
        for column in columns:
            made += wording.fine(column, self.catalog[column], {})
        if facts["row_security"] == "enabled":
            made.append(f"alter table {key.name} enable row level security")
        if facts["forced"] == "yes":
            made.append(f"alter table {key.name} force row level security")
        if facts["replica_identity"] != "default":
            made.append(wording.identified(key, facts))
        return made

    def _column(self, key: Key, facts: Facts) -> list[str] | None:
        table, word = split(key.name)
        if Key("composite", table) in self.catalog:
            return [f"alter type {table} add attribute {word} {self.column(facts)}"]
        if Key("table", table) not in self.catalog:
            return None
        added = f"alter table {table} add column {word} {self.column(facts)}"
        return [added, *wording.fine(key, facts, {})]

    def _function(self, key: Key, _: Facts) -> list[str] | None:
        known = key in self.sources and parent(key, self.catalog) is None
        return [self.sources[key].rstrip()] if known else None

    def _constraint(self, key: Key, facts: Facts) -> list[str]:
        carrier, word = split(key.name)
        noun = "domain" if Key("domain", carrier) in self.catalog else "table"
        late = " not valid" if facts["validated"] == "no" else ""
        text = f"{facts['definition']}{late}"
        made = [f"alter {noun} {carrier} add constraint {word} {text}"]
        # An owner has to see all rows that a foreign key is checked with.
        referred = _REFERRED.search(text)
        tables = dict.fromkeys([carrier, referred[1]]) if referred else ()
        for table in tables:
            if self.catalog.get(Key("table", table), {}).get("forced") == "yes":
                row_security = f"alter table {table} {{}}force row level security"
                made = [row_security.format("no "), *made, row_security.format("")]
        return made

    def _index(self, _: Key, facts: Facts) -> list[str]:
        return [facts["definition"]]

    def _statistics(self, key: Key, facts: Facts) -> list[str]:
        target = f"alter statistics {key.name} set statistics {facts.get('target')}"
        return [facts["definition"], *([target] if "target" in facts else [])]

    def _view(self, key: Key, facts: Facts) -> list[str]:
        options = f"\nwith ({facts['options']})" if "options" in facts else ""
        query = facts["query"].rstrip().removesuffix(";")
        return [f"create {rights.noun(key, facts)} {key.name}{options} as\n{query}"]

    def _cast(self, key: Key, facts: Facts) -> list[str]:
        way = {
            "f": f"with function {facts.get('function')}",
            "i": "with inout",
            "b": "without function",
        }[facts["method"]]
        context = {"e": "", "a": " as assignment", "i": " as implicit"}
        return [f"create cast {key.name} {way}{context[facts['context']]}"]

    def _rule(self, key: Key, facts: Facts) -> list[str]:
        return [facts["definition"].removesuffix(";"), *self._state(key, facts)]

    def _trigger(self, key: Key, facts: Facts) -> list[str]:
        return [facts["definition"], *self._state(key, facts)]

    @staticmethod
    def _state(key: Key, facts: Facts) -> list[str]:
        return [] if facts["enabled"] == "yes" else [wording.switched(key, facts)]

    def _policy(self, key: Key, facts: Facts) -> list[str]:
        table, word = split(key.name)
        restrictive = " as restrictive" if facts["permissive"] == "no" else ""
        using = f"\n  using ({facts['using']})" if "using" in facts else ""
        check = f"\n  with check ({facts['check']})" if "check" in facts else ""
        whom = f"for {facts['command']} to {roles(facts['roles'], self.owner)}"
        head = f"create policy {word} on {table}{restrictive}"
        return [f"{head}\n  {whom}{using}{check}"]

    def _default_acl(self, key: Key, facts: Facts) -> list[str]:
        head = wording.defaults(key, self.owner)
        names = rights.grantees(facts)
        return [head + text for text in rights.given(key, facts, names, self.owner)]

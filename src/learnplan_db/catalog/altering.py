"""
SQL that brings one object from what is found to what is expected, fact by fact.

May import lower floors of catalog; does no I/O.
Source: PostgreSQL 15 to 18, the ALTER commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from learnplan_db.catalog import rights, wording
from learnplan_db.catalog.alteration import BY_HAND, Alteration, Losses
from learnplan_db.catalog.columns import Columns
from learnplan_db.catalog.names import role, roles, split
from learnplan_db.catalog.objects import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.catalog.difference import Difference
    from learnplan_db.catalog.making import Making
    from learnplan_db.catalog.objects import Catalog, Facts

# Kinds that are dropped and made again for any fact but these.
_REMADE: dict[str, set[str]] = {
    "constraint": set(),
    "index": set(),
    "statistics": {"target"},
    "rule": {"enabled"},
    "trigger": {"enabled"},
    "view": {"options"},
    "cast": set(),
}
_ATTRIBUTES = {"superuser", "bypassrls", "login"}


@dataclass(frozen=True)
class Altering:
    """Two catalogs, and what the target is like; version: as the server numbers it."""

    expected: Making
    found: Catalog
    losses: Losses
    version: int

    @cached_property
    def columns(self) -> Columns:
        """What alters columns of tables."""
        return Columns(self.expected, self.found, self.losses, self.version)

    def alters(self, one: Difference) -> Alteration:
        """Return what brings an object back that is there and differs."""
        key, done = one.key, Alteration()
        facts, there = self.expected.catalog[key], self.found[key]
        changed = {f.facet for f in one.facts}
        own = {f for f in changed if f not in {"owner", "comment"} and "acl:" not in f}
        if key.kind in _REMADE:
            done.remake = bool(own - _REMADE[key.kind])
        if own and not done.remake:
            method = getattr(self, f"_{key.kind}", None)
            if method is None:
                done.note = BY_HAND
            else:
                method(key, own, done)
        if done.remake:
            return done
        done.statements += self._common(key, changed, facts, there)
        return done

    def _common(
        self, key: Key, changed: set[str], facts: Facts, there: Facts
    ) -> Iterator[str]:
        owner = self.expected.owner
        if "owner" in changed:
            yield from rights.owned(key, self.expected.catalog, owner)
        if "comment" in changed:
            yield rights.comment(key, self.expected.catalog)
        if any("acl:" in facet for facet in changed):
            head = wording.defaults(key, owner) if key.kind == "default_acl" else ""
            catalog = self.expected.catalog
            for text in rights.righted(key, facts, there, catalog, owner):
                yield head + text
        if "owner" in changed:  # what he had went with it
            yield from rights.given(key, facts, [there["owner"]], owner)

    def _pair(self, key: Key) -> tuple[Facts, Facts]:
        return self.expected.catalog[key], self.found[key]

    def _role(self, key: Key, changed: set[str], done: Alteration) -> None:
        facts, _ = self._pair(key)
        for facet in sorted(changed):
            if facet in _ATTRIBUTES:
                no = "no" if facts.get(facet) == "no" else ""
                done.statements.append(f"alter role {key.name} {no}{facet}")
                continue
            other = role(facet.partition(":")[2], self.expected.owner)
            done.statements.append(f"revoke {other} from {key.name}")
            if options := facts.get(facet):
                admin = " with admin option" if "admin" in options else ""
                done.statements.append(f"grant {other} to {key.name}{admin}")

    def _enum(self, key: Key, _: set[str], done: Alteration) -> None:
        facts, there = self._pair(key)
        planned, labels = _labels(facts), _labels(there)
        alter = f"alter type {key.name}"
        if len(planned) == len(labels):
            pairs = [(a, b) for a, b in zip(planned, labels, strict=True) if a != b]
            if not any(a in labels or b in planned for a, b in pairs):
                renamed = [f"{alter} rename value {b} to {a}" for a, b in pairs]
                done.statements += renamed
                return
        if [label for label in planned if label in labels] != labels:
            done.note = (
                "labels of an enum cannot be removed or reordered: build the type "
                "anew, once no row holds a label that the plan has not"
            )
            return
        for place, label in enumerate(planned):
            if label not in labels:
                where = (
                    f"after {planned[place - 1]}" if place else f"before {labels[0]}"
                )
                done.statements.append(f"{alter} add value {label} {where}")

    def _domain(self, key: Key, changed: set[str], done: Alteration) -> None:
        facts, _ = self._pair(key)
        alter = f"alter domain {key.name}"
        if changed - {"default", "not_null"}:
            done.note = BY_HAND
        if "default" in changed:
            done.statements.append(f"{alter} {wording.default(facts)}")
        if "not_null" in changed:
            verb = "set" if facts["not_null"] == "yes" else "drop"
            done.statements.append(f"{alter} {verb} not null")

    def _sequence(self, key: Key, changed: set[str], done: Alteration) -> None:
        facts, _ = self._pair(key)
        alter = f"alter sequence {key.name}"
        if changed - {"owned_by", "persistence"}:
            done.statements.append(f"{alter} {wording.numbering(facts)}")
        if "owned_by" in changed:
            done.statements.append(f"{alter} owned by {facts.get('owned_by', 'none')}")
        if "persistence" in changed:
            done.statements.append(f"{alter} set {_logged(facts)}")

    def _table(self, key: Key, changed: set[str], done: Alteration) -> None:
        facts, there = self._pair(key)
        alter = f"alter table {key.name}"
        if {"sort", "partitioned_by"} & changed:
            done.note = BY_HAND
            return
        known = {
            "row_security": f"{alter} {facts['row_security'][:-1]} row level security",
            "forced": f"{alter} {'' if facts['forced'] == 'yes' else 'no '}force row"
            " level security",
            "persistence": f"{alter} set {_logged(facts)}",
            "replica_identity": wording.identified(key, facts),
            "access_method": f"{alter} set access method {facts.get('access_method')}",
        }
        done.statements += [known[facet] for facet in sorted(changed & known.keys())]
        if "options" in changed:
            done.statements += wording.options(alter, facts, there)
        if changed - known.keys() - {"options"}:
            done.note = BY_HAND

    def _view(self, key: Key, _: set[str], done: Alteration) -> None:
        facts, there = self._pair(key)
        noun = rights.noun(key, facts)
        done.statements += wording.options(f"alter {noun} {key.name}", facts, there)

    def _statistics(self, key: Key, _: set[str], done: Alteration) -> None:
        target = self.expected.catalog[key].get("target", "-1")
        done.statements.append(f"alter statistics {key.name} set statistics {target}")

    def _trigger(self, key: Key, _: set[str], done: Alteration) -> None:
        done.statements.append(wording.switched(key, self.expected.catalog[key]))

    _rule = _trigger

    def _function(self, key: Key, changed: set[str], done: Alteration) -> None:
        if {"arguments", "result", "sort", "aggregate"} & changed:
            done.remake = True
        else:
            done.statements.append(self.expected.sources[key].rstrip())

    def _policy(self, key: Key, changed: set[str], done: Alteration) -> None:
        facts, _ = self._pair(key)
        if {"command", "permissive"} & changed or changed - facts.keys():
            done.remake = True
            return
        table, word = split(key.name)
        parts = {
            "roles": f"to {roles(facts['roles'], self.expected.owner)}",
            "using": f"using ({facts.get('using')})",
            "check": f"with check ({facts.get('check')})",
        }
        text = "\n  ".join(parts[facet] for facet in parts if facet in changed)
        done.statements.append(f"alter policy {word} on {table}\n  {text}")

    def _column(self, key: Key, changed: set[str], done: Alteration) -> None:
        if Key("table", split(key.name)[0]) in self.found:
            self.columns.alter(key, changed, done)
        else:
            done.note = BY_HAND


def _labels(facts: Facts) -> list[str]:
    """Return the labels of an enum, quoted as they are."""
    found, rest = [], facts.get("labels", "")
    while rest:
        end = rest.index("'") + 1
        while True:
            end = rest.index("'", end) + 1
            if rest[end : end + 1] != "'":
                break
            end += 1
        found.append(rest[:end])
        rest = rest[end:].removeprefix(", ")
    return found


def _logged(facts: Facts) -> str:
    return "unlogged" if facts["persistence"] == "unlogged" else "logged"

"""
A proof for programs: JSON, JUnit, TAP and SARIF; for people, the terminal's text.

Each function takes a Proof and, if there is one, a Mutation, and returns a text or a
dict. May import lower floors; does no I/O and never prints.
Source: Jenkins' junit-10.xsd; TAP 13; SARIF 2.1.0 (OASIS).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from learnplan_db.evidence import terms
from learnplan_db.evidence.legal import quoted, title, uri, xml
from learnplan_db.evidence.text import as_text, mutation_text, survives

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnplan_db.proof.nouns import (
        Finding,
        Mutant,
        Mutation,
        Outcome,
        Proof,
        Result,
    )

__all__ = ["as_json", "as_junit", "as_sarif", "as_tap", "as_text", "mutation_text"]

SCHEMA_VERSION = 1
TOOL = "learnplan-db"
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_json(proof: Proof, mutation: Mutation | None = None) -> dict[str, Any]:
    """Return all there is; ``schema_version`` changes when a key changes its sense."""
    found = terms.findings(proof)
    data: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "target": proof.target,
        "server": proof.server,
        "seconds": proof.seconds,
        "seed": proof.seed,
        # What only read does not say that all agrees; it may say that it does not.
        "agreed": (None if proof.read_only else True) if not found else False,
        "read_only": proof.read_only,
        "rows": {
            table: {"read": count, "all": whole}
            for table, (count, whole) in (proof.rows or {}).items()
        },
        "not_asked": [
            asdict(one.cell) | {"name": one.cell.name, "why": one.why}
            for one in proof.unasked
        ],
        "tried": dict(proof.tried),
        "findings": [asdict(one) for one in found],
        "cells": [_cell_json(result) for result in proof.results],
        "policies": {table: list(all_) for table, all_ in proof.policies.items()},
        "grants": {table: list(all_) for table, all_ in proof.grants.items()},
        "mutation": None,
    }
    if mutation:
        data["mutation"] = {
            "score": mutation.score,
            "seconds": mutation.seconds,
            "stale": list(mutation.stale),
            "verdicts": [
                asdict(one.mutant) | {"killer": one.killer, "by": one.by}
                for one in mutation.verdicts
            ],
        }
    return data


def _cell_json(result: Result) -> dict[str, Any]:
    return asdict(result.cell) | {
        "name": result.cell.name,
        "agreed": result.agreed,
        "model": _outcome_json(result.model),
        "got": _outcome_json(result.got.outcome),
        "statement": result.got.statement,
        "message": result.got.message,
    }


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "outcome": outcome.kind,
        "rows": sorted(outcome.rows),
        "stamped": sorted(outcome.stamped),
    }


def as_junit(proof: Proof, mutation: Mutation | None = None) -> str:
    """Return JUnit's XML: a suite a table, a case a cell, then the other worlds."""
    found = terms.by_name(proof)
    suites: dict[str, list[ET.Element]] = defaultdict(list)
    for result in proof.results:
        cell = result.cell
        case = _case(cell.name, f"{cell.table}.{cell.command}")
        for one in found.get(cell.name, ()):
            _fail(case, one)
        suites[cell.table].append(case)
    for left in proof.unasked:
        case = _case(left.cell.name, f"{left.cell.table}.{left.cell.command}")
        ET.SubElement(case, "skipped", message=xml(f"not asked: {left.why}"))
        suites[left.cell.table].append(case)
    other = terms.loose(proof)
    for account in terms.others(proof):
        for one in (one for one in other if one.account == account):
            case = _case(one.name, account)
            _fail(case, one)
            suites[account].append(case)
        # A suite without a finding has one case: that all of it was tried.
        if account not in suites:
            suites[account].append(_case(terms.count(proof, account), account))
    for name, case in _mutant_cases(mutation):
        suites[name].append(case)
    return _suites(proof, suites)


def _mutant_cases(mutation: Mutation | None) -> Iterator[tuple[str, ET.Element]]:
    for one in mutation.verdicts if mutation else ():
        case = _case(one.mutant.name, f"mutation.{one.mutant.kind}")
        if one.killer == "equivalent":
            ET.SubElement(case, "skipped", message=xml(f"equivalent: {one.by}"))
        elif not one.killer:
            survivor = {"type": "survivor", "message": xml(one.mutant.says)}
            ET.SubElement(case, "failure", survivor).text = _sql(one.mutant)
        yield "mutation", case


def _sql(mutant: Mutant) -> str:
    return xml("\n".join(mutant.statements))


def _case(name: str, group: str) -> ET.Element:
    return ET.Element("testcase", name=xml(name), classname=xml(group))


def _fail(case: ET.Element, one: Finding) -> None:
    message = f"expected {one.expected}, got {one.got}"
    failure = {"type": xml(one.account), "message": xml(message)}
    body = "\n".join(f"{key}: {value}" for key, value in terms.facts(one).items())
    ET.SubElement(case, "failure", failure).text = xml(body)


def _suites(proof: Proof, suites: dict[str, list[ET.Element]]) -> str:
    root = ET.Element("testsuites", name=TOOL, time=f"{proof.seconds:.3f}")
    all_cases = [case for cases in suites.values() for case in cases]
    root.attrib |= _counts(all_cases)
    facts = {"target": proof.target, "server": proof.server, "seed": str(proof.seed)}
    for name, cases in suites.items():
        suite = ET.SubElement(root, "testsuite", {"name": xml(name)})
        suite.attrib |= _counts(cases) | {
            "skipped": str(sum(case.find("skipped") is not None for case in cases))
        }
        properties = ET.SubElement(suite, "properties")
        for key, value in facts.items():
            ET.SubElement(properties, "property", name=key, value=xml(value))
        suite.extend(cases)
    ET.indent(root)
    text: str = ET.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _counts(cases: Sequence[ET.Element]) -> dict[str, str]:
    failed = sum(case.find("failure") is not None for case in cases)
    return {"tests": str(len(cases)), "failures": str(failed), "errors": "0"}


def as_tap(proof: Proof, mutation: Mutation | None = None) -> str:
    """Return TAP 13: a point a cell, YAML under what fails."""
    found = terms.by_name(proof)
    points = [
        (result.cell.name, "", [terms.facts(one) for one in found.get(name, ())])
        for result in proof.results
        for name in [result.cell.name]
    ]
    points += [
        (one.cell.name, f" # SKIP not asked: {title(one.why)}", [])
        for one in proof.unasked
    ]
    other = terms.loose(proof)
    for account in terms.others(proof):
        own = [one for one in other if one.account == account]
        points += [(f"{account} {one.name}", "", [terms.facts(one)]) for one in own]
        if not own:
            points.append((f"{account}: {terms.count(proof, account)}", "", []))
    for one in mutation.verdicts if mutation else ():
        skip = f" # SKIP equivalent: {title(one.by)}" if survives(one) is None else ""
        facts = {"says": one.mutant.says, "sql": "\n".join(one.mutant.statements)}
        points.append(
            (f"mutant {one.mutant.name}", skip, [facts] * bool(survives(one)))
        )
    lines = ["TAP version 13", f"1..{len(points)}"]
    lines += [f"# {title(terms.summary(proof))} on {title(proof.target)}"]
    for place, (name, directive, facts_) in enumerate(points, 1):
        word = "not ok" if facts_ else "ok"
        lines.append(f"{word} {place} - {title(name)}{directive}")
        lines += _yaml(facts_)
    return "\n".join(lines) + "\n"


def _yaml(all_facts: list[dict[str, str]]) -> Iterator[str]:
    # One document a point is all that a parser reads; further findings get numbers.
    if not all_facts:
        return
    yield "  ---"
    for place, facts in enumerate(all_facts, 1):
        suffix = f"_{place}" if place > 1 else ""
        yield from (
            f"  {key}{suffix}: {quoted(value)}" for key, value in facts.items() if value
        )
    yield "  ..."


def as_sarif(proof: Proof, mutation: Mutation | None = None) -> dict[str, Any]:
    """Return a SARIF 2.1.0 log: a result a finding, and one a surviving mutant."""
    cells = {result.cell.name: result.cell for result in proof.results}
    rules: dict[str, dict[str, Any]] = {}
    results = []
    for one in terms.findings(proof):
        table, command = terms.topic(one, cells)
        says = f"Who may {command} {table}, in the matrix, the model and the database."
        results.append(_result(rules, f"{table}/{command}", says, one))
    verdicts = mutation.verdicts if mutation else ()
    results += [_survivor(rules, one.mutant) for one in verdicts if survives(one)]
    run = {
        "tool": {"driver": {"name": TOOL, "rules": list(rules.values())}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "PROJECT": {"description": {"text": "The folder that holds policies/."}}
        },
        "properties": {
            "target": proof.target,
            "server": proof.server,
            "tried": dict(proof.tried),
            "seed": proof.seed,
            "read_only": proof.read_only,
            "not_asked": [one.cell.name for one in proof.unasked],
        },
        "results": results,
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rules: dict[str, dict[str, Any]], name: str, says: str) -> dict[str, Any]:
    rule = {"id": name, "shortDescription": {"text": says}}
    rules.setdefault(name, rule)
    return {"ruleId": name, "ruleIndex": list(rules).index(name)}


def _result(
    rules: dict[str, dict[str, Any]], name: str, says: str, one: Finding
) -> dict[str, Any]:
    file, line = terms.place(one.where)
    physical: dict[str, Any] = {
        "artifactLocation": {"uri": uri(file), "uriBaseId": "PROJECT"}
    }
    if line:
        physical["region"] = {"startLine": line}
    text = f"{one.name}: expected {one.expected}, got {one.got}. {one.rule}"
    return _rule(rules, name, says) | {
        "level": "error",
        "message": {"text": text},
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": {"finding/v1": f"{one.account}: {one.name}"},
        "properties": asdict(one),
    }


def _survivor(rules: dict[str, dict[str, Any]], mutant: Mutant) -> dict[str, Any]:
    says = f"No test notices this fault: {mutant.kind}."
    return _rule(rules, f"mutation/{mutant.kind}", says) | {
        "level": "warning",
        "message": {"text": f"nothing notices {mutant.name}: {mutant.says}"},
        "locations": [{"logicalLocations": [{"name": mutant.object}]}],
        "partialFingerprints": {"mutant/v1": mutant.name},
        "properties": asdict(mutant),
    }

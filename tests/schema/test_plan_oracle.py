"""The real Sqitch as oracle: the same plans are accepted, with the same ids."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from learnplan_db import plan
from learnplan_db.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hypothesis.strategies import DrawFn

PLANS = Path(__file__).parents[1] / "plans"
CORPUS = sorted([*PLANS.glob("*.plan"), *(PLANS / "good").glob("*.plan")])
GOOD = [path for path in CORPUS if path.parent.name == "good"]
NO_CHANGES = "No changes in sqitch.plan\n"  # exit code 1, yet the plan was read

Answer = tuple[int, str]  # exit code and output


@pytest.fixture(scope="module")
def oracle(
    sqitch: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Answer]:
    """Return a function that runs Sqitch on a plan in a directory of its own."""
    base, numbers = tmp_path_factory.mktemp("sqitch"), itertools.count()
    environment = {"PATH": os.environ["PATH"], "HOME": str(base), "LC_ALL": "C.UTF-8"}

    def run(data: bytes, *arguments: str) -> Answer:
        directory = base / str(next(numbers))
        directory.mkdir()
        (directory / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
        (directory / "sqitch.plan").write_bytes(data)
        done = subprocess.run(
            [sqitch, *arguments],
            cwd=directory,
            env=environment,
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout.decode()

    return run


def sqitch_ids(oracle: Callable[..., Answer], data: bytes) -> list[str] | None:
    """Return id and name of each change as Sqitch lists them; None when it refuses."""
    code, output = oracle(data, "plan", "--no-headers", "-f", "format:%H %n")
    if code == 0 or (code == 1 and output == NO_CHANGES):
        return re.findall("^[0-9a-f]{40} .*$", output, re.MULTILINE)
    return None


def our_ids(data: bytes) -> list[str] | None:
    """Return id and name of each change as we read them; None when we refuse."""
    try:
        parsed = plan.parse(data, "sqitch.plan")
    except PlanError:
        return None
    return [f"{change.id} {change.name}" for change in parsed.changes]


def in_parallel(
    function: Callable[..., object], items: Iterable[object]
) -> list[object]:
    """Return the results in order; a start of Sqitch takes a quarter of a second."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))


@pytest.fixture(scope="module")
def answers(oracle: Callable[..., Answer]) -> dict[Path, object]:
    """Return what Sqitch says to every plan of the corpus."""
    found = in_parallel(lambda path: sqitch_ids(oracle, path.read_bytes()), CORPUS)
    return dict(zip(CORPUS, found, strict=True))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_sqitch_agrees_on_the_plan(answers: dict[Path, object], path: Path) -> None:
    """A plan of the corpus is refused by both, or has the same changes and ids."""
    assert answers[path] == our_ids(path.read_bytes())


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_plan_is_good(answers: dict[Path, object], path: Path) -> None:
    """Both refusing would be agreement too, so that good plans are asked for."""
    assert None is not answers[path]


def test_bad_plan_is_bad(answers: dict[Path, object]) -> None:
    """Every other plan is refused by Sqitch, which makes its name true."""
    accepted = {path.stem for path, ids in answers.items() if ids is not None}
    assert {path.stem for path in GOOD} == accepted


@pytest.mark.parametrize("name", ["leap-second", "year-zero"])
def test_sqitch_accepts_what_we_cannot_hold(
    oracle: Callable[..., Answer], name: str
) -> None:
    """
    Two times that no datetime can be are refused by us alone, on purpose.

    The third plan of that directory would make Sqitch eat all memory.
    """
    data = (PLANS / "stricter" / f"{name}.plan").read_bytes()
    assert None is not sqitch_ids(oracle, data)
    assert None is our_ids(data)


def test_sqitch_agrees_on_tag_ids(oracle: Callable[..., Answer]) -> None:
    """The id of each tag is the hash of what Sqitch shows for it."""
    plans = {path: plan.parse(path.read_bytes(), path.name) for path in GOOD}
    tags = {
        (path, tag.name): tag.id
        for path, parsed in plans.items()
        for change in parsed.changes
        for tag in change.tags
    }

    def shown(key: tuple[Path, str]) -> str:
        path, name = key
        _, output = oracle(path.read_bytes(), "show", "tag", f"@{name}")
        return hashed("tag", output)

    assert list(tags.values()) == in_parallel(shown, tags)


def test_sqitch_agrees_on_specifications(oracle: Callable[..., Answer]) -> None:
    """What a person names is the change that Sqitch shows, or unknown to both."""
    data = (PLANS / "good" / "rework.plan").read_bytes()
    parsed = plan.parse(data, "sqitch.plan")
    specs = (
        *("table_users", "view_users", "@v1.1", "function_greet@v2", "HEAD^0"),
        *("function_greet@v3^", "@HEAD^^", "HEAD^^^", "ROOT~2", "@ROOT^", "HEAD~"),
        *("function_greet@ROOT", "table_users@ROOT", parsed.changes[3].tags[0].id),
    )

    def shown(spec: str) -> str | None:
        code, output = oracle(data, "show", "change", spec)
        return None if code else hashed("change", output)

    def resolved(spec: str) -> str | None:
        try:
            return plan.resolve(parsed, spec).id
        except PlanError:
            return None

    found = dict(zip(specs, in_parallel(shown, specs), strict=True))
    assert found == {spec: resolved(spec) for spec in specs}


def hashed(kind: str, output: str) -> str:
    """Return the id of an object that Sqitch shows, followed by a line feed."""
    text = output.removesuffix("\n").encode()
    header = f"{kind} {len(text)}\0".encode()
    return hashlib.sha1(header + text, usedforsecurity=False).hexdigest()


BLANKS = st.sampled_from([" ", " ", "  ", "\t", "\xa0", " \u2003", "\u3000 "])
NAMES = ("a", "b", "c/d", "é-日本", "x~1b", "f[g", "_")
NOTES = st.text("ab0 \t\\nr#é\x0b\x1c\x85\u2028", max_size=8)
PLANNERS = st.sampled_from(["Ann", "Ann  Dee", "Zoë ", "[x]", "> y", "00"])
URIS = ("", "https://X.org", "http://x.org:80?a", "git://X/y%7e", "ssh://u@H/ä b")
FOREIGN = ("q:z@t9", "!a", "!no@t7", "q:@t1", "school:a")


@st.composite
def stamps(draw: DrawFn) -> str:
    """Draw a timestamp, a planner and a note, with odd blanks between."""
    time = draw(st.datetimes()).strftime("%m-%dT%H:%M:%SZ")
    email = draw(st.sampled_from(["a@b", " x ", "<"]))
    note = draw(st.just("") | NOTES.map("#{}".format))
    before, between, after = draw(BLANKS), draw(BLANKS), draw(BLANKS)
    return f"2026-{time}{before}{draw(PLANNERS)}{between}<{email}>{after}{note}"


@st.composite
def plan_texts(draw: DrawFn) -> bytes:
    """Draw a plan that Sqitch mostly accepts: what is required is mostly above."""
    uri = draw(st.sampled_from(URIS))
    lines = ["%project=school", *([f"%uri={uri}"] if uri else []), ""]
    names: list[str] = []  # all above, then those below the last tag
    since: list[str] = []
    tags: list[str] = []
    for _ in range(draw(st.integers(3, len(NAMES)))):
        blank, stamp = draw(BLANKS), draw(stamps())
        if since and draw(st.integers(0, 2)) == 0:
            tags.append(f"@t{len(tags) + 1}")
            lines.append(f"{tags[-1]}{blank}{stamp}")
            since = []
            continue
        name = draw(st.sampled_from([name for name in NAMES if name not in since]))
        above = [*names, *tags, *(names[0] + tag for tag in tags[:1]), *FOREIGN]
        wanted = draw(st.lists(st.sampled_from(above), max_size=2, unique=True))
        listed = f"[{draw(BLANKS).join(wanted)}]" if wanted else ""
        operator = draw(st.sampled_from(["", "", "", "+", "- "]))
        lines.append(f"{operator}{name}{blank}{listed}{stamp}")
        names.append(name)
        since.append(name)
    return (draw(st.sampled_from(["\n", "\r\n"])).join(lines) + "\n").encode()


def test_sqitch_agrees_on_generated_plans(oracle: Callable[..., Answer]) -> None:
    """Plans with odd blanks, notes, dependencies, tags and reworks have equal ids."""
    seen = {"accepted": 0, "refused": 0, "reworked": 0}

    @settings(
        max_examples=10,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # shrinking would start Sqitch a thousand times
    )
    @given(st.lists(plan_texts(), min_size=6, max_size=6, unique=True))
    def compare(texts: list[bytes]) -> None:
        ours = [our_ids(data) for data in texts]
        theirs = in_parallel(lambda data: sqitch_ids(oracle, data), texts)
        assert dict(zip(texts, theirs, strict=True)) == dict(
            zip(texts, ours, strict=True)
        )
        for ids in ours:
            names = [line.split(" ", 1)[1] for line in ids or ()]
            seen["refused" if ids is None else "accepted"] += 1
            seen["reworked"] += len(names) > len(set(names))

    compare()
    assert seen["accepted"] >= 20
    assert min(seen.values()) >= 3

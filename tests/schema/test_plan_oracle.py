"""The real Sqitch as oracle: the same plans are accepted, with the same ids."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from learnplan_db.errors import PlanError
from learnplan_db.model import Planner
from learnplan_db.plans import plan, planfile
from learnplan_db.settings import config, targets

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from warm import Warm

pytestmark = pytest.mark.gate

PLANS = Path(__file__).parents[1] / "plans"
CORPUS = sorted([*PLANS.glob("*.plan"), *(PLANS / "good").glob("*.plan")])
GOOD = [path for path in CORPUS if path.parent.name == "good"]
NO_CHANGES = "No changes in sqitch.plan\n"  # exit code 1, yet the plan was read

Answer = tuple[int, str]  # exit code and output
Asked = Callable[..., Answer]


@pytest.fixture(scope="module")
def asked(oracle: Warm, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Return a function that runs Sqitch on a plan in a directory of its own."""
    base, numbers = tmp_path_factory.mktemp("sqitch"), itertools.count()

    def run(data: bytes, *arguments: str) -> Answer:
        root = project(base / str(next(numbers)), data)
        done = oracle.run(root, environment(base), *arguments)
        return done.code, done.out

    return run


def sqitch_ids(asked: Asked, data: bytes) -> list[str] | None:
    """Return id and name of each change as Sqitch lists them; None when it refuses."""
    code, output = asked(data, "plan", "--no-headers", "-f", "format:%H %n")
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


@pytest.fixture(scope="module")
def answers(asked: Asked) -> dict[Path, object]:
    """Return what Sqitch says to every plan of the corpus."""
    return {path: sqitch_ids(asked, path.read_bytes()) for path in CORPUS}


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
def test_sqitch_accepts_what_we_cannot_hold(asked: Asked, name: str) -> None:
    """
    Two times that no datetime can be are refused by us alone, on purpose.

    The third plan of that directory would make Sqitch eat all memory.
    """
    data = (PLANS / "stricter" / f"{name}.plan").read_bytes()
    assert None is not sqitch_ids(asked, data)
    assert None is our_ids(data)


def test_sqitch_agrees_on_tag_ids(asked: Asked) -> None:
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
        _, output = asked(path.read_bytes(), "show", "tag", f"@{name}")
        return hashed("tag", output)

    assert {key: shown(key) for key in tags} == tags


def test_sqitch_agrees_on_specifications(asked: Asked) -> None:
    """What a person names is the change that Sqitch shows, or unknown to both."""
    data = (PLANS / "good" / "rework.plan").read_bytes()
    parsed = plan.parse(data, "sqitch.plan")
    specs = (
        *("table_users", "view_users", "@v1.1", "function_greet@v2", "HEAD^0"),
        *("function_greet@v3^", "@HEAD^^", "HEAD^^^", "ROOT~2", "@ROOT^", "HEAD~"),
        *("function_greet@ROOT", "table_users@ROOT", parsed.changes[3].tags[0].id),
    )

    def shown(spec: str) -> str | None:
        code, output = asked(data, "show", "change", spec)
        return None if code else hashed("change", output)

    def resolved(spec: str) -> str | None:
        try:
            return plan.resolve(parsed, spec).id
        except PlanError:
            return None

    expected = {spec: shown(spec) for spec in specs}
    assert expected == {spec: resolved(spec) for spec in specs}


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


def test_sqitch_agrees_on_generated_plans(asked: Asked) -> None:
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
        theirs = [sqitch_ids(asked, data) for data in texts]
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


DATE = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ Zoe")
STAMP = "2026-05-27T03:53:18Z Ann <x>"
# Without its prefix, as it is written, the dependency is there twice.
DOUBLED = f"%project=school\n\na {STAMP}\nb [a school:a] {STAMP}\n"
CONFIG = "[core]\n\tengine = pg\n"


def project(base: Path, data: bytes) -> Path:
    """Return a new directory with a plan."""
    base.mkdir()
    (base / "sqitch.conf").write_text(CONFIG)
    (base / "sqitch.plan").write_bytes(data)
    return base


def rewritten_by_sqitch(oracle: Warm, root: Path, name: str, most: int) -> list[bytes]:
    """Return what the plan is after each of the first commands of Sqitch."""
    found = []
    commands = ["tag", "new", "ROOT"], ["rework", name, "-r@new"], ["add", "n"]
    for words in commands[:most]:
        oracle.run(root, environment(root), *words, "-n", r" a\n\\b ")
        found.append(DATE.sub(b"DATE", (root / "sqitch.plan").read_bytes()))
    return found


def environment(root: Path) -> dict[str, str]:
    """Return the environment of somebody called Zoe."""
    found = {"PATH": os.environ["PATH"], "HOME": str(root), "LC_ALL": "C.UTF-8"}
    return found | {"SQITCH_FULLNAME": "Zoe", "SQITCH_EMAIL": "z@x"}


def rewritten_by_us(root: Path, name: str) -> list[bytes]:
    """Return the same of us, up to a plan that could not be read again."""
    target = targets.resolve(config.Configuration.load(root, {}))
    who, now, note = Planner("Zoe", "z@x"), datetime.now(UTC), "a\n\\b"
    drafts: tuple[Callable[[planfile.PlanFile], planfile.Draft], ...] = (
        lambda file: planfile.tagging(file, "new", "ROOT")[0],
        lambda file: planfile.reworking(file, name, ["@new"], [])[0],
        lambda file: planfile.adding(file, "n", [], []),
    )
    found = []
    for draft in drafts:
        try:
            draft(planfile.read(target)).write(note, who, now)
        except PlanError as error:
            if "read again" in error.message:
                return found
        found.append(DATE.sub(b"DATE", (root / "sqitch.plan").read_bytes()))
    return found


def test_sqitch_agrees_on_rewriting(oracle: Warm, tmp_path: Path) -> None:
    """
    Each line, blank and comment of a plan is written back as Sqitch writes it.

    Where what Sqitch writes cannot be read again, we write nothing.
    """
    numbers, lines = itertools.count(), []

    def compare(data: bytes) -> None:
        names = [line.split(" ", 1)[1] for line in our_ids(data) or ()]
        if not names or b":0123456789abcdef" in data:  # see the next test
            return
        base = tmp_path / str(next(numbers))
        base.mkdir()
        found = rewritten_by_us(project(base / "2", data), names[0])
        most = len(found) + 1  # not beyond what we refuse to write
        theirs = rewritten_by_sqitch(oracle, project(base / "1", data), names[0], most)
        assert theirs[: len(found)] == found
        if len(theirs) > len(found):
            assert 0 != oracle.run(base / "1", environment(base), "plan").code
        lines.extend(b"".join(found[-1:]).split(b"\n"))

    for path in GOOD:
        compare(path.read_bytes())
    compare(DOUBLED.encode())  # refused at once, with nothing written
    generated = given(plan_texts())(compare)
    examples = {"max_examples": 8, "derandomize": True, "deadline": None}
    settings(**examples, database=None, phases=[Phase.generate])(generated)()
    assert len(set(lines)) > 80


def test_plan_with_own_id_is_not_rewritten(tmp_path: Path) -> None:
    """
    A conflict with an id of the own project loses its prefix when it is written.

    What Sqitch writes then is a bare id, on which it runs out of memory at the next
    command; it is never asked here.
    """
    root = project(
        tmp_path / "1", (PLANS / "good" / "other-projects.plan").read_bytes()
    )
    target = targets.resolve(config.Configuration.load(root, {}))
    draft = planfile.tagging(planfile.read(target), "new", None)[0]
    with pytest.raises(PlanError, match="the new plan could not be read again"):
        draft.write("note", Planner("Zoe", "z@x"), datetime.now(UTC))

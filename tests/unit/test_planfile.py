"""The plan as a file: what is refused before anything is written, and how it is written."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from learnplan_db.errors import LearnplanError, PlanError
from learnplan_db.model import Planner
from learnplan_db.plans import objects, plan, planfile
from learnplan_db.settings import targets
from learnplan_db.settings.configuration import Configuration

if TYPE_CHECKING:
    from learnplan_db.plans.planfile import PlanFile

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
WHO = Planner("Ann Dee", "ann@example.org")
STAMP = f"2026-11-24T09:00:00Z {WHO}"
TEXT = (
    f"%project=school\n\na {STAMP}\nb [a] {STAMP}\n@v1 {STAMP}\n# later\n"
    f"b [b@v1] {STAMP}\n@v2 {STAMP}\n"
)
GOOD = sorted((Path(__file__).parents[1] / "plans" / "good").glob("*.plan"))


@pytest.fixture
def file(tmp_path: Path) -> PlanFile:
    """Return a plan with a rework, two tags and no version."""
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    (tmp_path / "sqitch.plan").write_text(TEXT)
    return again(tmp_path)


def again(root: Path) -> PlanFile:
    """Read the plan of a directory."""
    return planfile.read(targets.resolve(Configuration.load(root, {})))


def test_change_is_appended_after_a_blank_if_a_tag_precedes(file: PlanFile) -> None:
    """The version is put on top, and a tagged change is followed by an empty line."""
    planfile.adding(file, "c", ["a"], ["b"]).write("Why.", WHO, NOW)
    expected = f"%syntax-version=1.0.0\n{TEXT}\nc [a !b] {STAMP} # Why.\n"
    assert expected == file.path.read_text()


def test_tag_follows_the_tags_of_its_change(file: PlanFile) -> None:
    """A tag in the middle of a plan comes after its change and that change's tags."""
    draft, tagged = planfile.tagging(file, "@x", "@v1")
    draft.write("", WHO, NOW)
    lines = file.path.read_text().splitlines()
    assert ("b", 1) == (tagged.name, tagged.index)
    assert f"@x {STAMP}" == lines[lines.index(f"@v1 {STAMP}") + 1]


def test_rework_requires_the_version_before(file: PlanFile) -> None:
    """The first tag of the last tagged change qualifies the version before."""
    draft, before = planfile.reworking(file, "b", [], [])
    assert "b [b@v2]" == draft.label
    assert (2, ("v2",)) == (before.index, before.reworked_tags)


def test_ids_stay_when_a_plan_is_rewritten(file: PlanFile) -> None:
    """Writing a plan changes no id: neither a note nor a tag is part of a parent."""
    before = [change.id for change in file.plan.changes]
    planfile.tagging(file, "x", "a")[0].write("n", WHO, NOW)
    after = [change.id for change in again(file.path.parent).plan.changes]
    assert before == after


REFUSED = {
    "taken": (("add", "a", []), 'change "a" is in the plan already', "sqitch.plan:3"),
    "reserved": (("add", "HEAD", []), '"HEAD" is a reserved name', "sqitch.plan"),
    "bracket": (
        ("add", "f[g", []),
        '"f[g" cannot name a change or tag: it holds a bracket',
        "sqitch.plan",
    ),
    "blank": (("add", "a b", []), '"a b" cannot name a change or tag', "sqitch.plan"),
    "moving": (
        ("add", "c", ["a@HEAD"]),
        '"a@HEAD" cannot be required: HEAD and ROOT move with the plan',
        "sqitch.plan",
    ),
    "unknown": (
        ("add", "c", ["aa"]),
        'change "c" requires "aa", which is not in the plan',
        "sqitch.plan",
    ),
    "no-dependency": (("add", "c", ["a@"]), '"a@" is not a dependency', "sqitch.plan"),
    "twice": (
        ("add", "c", ["a", "school:a"]),
        'dependency "a" is listed twice',
        "sqitch.plan",
    ),
    "replanned": (
        ("add", "c", ["b@v1"]),
        'the new plan could not be read again: change "c" requires "b@v1", '
        'but "b" is planned below "@v1"',
        "sqitch.plan:11",
    ),
    "not-there": (("rework", "z", []), 'change "z" is not in the plan', "sqitch.plan"),
    "tagged": (("tag", "v1", []), 'tag "@v1" is in the plan already', "sqitch.plan:5"),
    "slash": (("tag", "v/x", []), 'tag "@v/x" contains a slash', "sqitch.plan"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_says_what_and_where(file: PlanFile, name: str) -> None:
    """What cannot be planned is told with its line, and the plan stays as it is."""
    (kind, word, requires), message, where = REFUSED[name]
    plan_it = {
        "tag": lambda: planfile.tagging(file, word, None),
        "rework": lambda: planfile.reworking(file, word, requires, []),
        "add": lambda: planfile.adding(file, word, requires, []).write("n", WHO, NOW),
    }
    with pytest.raises(PlanError) as caught:
        plan_it[kind]()
    assert (message, where) == (caught.value.message, caught.value.where)
    assert caught.value.fix
    assert TEXT == file.path.read_text()


def test_rework_needs_a_tag_since(file: PlanFile) -> None:
    """A change that no tag follows is edited, not reworked."""
    planfile.adding(file, "c", [], []).write("n", WHO, NOW)
    with pytest.raises(PlanError, match='"c" cannot be reworked: no tag stands below'):
        planfile.reworking(again(file.path.parent), "c", [], [])


def test_id_dependency_names_the_change(file: PlanFile) -> None:
    """An id is not written into a plan; the change is named that it means."""
    with pytest.raises(PlanError) as caught:
        planfile.adding(file, "c", [file.plan.changes[1].id], [])
    assert 'name "b@v1"' == caught.value.fix


@pytest.mark.parametrize("who", [Planner("Num #1", "a@b"), Planner("Ann", "#@b")])
def test_planner_cannot_start_a_note(file: PlanFile, who: Planner) -> None:
    """A # in name or email would make the rest of the line a note."""
    with pytest.raises(PlanError, match="# starts a note in a plan"):
        planfile.adding(file, "c", [], []).write("n", who, NOW)
    assert TEXT == file.path.read_text()


@pytest.mark.parametrize("note", ["\ud800", "\ufdd0"])
def test_note_must_be_text(file: PlanFile, note: str) -> None:
    """Half a surrogate pair and a noncharacter would make the plan unreadable."""
    with pytest.raises(PlanError):
        planfile.adding(file, "c", [], []).write(note, WHO, NOW)
    assert TEXT == file.path.read_text()


def test_changed_plan_is_not_overwritten(file: PlanFile) -> None:
    """What somebody else wrote since we read the plan is not lost."""
    draft = planfile.adding(file, "c", [], [])
    file.path.write_text(f"{TEXT}# mine\n")
    with pytest.raises(PlanError, match="changed meanwhile; nothing was written"):
        draft.write("n", WHO, NOW)
    assert f"{TEXT}# mine\n" == file.path.read_text()


def test_two_writers_lose_nothing(file: PlanFile) -> None:
    """Of several that write at once each either is in the plan or was told so."""
    told: dict[str, str] = {}
    drafts = [planfile.adding(file, f"c{n}", [], []) for n in range(8)]

    def write(draft: planfile.Draft) -> None:
        try:
            draft.write("n", WHO, NOW)
            told[draft.name] = "written"
        except LearnplanError as error:
            told[draft.name] = error.message

    threads = [threading.Thread(target=write, args=[draft]) for draft in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = {name for name, message in told.items() if message == "written"}
    added = {change.name for change in again(file.path.parent).plan.changes}
    assert 8 == len(told)
    assert 1 == len(written)
    assert {"a", "b"} | written == added


def test_mode_and_link_of_the_plan_stay(file: PlanFile, tmp_path: Path) -> None:
    """A plan that is a link stays one, and keeps its permissions; nothing is left."""
    real = tmp_path / "real.plan"
    file.path.rename(real)
    real.chmod(0o640)
    file.path.symlink_to(real)
    planfile.adding(again(tmp_path), "c", [], []).write("n", WHO, NOW)
    assert file.path.is_symlink()
    assert 0o640 == real.stat().st_mode & 0o777
    assert {"sqitch.conf", "sqitch.plan", "real.plan"} == {
        path.name for path in tmp_path.iterdir()
    }


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_text_of_objects_hashes_to_their_ids(path: Path) -> None:
    """What show prints for a change or a tag is what its id is the hash of."""
    parsed = plan.parse(path.read_bytes(), "sqitch.plan")
    for change in parsed.changes:
        text = objects.of_change(parsed, change)
        assert change.id == objects.object_id("change", text)
        for tag in change.tags:
            text = objects.of_tag(parsed, change, tag)
            assert tag.id == objects.object_id("tag", text)

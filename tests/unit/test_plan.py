"""
Plans without a database: what is read, what is refused and in which words.

The files of tests/plans are named by their defect; whether Sqitch agrees is asked in
tests/schema/test_plan_oracle.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from learnplan_db import errors
from learnplan_db.errors import PlanError
from learnplan_db.model import Planner
from learnplan_db.plans import plan

PLANS = Path(__file__).parents[1] / "plans"
SOURCE = "sql/sqitch.plan"
STAMP = "2026-11-24T09:00:00Z Ann Dee <ann@example.org>"
HEX = "0123456789abcdef0123456789abcdef01234567"

NAMES = (
    "a name begins and ends with a letter, a digit or _, holds no blank and none of "
    "@ : # \\, and does not end in one of ~ / = % ^ and digits"
)
LINE = "write: name [dependencies] YYYY-MM-DDThh:mm:ssZ planner <email> # note"
TIME = "write it as YYYY-MM-DDThh:mm:ssZ, in UTC, without leap seconds"
RESERVED = "choose another; HEAD and ROOT mean the last and the first change"
EMPTY = 'write "%project=name", an empty line, then a change a line'
PROJECT = 'write "%project=name" above the first empty line'
OF_PLANS = 'change "table_plans" requires'

REFUSED = {
    "blank-after-at": ("the line is neither a change nor a tag", 5, LINE),
    "digits-of-timestamp": (
        '"٢٠٢٦-11-24T09:00:00Z" is not a point in time',
        3,
        TIME,
    ),
    "hour-24": ('"2026-11-24T24:00:00Z" is not a point in time', 3, TIME),
    "name-zero": ('"0" cannot name a change or tag', 3, NAMES),
    "planner-zero": ('"a" has no planner and email', 3, LINE),
    "project-dependency": (
        '"q:" is not a dependency',
        4,
        "write name, name@tag, @tag or project:name, with ! in front for a conflict",
    ),
    "project-zero": ("the plan names no project", 1, PROJECT),
    "text-after-email": ("the line is neither a change nor a tag", 3, LINE),
    "two-brackets": ("the line is neither a change nor a tag", 4, LINE),
    "bad-dependency": (
        '"table_users@" is not a dependency',
        5,
        "write name, name@tag, @tag or project:name, with ! in front for a conflict",
    ),
    "bad-line": ("the line is neither a change nor a tag", 5, LINE),
    "bad-name": ('"table_plans!" cannot name a change or tag', 5, NAMES),
    "bad-pragma": (
        "the line is not a pragma",
        2,
        "put an empty line between the pragmas and the first change",
    ),
    "bad-project": ('"school!" cannot name a project', 1, NAMES),
    "bad-timestamp": ('"2026-02-30T09:01:00Z" is not a point in time', 4, TIME),
    "blank-before-project": ("the plan names no project", 1, PROJECT),
    "blank-only": ("the plan is empty", 1, EMPTY),
    "body-pragma": (
        "a pragma stands below the header",
        5,
        "move it above the first empty line",
    ),
    "byte-order-mark": (
        "the plan starts with a byte order mark",
        1,
        "save the file as UTF-8 without a byte order mark",
    ),
    "carriage-return-at-end": ("the line is neither a change nor a tag", 4, LINE),
    "duplicate-change": (
        'change "table_users" is already declared on line 4',
        6,
        "rename it, or put a tag between the two, which makes this one a rework",
    ),
    "duplicate-dependency": (
        'dependency "table_users" is listed twice',
        5,
        "remove one of the two",
    ),
    "duplicate-tag": (
        'tag "@v1" is already declared on line 5',
        7,
        "choose a name that no other tag has",
    ),
    "empty": ("the plan is empty", 1, EMPTY),
    "empty-brackets": ("the line is neither a change nor a tag", 5, LINE),
    "head-dependency": (
        f'{OF_PLANS} "table_users@HEAD", which is not in the plan',
        5,
        'declare it above line 5; did you mean "table_users"?',
    ),
    "id-like-name": (
        f'"{HEX}_users" could be mistaken for an id',
        4,
        "choose a name that does not start with 40 hexadecimal digits",
    ),
    "later-dependency": (
        'change "policy_users" requires "table_users", planned later on line 6',
        4,
        'move "policy_users" below line 6',
    ),
    "later-section-dependency": (
        'change "policy_users" requires "table_users", planned later on line 6',
        4,
        'move "policy_users" below line 6',
    ),
    "leading-blank": (
        'the dependencies of "table_plans" start with a blank',
        5,
        "remove the blank after the bracket",
    ),
    "lone-hash": (
        "a comment has no text",
        5,
        "write text after the #, or empty the line",
    ),
    "missing-planner": ('"table_users" has no planner and email', 4, LINE),
    "missing-project": ("the plan names no project", 1, PROJECT),
    "missing-timestamp": ('"table_users" has no timestamp', 4, LINE),
    "no-blank-after-header": (
        "the line is not a pragma",
        2,
        "put an empty line between the pragmas and the first change",
    ),
    "no-blank-before-bracket": ("the line is neither a change nor a tag", 5, LINE),
    "noncharacter": ("the plan is not UTF-8: U+FDD0", 5, "save the file as UTF-8"),
    "not-utf8": ("the plan is not UTF-8: byte 0xE9", 5, "save the file as UTF-8"),
    "orphan-tag": ('tag "@v1" has no change above it', 4, "move it below a change"),
    "own-id-dependency": (
        f'{OF_PLANS} "{HEX}", which is not in the plan',
        5,
        "declare it above line 5",
    ),
    "replanned-dependency": (
        f'{OF_PLANS} "table_users@v1", but "table_users" is planned below "@v1"',
        8,
        'require "@v1" or "table_users"',
    ),
    "reserved-name": ('"HEAD" is a reserved name', 4, RESERVED),
    "reserved-tag": ('"ROOT" is a reserved name', 5, RESERVED),
    "self-dependency": (
        'change "table_users" requires itself',
        4,
        "remove the requirement",
    ),
    "tag-above-dependency": (
        (
            'change "table_modules" requires "table_plans@v1", '
            'but "table_plans" is planned below "@v1"'
        ),
        7,
        'require "@v1" or "table_plans"',
    ),
    "tag-dependencies": (
        'tag "@v1" has dependencies',
        5,
        "remove the brackets; only changes have dependencies",
    ),
    "tag-slash": (
        'tag "@release/one" contains a slash',
        5,
        "choose a name without /",
    ),
    "unknown-dependency": (
        'change "policy_modules" requires "table_modulez", which is not in the plan',
        5,
        'declare it above line 5; did you mean "table_modules"?',
    ),
    "unknown-tag": (
        f'{OF_PLANS} "table_users@v2", which is not in the plan',
        6,
        'declare it above line 6; did you mean "table_users@v1"?',
    ),
    "stricter/leap-second": (
        '"2016-12-31T23:59:60Z" is not a point in time',
        4,
        TIME,
    ),
    "stricter/unknown-id": (
        f'change "table_plans" names {HEX}, no id of a change above',
        5,
        "name the change; of another project, as project:name",
    ),
    "stricter/year-zero": ('"0000-01-01T00:00:00Z" is not a point in time', 4, TIME),
}


def of_lines(*lines: str, header: str = "%project=school") -> plan.Plan:
    """Return the plan of these lines, each completed with a timestamp and planner."""
    body = "".join(f"{line} {STAMP}\n" for line in lines)
    return plan.parse(f"{header}\n\n{body}".encode(), SOURCE)


def good(name: str) -> plan.Plan:
    """Return a plan of the corpus that is accepted."""
    return plan.parse((PLANS / "good" / f"{name}.plan").read_bytes(), SOURCE)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_plan_says_what_where_and_what_to_do(name: str) -> None:
    """A defect is told with its line and its remedy (style, 8)."""
    message, line, fix = REFUSED[name]
    with pytest.raises(PlanError) as caught:
        plan.parse((PLANS / f"{name}.plan").read_bytes(), SOURCE)
    error = caught.value
    assert (message, f"{SOURCE}:{line}", fix) == (error.message, error.where, error.fix)


def test_every_refused_plan_is_told() -> None:
    """No file of the corpus is without its expected words."""
    found = {f"{path.stem}" for path in PLANS.glob("*.plan")}
    found |= {f"stricter/{path.stem}" for path in (PLANS / "stricter").glob("*.plan")}
    assert found == set(REFUSED)


def test_every_syntax_error_has_a_plan() -> None:
    """Each cause in errors.PLAN_SYNTAX is met by a file named after it."""
    assert set() == set(errors.PLAN_SYNTAX) - set(REFUSED)


@pytest.mark.parametrize("path", sorted((PLANS / "good").glob("*.plan")), ids=str)
def test_good_plan_is_accepted(path: Path) -> None:
    """Changes are numbered from 0, ids are of 40 digits and lines go up."""
    changes = plan.parse(path.read_bytes(), SOURCE).changes
    assert list(range(len(changes))) == [change.index for change in changes]
    assert {40} >= {len(change.id) for change in changes}
    assert sorted(c.line for c in changes) == [c.line for c in changes]


def test_ids_are_those_of_the_worked_example() -> None:
    """A plan with a URI, a note of two lines and a tag has the ids Sqitch gave it."""
    text = (
        "%syntax-version=1.0.0\n%project=hand\n%uri=https://Example.COM\n\n"
        "a 2026-11-23T09:41:12Z Zoë <z@x.com> # first\\nsecond\n"
        "b [a] 2026-11-23T09:41:13Z Zoë <z@x.com> # b\n"
        "@v1 2026-11-23T09:41:14Z Zoë <z@x.com> # tag\n"
    )
    first, second = plan.parse(text.encode(), SOURCE).changes
    assert "69186ce20dbbeb075ea914e29021bee988f2effd" == first.id
    assert "32eb7a872bff8eb1511ecc3c9ac930a0268460ee" == second.id
    assert "5164b1ebf686c9796db93a45bb242789cbe9ef2c" == second.tags[0].id


def test_change_carries_all_fields() -> None:
    """Every field of a line is kept, with the line's number and its operator."""
    text = f"%project=school\n\nx {STAMP}\n# c\n -a [x !b] {STAMP} # Why.\n"
    change = plan.parse(text.encode(), SOURCE).changes[1]
    assert ("a", ("x",), ("b",), "Why.", "-", 5, 1) == (
        *(change.name, change.requires, change.conflicts, change.note),
        *(change.operator, change.line, change.index),
    )
    assert datetime(2026, 11, 24, 9, tzinfo=UTC) == change.planned_at
    assert Planner("Ann Dee", "ann@example.org") == change.planner


def test_tag_carries_all_fields() -> None:
    """A tag keeps its own note, time, planner and line."""
    text = f"%project=school\n\na {STAMP}\n\n@v1 {STAMP} # Out.\n"
    (tag,) = plan.parse(text.encode(), SOURCE).changes[0].tags
    assert ("v1", "Out.", 5) == (tag.name, tag.note, tag.line)
    assert datetime(2026, 11, 24, 9, tzinfo=UTC) == tag.planned_at
    assert Planner("Ann Dee", "ann@example.org") == tag.planner


def test_header_keeps_project_uri_and_pragmas() -> None:
    """A URI loses its fragment, which is a note, and is recorded as written."""
    parsed = good("uri")
    assert ("school", "HTTPS://Example.COM:443") == (parsed.project, parsed.uri)
    pragmas = {"syntax-version": "1.0.0", "project": "school", "uri": parsed.uri}
    assert pragmas == parsed.pragmas


def test_header_allows_blanks_flags_and_comments() -> None:
    """Blanks around names and values are dropped; a pragma without value is 1."""
    pragmas = {"project": "school", "kind": "odd=er", "flag": "1"}
    assert pragmas == good("blanks").pragmas


def test_uri_is_escaped_and_its_host_encoded() -> None:
    """What is recorded holds ASCII only, with the host in Punycode."""
    recorded = "http://User@xn--bcher-kva.de:8080/A%7eb%20%2f%5B1%5D"
    assert recorded == good("uri-odd").uri


def test_planner_keeps_all_blanks_but_one() -> None:
    """Of the blanks before < exactly one is dropped, since ids depend on the others."""
    names = [change.planner.name for change in good("blanks").changes]
    assert ["Ann  Dee  ", "Ann", "[Ann]", "Ann", "Ann"] == names


def test_notes_are_trimmed_before_they_are_unescaped() -> None:
    r"""The escapes \n, \r and \\ are read, others stay; a note may start with one."""
    notes = [change.note for change in good("notes").changes]
    assert "one\ntwo\\n three\\tfour \r" == notes[0]
    assert "\n starts with a line feed" == notes[1]
    assert ["0", "# twice #", "trimmed"] == notes[2:]


def test_own_project_is_left_out_of_dependencies() -> None:
    """A dependency of the own project is kept without its prefix, others with it."""
    first, second = good("other-projects").changes
    kept = ("table_users", "table_users@v1", "@v1", HEX)
    assert tuple(f"billing:{text}" for text in kept) == first.requires
    assert (("table_users",), (HEX,)) == (second.requires, second.conflicts)


def test_reworked_tags_list_the_nearest_tag_first() -> None:
    """Tags nearest to the next instance come first, the change's own last."""
    changes = good("rework").changes
    expected = [("v2", "v1", "v1.1"), (), ("v3", "v2"), ("v3",), (), ()]
    assert expected == [change.reworked_tags for change in changes]


def test_id_of_an_earlier_change_is_a_dependency() -> None:
    """A bare id is accepted when a change above has it, as itself."""
    first = of_lines("a").changes[0].id
    second = of_lines("a", f"b [{first}]", f"c [!{first}]").changes
    assert ((first,), (first,)) == (second[1].requires, second[2].conflicts)


def test_id_of_a_later_change_is_no_dependency() -> None:
    """A bare id that no change above has is refused, also as a conflict."""
    with pytest.raises(PlanError, match="no id of a change above"):
        of_lines("a", f"b [!{HEX}]")


@pytest.mark.parametrize(
    ("spec", "index"),
    [
        ("table_users", 1),
        ("@v1", 1),
        ("@v1.1", 1),
        ("@v3", 3),
        ("function_greet@v1", 0),
        ("function_greet@v2", 0),
        ("function_greet@v3", 3),
        ("function_greet@HEAD", 4),
        ("function_greet@ROOT", 0),
        ("view_users@HEAD", 5),
        ("HEAD", 5),
        ("@HEAD", 5),
        ("ROOT", 0),
        ("@ROOT", 0),
        ("HEAD^", 4),
        ("@HEAD^^", 3),
        ("HEAD^5", 0),
        ("HEAD^0", 5),
        ("ROOT~", 1),
        ("ROOT~~", 2),
        ("@ROOT~5", 5),
        ("table_users~2", 3),
        ("function_greet@v3^", 2),
    ],
)
def test_resolve_finds(spec: str, index: int) -> None:
    """Names, tags, both, HEAD and ROOT with offsets mean one change."""
    assert index == plan.resolve(good("rework"), spec).index


def test_resolve_finds_ids() -> None:
    """The id of a change or of a tag means that change, also with an offset."""
    rework = good("rework")
    change = rework.changes[3]
    assert change == plan.resolve(rework, change.id)
    assert change == plan.resolve(rework, change.tags[0].id)
    assert rework.changes[2] == plan.resolve(rework, f"{change.id}^")


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("table_user", '; did you mean "table_users"?'),
        ("@v1.2", '; did you mean "@v1.1"?'),
        ("table_users@v9", '; did you mean "table_users"?'),
        ("view_users@v1", '; did you mean "view_users"?'),
        ("table_users@ROOT", '; did you mean "table_users"?'),
        ("HEAD^^^", '; did you mean "HEAD"?'),
        (HEX, ""),
        ("", ""),
        ("^", ""),
        ("@", ""),
    ],
)
def test_resolve_refuses_what_is_not_there(spec: str, hint: str) -> None:
    """An unknown specification is answered with the nearest known one, never an id."""
    with pytest.raises(PlanError) as caught:
        plan.resolve(good("rework"), spec)
    fix = "name a change, a @tag, change@tag or an id of 40 digits"
    assert f'the plan has no "{spec}"' == caught.value.message
    assert (SOURCE, fix + hint) == (caught.value.where, caught.value.fix)


@pytest.mark.parametrize("spec", ["HEAD~", "ROOT^", "HEAD^6", "@v1~99"])
def test_resolve_refuses_offsets_out_of_the_plan(spec: str) -> None:
    """An offset must stay between the first and the last change."""
    with pytest.raises(PlanError) as caught:
        plan.resolve(good("rework"), spec)
    message = f'"{spec}" lies outside the plan, which has 6 changes'
    assert message == caught.value.message
    assert (SOURCE, "count fewer steps") == (caught.value.where, caught.value.fix)


def test_resolve_refuses_an_ambiguous_name() -> None:
    """A reworked name is answered with the qualified ones, newest first."""
    with pytest.raises(PlanError) as caught:
        plan.resolve(good("rework"), "function_greet")
    error = caught.value
    assert 'change "function_greet" is in the plan more than once' == error.message
    assert f"{SOURCE}:4, 11, 13" == error.where
    qualified = [f'"function_greet@{tag}"' for tag in ("HEAD", "v3", "v2")]
    assert f"name one of {', '.join(qualified)}" == error.fix


def test_resolve_finds_nothing_in_a_plan_without_changes() -> None:
    """HEAD of no change is unknown."""
    with pytest.raises(PlanError, match='the plan has no "HEAD"'):
        plan.resolve(good("header-only"), "HEAD")


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("function_greet", 0),
        ("school:function_greet", 0),
        ("function_greet@v2", 0),
        ("function_greet@v3", 3),
        ("@v1.1", 1),
        ("@v3", 3),
    ],
)
def test_dependency_means(text: str, index: int) -> None:
    """A bare name means the first instance, a tag its change, both the last above."""
    rework = good("rework")
    found = plan.dependency(rework, text, rework.changes[-1])
    assert rework.changes[index] == found


def test_dependency_of_another_project_is_not_in_the_plan() -> None:
    """A prefix of another project gives None, even when the name is known here."""
    rework = good("rework")
    assert None is plan.dependency(rework, "billing:table_users", rework.changes[-1])


def test_unknown_conflict_is_refused_when_it_is_looked_up() -> None:
    """A conflict that the plan does not have is named with its change's line."""
    conflicts = good("conflicts")
    with pytest.raises(PlanError) as caught:
        plan.dependency(conflicts, "@v9", conflicts.changes[1])
    message = 'change "table_plans" conflicts with "@v9", which is not in the plan'
    assert (message, f"{SOURCE}:5") == (caught.value.message, caught.value.where)
    assert "declare it above line 5" == caught.value.fix


def test_own_plan_is_read() -> None:
    """The plan of this project is one of those that are accepted."""
    path = PLANS.parents[1] / "sql" / "sqitch.plan"
    assert "learnplan-db" == plan.parse(path.read_bytes(), SOURCE).project

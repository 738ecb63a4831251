"""The format language: codes, widths, layouts, colours, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from learnplan_db.errors import ReportError
from learnplan_db.model import Item, Planner
from learnplan_db.plans import plan as plans
from learnplan_db.reports import colors, formats, layouts, planned

ITEM = Item(
    event="deploy",
    project="flipr",
    change_id="0123456789" * 4,
    change="users",
    note="First line.\n\nThird ü line.\n",
    requires=("a", "b@v1"),
    conflicts=(),
    tags=("@v1", "@v2"),
    planned_at=datetime(2026, 1, 2, 3, 4, 5, 999999, UTC),
    planner=Planner("Pat", "pat@example.org"),
    committed_at=datetime(2026, 7, 8, 9, 10, 11, tzinfo=UTC),
    committer=Planner("Dee", "dee@example.org"),
)


def written(template: str, item: Item = ITEM, *, color: bool = False) -> str:
    """Return an item in a format."""
    return formats.Formatter(formats.parse(template), color=color).text(item)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("%e %L %l", "deploy Deploy deploy"),
        ("%o:%n", "flipr:users"),
        ("%{7}h %{-38}h %{x}h.", "0123456 01 ."),
        ("%t|%T|%{+}t", " @v1, @v2| (@v1, @v2)| @v1+@v2"),
        ("%r|%x", " a, b@v1|"),
        ("%R%X", "Requires:  a, b@v1\n"),
        ("%s|%{> }s", "First line.|> First line."),
        ("%b", "Third ü line.\n"),
        ("%{> }b", "> Third ü line.\n"),
        ("%{--}B", "--First line.\n--\n--Third ü line.\n"),
        ("%p|%{n}p|%{email}p", "Pat <pat@example.org>|Pat|pat@example.org"),
        ("%{date:raw}p|%{d:raw}c", "2026-01-02T03:04:05Z|2026-07-08T09:10:11Z"),
        ("%{unknown}c", ""),
        ("%{name}_|%{conflicts}_", "Name:     |Conflicts:"),
        ("%{change}a%{conflicts}a", "change    users\n"),
        ("%{planned_at}a", "planned_at 2026-01-02T03:04:05Z\n"),
        ("%{tags}a", "tags      @v1, @v2\n"),
        ("[%8n|%-8n|%.2n|%08n]", "[   users|users   |us|000users]"),
        ("100%% %v%", "100% \n%"),
        ("%{red}C%n%{reset}C", "users"),
    ],
)
def test_code_is_written(template: str, expected: str) -> None:
    """Each code, with and without its argument (sqitch-log, "Formats")."""
    assert expected == written(template)


def test_note_that_starts_with_a_newline_is_all_body() -> None:
    """There is no first line to take away, as Perl's ``.+`` wants a character."""
    assert "\nx" == written("%b", replace(ITEM, note="\nx"))
    assert "" == written("%b", replace(ITEM, note="one line"))


def test_every_line_of_a_note_is_indented() -> None:
    """An empty line too, but nothing stands behind the last newline."""
    assert "    a\n    \n    b\n" == written("%{    }B", replace(ITEM, note="a\n\nb\n"))
    assert "    " == written("%{    }B", replace(ITEM, note=""))


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("%z", 'unknown format code "z"'),
        ("%10", 'unknown format code "0"'),
        ("%{x", 'unknown format code "{"'),
        ("%{nope}_", 'unknown label "nope"'),
        ("%_", "no label passed"),
        ("%{chang}a", '"chang" is not an attribute .*did you mean "change"'),
        ("%{pink}C", '"pink" is not an ANSI color'),
        ("%C", '"" is not an ANSI color'),
        ("%{date:nope}p", 'unknown date format "nope"'),
    ],
)
def test_mistake_is_refused(template: str, text: str) -> None:
    """A format that means nothing ends with exit code 2 and says what would."""
    with pytest.raises(ReportError, match=text) as caught:
        written(template)
    assert 2 == caught.value.exit_code
    assert caught.value.fix


def test_planned_change_has_no_committer() -> None:
    """%c is empty for a plan, as in Sqitch; its date and attributes are errors."""
    item = replace(ITEM, committed_at=None, committer=None)
    assert " <>|" == written("%c|%{name}c", item)
    for template in ("%{date}c", "%{committer_name}a"):
        with pytest.raises(ReportError):
            written(template, item)


@pytest.mark.parametrize("kind", ["log", "plan"])
@pytest.mark.parametrize("name", ["raw", "full", "long", "medium", "short", "oneline"])
def test_layout_can_be_written(kind: str, name: str) -> None:
    """Every named format shows the name; all but oneline end with an empty line."""
    found = written(layouts.named(kind, name))
    assert "users" in found
    assert ("oneline" == name) != found.endswith("\n")


def test_layout_that_is_none_is_refused() -> None:
    """The nearest name is offered; format: takes any text."""
    assert "%n" == layouts.named("log", "format:%n")
    with pytest.raises(ReportError, match='log format "mediun"; did you mean "medium"'):
        layouts.named("log", "mediun")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("red", "\x1b[31m"),
        ("BOLD on_bright_blue", "\x1b[1;104m"),
        (":event", "\x1b[32m"),
        ("rgb123 on_grey23", "\x1b[38;5;67;48;5;255m"),
        ("ansi255", "\x1b[38;5;255m"),
        ("on_r1g2b255", "\x1b[48;2;1;2;255m"),
        (" ", ""),
    ],
)
def test_color_is_a_sequence(names: str, expected: str) -> None:
    """Names of Term::ANSIColor; one sequence for several."""
    assert expected == colors.sequence(names, "deploy")
    assert expected == written(f"%{{{names}}}C", color=True)


@pytest.mark.parametrize("name", ["grey24", "ansi256", "rgb666", "r256g0b0", "on_bold"])
def test_color_out_of_range_is_refused(name: str) -> None:
    """A number beyond the terminal's."""
    with pytest.raises(ReportError, match=name):
        colors.sequence(name, "deploy")


PLAN = b"""%syntax-version=1.0.0
%project=p

a 2026-01-01T00:00:00Z Pat <p@x> # A
b 2026-01-01T00:00:00Z Dee <d@x> # B
-c 2026-01-01T00:00:00Z Pat <p@x> # C
"""


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (planned.Search(), "abc"),
        (planned.Search(reverse=True), "cba"),
        (planned.Search(reverse=True, limit=100), "cba"),
        (planned.Search(reverse=True, skip=1, limit=1), "b"),
        (planned.Search(skip=1), "bc"),
        (planned.Search(skip=9), ""),
        (planned.Search(event="revert"), "c"),
        (planned.Search(event="deploy", planner="^P"), "a"),
        (planned.Search(change="[bc]", planner="at$"), "c"),
        (planned.Search(change="c", limit=2), ""),
    ],
)
def test_plan_is_searched(search: planned.Search, expected: str) -> None:
    """All filters must hold; skip and limit choose the stretch that is searched."""
    plan = plans.parse(PLAN, "sqitch.plan")
    assert expected == "".join(one.change for one in planned.search(plan, search))


def test_bad_pattern_is_refused() -> None:
    """The option and the reason are named."""
    plan = plans.parse(PLAN, "sqitch.plan")
    with pytest.raises(ReportError, match="not a regular expression") as caught:
        list(planned.search(plan, planned.Search(planner="(")))
    assert "--planner" == caught.value.where

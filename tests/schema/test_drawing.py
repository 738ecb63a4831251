"""What is drawn of a live database: as mermaid, SVG, a page and Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import psycopg
import pytest

from fix_database import ROOT
from fix_drawing import edges
from fix_tools import program
from learnplan_db.catalog.reading import read
from learnplan_db.errors import PictureError
from learnplan_db.pictures import graphviz, page
from learnplan_db.pictures.mermaid import as_mermaid, relation
from learnplan_db.pictures.model import Drawing, Table
from learnplan_db.pictures.reading import drawing
from learnplan_db.pictures.reference import as_markdown, code, plain
from learnplan_db.pictures.words import offspring
from tools import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_readme_draws_what_the_catalog_says(ours: Drawing) -> None:
    """The README's diagram has the same tables and lines, in words of its own."""
    readme = (ROOT / "README.md").read_text()
    [text] = re.findall(r"```mermaid\n(.*?)```", readme, re.DOTALL)
    assert edges(as_mermaid(ours)) == edges(text)


def test_a_line_says_how_many_and_who_goes_with_whom(theirs: Drawing) -> None:
    """Null, unique and the action of a key decide how its line looks."""
    assert {
        ("one", "parent", "|o..o{", "one"),
        ("profile", "one", "||--o|", "one"),
        ("profile", "boss", "|o..o|", "one"),
        ("profile", "helper", "||..o{", "one"),
        ("composite", "a, b", "|o..o{", "pair"),
        ("composite", "user_id", "|o--o{", "learnplan.users"),
        # Unique among some rows is not unique.
        ("partly", "id", "|o..o{", "one"),
    } == {
        (
            theirs.name_of(one.child),
            ", ".join(one.columns),
            relation(one),
            theirs.name_of(one.parent),
        )
        for one in theirs.links
    }


def test_row_security_that_is_missing_is_marked(theirs: Drawing, ours: Drawing) -> None:
    """Off and not forced on the owner are told apart, in each form."""
    text, sheet = as_mermaid(theirs), page.as_html(theirs, "PostgreSQL")
    dot = graphviz.as_dot(theirs, {}, down=False)
    for name, mermaid, guard, sentence in (
        ("profile", "RLS forced", "row security forced", "forced on the owner too"),
        ("pair", "RLS not forced on the owner", "row security not forced", "but not"),
        ("partly", "no RLS", "no row security", "Row security is off"),
    ):
        assert f'{name}["{name} ({mermaid})"]' in text
        assert re.search(rf"<B>{name}</B>.*{guard}", dot)
        assert re.search(rf">{name}</h3>\s*<p class=\"guard.*{sentence}", sheet)
    assert {"profile"} == {
        one.name for one in theirs.tables if one not in theirs.unguarded()
    }
    assert [] == ours.unguarded()


def test_owners_stand_above_what_is_deleted_with_them(
    ours: Drawing, theirs: Drawing
) -> None:
    """The tree of owners, also of a table that another schema's row owns."""
    assert [
        (0, "users", ""),
        (1, "learning_plans", "user_id"),
        (2, "modules", "plan_id"),
        (3, "tasks", "module_id"),
        (4, "task_progress", "task_id"),
        (4, "task_resources", "task_id"),
        (2, "plan_generations", "plan_id"),
        (1, "task_progress", "user_id"),
        (0, "resources", ""),
        (1, "task_resources", "resource_id"),
    ] == list(offspring(ours))
    assert (1, "composite", "user_id") in list(offspring(theirs))
    assert {one.name for one in theirs.tables} <= {n for _, n, _ in offspring(theirs)}


def test_partitions_are_told_of_their_table(theirs: Drawing) -> None:
    """A partition has no box of its own."""
    [parted] = [one for one in theirs.tables if one.name.startswith("parted")]
    assert ("parted", "partitioned, 1 partition") == (parted.name, parted.note)


def test_grants_name_columns_and_policies_their_words(ours: Drawing) -> None:
    """The reference says who may do what, by column, and in the policies' comments."""
    text = as_markdown(ours)
    about = text.partition("## users\n")[2].partition("\n## ")[0]
    for said in (
        "- `authenticated`: select; insert of id, clerk_user_id, email, name; update of name",
        "| select | `authenticated` | A user may read only their own row. |",
        "- `users_email_key`: no two rows share: `email`",
        "`_100_touch_updated_at`: before insert or update:",
        "| `subscription_tier` | `text` | yes | `'free'::text` | Advisory until",
        "Row security is enabled, and forced on the owner too.",
    ):
        assert said in about
    assert "called by `authenticated`" in text
    assert (
        "| `progress_status` | `not_started`, `in_progress`, `completed` | How" in text
    )


def test_documents_are_what_the_catalog_says(ours: Drawing) -> None:
    """The schema reference, the tables of the matrix and the picture are up to date."""
    assert [] == shown.differences(shown.texts(ours)), "python -m tools.shown"


def test_documents_that_drift_are_told(ours: Drawing, tmp_path: Path) -> None:
    """A changed word in any of the generated files is a difference of that file."""
    made = shown.texts(ours)
    for path, text in made.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    assert [] == shown.differences(made, tmp_path)
    for path, text in made.items():
        (tmp_path / path).write_text(text.replace("task_progress", "progress"), "utf-8")
        [diff] = shown.differences(made, tmp_path)
        assert diff.startswith(f"--- {path}\n")
        (tmp_path / path).write_text(text, "utf-8")


def test_svg_says_what_it_shows(ours: Drawing) -> None:
    """Every table and column is text of the picture; every line has a title."""
    program("dot")
    root = ET.fromstring(graphviz.as_svg(ours))  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    texts = [one.text for one in root.iter(f"{space}text")]
    for table in ours.tables:
        assert {table.name, *(one.name for one in table.columns)} <= set(texts)
    titles = {one.text for one in root.iter(f"{space}title")}
    assert "Tables of schema learnplan" in titles
    assert (
        "Any number of rows of modules for one row of learning_plans (plan_id): "
        "deleted with it" in titles
    )
    assert "img" == root.get("role")


def test_graphviz_that_fails(ours: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    """What dot says of its failure is told, and a way that needs no dot."""
    false = program("false")
    monkeypatch.setattr("shutil.which", lambda _: false)
    with pytest.raises(PictureError, match="it said nothing") as raised:
        graphviz.as_svg(ours)
    assert false == raised.value.where


def test_graphviz_that_never_ends(
    ours: Drawing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A picture that is too much for dot is given up, and told."""
    slow = tmp_path / "dot"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda _: str(slow))
    monkeypatch.setattr(graphviz, "_WAIT", 1)
    with pytest.raises(PictureError, match="within 1 seconds") as raised:
        graphviz.as_svg(ours)
    assert "--schema" in str(raised.value.fix)


def test_circle_of_owners_is_drawn(fresh_dsn: Callable[[], str]) -> None:
    """Two tables that own each other stand below each other, once each."""
    with psycopg.connect(fresh_dsn()) as connection:
        connection.execute(
            "create table a (id int primary key); create table b (id int primary key,"
            " a int references a on delete cascade); alter table a add b int"
            " references b on delete cascade"
        )
        found = drawing(connection, ["public"], read(connection, ["public"]))
    assert [(0, "b", ""), (1, "a", "b"), (2, "b", "a")] == list(offspring(found))
    assert {("a", "|o--o{", "b"), ("b", "|o--o{", "a")} == edges(as_mermaid(found))


EVIL = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\0\x1b\ud800\n# head",
    "%%{init: {}}%%",
    "",
]


@pytest.mark.parametrize("evil", EVIL)
def test_any_text_stays_text(evil: str, theirs: Drawing) -> None:
    """A name, comment or label of anybody's is text in each form, and is UTF-8."""
    table = Table(evil, evil, evil, theirs.tables[0].columns, "off", evil)
    found = Drawing(evil, (evil,), (table,), (), (table,), (), ())
    sheet, markdown, text = (
        page.as_html(found, evil),
        as_markdown(found),
        as_mermaid(found),
    )
    for made in (sheet, markdown, text):
        made.encode("utf-8")
    assert not re.search("<(script|img)", sheet)
    assert not re.search("<(script|img)", text)
    bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", markdown)  # without code
    assert not re.search(r"(?<!\\)<(script|img)", bare)
    assert "%%{" not in text
    assert not re.search("^# head", markdown, re.MULTILINE)


def test_words_of_markdown() -> None:
    """Text is escaped, code is fenced, both fit in a cell of a table."""
    assert r"a\|b \<i\> \*x\* \[y\](z) a_b \_c\_" == plain(
        "a|b <i>\n*x* [y](z) a_b _c_"
    )
    assert r"`a\|b`" == code("a|b")
    assert "`` a`b ``" == code("a`b")
    assert "" == code(" ")

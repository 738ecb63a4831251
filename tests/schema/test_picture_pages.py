"""Pictures looked at: by the real mermaid, and in a real browser, light and dark."""

from __future__ import annotations

import json
import struct
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from fix_database import ROOT
from fix_drawing import drawn
from fix_tools import program
from learnplan_db.cli import cli
from learnplan_db.pictures import page
from learnplan_db.pictures.mermaid import as_mermaid
from learnplan_db.pictures.reference import as_markdown
from majors import WHEELS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from selenium.webdriver import Chrome

    from learnplan_db.pictures.model import Drawing

    Browsers = Callable[..., AbstractContextManager[Chrome]]
    Mermaid = Callable[[str], dict[str, Any]]

pytestmark = pytest.mark.gate

ENDS = {
    "||": "ONLY_ONE",
    "|o": "ZERO_OR_ONE",
    "o|": "ZERO_OR_ONE",
    "o{": "ZERO_OR_MORE",
}
WIDEST = """
return Math.max(...[...document.querySelectorAll("body *")]
  .filter((one) => !one.closest(".wide, .skip, .unseen, svg"))
  .map((one) => one.getBoundingClientRect().right));"""
# What of a picture lies outside of it, or on the text of something else.
CROWDED = """
const boxes = [...document.querySelectorAll("svg text")]
  .map((one) => [one.textContent, one.getBoundingClientRect()]);
const all = document.querySelector("svg").getBoundingClientRect();
const found = [];
for (const [text, box] of boxes) {
  if (box.left < all.left || box.right > all.right || box.top < all.top
    || box.bottom > all.bottom) found.push(text);
  for (const [other, there] of boxes) {
    const wide = Math.min(box.right, there.right) - Math.max(box.left, there.left);
    const high = Math.min(box.bottom, there.bottom) - Math.max(box.top, there.top);
    if (box !== there && wide > 2 && high > box.height / 2) found.push(`${text} on ${other}`);
  }
}
return found;"""


@pytest.fixture(scope="module")
def sheets(
    ours: Drawing, theirs: Drawing, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Return addresses of the plan's page, a host's, and one without Graphviz."""
    program("dot")
    place = tmp_path_factory.mktemp("sheets")
    made = {
        name: page.as_html(found, "PostgreSQL 18")
        for name, found in (("ours", ours), ("theirs", theirs))
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.which", lambda _: None)
        made["plain"] = page.as_html(theirs, "PostgreSQL 18")
    addresses = {}
    for name, text in made.items():
        (place / f"{name}.html").write_text(text, "utf-8")
        addresses[name] = (place / f"{name}.html").as_uri()
    return addresses


def test_mermaid_takes_what_is_drawn(
    mermaid: Mermaid, ours: Drawing, theirs: Drawing
) -> None:
    """The real parser finds the tables, columns and lines that the catalog has."""
    for found in (ours, theirs):
        told = mermaid(as_mermaid(found))
        assert "er" == told.get("type"), told
        counts = sorted(len(columns) for columns in told["tables"].values())
        boxes = (*found.tables, *found.strangers)
        assert sorted(len(one.columns) for one in boxes) == counts
        lines = []
        for link in found.links:
            optional, single = link.optional, link.single
            lines.append(
                (
                    found.name_of(link.parent),
                    ENDS["|o" if optional else "||"],
                    "IDENTIFYING" if link.owned else "NON_IDENTIFYING",
                    ENDS["o|" if single else "o{"],
                    found.name_of(link.child),
                )
            )
        bare = [
            (a.split(" (")[0], one, kind, many, b.split(" (")[0])
            for a, one, kind, many, b in told["links"]
        ]
        assert sorted(lines) == sorted(bare)


def test_mermaid_shows_odd_names_as_text(mermaid: Mermaid, theirs: Drawing) -> None:
    """Names that want to be markup or directives are drawn as they are."""
    told = mermaid(as_mermaid(theirs))
    texts = " ".join(told["texts"])
    for said in ('Odd "name" <b>, {a} | `b` (no RLS)', "</text><script>alert(1)"):
        assert said in texts
    assert "%%{init: {}}%%" in texts
    assert 0 == told["active"]


def test_mermaid_refuses_what_is_broken(mermaid: Mermaid, ours: Drawing) -> None:
    """The parser that finds no fault above finds this one."""
    broken = as_mermaid(ours).replace("{\n", "{ {\n", 1)
    assert "Parse error" in mermaid(broken)["error"]


def test_readme_diagram_is_mermaid(mermaid: Mermaid) -> None:
    """The README's own diagram can be drawn, with the eight tables."""
    text = (ROOT / "README.md").read_text().partition("```mermaid\n")[2]
    told = mermaid(text.partition("```")[0])
    assert ("er", 8, 8) == (told["type"], len(told["tables"]), len(told["links"]))


@pytest.mark.parametrize("name", ["ours", "theirs", "plain"])
@pytest.mark.parametrize(
    ("width", "dark"),
    [
        pytest.param(1280, False, id="desk-light"),
        pytest.param(360, True, id="phone-dark"),
    ],
)
def test_page_is_fit_for_everybody(
    another: Browsers,
    sheets: dict[str, str],
    name: str,
    width: int,
    dark: bool,  # noqa: FBT001
) -> None:
    """axe-core finds nothing; nothing sticks out; the console stays empty."""
    axe = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    with another(width=width, dark=dark) as driver:
        driver.get(sheets[name])
        assert [] == driver.get_log("browser")
        assert driver.execute_script(WIDEST) <= width
        driver.execute_script(
            "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
        )
        driver.execute_script(axe)
        found = driver.execute_async_script(
            "axe.run({resultTypes: ['violations']}).then(arguments[0])"
        )
        said = [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]]
        assert [] == said
        ground = driver.execute_script(
            "return getComputedStyle(document.body).backgroundColor"
        )
        assert dark == (ground == "rgb(19, 21, 24)")


def test_picture_is_readable_and_whole(
    chromium: Chrome, sheets: dict[str, str], ours: Drawing
) -> None:
    """All tables and columns are seen, at least 9 pixels high, none on another."""
    chromium.get(sheets["ours"])
    shown = [one.text for one in chromium.find_elements(By.CSS_SELECTOR, "svg text")]
    for table in ours.tables:
        assert {table.name, *(one.name for one in table.columns)} <= set(shown)
    assert [] == chromium.execute_script(CROWDED)
    size = chromium.execute_script("""
const text = [...document.querySelectorAll("svg text")].find((t) => t.textContent === "topic");
return text.getScreenCTM().a * parseFloat(getComputedStyle(text).fontSize);""")
    assert size >= 9


def test_picture_turns_dark_with_the_page(
    another: Browsers, sheets: dict[str, str]
) -> None:
    """In the dark the picture's text is light on dark, as the page's is."""
    colours = []
    for dark in (False, True):
        with another(dark=dark) as driver:
            driver.get(sheets["ours"])
            colours.append(
                driver.execute_script("""
const of = (what) => getComputedStyle(document.querySelector(what)).fill;
return [of("svg text"), of("svg g.graph > polygon")];""")
            )
    assert [
        ["rgb(28, 32, 36)", "rgb(250, 250, 248)"],
        ["rgb(228, 231, 234)", "rgb(19, 21, 24)"],
    ] == colours


def test_a_table_of_the_picture_leads_to_its_section(
    chromium: Chrome, sheets: dict[str, str], ours: Drawing
) -> None:
    """By the tab key alone: past the skip link, table by table; Enter goes there."""
    chromium.get(sheets["ours"])
    seen = []
    for _ in range(len(ours.tables) + 2):
        chromium.switch_to.active_element.send_keys(Keys.TAB)
        there = chromium.switch_to.active_element
        if there.tag_name == "a" and there.find_elements(By.CSS_SELECTOR, "polygon"):
            seen.append(there.find_element(By.TAG_NAME, "text").text)
            if seen[-1] == "modules":
                there.send_keys(Keys.ENTER)
                break
    assert "modules" == seen[-1]
    assert {*seen} <= {one.name for one in ours.tables}
    assert chromium.current_url.endswith("#table-modules")
    top = chromium.execute_script(
        "return document.querySelector('#table-modules').getBoundingClientRect().top"
    )
    assert 0 <= top < 200


def test_page_runs_no_script_and_asks_for_nothing(
    chromium: Chrome, sheets: dict[str, str]
) -> None:
    """Comments that want to be scripts are text; one request, the page's own."""
    chromium.get_log("performance")
    chromium.get_log("browser")
    chromium.get(sheets["theirs"])
    assert 0 == len(chromium.find_elements(By.CSS_SELECTOR, "script, img, iframe"))
    assert '"><img src=x onerror=alert(1)>' in chromium.page_source.replace(
        "&gt;", ">"
    ).replace("&lt;", "<")
    events = [
        json.loads(one["message"])["message"] for one in chromium.get_log("performance")
    ]
    asked = [
        one["params"]["request"]["url"]
        for one in events
        if one["method"] == "Network.requestWillBeSent"
    ]
    assert [sheets["theirs"]] == [url for url in asked if not url.startswith("data:")]
    assert [] == chromium.get_log("browser")


def test_both_pages_are_made_and_shown(
    chromium: Chrome, host_dsn: str, tmp_path: Path
) -> None:
    """What the commands write of a database opens in a browser, and is no blank sheet."""
    for words, head, sections in (
        (("erd", host_dsn, "--out"), "Schema learnplan", 10),
        (("prove", host_dsn, "--cells-only", "--html"), "All accounts agree", 11),
    ):
        file = tmp_path / f"{words[0]}.html"
        told = CliRunner().invoke(cli, [*words, str(file)])
        assert 0 == told.exit_code, told.output
        chromium.get(file.as_uri())
        assert head in chromium.find_element(By.TAG_NAME, "h1").text
        parts = chromium.find_elements(By.CSS_SELECTOR, ".relation, .grid")
        assert sections == sum(one.is_displayed() for one in parts)
        assert len(chromium.get_screenshot_as_png()) > 20_000, "not one colour"


def test_committed_screenshots_are_small_pictures() -> None:
    """A window of 1200 by 900, at most 150 KB each, of both pages."""
    names = {one.name for one in (ROOT / "docs" / "pictures").glob("*.png")}
    assert {"erd-page.png", "proof-page.png"} == names
    for name in names:
        data = (ROOT / "docs" / "pictures" / name).read_bytes()
        assert (1200, 900) == struct.unpack(">II", data[16:24])
        assert len(data) <= 150_000


@pytest.mark.parametrize("major", [*WHEELS])
def test_reference_is_the_same_on_every_major(
    on_major: Callable[[str], str], major: str
) -> None:
    """What is committed is what any major says, whoever deploys."""
    there = (ROOT / "docs" / "reference" / "schema.md").read_text("utf-8")
    assert there == as_markdown(drawn(on_major(major), "learnplan"))

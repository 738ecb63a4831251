"""The page of a proof, in a real browser: by mouse, by keyboard, and without script."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections import Counter
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from fix_browser import wear
from learnplan_db.evidence import page
from learnplan_db.evidence.page import as_html
from learnplan_db.proof.nouns import OUTCOMES
from sample_proofs import NASTY, bad_proof, good_proof, hostile, sample_mutation

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

    Browsers = Callable[..., AbstractContextManager[Chrome]]

pytestmark = pytest.mark.gate

BAD, GOOD, MUTATION = bad_proof(), good_proof(), sample_mutation()
CELL = "c-modules-update-stranger-public"
# What stands on what, by the names of the style sheet's colours.
LOOKS = (
    "rows",
    "stamped",
    "hidden",
    "policy",
    "grant",
    "trigger",
    "constraint",
    "alarm",
)
PAIRS = [(f"on-{look}", look) for look in LOOKS] + [
    ("on-grant", "hatch"),
    ("page", "ink"),
]
PAIRS += [
    (text, on) for text in ("ink", "quiet", "link", "bad") for on in ("page", "card")
]
COLOUR = """
const probe = document.body.appendChild(document.createElement("i"));
return arguments[0].map((name) => {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color.match(/[0-9.]+/g).map(Number);
});"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of a page with findings and a mutation score."""
    file: Path = tmp_path_factory.mktemp("page") / "proof.html"
    file.write_text(as_html(BAD, MUTATION), "utf-8")
    return file.as_uri()


@pytest.fixture
def opened(chromium: Chrome, address: str) -> Chrome:
    """Return the browser with the page just opened."""
    chromium.get("about:blank")
    chromium.get(address)
    return chromium


def focused(driver: Chrome) -> str:
    """Return what has the focus: the name of a bar, or an id, or a tag."""
    there = driver.switch_to.active_element
    label = there.get_attribute("aria-label") or ""
    return label.split(":")[0] or there.get_attribute("id") or there.tag_name


def bar(driver: Chrome, cell: str = CELL) -> WebElement:
    """Return the bar that opens a piece of evidence."""
    return driver.find_element(By.CSS_SELECTOR, f".bar[href='#{cell}']")


def press(driver: Chrome, *keys: str) -> None:
    """Press keys, one after the other, where the focus is."""
    for key in keys:
        driver.switch_to.active_element.send_keys(key)


def click(driver: Chrome, what: WebElement) -> None:
    """Click in the middle of the window, where nothing sticks."""
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", what)
    what.click()


def panel(driver: Chrome) -> str:
    """Return what the open panel shows, or nothing."""
    found = driver.find_element(By.ID, "panel")
    return found.text if found.is_displayed() else ""


def test_page_is_one_small_file() -> None:
    """No address of anything else; each link has its target; ids are unique."""
    text = as_html(BAD, MUTATION)
    cells = len(BAD.results)
    assert len(text.encode()) * 2000 / cells < 2_000_000
    bare = re.sub(r"<(pre|code|dd)\b.*?</\1>", "", text, flags=re.DOTALL)
    sources = re.findall(r"\s(?:src|srcset|href|action|data)=\"([^\"]*)", bare)
    assert {"data:,"} == {one for one in sources if not one.startswith("#")}
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp|//[\w-]+\.", bare)
    ids = Counter(re.findall(r'\sid="([^"]+)"', text))
    assert [] == [name for name, count in ids.items() if count > 1]
    assert set() == set(re.findall(r'href="#([^"]+)"', text)) - set(ids)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text


def test_page_shows_every_cell_once_with_its_evidence() -> None:
    """No statement, sentence, message or finding is lost in the grouping."""
    text = html.unescape(as_html(BAD, MUTATION))
    shown = sum(int(n) for n in re.findall(r"--n:(\d+)", text))
    assert len(BAD.results) == shown
    for result in BAD.results:
        assert result.got.statement in text
        assert f"{result.cell.because} <code>{result.cell.where}</code>" in text
    for one in BAD.findings:
        assert one.script in text
    assert "All accounts agree" in as_html(GOOD)
    assert 'class="seg rows wrong"' not in as_html(GOOD)


@pytest.mark.parametrize(
    "evil",
    [
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "'&lt;\0\x1b\ud800",
        NASTY,
        "",
    ],
)
def test_page_holds_any_text(evil: str) -> None:
    """Text of a server or of a file is text, and can be written as UTF-8."""
    proof, mutation = hostile(evil)
    text = as_html(proof, mutation)
    text.encode("utf-8")
    assert 1 == text.count("<script>")
    assert "<img" not in text
    assert "\0" not in text


def test_evidence_opens_by_mouse(opened: Chrome) -> None:
    """A bar opens what each account said, the statement, the sentence, the policies."""
    click(opened, bar(opened))
    shown = panel(opened)
    assert shown.startswith("stranger update modules public")
    for said in (
        "matrix\n○\nhidden",
        "model\n○\nhidden",
        "database\n✓\nrows (module_1)",
    ):
        assert said in shown
    assert "Only the owner of the parent plan may update modules." in shown
    assert "update learnplan.modules set title = title" in shown
    assert "42501: permission denied for table modules" in shown
    assert "Policies and grants of modules" in shown
    assert opened.current_url.endswith(f"#{CELL}")
    opened.find_element(By.CSS_SELECTOR, "#panel .about summary").click()
    assert "modules_update_authenticated: permissive" in panel(opened)
    opened.find_element(By.CSS_SELECTOR, ".shut").click()
    assert not panel(opened)
    assert "#" not in opened.current_url


def test_an_address_opens_its_evidence(chromium: Chrome, address: str) -> None:
    """The address of a cell can be sent to somebody."""
    chromium.get("about:blank")
    chromium.get(f"{address}#{CELL}")
    assert panel(chromium).startswith("stranger update modules public")
    press(chromium, Keys.ESCAPE)
    assert focused(chromium) == "stranger update modules public"


def test_keyboard_walks_the_grid(opened: Chrome) -> None:
    """Arrows go cell by cell and on to the next grid, Home and End along a row."""
    opened.execute_script(
        "arguments[0].focus()", bar(opened, "c-users-select-owner-profile")
    )
    walk = [
        (Keys.ARROW_RIGHT, "stranger select users profile"),
        (Keys.ARROW_DOWN, "stranger insert users profile"),
        (Keys.END, "service insert users profile"),
        (Keys.ARROW_RIGHT, "service insert users profile"),
        (Keys.HOME, "owner insert users profile"),
        (Keys.ARROW_UP, "owner select users profile"),
        (Keys.ARROW_UP, "owner select users profile"),
        (Keys.PAGE_DOWN, "owner insert learning_plans private"),
        (Keys.ARROW_LEFT, "owner insert learning_plans private"),
        (Keys.CONTROL + Keys.END, "service execute functions owns_plan"),
        (Keys.CONTROL + Keys.HOME, "owner select users profile"),
    ]
    for key, there in walk:
        press(opened, key)
        assert there == focused(opened), key
    stops = opened.find_elements(By.CSS_SELECTOR, ".bar[tabindex='0']")
    assert 11 == len(stops), "each grid is one stop of the tab key"
    assert "grid" == opened.find_element(By.CSS_SELECTOR, "table.cells").get_attribute(
        "role"
    )


def test_focus_is_never_under_what_sticks(opened: Chrome) -> None:
    """On the way up, no cell that has the focus hides under the tools or a head."""
    last = bar(opened, "c-modules-maintain-owner")
    opened.execute_script("arguments[0].scrollIntoView(); arguments[0].focus()", last)
    for _ in range(40):
        press(opened, Keys.ARROW_UP)
        on_top = opened.execute_script("""
const box = document.activeElement.getBoundingClientRect();
return [box.top + 1, box.bottom - 1].every((y) => document.activeElement.contains(
  document.elementFromPoint(box.left + box.width / 2, y)));""")
        assert on_top, focused(opened)


@pytest.mark.parametrize("key", [Keys.ENTER, Keys.SPACE], ids=["enter", "space"])
def test_keyboard_opens_and_gives_the_focus_back(opened: Chrome, key: str) -> None:
    """Enter opens with the focus in the panel; Escape closes and returns it."""
    opened.execute_script("arguments[0].focus()", bar(opened))
    ring = opened.execute_script(
        "return getComputedStyle(arguments[0]).outlineStyle", bar(opened)
    )
    press(opened, key)
    assert panel(opened)
    assert "panel-name" == focused(opened)
    press(opened, Keys.ESCAPE)
    assert not panel(opened)
    assert "stranger update modules public" == focused(opened)
    assert "solid" == ring or "solid" == opened.execute_script(
        "return getComputedStyle(arguments[0]).outlineStyle", bar(opened)
    )


def test_first_tab_skips_to_the_matrix(opened: Chrome) -> None:
    """The first stop of the tab key is a link past all that comes before."""
    press(opened, Keys.TAB)
    link = opened.switch_to.active_element
    assert "Skip to the matrix" == link.text
    link.send_keys(Keys.ENTER)
    assert "matrix" == focused(opened)


def test_filters_and_search(opened: Chrome) -> None:
    """Persona, table, outcome and words each narrow what is shown; reset undoes it."""

    def count() -> str:
        return opened.find_element(By.TAG_NAME, "output").text

    def shown() -> list[str]:
        return [
            one.text
            for one in opened.find_elements(By.CSS_SELECTOR, ".grid h3")
            if one.is_displayed()
        ]

    def choose(name: str, value: str) -> None:
        Select(opened.find_element(By.NAME, name)).select_by_visible_text(value)

    assert "1,468 of 1,468 cells" == count()
    choose("outcome", "disagrees")
    assert ("4 of 1,468 cells", ["modules", "module_progress", "functions"]) == (
        count(),
        shown(),
    )
    choose("persona", "stranger")
    assert ("3 of 1,468 cells", ["modules", "module_progress"]) == (count(), shown())
    choose("outcome", "refused-by-policy")
    heads = opened.find_elements(By.CSS_SELECTOR, "#c-table-modules tr.first b")
    assert ["insert", "move"] == [one.text for one in heads if one.is_displayed()]
    choose("outcome", "disagrees")
    choose("table", "modules")
    assert ("2 of 1,468 cells", ["modules"]) == (count(), shown())
    opened.find_element(By.CSS_SELECTOR, "[type=reset]").click()
    opened.find_element(By.NAME, "words").send_keys("UPDATE title modules anonymous")
    assert ("16 of 1,468 cells", ["modules"]) == (count(), shown())
    opened.find_element(By.NAME, "words").send_keys(" nothing")
    assert (
        "No cell is like that." in opened.find_element(By.CSS_SELECTOR, ".nothing").text
    )
    opened.find_element(By.CSS_SELECTOR, "[type=reset]").click()
    opened.execute_script("arguments[0].focus()", opened.find_element(By.NAME, "words"))
    assert 11 == len(shown())


def test_next_goes_through_what_disagrees(opened: Chrome) -> None:
    """One button leads from one disagreement to the next, and round again."""
    button = opened.find_element(By.CSS_SELECTOR, ".next")
    seen = []
    for _ in range(4):
        click(opened, button)
        seen.append(opened.find_element(By.ID, "panel-name").text)
    assert [
        "stranger update modules public",
        "stranger select module_progress private",
        "anonymous execute functions reorder_tasks",
        "stranger update modules public",
    ] == seen
    top = opened.execute_script(
        "return arguments[0].getBoundingClientRect().top", bar(opened)
    )
    assert 0 < top < 900


def test_finding_is_copied_as_a_script(opened: Chrome) -> None:
    """The button puts the psql script on the clipboard, or selects it."""
    opened.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    click(opened, opened.find_element(By.CSS_SELECTOR, ".finding .script summary"))
    button = opened.find_element(By.CSS_SELECTOR, ".finding .copy")
    button.click()
    copied = opened.execute_async_script(
        "const done = arguments[0]; setTimeout(() => navigator.clipboard.readText().then(done, () => done(String(getSelection()))), 200)"
    )
    assert BAD.findings[0].script.strip() == copied.strip()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_colours_have_contrast(opened: Chrome, dark: bool) -> None:  # noqa: FBT001
    """Text stands out from what it stands on at least 4.5 to 1, in both schemes."""
    wear(opened, dark=dark)
    names = sorted({name for pair in PAIRS for name in pair})
    colours = dict(zip(names, opened.execute_script(COLOUR, names), strict=True))
    assert dark == (luminance(colours["page"]) < 0.2)
    for text, on in PAIRS:
        low, high = sorted(luminance(colours[name]) for name in (text, on))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, on)


def luminance(colour: list[float]) -> float:
    """Return the relative luminance of WCAG 2."""
    parts = [c / 255 for c in colour[:3]]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_theme_is_chosen_against_the_system(opened: Chrome) -> None:
    """The button goes from the system's scheme to light, to dark, and back."""

    def ground() -> float:
        return luminance(opened.execute_script(COLOUR, ["page"])[0])

    button = opened.find_element(By.CSS_SELECTOR, ".theme")
    wear(opened, dark=True)
    seen = [(button.text, ground() > 0.5)]
    for _ in range(3):
        button.click()
        seen.append((button.text, ground() > 0.5))
    wear(opened, dark=False)
    assert [
        ("Theme: auto", False),
        ("Theme: light", True),
        ("Theme: dark", False),
        ("Theme: auto", False),
    ] == seen


@pytest.mark.parametrize(
    ("width", "dark"),
    [
        pytest.param(1280, False, id="desk-light"),
        pytest.param(360, True, id="phone-dark"),
    ],
)
def test_axe_finds_nothing(
    another: Browsers,
    tmp_path: Path,
    width: int,
    dark: bool,  # noqa: FBT001
) -> None:
    """axe-core has nothing to say, with the panel closed and open."""
    axe = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    some = [
        one for one in BAD.results if one.cell.table in ("modules", "task_progress")
    ]
    file = tmp_path / "small.html"
    file.write_text(as_html(replace(BAD, results=tuple(some)), MUTATION), "utf-8")
    with another(width=width, dark=dark) as driver:
        driver.get(file.as_uri())
        # axe takes what a closed details holds for text on whatever is there instead.
        driver.execute_script(
            "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
        )
        driver.execute_script(axe)
        for step in ("closed", "open"):
            if step == "open":
                driver.execute_script("arguments[0].click()", bar(driver))
            found = driver.execute_async_script(
                "axe.run({resultTypes: ['violations']}).then(arguments[0])"
            )
            said = [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]]
            assert [] == said, step


def test_phone_shows_all_of_it(another: Browsers, address: str) -> None:
    """Nothing sticks out of a narrow window, and no column out of its bar."""
    with another(width=360) as driver:
        driver.get(address)
        right, cut = driver.execute_script("""
const all = (what) => [...document.querySelectorAll(what)];
return [Math.max(...all("main *, .top *").filter((one) => !one.closest(".wide, .unseen"))
    .map((one) => one.getBoundingClientRect().right)),
  all(".bar").filter((one) => one.scrollWidth > one.clientWidth)
    .map((one) => one.getAttribute("aria-label"))];""")
        assert right <= 360
        assert [] == cut


def test_page_asks_for_nothing_and_complains_of_nothing(opened: Chrome) -> None:
    """One request, the page's own; the console stays empty."""
    opened.get_log("performance")
    opened.get_log("browser")
    opened.refresh()
    opened.execute_script("arguments[0].click()", bar(opened))
    events = [
        json.loads(one["message"])["message"] for one in opened.get_log("performance")
    ]
    asked = [
        one["params"]["request"]["url"]
        for one in events
        if one["method"] == "Network.requestWillBeSent"
    ]
    assert [] == [url for url in asked if not url.startswith(("file:", "data:"))]
    assert 1 == sum(url.startswith("file:") for url in asked)
    assert [] == opened.get_log("browser")


def test_evidence_without_script(another: Browsers, address: str) -> None:
    """With JavaScript off a bar is a link to its evidence, which the page shows."""
    with another(script=False) as driver:
        driver.get(address)
        assert not driver.find_element(By.CLASS_NAME, "tools").is_displayed()
        link = bar(driver)
        assert link.get_attribute("tabindex") is None, "the tab key reaches it"
        driver.get(f"{address}#{CELL}")
        shown = driver.find_element(By.ID, CELL)
        assert shown.is_displayed()
        assert "rows (module_1)" in shown.text
        assert "update learnplan.modules set title" in shown.text
        shown.find_element(By.CSS_SELECTOR, ".close").click()
        assert not driver.find_element(By.ID, CELL).is_displayed()


def test_two_thousand_cells_stay_fast(chromium: Chrome, tmp_path: Path) -> None:
    """Twice the cells: loaded, searched and opened without a wait that is felt."""
    twice = [
        replace(r, cell=replace(r.cell, table=f"{r.cell.table}_2")) for r in BAD.results
    ]
    file = tmp_path / "big.html"
    file.write_text(as_html(replace(BAD, results=(*BAD.results, *twice))), "utf-8")
    chromium.get(file.as_uri())
    spent = chromium.execute_script("""
const start = performance.now(), box = document.querySelector("[name=words]");
box.value = "title"; box.dispatchEvent(new Event("input", {bubbles: true}));
document.body.offsetHeight;
return performance.now() - start;""")
    assert spent < 1000


def test_marks_differ_without_colour() -> None:
    """Each outcome has a class and a letter of its own: colour alone says nothing."""
    for place in (0, 1):
        marks = [look[place] for look in (*page.LOOKS.values(), page.OTHER)]
        assert len(marks) == len(set(marks))
    assert {*OUTCOMES, "stamped"} == set(page.LOOKS)

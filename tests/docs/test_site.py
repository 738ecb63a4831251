"""The site that ``./dev docs`` builds: whole, of one piece, and nobody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from importlib import resources
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

import learnplan_db
from doc_pages import ROOT
from fix_tools import absent
from learnplan_db.cli import MODULES
from learnplan_db.server import processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from selenium.webdriver import Chrome

pytestmark = pytest.mark.docs
LOOKED_AT = ("index", "proving", "reference/cli", "reference/api", "performance")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as ./dev docs does, once for all workers: a warning is an error."""
    if not find_spec("sphinx") or not find_spec("furo"):
        absent("no Sphinx: ./dev test-docs")
    base = tmp_path_factory.getbasetemp()
    out = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with processes.locked(out.with_suffix(".lock"), seconds=300):
        if not (out / "searchindex.js").exists():  # it is written last
            build(out)
    return out


def build(out: Path) -> None:
    """Build the site."""
    words = ["-m", "sphinx", "-W", "-n", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [sys.executable, *words, ROOT / "docs", out],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or done.stderr:
        pytest.fail(done.stderr, pytrace=False)


class Seen(HTMLParser):
    """The ids of a page, what it links to, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "link" and found.get("rel") in {"stylesheet", "icon", "preload"}:
            self.loads.append(found["href"])
        elif "src" in found:
            self.loads.append(found["src"])


@pytest.fixture(scope="module")
def built(site: Path) -> dict[Path, Seen]:
    """Return each page of the site, as it was built."""
    return {path: Seen(path.read_text()) for path in site.rglob("*.html")}


def test_every_page_is_built_and_reached_from_the_first(
    site: Path, built: dict[Path, Seen]
) -> None:
    """Whoever follows links from index.html comes to each page of docs/."""
    found, waiting = set(), [site / "index.html"]
    while waiting:
        page = waiting.pop()
        if page in found or page not in built:
            continue
        found.add(page)
        for link in built[page].links:
            if not urlsplit(link).scheme:
                path = unquote(urlsplit(link).path)
                waiting.append((page.parent / path).resolve())
    pages = (ROOT / "docs").rglob("*.md")
    names = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in pages}
    assert set() == {str(name) for name in names if site / name not in found}


def test_no_link_is_broken(built: dict[Path, Seen]) -> None:
    """Each link within the site leads to a file that is there, and to an id of it."""
    broken = []
    for page, seen in built.items():
        for link in seen.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path = unquote(parts.path)
            there = (page.parent / path).resolve() if path else page
            ids = built[there].ids if there in built else None
            anchor = unquote(parts.fragment)
            if not there.is_file() or (
                anchor and ids is not None and anchor not in ids
            ):
                broken.append((page.name, link))
    assert [] == broken
    assert 1000 < sum(len(seen.links) for seen in built.values())


def test_nothing_is_loaded_from_elsewhere(built: dict[Path, Seen]) -> None:
    """No script, style, font or picture has another host's address."""
    loads = {one for seen in built.values() for one in seen.loads}
    assert set() == {one for one in loads if urlsplit(one).netloc}
    assert any(one.split("?")[0].endswith("furo.css") for one in loads)


@pytest.mark.parametrize("name", LOOKED_AT)
def test_browser_asks_nobody_and_complains_of_nothing(
    chromium: Chrome, site: Path, name: str
) -> None:
    """A page in Chromium: all that is asked for is a file; the console is empty."""
    chromium.get("about:blank")
    chromium.get_log("performance")
    chromium.get_log("browser")
    chromium.get((site / f"{name}.html").as_uri())
    assert chromium.find_element(By.TAG_NAME, "h1").text
    events = [
        json.loads(one["message"])["message"] for one in chromium.get_log("performance")
    ]
    asked = [
        one["params"]["request"]["url"]
        for one in events
        if one["method"] == "Network.requestWillBeSent"
    ]
    assert [] == [url for url in asked if not url.startswith(("file:", "data:"))]
    assert asked
    assert [] == chromium.get_log("browser")


def test_search_works_without_a_server(chromium: Chrome, site: Path) -> None:
    """Whoever looks for a word finds its page, from files alone."""
    chromium.get((site / "search.html").as_uri() + "?q=mutate")
    there = (By.CSS_SELECTOR, "#search-results li a[href*='proving.html']")
    WebDriverWait(chromium, 30).until(lambda driver: driver.find_elements(*there))


@pytest.mark.parametrize(
    ("name", "width", "dark"),
    [("index", 1280, False), ("proving", 1280, True), ("scaling", 360, False)],
)
def test_axe_finds_nothing(
    another: Callable[..., AbstractContextManager[Chrome]],
    site: Path,
    name: str,
    width: int,
    dark: bool,  # noqa: FBT001
) -> None:
    """What axe-core knows of accessibility holds for what the pages say."""
    axe = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    with another(width=width, dark=dark) as driver:
        driver.get((site / f"{name}.html").as_uri())
        driver.set_script_timeout(120)  # it takes seconds on a machine that is busy
        driver.execute_script(axe)
        found = driver.execute_async_script(
            "axe.run('article', {resultTypes: ['violations']}).then(arguments[0])"
        )
        said = [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]]
        assert [] == said
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width


def test_reference_has_every_command_and_name(site: Path) -> None:
    """No command of the program and no public name is left out."""
    commands = Seen((site / "reference" / "cli.html").read_text()).ids
    missing = {name for name in MODULES if f"learnplan-db-{name}" not in commands}
    assert set() == missing
    names = Seen((site / "reference" / "api.html").read_text()).ids
    public = {f"learnplan_db.{name}" for name in learnplan_db.__all__}
    public |= {f"learnplan_db.aio.{name}" for name in learnplan_db.aio.__all__}
    assert set() == public - names - {one.removeprefix("module-") for one in names}

"""The real mermaid, in a real browser: is a text one of its diagrams, and of what?"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from fix_browser import browser
from fix_tools import from_npm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VERSION = "11.17.2"
_PAGE = '<!doctype html><meta charset="utf-8"><script src="mermaid.js"></script>'
_PARSE = """
const [text, done] = arguments;
mermaid.initialize({startOnLoad: false, securityLevel: "strict"});
mermaid.parse(text)
  .then(() => mermaid.mermaidAPI.getDiagramFromText(text))
  .then(async (diagram) => {
    const {svg} = await mermaid.render("it", text);
    const drawn = new DOMParser().parseFromString(svg, "text/html");
    const own = diagram.db, named = {};
    for (const [name, one] of own.getEntities?.() ?? []) named[one.id] = one.alias || name;
    done({
      type: diagram.type,
      tables: Object.fromEntries([...(own.getEntities?.() ?? [])].map(([name, one]) =>
        [name, one.attributes.map((a) => [a.type, a.name, a.keys, a.comment])])),
      links: (own.getRelationships?.() ?? []).map((r) =>
        [r.entityA, r.relSpec.cardB, r.relSpec.relType, r.relSpec.cardA, r.entityB]
          .map((word) => named[word] ?? word)),
      texts: [...drawn.querySelectorAll("foreignObject, text")].map((e) => e.textContent.trim()),
      active: drawn.querySelectorAll("script, img, iframe, [onerror], [onload]").length,
    });
  })
  .catch((error) => done({error: String(error.message ?? error)}));
"""


@pytest.fixture(scope="session")
def mermaid_js() -> Path:
    """Return the package's script, which npm fetched once for this machine."""
    return from_npm("mermaid", VERSION, "dist/mermaid.min.js")


@pytest.fixture(scope="module")
def mermaid(
    mermaid_js: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Provide what reads and draws a text: its type, tables, links and texts, or an error."""
    place = tmp_path_factory.mktemp("mermaid")
    shutil.copy(mermaid_js, place / "mermaid.js")
    (place / "index.html").write_text(_PAGE)
    with browser(place / "profile") as driver:
        driver.set_script_timeout(120)
        driver.get((place / "index.html").as_uri())
        yield lambda text: driver.execute_async_script(_PARSE, text)

"""
Pages of documentation, as blocks of code and what the comments above them ask for.

A block is fenced, has a language, and may have directives: HTML comments right above
it, ``<!-- name: value -->``. What is not known, or not said as it must be, is an error
with page and line. Nothing is run here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
RUN = {"sh", "python", "sql"}
READ = {"yaml", "toml", "ini", "json", "mermaid"}
# What may be asked of a block, and whether it takes a value. Others are the page's.
OF_BLOCK = {
    "file": True,
    "fails": True,
    "raises": True,
    "as": True,
    "prints": False,
    "not run": True,
    "tested by": True,
}
OF_PAGE = {
    "database": {"empty", "seeded"},  # else the plan is deployed, without rows
    "needs": {"dot", "git", "sqitch"},  # programs of the system
}
_COMMENT = re.compile(r"<!--\s*([a-z][a-z ]*?)\s*(?::\s*(.*?))?\s*-->")


class PageError(Exception):
    """A page that says what nobody can do."""


@dataclass
class Block:
    """One block: where its text begins, and what is asked of it."""

    path: Path
    line: int
    language: str
    text: str
    asked: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Return page and line, as an editor takes them."""
        return f"{named(self.path)}:{self.line}"

    @property
    def elsewhere(self) -> bool:
        """Whether it is run by another test, by the site's builder, or not at all."""
        site = self.language.startswith("{")
        return site or "tested by" in self.asked or "not run" in self.asked


@dataclass
class Page:
    """One page: its blocks in order, how its database begins, and what it needs."""

    path: Path
    text: str
    blocks: list[Block] = field(default_factory=list)
    database: str = "deployed"
    needs: set[str] = field(default_factory=set)

    @property
    def runs(self) -> bool:
        """Whether anything on it is done by who reads it."""
        return any(not one.elsewhere and one.language != "text" for one in self.blocks)


def named(path: Path) -> str:
    """Return a page's path from the root of the repository."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def pages() -> list[Path]:
    """Return every page that people read: all of docs/, and those at the root."""
    found = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
    return [path for path in found if "build" not in path.parts]


@cache
def read(path: Path) -> Page:
    """Read a page. Raises: PageError: a block or directive is not as it must be."""
    page = Page(path, path.read_text())
    waiting: dict[str, str] = {}
    for token in MarkdownIt("commonmark").enable("table").parse(page.text):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "html_block":
            waiting |= dict(_directives(page, token.content, line))
        elif token.type == "fence":
            page.blocks.append(_block(page, token, waiting))
            waiting = {}
        elif token.type == "code_block":
            raise _wrong(page, line, "code is indented: fence it, with a language")
        else:
            _forget(page, waiting, line)
            waiting = {}
    _forget(page, waiting, page.text.count("\n"))
    return page


def _forget(page: Page, waiting: dict[str, str], line: int) -> None:
    """Pass by comments that ask nothing of a block, where no block is."""
    for name in OF_BLOCK.keys() & waiting.keys():
        raise _wrong(page, line, f'no block of code follows "{name}"')


def _wrong(page: Page, line: int, text: str) -> PageError:
    return PageError(f"{named(page.path)}:{line}: {text}")


def _directives(page: Page, html: str, line: int) -> Iterator[tuple[str, str]]:
    """Yield what comments ask of the next block; note what they say of the page."""
    for name, value in _COMMENT.findall(html):
        if name in OF_PAGE:
            if value not in OF_PAGE[name]:
                known = ", ".join(sorted(OF_PAGE[name]))
                raise _wrong(page, line, f'"{name}" is one of: {known}')
            if name == "needs":
                page.needs.add(value)
            else:
                page.database = value
        elif name in OF_BLOCK and OF_BLOCK[name] != bool(value):
            needs = "needs a value" if OF_BLOCK[name] else "takes no value"
            raise _wrong(page, line, f'"{name}" {needs}')
        else:
            yield name, value


def _block(page: Page, token: Token, asked: dict[str, str]) -> Block:
    """Make a block. Raises: PageError: it has no language, or asks for what cannot be."""
    assert token.map is not None
    language, line = token.info.strip(), token.map[0] + 1
    block = Block(page.path, line, language, token.content, asked)
    if not language:
        raise _wrong(page, line, "the block has no language")
    if unknown := asked.keys() - OF_BLOCK.keys():
        known = ", ".join(sorted(OF_BLOCK | OF_PAGE))
        raise _wrong(page, line, f'"{min(unknown)}" is not one of: {known}')
    free = block.elsewhere or "file" in asked
    if language not in RUN | READ | {"text"} and not free:
        known = ", ".join(sorted(RUN | READ | {"text"}))
        raise _wrong(page, line, f'"{language}" is none of {known}, and no file')
    if "prints" in asked and language not in {"text", "json", "sql", "mermaid"}:
        raise _wrong(page, line, '"prints" stands above a block of text')
    for name, languages in (("raises", {"python"}), ("as", {"sql"}), ("fails", RUN)):
        if name in asked and language not in languages:
            raise _wrong(page, line, f'"{name}" is not for {language}')
    if "fails" in asked and not asked["fails"].isdecimal():
        raise _wrong(page, line, '"fails" needs an exit code')
    if path := asked.get("tested by"):
        _check_tested(page, line, path)
    return block


def _check_tested(page: Page, line: int, path: str) -> None:
    """Check that another test is there, and knows the page."""
    test = ROOT / path
    if not test.is_file():
        raise _wrong(page, line, f"there is no {path}")
    if page.path.name not in test.read_text():
        raise _wrong(page, line, f"{path} does not speak of {page.path.name}")

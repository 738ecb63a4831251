"""What pages must be like, whoever writes them: links, directives, nothing left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from doc_pages import ROOT, PageError, named, pages, read
from doc_reader import Reader, Surprise, pattern
from learnplan_db.cli import MODULES

if TYPE_CHECKING:
    from pathlib import Path

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
# Blocks that nobody runs: each with its reason, said in the page too.
NEVER = {
    ("README.md", "./dev test is what runs this"),
    ("docs/getting-started/backend.md", "the server of these pages has them already"),
    ("docs/getting-started/dba.md", "the server of these pages has them already"),
    ("docs/identity.md", "Clerk's own API"),
    ("docs/identity.md", "Neon's Data API"),
    ("docs/proving.md", "the server of these pages has them already"),
    ("docs/performance.md", "it measures for minutes, on a machine that is idle"),
    ("docs/reliability.md", "it is how tests are run"),
}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return where a page may be written."""
    return tmp_path / "page.md"


@pytest.mark.parametrize("path", pages(), ids=named)
def test_page_can_be_read_and_its_links_followed(path: Path) -> None:
    """Each block and directive is known; each file that is linked to is there."""
    text = re.sub(r"^```.*?^```", "", read(path).text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"`[^`]*`", "", text)  # what is shown is no link
    links = [one for one in LINK.findall(text) if not re.match(r"\w+:", one)]
    assert [] == [one for one in links if not (path.parent / one).exists()]


def test_blocks_that_nobody_runs_are_these() -> None:
    """What is not run is listed here, with its reason: so no page gets out of it."""
    found = {
        (named(block.path), reason)
        for path in pages()
        for block in read(path).blocks
        if (reason := block.asked.get("not run"))
    }
    assert NEVER == found


def test_every_command_is_in_the_docs() -> None:
    """Each command of the program is called in a block that runs."""
    text = "\n".join(
        block.text
        for path in pages()
        for block in read(path).blocks
        if block.language in {"sh", "yaml"}
    )
    called = set(re.findall(r"\blearnplan-db(?: -C \S+)? ([a-z-]+)", text))
    assert set() == set(MODULES) - called


def test_every_variable_is_in_the_docs() -> None:
    """Each LEARNPLAN_ variable that the program reads is explained."""
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    known = set(re.findall(r"\bLEARNPLAN_[A-Z_]+\b", source))
    assert "LEARNPLAN_STATE_DIR" in known
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert set() == {name for name in known if f"`{name}`" not in page}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```\nls\n```\n", "page.md:1: the block has no language"),
        ("\n    ls\n", "page.md:2: code is indented"),
        ("```perl\nprint\n```\n", '"perl" is none of'),
        ("<!-- skip: no -->\n```sh\nls\n```\n", 'page.md:2: "skip" is not one of'),
        ("<!-- not run -->\n```sh\nls\n```\n", '"not run" needs a value'),
        ("<!-- prints: x -->\n```text\nx\n```\n", '"prints" takes no value'),
        ("<!-- fails: 1 -->\n\nText.\n", 'no block of code follows "fails"'),
        ("<!-- fails: x -->\n```sh\nls\n```\n", '"fails" needs an exit code'),
        ("<!-- as: app -->\n```sh\nls\n```\n", '"as" is not for sh'),
        ("<!-- prints -->\n```sh\nls\n```\n", '"prints" stands above a block of text'),
        ("<!-- database: full -->\n", '"database" is one of: empty, seeded'),
        ("<!-- tested by: no.py -->\n```sh\nls\n```\n", "there is no no.py"),
        (
            "<!-- tested by: tests/doc_pages.py -->\n```sh\nls\n```\n",
            "does not speak of page.md",
        ),
    ],
)
def test_page_that_asks_for_what_cannot_be_is_told_so(
    page: Path, text: str, told: str
) -> None:
    """A block without a language, an unknown word, a reason left out: page and line."""
    page.write_text(text)
    with pytest.raises(PageError, match=re.escape(told)):
        read(page)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Provide a reader who has no database."""
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    return Reader(tmp_path, tmp_path, environ, {"db.example.org": 1})


def follow(reader: Reader, page: Path) -> None:
    """Do what a page says."""
    try:
        for block in read(page).blocks:
            reader.does(block)
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```sh\necho no; false\n```\n", "page.md:1: exit code 1, not 0\nno"),
        ("<!-- fails: 2 -->\n```sh\ntrue\n```\n", "exit code 0, not 2"),
        ("```sh\ntrue | false; echo $unset\n```\n", "exit code 1, not 0"),
        ("```python\nx\n```\n", "raises NameError, not nothing"),
        ("```python\nraise SystemExit\n```\n", "raises SystemExit, not nothing"),
        (
            "<!-- raises: OSError -->\n```python\n1\n```\n",
            "raises nothing, not OSError",
        ),
        ("```json\n{\n```\n", "page.md:1: no json"),
        ("```yaml\n{\n```\n", "page.md:1: no yaml"),
        ("```toml\n[\n```\n", "page.md:1: no toml"),
        (
            "```sh\necho a; echo b\n```\n<!-- prints -->\n```text\na\nc\n```\n",
            "page.md:5: no line is: c\na\nb",
        ),
    ],
)
def test_page_that_is_wrong_is_told_so(
    page: Path, reader: Reader, text: str, told: str
) -> None:
    """Another exit code, error or output: page, line and what was said."""
    page.write_text(text)
    with pytest.raises(Surprise, match=re.escape(told)):
        follow(reader, page)


def test_reader_keeps_what_a_person_at_a_terminal_would(
    page: Path, reader: Reader
) -> None:
    """Directory, exports, files and names of Python hold from block to block."""
    page.write_text(
        "```sh\nmkdir d && cd d; export A=7\n```\n"
        "<!-- file: f.py -->\n```python\nraise SystemExit(3)\n```\n"
        "<!-- fails: 3 -->\n```sh\npython3 ../f.py\n```\n"
        "```python\nimport asyncio, os\nx = os.environ['A']\n```\n"
        "```python\nawait asyncio.sleep(0)\nprint(x, os.path.basename(os.getcwd()))\n```\n"
        "<!-- prints -->\n```text\n… d\n```\n"
    )
    follow(reader, page)


@pytest.mark.parametrize(
    ("expected", "matches"),
    [("a\n…\nb\n", True), ("a\n…\nc\n", False), ("a\nx…1\nb\n", True), ("a\n", False)],
)
def test_three_dots_are_anything(expected: str, *, matches: bool) -> None:
    """… stands for part of a line, and alone for any lines, also for none."""
    found = [bool(re.fullmatch(pattern(expected), one)) for one in ("a\nxy1\nb\n",)]
    assert [matches] == found
    assert re.fullmatch(pattern("a\n…\nb\n"), "a\nb\n")

"""
The language of sqitch.conf: text to definitions, each with its place in the text.

Git's configuration language as Sqitch's library reads it, which is more lenient: names
may hold blanks and dots. Pure but for ``read``; never writes, never prints.
May import errors.
Source: Sqitch 1.3.1 (Config::GitLike 1.18), tried out; git-config, "Syntax".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnplan_db.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

BLANKS = "\\t-\\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_GAP = re.compile(f"[{BLANKS}]*")
_COMMENT = re.compile(r"[#;].*")
_SECTION = re.compile(rf'\[(?P<name>[^\[\]"{BLANKS}]+)(?:[\t ]*"(?P<sub>[^\n]*?)")?\]')
_SPACE = re.compile(r"[\t ]*")
_END = re.compile(r"(?:[ \t]*[#;].*?)?$", re.MULTILINE)
_QUOTED = r'"(?P<quoted>[^"\\]*(?:(?:\\\n|\\[tbn"\\])[^"\\]*)*)"'
_PIECE = re.compile(
    r"(?P<blank>[\t ]+)|(?P<continued>\\\n)|\\(?P<escaped>[\\'\"ntb])"
    rf'|{_QUOTED}|(?P<plain>[^\t \\\n"]+)'
)
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}
_IN_QUOTES = re.compile(r"\\(\n|[ntb\\])")


@dataclass(frozen=True, slots=True)
class Definition:
    """
    A section header (no ``name``) or a key of the section it stands in.

    ``value`` is None for a key without ``=``, which means true. ``start`` and ``end``
    are its place in the text, with a comment that follows on its line.
    """

    section: str
    name: str | None
    value: str | None
    start: int
    end: int

    @property
    def key(self) -> str:
        """Return section and name, the name in lower case: what look-ups compare."""
        return f"{self.section}.{(self.name or '').lower()}"


@dataclass(frozen=True, slots=True)
class Text:
    """What a file holds, with line feeds alone; ``newline`` is what the file has."""

    content: str
    newline: str = "\n"


def read(path: Path, shown: str | None = None) -> Text | None:
    """
    Return a file's text, which ends in one line feed; None when it is no file.

    Raises: ConfigError: it cannot be read.
    """
    try:
        if not path.is_file():
            return None
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError.unreadable(shown or str(path), error) from error
    # A comment in an old encoding survives an edit; a value in one is refused.
    content = data.decode(errors="surrogateescape")
    newline = "\n"
    if "\r\n" in content:
        newline = "\r\n"
        content = content.replace("\r\n", "\n")
    elif "\n" not in content and "\r" in content:
        newline = "\r"
        content = content.replace("\r", "\n")
    return Text(content.rstrip("\n") + "\n", newline)


def parse(content: str, source: str) -> list[Definition]:
    """
    Return the headers and keys of a text, in order.

    Args: content: as ``read`` returns it; source: the file's name as errors show it.
    Raises: ConfigError: at the first line that cannot be read.
    """
    found: list[Definition] = []
    section: str | None = None
    at = _after(_GAP, content, 0)
    while at < len(content):
        if comment := _COMMENT.match(content, at):
            at = _after(_GAP, content, comment.end())
            continue
        if header := _SECTION.match(content, at):
            section = _section(header, content, source)
            one = Definition(section, None, None, at, header.end())
        elif section is None:
            raise _syntax(content, at, source)
        else:
            one = _definition(section, content, at, source)
        _check(one, content, source)
        found.append(one)
        at = _after(_GAP, content, one.end)
    return found


def _after(pattern: re.Pattern[str], content: str, at: int) -> int:
    found = pattern.match(content, at)
    return found.end() if found else at


def _section(header: re.Match[str], content: str, source: str) -> str:
    """Return the name of a section: the part in quotes keeps its case."""
    name, sub = header["name"].lower(), header["sub"]
    if not sub:
        return name
    if re.search(r'[\\"]', sub.replace("\\\\", "").replace('\\"', "")):
        raise _syntax(content, header.start(), source)
    plain = sub.replace("\\\\", "\\").replace('\\"', '"')
    return f"{name}.{plain}"


def _definition(section: str, content: str, at: int, source: str) -> Definition:
    """Return the key that stands at a place."""
    if content[at] in "[=":
        raise _syntax(content, at, source)
    # Searched for, not matched: a regular expression would take hours for a line of
    # a hundred thousand blanks.
    line = content[at : content.find("\n", at)]
    equals = line.find("=")
    comment = re.search("[#;]", line)
    stop = comment.start() if comment else len(line)
    if not 0 < equals < stop:
        name = line[:stop].rstrip("\t ")
        return Definition(section, name, None, at, at + len(line))
    name = line[:equals].rstrip("\t ")
    here = _after(_SPACE, content, at + equals + 1)
    pieces: list[str] = []
    while not (end := _END.match(content, here)):
        piece = _PIECE.match(content, here)
        if not piece:
            raise _syntax(content, at, source)
        pieces.append(_text(piece))
        here = piece.end()
    return Definition(section, name, "".join(pieces), at, end.end())


def _text(piece: re.Match[str]) -> str:
    """Return what a piece of a value means."""
    if piece["blank"]:
        return " "  # any run of blanks
    if piece["escaped"]:
        return _ESCAPES.get(piece["escaped"], piece["escaped"])
    if piece["quoted"] is not None:
        # The backslash of \" stays, as in Sqitch: a library's habit that files rely on.
        return _IN_QUOTES.sub(
            lambda m: "" if m[1] == "\n" else _ESCAPES.get(m[1], m[1]), piece["quoted"]
        )
    return piece["plain"] or ""


def _check(one: Definition, content: str, source: str) -> None:
    """Refuse what is not UTF-8 where it would become a setting."""
    for text in (one.section, one.name, one.value):
        if text and ("\0" in text or re.search("[\udc80-\udcff]", text)):
            raise ConfigError.not_utf8(f"{source}:{_line(content, one.start)}")


def _line(content: str, at: int) -> int:
    return content.count("\n", 0, at) + 1


def _syntax(content: str, at: int, source: str) -> ConfigError:
    start = content.rfind("\n", 0, at) + 1
    line = content[start : content.find("\n", at)]
    return ConfigError.bad_line(f"{source}:{_line(content, at)}", line)


def split_key(key: str) -> tuple[str, str | None, str]:
    """
    Return section, subsection and name of ``section.subsection.name``.

    Raises: ConfigError: there is no section.
    """
    if quoted := re.search(r"""\.["'](.*)["']$""", key):
        section, name = key[: quoted.start()], quoted[1]
    else:
        section, _, name = (_unquoted(part) for part in key.rpartition("."))
    top, dot, sub = section.partition(".")
    if not top:
        raise ConfigError.no_section(key)
    return top, sub if dot else None, name


def _unquoted(text: str) -> str:
    for quote in ('"', "'"):
        text = re.sub(f"{quote}([^{quote}]+){quote}", r"\1", text)
    return text


def canonical(key: str) -> str:
    """Return a key as look-ups compare it: the subsection alone keeps its case."""
    section, sub, name = split_key(key)
    parts = (section.lower(), sub, name.lower())
    return ".".join(part for part in parts if part is not None)

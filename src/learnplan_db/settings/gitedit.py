"""
Edits of sqitch.conf that leave all else in it as it stands.

The functions take text and return text; ``write`` replaces a file in one step, so that
a failure at any time leaves the old file whole. Never prints.
May import errors and gitconfig.
Source: Sqitch 1.3.1 (Config::GitLike 1.18), tried out side by side.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnplan_db.errors import ConfigError
from learnplan_db.settings.gitconfig import Definition, Text, parse, split_key

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Edit:
    """
    What becomes of one key: ``value`` None removes it.

    ``pattern`` picks values by a regular expression (``!`` in front: those that do
    not match); ``several`` allows the key to have more than one value, so that a new
    one is added; ``replace_all`` puts one value in place of all.
    """

    key: str
    value: str | None = None
    pattern: str | None = None
    several: bool = False
    replace_all: bool = False


def matches(value: str | None, pattern: str | None) -> bool:
    """
    Tell whether a value is one that the pattern picks; without a pattern, all are.

    Raises: ConfigError: the pattern is no regular expression.
    """
    if not pattern:
        return True
    if pattern == "!":
        return False
    try:
        found = re.search(pattern.removeprefix("!"), value or "", re.IGNORECASE)
    except re.error as error:
        raise ConfigError.bad_pattern(pattern, error) from error
    return not found if pattern[0] == "!" else value is not None and bool(found)


def apply(content: str, edits: list[Edit], source: str) -> str:
    """
    Return the text after some edits, one after the other.

    Raises: ConfigError: a name cannot be written, or the key has several values.
    """
    for edit in edits:
        content = _one(content, edit, source)
    return content


def _one(content: str, edit: Edit, source: str) -> str:
    section, sub, name = split_key(edit.key)
    if re.search("[\udc80-\udcff]", f"{edit.key}{edit.value}"):
        raise ConfigError.not_utf8("command line")
    if re.search(r'[\s\[\]"]', section) or "\n" in (sub or ""):
        raise ConfigError.bad_section(section)
    if not re.fullmatch(r"[^=\n\[][^=\n]*", name) or re.search(r"^\s|[\s+]$", name):
        raise ConfigError.bad_name(name)
    wanted = section.lower() if sub is None else f"{section.lower()}.{sub}"
    there = [one for one in parse(content, source) if one.section == wanted]
    named = [one for one in there if one.name and one.name.lower() == name.lower()]
    picked = [one for one in named if matches(one.value, edit.pattern)]
    if len(picked) > 1 and not edit.several:
        raise ConfigError.several(edit.key, source)
    if edit.value is None:
        if not picked:
            raise ConfigError.nothing_to_unset(edit.key, source)
        return _without(content, picked)
    if picked and (not edit.several or edit.pattern or edit.replace_all):
        *others, last = picked if edit.replace_all else picked[:1]
        new = definition(name, edit.value)
        content = content[: last.start] + new + content[last.end :]
        return _without(content, others)
    if there:
        end = content.find("\n", there[-1].end) + 1
        return f"{content[:end]}\t{definition(name, edit.value)}\n{content[end:]}"
    escaped = sub and sub.replace("\\", "\\\\").replace('"', '\\"')
    header = section if sub is None else f'{section} "{escaped}"'
    return f"{content}[{header}]\n\t{definition(name, edit.value)}\n"


def definition(name: str, value: str) -> str:
    """Return ``name = value``, quoted where blanks or comment signs ask for it."""
    quote = '"' if re.search(r"^\s|;|#|\s$", value) else ""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\t", "\\t"), ("\n", "\\n")):
        value = value.replace(plain, escaped)
    return f"{name} = {quote}{value}{quote}"


def _without(content: str, doomed: list[Definition]) -> str:
    """Return the text without some keys: their lines, if all else there is blank."""
    for one in reversed(doomed):
        start = max(
            content.rfind("\n", 0, one.start), content.rfind("]", 0, one.start) + 1
        )
        content = content[:start] + content[content.find("\n", one.end) :]
    return content


def rename_section(content: str, old: str, new: str | None, source: str) -> str | None:
    """
    Return the text with a section renamed, or removed with its keys if new is None.

    None means that there is no such section.
    """
    found = parse(content, source)
    wanted = _plain(old).lower()
    heads = [
        (one, following)
        for one, following in _heads(found, len(content))
        if one.section.lower() == wanted
    ]
    if not heads:
        return None
    for one, following in reversed(heads):
        if new is None:
            content = content[: one.start] + content[following:]
        else:
            top, dot, sub = _plain(new).partition(".")
            header = f'[{top} "{sub}"]' if dot else f"[{top}]"
            content = content[: one.start] + header + content[one.end :]
    return content


def _plain(section: str) -> str:
    return re.sub(r"""(["'])(.+?)\1""", r"\2", section)


def _heads(found: list[Definition], end: int) -> list[tuple[Definition, int]]:
    """Return each section's header, and where the next begins."""
    heads = [one for one in found if one.name is None]
    ends = [*(one.start for one in heads[1:]), end]
    return list(zip(heads, ends, strict=False))


def comment(content: str, lines: list[str]) -> str:
    """Return the text with comment lines added; their indent stays in front."""
    marked = [re.sub(r"^([ \t]*)", r"\1# ", line) for line in lines]
    return content + "".join(f"{line}\n" for line in marked)


def write(path: Path, text: Text, shown: str | None = None) -> None:
    """
    Put a text in place of a file, in one step; a link stays a link, the mode stays.

    Locks as Sqitch and git do, with a file of the name and ``.lock``.
    Raises: ConfigError: it cannot be written, or somebody else writes it; the old
        file is as it was.
    """
    shown = shown or str(path)
    real = path.resolve()
    lock = real.with_name(real.name + ".lock")
    data = text.content.replace("\n", text.newline).encode(errors="surrogateescape")
    if real.exists() and not real.is_file():  # a device would become a file
        error = OSError(errno.EINVAL, "it is no regular file")
        raise ConfigError.unwritable(shown, error)
    try:
        mode = real.stat().st_mode & 0o777 if real.exists() else 0o666
        handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError as error:
        raise ConfigError.locked(shown, lock.name) from error
    except OSError as error:
        raise ConfigError.unwritable(shown, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if real.exists():
            lock.chmod(mode)  # the umask may have taken bits away
        lock.replace(real)
    except OSError as error:
        lock.unlink(missing_ok=True)
        raise ConfigError.unwritable(shown, error) from error

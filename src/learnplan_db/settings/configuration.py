"""
What system, user and project configuration say together; the first to read a setting.

Reads the environment for where the files are; who works is told in ``identity``.
May import errors and gitconfig; never writes, never prints.
Source: sqitch-configuration, "Files"; Sqitch 1.3.1, tried out.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from learnplan_db.errors import ConfigError
from learnplan_db.settings import gitconfig
from learnplan_db.settings.gitconfig import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM = "/etc/sqitch"  # where Debian's Sqitch looks, for templates too
FILE = "sqitch.conf"
SCOPES = ("system", "user", "local")
MAX_DEPTH = 10
MAX_FILES = 1000  # files that include each other over and over
_TRUE = re.compile(r"(?:true|yes|on|-?0*1)\n?\Z", re.IGNORECASE)
_FALSE = re.compile(r"(?:false|no|off|0*)\n?\Z", re.IGNORECASE)
_NUMBER = re.compile(r"(-?[0-9]*\.?[0-9]*)([kmg]?)\n?\Z")
_INCLUDE = "include.path"
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


@dataclass(frozen=True, slots=True)
class Setting:
    """
    The values of one key, all of the last file that has it.

    ``spelled`` is the key as that file spells it, ``multiple`` whether it may have
    several values; a value is None for a key without ``=``.
    """

    spelled: str
    values: tuple[str | None, ...] = field(repr=False)  # a password may be in them
    origin: str
    multiple: bool = False

    @property
    def text(self) -> str | None:
        """Return the values as a listing shows them."""
        if self.multiple:
            return f"[{', '.join(value or '' for value in self.values)}]"
        return self.values[0]


def user_directory(environ: Mapping[str, str]) -> str:
    """Return the directory of the user's configuration and templates."""
    return f"{environ.get('HOME') or Path.home()}/.sqitch"


@dataclass(frozen=True, slots=True)
class Configuration:
    """
    All settings that count in a project's directory.

    ``settings`` is by canonical key; ``initialized`` tells whether the project itself
    is configured; ``looked`` lists the files that were looked for.
    """

    root: Path
    environ: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, Setting]
    initialized: bool
    looked: tuple[str, ...]

    @classmethod
    def load(
        cls,
        root: Path,
        environ: Mapping[str, str] = os.environ,
        *,
        packaged: bool = False,
    ) -> Configuration:
        """
        Read the configuration that counts in a directory.

        The system's file comes first, then the user's, then the project's: the
        nearest in the directory or above it. With ``packaged`` SQITCH_CONFIG, which
        is about another project, does not count.
        Raises: ConfigError: a file cannot be read or understood.
        """
        if packaged:
            environ = {k: v for k, v in environ.items() if k != "SQITCH_CONFIG"}
        loader = _Loader(root, environ)
        for scope in ("system", "user"):
            loader.load(str(path_of(scope, root, environ)), str(root))
        name = environ.get("SQITCH_CONFIG") or FILE
        real = root.resolve()
        places = [f"{place}/{name}" for place in (real, *real.parents)]
        found = next((place for place in places if _is_file(place)), None)
        if found:
            loader.load(found, str(root))
        looked = (*loader.files,) if found else (*loader.files, str(root / name))
        return cls(root, environ, loader.settings, bool(found), looked)

    @classmethod
    def of_file(cls, path: Path, environ: Mapping[str, str]) -> Configuration:
        """Read one file alone, with what it includes."""
        loader = _Loader(path.parent, environ)
        loader.load(str(path.absolute()), str(path.parent))
        return cls(path.parent, environ, loader.settings, True, (str(path),))  # noqa: FBT003

    def file(self, scope: str) -> Path:
        """Return the file that a scope (system, user, local) is written to."""
        return path_of(scope, self.root, self.environ)

    @property
    def where(self) -> str:
        """Return the files that count, for an error's second line."""
        return ", ".join(self.looked)

    def origin(self, key: str) -> str:
        """Return the file that a key is set in."""
        found = self.settings.get(canonical(key))
        return found.origin if found else self.where

    def get_all(self, key: str) -> tuple[str | None, ...]:
        """Return all values of a key; none if it is not set."""
        found = self.settings.get(canonical(key))
        return found.values if found else ()

    def get(self, key: str) -> str | None:
        """
        Return the value of a key; None if it is not set, or bare.

        Raises: ConfigError: it has several.
        """
        found = self.get_all(key)
        if len(found) > 1:
            raise ConfigError.multiple(key, self.origin(key))
        return found[0] if found else None

    def boolean(self, key: str, *, default: bool = False) -> bool:
        """
        Return a switch; a bare key is on.

        Raises: ConfigError: it is neither true nor false.
        """
        if not self.get_all(key):
            return default
        return cast(self.get(key), "bool", self.origin(key)) == "true"

    def integer(self, key: str, default: int) -> int:
        """
        Return a whole number; k, m and g may follow it.

        Raises: ConfigError: it is none.
        """
        value = self.get(key)
        if value is None:
            return default
        return int(cast(value, "int", self.origin(key)) or 0)

    def variables(self, section: str) -> dict[str, str]:
        """
        Return the keys of a section, spelled as in the file, with their values.

        Raises: ConfigError: one of them has several values.
        """
        top, _, sub = section.partition(".")
        prefix = f"{top.lower()}.{sub}." if sub else f"{top.lower()}."
        found = {}
        for key, one in self.settings.items():
            if key.startswith(prefix) and "." not in key[len(prefix) :]:
                if len(one.values) > 1:
                    raise ConfigError.multiple(key, one.origin)
                found[one.spelled.rpartition(".")[2]] = one.values[0] or ""
        return found

    def names(self, section: str, key: str) -> list[str]:
        """Return the subsections, without a dot, that have a key, in file order."""
        pattern = re.compile(rf"{re.escape(section)}\.([^.]+)\.{re.escape(key)}")
        matched = (pattern.fullmatch(found) for found in self.settings)
        return [match[1] for match in matched if match]


def path_of(scope: str, root: Path, environ: Mapping[str, str]) -> Path:
    """Return the file of a scope: system, user or local."""
    if scope == "local":
        return root / (environ.get("SQITCH_CONFIG") or FILE)
    if scope == "user":
        named = environ.get("SQITCH_USER_CONFIG")
        return root / _home(named or f"{user_directory(environ)}/{FILE}", environ)
    return root / (environ.get("SQITCH_SYSTEM_CONFIG") or f"{SYSTEM}/{FILE}")


def cast(value: str | None, kind: str, where: str) -> str | None:
    """
    Return a value as a type's values are written: bool, int, num or bool-or-int.

    Raises: ConfigError: it is not of that type.
    """
    if kind == "bool-or-int":
        number = value is not None and _NUMBER.match(value)
        kind = "int" if number else "bool"
    if kind == "bool":
        if value is None or _TRUE.match(value):
            return "true"
        if _FALSE.match(value):
            return "false"
        raise ConfigError.bad_value("bool", value, where)
    found = _NUMBER.match(value or "")
    if not found:
        raise ConfigError.bad_value(kind, value or "", where)
    digits = found[1] if found[1].strip("-.") else "0"
    try:
        number_value = float(digits) if "." in digits else int(digits)
        scaled = number_value * _UNITS[found[2]]
        return str(int(scaled)) if kind == "int" else f"{scaled:.15g}"
    except (ValueError, OverflowError) as error:  # thousands of digits
        raise ConfigError.bad_value(kind, value or "", where) from error


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:
        return False


def _home(path: str, environ: Mapping[str, str]) -> str:
    home = environ.get("HOME") or str(Path.home())
    return home + path[1:] if path.startswith("~") else path


class _Loader:
    """Reads files one after the other into one set of settings."""

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self.root = root.resolve()
        self.environ = environ
        self._found: dict[str, tuple[str, list[str | None], str]] = {}
        self.files: list[str] = []

    def load(self, name: str, relative: str, depth: int = 0) -> None:
        """Read a file, once, or as often as it is included."""
        path = (Path(relative) / _home(name, self.environ)).resolve()
        if not depth and str(path) in self.files:
            return
        shown = self._shown(path)
        text = gitconfig.read(path, shown)
        if text is None:
            return
        self.files.append(str(path))
        if depth > MAX_DEPTH or len(self.files) > MAX_FILES:
            raise ConfigError.too_deep(shown, MAX_DEPTH)
        for one in gitconfig.parse(text.content, shown):
            if one.name is None:
                continue
            self._define(one, shown)
            if one.key == _INCLUDE and one.value:
                self.load(one.value, str(path.parent), depth + 1)

    def _shown(self, path: Path) -> str:
        """Return a path as errors show it: relative, if it is the project's."""
        if path.is_relative_to(self.root):
            return str(path.relative_to(self.root))
        return str(path)

    def _define(self, one: gitconfig.Definition, origin: str) -> None:
        """Set a key: it replaces another file's values and joins its own file's."""
        spelled, values = f"{one.section}.{one.name}", list[str | None]()
        before = self._found.get(one.key)
        if before and (before[2] == origin or one.key == _INCLUDE):
            spelled, values = before[:2]
        values.append(one.value)
        self._found[one.key] = (spelled, values, origin)

    @property
    def settings(self) -> dict[str, Setting]:
        """Return what the files say together, by canonical key."""
        return {
            key: Setting(
                spelled, (*values,), origin, len(values) > 1 or key == _INCLUDE
            )
            for key, (spelled, values, origin) in self._found.items()
        }

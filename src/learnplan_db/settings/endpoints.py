"""
Edits of targets and engines: what may be added, changed and removed.

Each takes the words after the action. May import lower floors; never prints.
Source: manuals sqitch-engine and sqitch-target; Sqitch 1.3.1, tried out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from learnplan_db.errors import SettingsError
from learnplan_db.settings import targets
from learnplan_db.settings.editing import Properties, Workshop, check_engine, rename
from learnplan_db.settings.gitedit import Edit
from learnplan_db.settings.targets import Choice
from learnplan_db.settings.uri import DatabaseUri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnplan_db.settings.configuration import Configuration


def target_add(shop: Workshop, words: Sequence[str], props: Properties) -> None:
    """Add a target: its URI, its settings, its plan and directories."""
    name, text = words[:2]
    if shop.configuration.get(f"target.{name}.uri"):
        raise SettingsError.exists("target", name)
    uri = DatabaseUri.parse(text)
    core = (shop.configuration.get("core.engine") or "").rstrip()
    # The engine that the project has is the one whose settings count, as in Sqitch.
    known = DatabaseUri.parse(f"db:{core}:") if core else uri
    edit = Edit(f"target.{name}.uri", str(uri))
    shop.add(f"target.{name}", [edit], Choice(name, known), props)


def target_alter(shop: Workshop, words: Sequence[str], props: Properties) -> None:
    """Change what a target says."""
    name = words[0]
    if not shop.configuration.get(f"target.{name}.uri"):
        uri = props.values.get("uri", "URI")
        raise SettingsError.missing("target", name, uri)
    shop.alter(f"target.{name}", targets.choose(shop.configuration, name), props)


def target_remove(shop: Workshop, words: Sequence[str], _: Properties) -> None:
    """Remove a target to which nothing refers."""
    _move(shop, words[0], None)


def target_rename(shop: Workshop, words: Sequence[str], _: Properties) -> None:
    """Rename a target to which nothing refers."""
    _move(shop, words[0], words[1])


def _move(shop: Workshop, old: str, new: str | None) -> None:
    """Rename a target, or remove it, unless something refers to it."""
    keys = _referring(shop.configuration, old)
    if keys:
        raise SettingsError.referenced(old, keys, "rename" if new else "remove")
    names = {
        f"target.{old}": f"target.{new}" if new else None,
        f"target.{old}.variables": f"target.{new}.variables" if new else None,
    }
    rename(shop.path, names, shop.shown, SettingsError.unknown("target", old))


def _referring(configuration: Configuration, name: str) -> list[str]:
    """Return the keys that mean a target, sorted."""
    pattern = re.compile(r"(?:core|engine\.[^.]+)\.target")
    return sorted(
        key
        for key, one in configuration.settings.items()
        if pattern.fullmatch(key) and name in one.values
    )


def engine_add(shop: Workshop, words: Sequence[str], props: Properties) -> None:
    """Add an engine: its target, its settings, its plan and directories."""
    key = words[0]
    check_engine(key)
    get = shop.configuration.get
    if get(f"engine.{key}.target"):
        raise SettingsError.exists("engine", key)
    named = props.values.get("target") or (words[1] if len(words) > 1 else None)
    text = _of_engine(shop, key, named) if named else f"db:{key}:"
    chosen = targets.choose(shop.configuration, named or get("core.target") or text)
    edit = Edit(f"engine.{key}.target", text)
    rest = {name: value for name, value in props.values.items() if name != "target"}
    shop.add(f"engine.{key}", [edit], chosen, Properties(rest, props.variables))


def _of_engine(shop: Workshop, key: str, name: str) -> str:
    """Return a target that an engine may have: one of its URIs, or a known name."""
    if ":" in name:
        uri = DatabaseUri.parse(name)
        if uri.engine != key:
            raise SettingsError.wrong_engine(str(uri.engine), key)
        return str(uri)
    if not shop.configuration.get(f"target.{name}.uri"):
        raise SettingsError.unknown("target", name)
    return name


def engine_alter(shop: Workshop, words: Sequence[str], props: Properties) -> None:
    """Change what an engine says."""
    key = words[0]
    check_engine(key)
    known = shop.configuration.get(f"engine.{key}.target")
    named = props.values.get("target")
    if not known:
        raise SettingsError.missing("engine", key, named or f"db:{key}:")
    values = dict(props.values)
    if named:
        values["target"] = _of_engine(shop, key, named)
    chosen = targets.choose(shop.configuration, named or known)
    shop.alter(f"engine.{key}", chosen, Properties(values, props.variables))


def engine_remove(shop: Workshop, words: Sequence[str], _: Properties) -> None:
    """Remove an engine and its variables."""
    key = words[0]
    names: dict[str, str | None] = {f"engine.{key}": None}
    names[f"engine.{key}.variables"] = None
    rename(shop.path, names, shop.shown, SettingsError.unknown("engine", key))

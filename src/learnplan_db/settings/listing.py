"""
Targets and engines as people and machines see them.

May import lower floors; returns text and data, prints nothing.
Source: Sqitch 1.3.1, whose output is the same byte for byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnplan_db import errors
from learnplan_db.settings.uri import DatabaseUri

if TYPE_CHECKING:
    from learnplan_db.model import Target


def lines(name: str, first: str, text: str, one: Target) -> list[str]:
    """Return what there is to say of a target, in Sqitch's words and columns."""
    places = one.directories
    rows = {
        first: text,
        "Registry": one.registry,
        "Client": one.client,
        "Top Directory": one.top_dir,
        "Plan File": one.plan_file,
        "Extension": one.extension,
    }
    kinds = ("deploy", "revert", "verify")
    normal = {f"  {kind.title()}": places[kind] for kind in kinds}
    reworked = {f"  {kind.title()}": places[f"reworked_{kind}"] for kind in kinds}
    lines = [f"* {name}"]
    for title, table in (
        ("", rows),
        ("Script Directories", normal),
        ("Reworked Script Directories", {"  Reworked": one.reworked_dir, **reworked}),
    ):
        lines += [f"    {title}:"] if title else []
        lines += [f"    {label + ': ':15}{value}" for label, value in table.items()]
    if not one.variables:
        return [*lines, "    No Variables"]
    width = max(map(len, one.variables))
    names = sorted(one.variables, key=str.lower)
    pairs = [f"  {n}: {' ' * (width - len(n))}{one.variables[n]}" for n in names]
    return [*lines, "    Variables:", *pairs]


def data(first: str, text: str, one: Target) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        first.lower(): text,
        "registry": one.registry,
        "client": one.client,
        "top_dir": str(one.top_dir),
        "plan_file": str(one.plan_file),
        "extension": one.extension,
        "directories": {kind: str(path) for kind, path in one.directories.items()},
        "reworked_dir": str(one.reworked_dir),
        "variables": dict(one.variables),
    }


def without_password(text: str) -> str:
    """Return what configuration says of a target as people may see it."""
    uri = DatabaseUri.parse(text)
    shown = uri.without_password()
    return errors.without_password(text if shown == uri else str(shown))

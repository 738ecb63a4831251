"""
Commands that show or copy what a plan is made of; no database is needed.

May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from learnplan_db.commands import candidates
from learnplan_db.commands import texts as report
from learnplan_db.commands.arguments import Wanted
from learnplan_db.commands.options import (
    App,
    change_option,
    command,
    json_option,
    override_options,
    pass_app,
    target_option,
)
from learnplan_db.errors import AuthoringError, PlanError
from learnplan_db.plans import bundle as bundles
from learnplan_db.plans import objects, planfile
from learnplan_db.plans import plan as plans
from learnplan_db.plans.bundle import Range
from learnplan_db.plans.scripts import Scripts
from learnplan_db.reports import standing
from learnplan_db.settings import targets

if TYPE_CHECKING:
    from learnplan_db.model import Change, Plan, Tag, Target
    from learnplan_db.plans.bundle import Part

    Kind = Literal["deploy", "revert", "verify"]

KINDS = ("deploy", "revert", "verify")


@command("bundle", "learnplan-db -C . bundle --to @v1.0.0 --dest-dir build")
@click.option("--dest-dir", "--dir", "destination", metavar="DIR", help="Where to.")
@click.option("-a/ ", "--all/--no-all", "every", help="The plans of all targets.")
@change_option(
    "--from", "first", metavar="CHANGE", help="First change; the plan's own."
)
@change_option("--to", "last", metavar="CHANGE", help="Last change to copy.")
@override_options("plan_file", "top_dir")
@click.argument(
    "words",
    nargs=-1,
    metavar="[TARGETS] [FROM] [TO]",
    shell_complete=candidates.words,
)
@json_option
@pass_app
def bundle(app: App, /, words: tuple[str, ...], every: bool, **given: Any) -> None:  # noqa: FBT001 - a flag of the command line
    """Copy the configuration, the plan and its scripts into a directory."""
    overrides = given.get("overrides", {})
    wanted = Wanted(overrides=overrides, every=every, command="bundle")
    found = app.arguments(words, wanted, offline=True)
    if found.changes and (given["first"] or given["last"]):
        raise AuthoringError.both_ends()
    configuration, terminal = app.configuration, app.terminal
    named = given["destination"] or configuration.get("bundle.dest_dir") or "bundle"
    destination = (Path.cwd() if app.packaged else configuration.root) / named
    ranges = [Range(given["first"], given["last"])] * len(found.targets)
    if found.changes:
        pairs = zip(found.changes[::2], [*found.changes[1::2], None], strict=False)
        ranges = [Range(*pair) for pair in pairs]
        ranges += [Range()] * len(found.targets)
    parts = [bundles.part(*each) for each in zip(found.targets, ranges, strict=False)]
    terminal.info(f"Bundling into {named}")
    terminal.info("Writing config")
    bundles.write_config(configuration.root, configuration.file("local"), destination)
    for part in parts:
        terminal.info(part.told)
        bundles.write_plan(part, destination)
        terminal.info("Writing scripts")
        for label in bundles.write_scripts(part, destination):
            terminal.info(f"  + {label}")
    if terminal.as_json:
        terminal.json(destination=str(destination), plans=[_bundled(p) for p in parts])


def _bundled(part: Part) -> dict[str, Any]:
    """Return what was copied of one target as JSON holds it."""
    changes = [change.label for change, _ in part.changes]
    return {"plan_file": str(part.target.plan_file), "changes": changes}


@command("show", "learnplan-db -C . show deploy users")
@target_option
@click.option(
    "-e/ ", "--exists/--no-exists", "exists", help="Only tell by the exit code."
)
@override_options("plan_file", "top_dir")
@click.argument(
    "kind", metavar="TYPE", shell_complete=candidates.any_of("change", "tag", *KINDS)
)
@click.argument("key", metavar="OBJECT", shell_complete=candidates.changes)
@click.argument("more", nargs=-1, metavar="")
@json_option
@pass_app
def show(app: App, /, kind: str, key: str, exists: bool, **given: Any) -> None:  # noqa: FBT001 - a flag of the command line
    """
    Show a change, a tag, or a deploy, revert or verify script.

    TYPE is one of change, tag, deploy, revert and verify.
    """
    target = _target(app, given["target"], given.get("overrides", {}))
    if kind not in {"change", "tag", *KINDS}:
        raise AuthoringError.unknown_object(kind)
    try:
        found = _found(target, kind, key)
    except PlanError:
        if exists:
            _tell_existence(app, there=False)
            raise click.exceptions.Exit(2) from None
        raise
    if exists:
        _tell_existence(app, there=True)
        return
    if app.terminal.as_json:
        app.terminal.json(**found.as_json)
    else:
        app.terminal.raw(found.data)


def _tell_existence(app: App, *, there: bool) -> None:
    """Tell machines what people read from the exit code."""
    if app.terminal.as_json:
        app.terminal.json(exists=there)


def _target(app: App, name: str | None, overrides: dict[str, str]) -> Target:
    """Return the target whose plan is meant; which database does not matter."""
    known = app.configuration.get("core.engine") or app.configuration.get("core.target")
    if not name and (app.packaged or not known):
        name = "db:pg:"
    return targets.resolve(app.configuration, name, overrides, offline=True)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What show prints: the bytes, and the same for machines."""

    data: bytes
    as_json: dict[str, Any]


def _found(target: Target, kind: str, key: str) -> _Shown:
    """Return what is to be shown. Raises: PlanError: it is not there."""
    plan = planfile.read(target).plan
    if kind == "tag":
        change, tag = _tag(plan, key)
        text = objects.of_tag(plan, change, tag)
        return _Shown(text.encode(), {"tag": report.tag_json(change, tag)})
    change = plans.resolve(plan, key)
    if kind == "change":
        text = objects.of_change(plan, change)
        return _Shown(text.encode(), {"change": standing.change_json(change)})
    scripts, role = Scripts(target), cast("Kind", kind)
    data = scripts.read(role, change)
    shown = {
        "file": scripts.shown(role, change),
        "script": data.decode(errors="replace"),
    }
    return _Shown(data, shown)


def _tag(plan: Plan, key: str) -> tuple[Change, Tag]:
    """Return a tag, by its name or id, with its change. Raises: PlanError: unknown."""
    tags = {}
    for change in plan.changes:
        for tag in change.tags:
            tags[f"@{tag.name}"] = tags[tag.id] = (change, tag)
    found = tags.get(key) or tags.get(f"@{key.removeprefix('@')}")
    if not found:
        known = [name for name in tags if name.startswith("@")]
        raise PlanError.unknown_tag(plan.source, key, known)
    return found

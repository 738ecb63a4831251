"""
The command that writes the plan as migrations of a host's own tool.

It needs no database. May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.commands.arguments import Wanted
from learnplan_db.commands.options import (
    App,
    change_option,
    command,
    json_option,
    override_options,
    pass_app,
    set_option,
    target_option,
)
from learnplan_db.engine import state
from learnplan_db.errors import ExportError
from learnplan_db.export import files, span
from learnplan_db.export.hosts import CHAINED, FORMATS, VERSIONED, Migration
from learnplan_db.export.transit import SOMEBODY
from learnplan_db.settings import targets

if TYPE_CHECKING:
    from learnplan_db.export.hosts import File
    from learnplan_db.model import Target

STDOUT = "-"
_APP = re.compile(r"[a-z_]\w*", re.IGNORECASE | re.ASCII)
_AFTER = re.compile(r"[\w.-]+", re.ASCII)


@command(
    "export",
    "learnplan-db export --format sql --to @v1.0.0 --out migrations",
    "learnplan-db export --format alembic --from @v1.0.0 --to @v1.2.0 -o v1_2_0.py",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    required=True,
    help="For which tool.",
)
@change_option(
    "--from", "first", metavar="CHANGE", help="What is deployed; else nothing."
)
@change_option(
    "--to", "last", metavar="CHANGE", help="Last tag or change; else the newest."
)
@click.option("--out", "directory", metavar="DIR", help="Where to write; else here.")
@click.option("-o", "--output", "file", metavar="FILE", help="Main file; - prints it.")
@click.option("--after", metavar="NAME", help="Migration before (alembic, django).")
@click.option("--app", "label", metavar="LABEL", help="Django's app; else learnplan.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@set_option("-s", "--set", "variables")
@target_option
@override_options("registry", "plan_file", "top_dir")
@json_option
@pass_app
def export(app: App, /, *, target: str | None, **given: Any) -> None:
    """Write migrations for psql, Alembic, Django, Flyway or dbmate."""
    _check(given)
    wanted = Wanted(target, given.get("overrides", {}), changes=False)
    chosen = app.arguments((), wanted, offline=True).target
    project = state.load(chosen, committer=SOMEBODY)
    part = span.between(project.plan, given["first"], given["last"])
    migration = Migration(
        *(project, part, given["form"]),
        variables=_variables(app, chosen, given["variables"]),
        said=_said(given),
        after=given["after"],
        app=given["label"] or Migration.app,
    )
    found = migration.files()
    if given["file"] == STDOUT:
        app.terminal.document(found[0].text)
        return
    texts = {_path(given, found, number): one.text for number, one in enumerate(found)}
    changed = files.write(texts, force=given["force"])
    if app.terminal.as_json:
        ends = {"from": part.first.name, "to": part.last.name}
        app.terminal.json(format=given["form"], **ends, files=[str(p) for p in changed])
        return
    app.terminal.info(f"Exporting {migration.title}")
    for path, new in changed.items():
        app.terminal.info(f"  {'+' if new else '='} {path}")


def _check(given: dict[str, Any]) -> None:
    """Refuse options that mean nothing together. Raises: ExportError."""
    form, after, label = given["form"], given["after"], given["label"]
    if after and form not in CHAINED:
        why = "its files are ordered by their names"
        raise ExportError.bad_option("--after", form, why, "leave it out")
    if label and form != "django":
        why = "only Django has apps"
        raise ExportError.bad_option("--app", form, why, "leave it out")
    if label and not _APP.fullmatch(label):
        why, fix = (
            f'"{label}" is no label of an app',
            "give the label in INSTALLED_APPS",
        )
        raise ExportError.bad_option("--app", form, why, fix)
    if after and not _AFTER.fullmatch(after):
        why, fix = f'"{after}" names no migration', "give its revision, or its name"
        raise ExportError.bad_option("--after", form, why, fix)
    if given["file"] and given["directory"]:
        why, fix = (
            "the one names a file, the other its directory",
            "give one of the two",
        )
        raise ExportError.bad_option("-o and --out", form, why, fix)
    if given["file"] not in {None, STDOUT} and form in VERSIONED:
        why = "the tool reads the version from the name"
        raise ExportError.bad_option("-o", form, why, "give its directory with --out")


def _variables(
    app: App, target: Target, given: dict[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return psql's variables for the deploy and the revert scripts."""
    found = app.configuration
    return (
        targets.script_variables(found, target, "deploy", given),
        targets.script_variables(found, target, "revert", given),
    )


def _said(given: dict[str, Any]) -> str:
    """Return the command as somebody else would give it: no path, no value of --set."""
    words = ["learnplan-db", "export", "--format", given["form"]]
    for option, name in (("--from", "first"), ("--to", "last"), ("--after", "after")):
        words += [option, given[name]] if given[name] else []
    words += ["--app", given["label"]] if given["label"] else []
    words += [word for name in given["variables"] for word in ("--set", f"{name}=...")]
    return shlex.join(words)


def _path(given: dict[str, Any], found: list[File], number: int) -> Path:
    """Return where a file goes: the second one beside the first, by its name."""
    if not given["file"]:
        return Path(given["directory"] or ".") / found[number].name
    path = Path(given["file"])
    return path if number == 0 else path.with_suffix(f".revert{path.suffix}")

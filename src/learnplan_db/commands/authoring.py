"""
Commands that plan something new: add, rework and tag; no database is needed.

May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

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
)
from learnplan_db.errors import AuthoringError, TemplateError
from learnplan_db.plans import authoring, editor, layout, planfile, templates
from learnplan_db.plans.authoring import Idea
from learnplan_db.settings import identity
from learnplan_db.settings.configuration import SYSTEM, user_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from learnplan_db.commands.arguments import Arguments
    from learnplan_db.model import Target
    from learnplan_db.plans.authoring import Job
    from learnplan_db.plans.templates import Template

    Words = tuple[str, ...]
    Values = dict[str, str | list[str]]

CHANGE_PROMPT = """Write a note on the change: why is it made? Lines that start with #
are no part of it; without a note, nothing is written.

  {label}"""
TAG_PROMPT = """Write a note on {label}: what is released? Lines that start with #
are no part of it; without a note, nothing is written."""


def _several(*names: str, **options: Any) -> Callable[..., Any]:
    """Return click's decorator for an option that may be given several times."""
    return click.option(*names, multiple=True, **options)


def _pairs(
    _: click.Context, option: click.Parameter, values: Words
) -> list[tuple[str, str]]:
    """Return ``key=value`` words as pairs."""
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f'"{value}" is not key=value', param=option)
    return [(key, value) for key, _, value in (v.partition("=") for v in values)]


def _change_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command what add and rework have in common."""
    for decorate in reversed(
        (
            click.option(
                "-c", "--change", "--change-name", "name", help="Name of the change."
            ),
            change_option(
                *("-r", "--requires"),
                multiple=True,
                metavar="CHANGE",
                help="What it requires.",
            ),
            change_option(
                *("-x", "--conflicts"),
                multiple=True,
                metavar="CHANGE",
                help="What must not be there.",
            ),
            _several("-n", "-m", "--note", metavar="TEXT", help="Why it is made."),
            click.option(
                "-a/ ", "--all/--no-all", "every", help="In the plans of all targets."
            ),
            click.option(
                "-e/ ",
                "--edit/--no-edit",
                "--open-editor/--no-open-editor",
                "edit",
                default=None,
                help="Open the scripts in the editor.",
            ),
            override_options("plan_file", "top_dir"),
            click.argument(
                "words",
                nargs=-1,
                metavar="[NAME] [TARGETS]",
                shell_complete=candidates.words,
            ),
        )
    ):
        function = decorate(function)
    return function


@command("add", "learnplan-db -C . add comments -r users -n 'Holds what people say'")
@_change_options
@click.option(
    "-t", "--template", "--template-name", "template", help="Name of the templates."
)
@click.option("--template-directory", metavar="DIR", help="Where templates are.")
@_several("--with", "wanted", metavar="SCRIPT", help="Write this script too.")
@_several("--without", metavar="SCRIPT", help="Do not write this script.")
@_several("--use", metavar="SCRIPT=FILE", callback=_pairs, help="Template of a script.")
@_several("-s", "--set", "variables", metavar="KEY=VALUE", callback=_pairs)
@json_option
@pass_app
def add(app: App, /, words: Words, name: str | None, **given: Any) -> None:
    """Add a change to the plan, with scripts made from templates."""
    found = _words(app, "add", words, [name], given)
    chosen = _name(name or next(iter(found.names), None), words, found, "--change")
    idea = Idea(chosen, given["requires"], given["conflicts"])
    variables = _variables(app, given["variables"])

    job = authoring.add(found.targets, idea, _templates(app, given), variables)
    _finish(app, job, given["note"], CHANGE_PROMPT)
    _tell(app, "added", job)
    _edit(app, job, given["edit"], "add")


@command("rework", "learnplan-db -C . rework users -n 'Adds the email'")
@_change_options
@json_option
@pass_app
def rework(app: App, /, words: Words, name: str | None, **given: Any) -> None:
    """Plan a new version of a change; its scripts become those of the old one."""
    found = _words(app, "rework", words, [name], given)
    chosen = _name(name or next(iter(found.names), None), words, found, "--change")
    idea = Idea(chosen, given["requires"], given["conflicts"])
    job = authoring.rework(found.targets, idea)
    _finish(app, job, given["note"], CHANGE_PROMPT)
    files = "this file" if len(job.files) == 1 else "these files"
    app.terminal.info(f"Modify {files} as appropriate:")
    for file in job.files:
        app.terminal.info(f"  * {file}")
    _tell(app, "reworked", job)
    _edit(app, job, given["edit"], "rework")
    for new, old in authoring.unedited(found.targets, idea):
        app.terminal.warn(
            f"{new} is still {old}; edit it, since no script is deployed twice"
        )


@command("tag", "learnplan-db -C . tag v1.1.0 -n 'Adds comments'")
@click.option("-t", "--tag", "--tag-name", "name", help="Name of the tag.")
@change_option("-c", "--change", "--change-name", "change", help="Change to tag.")
@click.option("-a/ ", "--all/--no-all", "every", help="In the plans of all targets.")
@_several("-n", "-m", "--note", metavar="TEXT", help="What is released.")
@override_options("plan_file", "top_dir")
@click.argument(
    "words",
    nargs=-1,
    metavar="[NAME] [CHANGE] [TARGETS]",
    shell_complete=candidates.words,
)
@json_option
@pass_app
def tag(
    app: App, /, words: Words, name: str | None, change: str | None, **given: Any
) -> None:
    """Tag the last change of the plan, or CHANGE; without NAME, list the tags."""
    found = _words(app, "tag", words, [name, change], given)
    unused = iter(found.names)
    name = name or next(unused, None)
    change = change or next(unused, None)
    if name:
        job = authoring.tag(found.targets, name, change)
        _finish(app, job, given["note"], TAG_PROMPT)
        _tell(app, "tagged", job)
        return
    if words:
        _name(None, words, found, "--tag", required=False)
    _list_tags(app, found.targets)


def _list_tags(app: App, found: Sequence[Target]) -> None:
    tags = {
        tag.name: report.tag_json(change, tag)
        for target in found
        for change in planfile.read(target).plan.changes
        for tag in change.tags
    }
    if app.terminal.as_json:
        app.terminal.json(tags=list(tags.values()))
        return
    for name in tags:
        app.terminal.info(f"@{name}")


def _words(
    app: App,
    name: str,
    words: Words,
    options: Sequence[str | None],
    given: Mapping[str, Any],
) -> Arguments:
    """Return what the words mean; options that were not given are taken from them."""
    names = sum(1 for option in options if not option)
    wanted = Wanted(
        overrides=given.get("overrides", {}),
        every=given["every"],
        command=name,
        changes=False,
        names=names,
    )
    return app.arguments(words, wanted, offline=True)


def _name(
    name: str | None,
    words: Words,
    found: Arguments,
    option: str,
    *,
    required: bool = True,
) -> str:
    """Return the name that a command needs; a target's may have been meant as it."""
    if name:
        return name
    for target in found.targets:
        if target.name in words:
            raise AuthoringError.target_as_name(target.name, option)
    if required:
        raise click.UsageError("a name is missing")
    return ""


def _templates(app: App, given: Mapping[str, Any]) -> Mapping[str, Template]:
    """Return the templates of the scripts to write."""
    configuration = app.configuration
    directory = given["template_directory"] or configuration.get(
        "add.template_directory"
    )
    directories = [
        configuration.root / user_directory(configuration.environ) / "templates",
        configuration.root / SYSTEM / "templates",
    ]
    if directory:
        directories.insert(0, configuration.root / directory)
        if not directories[0].is_dir():
            raise TemplateError.no_directory(directory)
    name = given["template"] or configuration.get("add.template_name") or "pg"
    chosen: dict[str, Path] = {
        script: configuration.root / file
        for script, file in (
            *configuration.variables("add.templates").items(),
            *given["use"],
        )
    }
    found = templates.find(name, directories, chosen)
    without = set(given["without"])
    looked = ", ".join(map(str, directories))
    templates.check(found, tuple(without), name, looked)
    for script in sorted({*given["wanted"]} - {*found} - without):
        app.terminal.warn(f'there is no template "{name}" for {script} scripts')
    return {script: one for script, one in found.items() if script not in without}


def _variables(app: App, pairs: Sequence[tuple[str, str]]) -> Values:
    """Return the variables of templates; a repeated one is a list."""
    prefix = "add.variables."
    usual: Values = {}
    for key, one in app.configuration.settings.items():
        if key.startswith(prefix):
            values = [value or "" for value in one.values]
            name = one.spelled.rpartition(".")[2]
            usual[name] = values if one.multiple else values[0]
    given: Values = {}
    for key, value in pairs:
        before = given.get(key)
        if before is None:
            given[key] = value
        else:
            given[key] = [*([before] if isinstance(before, str) else before), value]
    return usual | given


def _finish(app: App, job: Job, notes: Words, prompt: str) -> None:
    """Ask for the note if there is none, and write everything."""
    if app.packaged and ("_project" in app.root.parts or not _writable(app.root)):
        raise AuthoringError.read_only(str(app.root))
    planner, now = identity.planner(app.configuration), datetime.now(UTC)
    first = job.works[0].draft
    for work in job.works:
        work.draft.data("-", planner, now)  # what is wrong is told before one writes
    note = layout.understood("\n\n".join(notes))
    if not note.strip():
        asked = prompt.format(label=first.label)
        lines = [asked, *(f"    {file}" for file in job.files)]
        note = editor.note(app.configuration, "\n".join(lines))
    for work in job.works:
        work.carry_out(note, planner, now)
        for line in (*work.listed, work.told):
            app.terminal.info(line)


def _tell(app: App, done: str, job: Job) -> None:
    """Tell machines what was planned, in which plans, and the scripts to look at."""
    if app.terminal.as_json:
        planned = [
            {"name": work.draft.label, "plan_file": work.draft.file.plan.source}
            for work in job.works
        ]
        app.terminal.json(**{done: planned}, files=job.files)


def _writable(root: Path) -> bool:
    return os.access(root, os.W_OK)


def _edit(app: App, job: Job, asked: bool | None, name: str) -> None:  # noqa: FBT001 - a flag of the command line
    """Open the scripts in the editor, if asked to or configured."""
    configuration = app.configuration
    usual = configuration.boolean("add.open_editor")
    if asked is None:
        asked = configuration.boolean(f"{name}.open_editor", default=usual)
    if asked:
        editor.edit(configuration, job.files)

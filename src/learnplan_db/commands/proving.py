"""
The command that proves the policies: prove.

May import lower floors; prints through the terminal only.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from learnplan_db.commands import candidates
from learnplan_db.commands.job import opened
from learnplan_db.commands.options import (
    App,
    command,
    json_option,
    override_options,
    pass_app,
    target_option,
)
from learnplan_db.errors import ProofError
from learnplan_db.evidence.text import as_text
from learnplan_db.proof.nouns import TABLES, VIEWS
from learnplan_db.proof.planned import demand_same_plan
from learnplan_db.proof.prover import prove as run
from learnplan_db.security.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnplan_db.commands.job import Job
    from learnplan_db.proof.nouns import Mutation, Proof

FILES = ("junit", "sarif", "html")


def _connecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command its target, and the options that override it."""
    for decorate in (
        override_options("registry", "dbname", "user", "host", "port"),
        target_option,
        click.argument(
            "words", nargs=-1, metavar="[TARGET]", shell_complete=candidates.targets
        ),
        pass_app,
    ):
        function = decorate(function)
    return function


def _extent(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command what it is to try."""
    every = (*TABLES, *VIEWS, "functions")
    for decorate in (
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            help="Name a role, as render does.",
        ),
        click.option(
            "--table",
            "tables",
            multiple=True,
            type=click.Choice(every),
            help="Only this table's cells; repeat for more.",
        ),
        click.option("--mutate", is_flag=True, help="Would a fault be noticed? Locks."),
        click.option(
            "--kind", "kinds", multiple=True, metavar="KIND", help="Only these mutants."
        ),
        click.option(
            "--read-only",
            is_flag=True,
            help="Only what reading can ask, of the rows that are there.",
        ),
        click.option("--cells-only", is_flag=True, help="Not what is left behind."),
        click.option("--exhaustive", is_flag=True, help="Every small world too."),
        click.option(
            "--random",
            type=click.IntRange(min=1),
            metavar="N",
            help="N random worlds too.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            help="Of --random, or of the rows that --read-only chooses.",
        ),
    ):
        function = decorate(function)
    return function


def _reports(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command the forms of its report."""
    for name, help_text in zip(
        FILES,
        ("JUnit's XML", "SARIF 2.1.0", "a page to look at"),
        strict=True,
    ):
        function = click.option(
            f"--{name}",
            type=click.Path(path_type=Path, dir_okay=False),
            help=f"Write {help_text} to this file.",
        )(function)
    function = click.option("--tap", is_flag=True, help="Print TAP.")(function)
    return json_option(function)


@command(
    "prove",
    "learnplan-db prove db:pg://db.example.org/app --html proof.html",
    "learnplan-db prove --exhaustive --random 500 --mutate",
    "learnplan-db prove --read-only db:pg://db.example.org/app",
)
@_connecting
@_extent
@_reports
def prove(
    app: App,
    *,
    words: tuple[str, ...],
    settings: tuple[str, ...],
    mutate: bool,
    tap: bool,
    **given: Any,
) -> None:
    """
    Prove that the policies do what the access matrix says; exit 1 on a finding.

    Everything is tried in one transaction, which is never committed. --mutate holds
    locks on all tables while it runs: it is for a database of your own. --read-only
    writes nothing at all, and is a part of a proof: it lists what it cannot ask.
    """
    _demand_sense(given, mutate=mutate, json_and_tap=tap and app.terminal.as_json)
    _demand_files_of_their_own(given)
    variables = Variables.from_settings(settings)
    directory = None if app.packaged else app.root / "policies"
    app.terminal.reserved |= tap  # progress makes room on standard output
    for name in FILES:
        _demand_writable(given[name])
    mutation = None
    with opened(app, given, words, changes=False) as job:
        demand_same_plan(job.connection, job.project)
        job.printer.proving(job.target.name)
        proof = _proof(job, directory, variables, given)
        if (mutate or given["kinds"]) and proof.findings:
            app.terminal.warn("no fault is made while there are findings")
        elif mutate or given["kinds"]:
            mutation = _mutation(app, job, directory, variables, given["kinds"])
    _report(app, proof, mutation, given, tap=tap)
    if proof.findings or (mutation and (mutation.counted("") or mutation.stale)):
        sys.exit(1)


def _demand_sense(given: dict[str, Any], *, mutate: bool, json_and_tap: bool) -> None:
    """Raise at options that contradict each other."""
    if json_and_tap:
        raise click.UsageError("--tap and --json both print to standard output")
    if given["read_only"]:
        writing = {"--mutate": mutate or given["kinds"]}
        writing |= {f"--{one}": given[one] for one in ("exhaustive", "random")}
        for option, wanted in writing.items():
            if wanted:
                text = f"{option} makes rows or faults, and --read-only writes nothing"
                raise click.UsageError(text)
    elif given["seed"] is not None and not given["random"]:
        text = "--seed is that of --random or --read-only, and neither is asked for"
        raise click.UsageError(text)


def _proof(
    job: Job, directory: Path | None, variables: Variables, given: dict[str, Any]
) -> Proof:
    """Prove as the options say."""
    if given["read_only"]:
        from learnplan_db.proof.reading import prove_reading  # noqa: PLC0415 - rare

        return prove_reading(
            job.connection,
            directory=directory,
            tables=given["tables"],
            variables=variables,
            seed=given["seed"],
            tell=job.printer,
        )
    return run(
        job.connection,
        directory=directory,
        tables=given["tables"],
        variables=variables,
        effects=not given["cells_only"],
        exhaustive=given["exhaustive"],
        random=given["random"] or 0,
        seed=given["seed"],
        tell=job.printer,
    )


def _mutation(
    app: App,
    job: Job,
    directory: Path | None,
    variables: Variables,
    kinds: tuple[str, ...],
) -> Mutation:
    """Make the mutants, and say which kinds this login cannot make."""
    from learnplan_db.mutation.mutants import skipped  # noqa: PLC0415 - slow import
    from learnplan_db.mutation.scoring import mutate  # noqa: PLC0415 - slow import

    mutation = mutate(
        job.connection,
        job.project,
        directory=directory,
        variables=variables,
        kinds=kinds,
        tell=job.printer,
    )
    for kind, reason in skipped(job.connection, variables).items():
        if not kinds or kind in kinds:
            app.terminal.warn(f'some mutants of kind "{kind}" are left out: {reason}')
    return mutation


def _demand_files_of_their_own(given: dict[str, Any]) -> None:
    """Raise if one report would overwrite another."""
    paths = [given[name].resolve() for name in FILES if given[name]]
    if len(set(paths)) < len(paths):
        raise click.UsageError("two reports cannot go to the same file")


def _demand_writable(path: Path | None) -> None:
    """Raise before anything is tried, if a report could not be written."""
    if path and not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ProofError.unwritable(str(path), "no such directory, or no permission")


def _report(
    app: App,
    proof: Proof,
    mutation: Mutation | None,
    given: dict[str, Any],
    *,
    tap: bool,
) -> None:
    """Write the files that were asked for, then print."""
    for name in FILES:
        if path := given[name]:
            try:
                path.write_text(_written(name, proof, mutation), encoding="utf-8")
            except OSError as error:
                raise ProofError.unwritable(str(path), str(error.strerror)) from error
            app.terminal.info(f"Wrote {path}")
    for name in proof.unproved:
        app.terminal.warn(f'nothing is said of "learnplan.{name}": it is not proved')
    if not app.terminal.reserved:
        app.terminal.emit(as_text(proof, mutation))
        return
    from learnplan_db.evidence import formats  # noqa: PLC0415 - slow import

    if tap:
        app.terminal.document(formats.as_tap(proof, mutation))
    else:
        app.terminal.json(**formats.as_json(proof, mutation))


def _written(name: str, proof: Proof, mutation: Mutation | None) -> str:
    """Return one report as a text."""
    from learnplan_db.evidence import formats  # noqa: PLC0415 - slow import

    if name == "junit":
        return formats.as_junit(proof, mutation)
    if name == "sarif":
        return json.dumps(formats.as_sarif(proof, mutation), indent=1) + "\n"
    from learnplan_db.evidence.page import as_html  # noqa: PLC0415 - slow import

    return as_html(proof, mutation)

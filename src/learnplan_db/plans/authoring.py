"""
Plan something new: a change with its scripts, a rework of one, a tag.

First all is checked, then the note is asked for, then files are written, the plan
last. What cannot be finished is taken back, so that nothing is left half written.
May import lower floors; never prints.
Source: Sqitch 1.3.1, held by tests/schema/test_authoring_oracle.py.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnplan_db.errors import AuthoringError
from learnplan_db.plans import planfile
from learnplan_db.plans.writing import NewFile, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from learnplan_db.model import Planner, Target
    from learnplan_db.plans.planfile import Draft
    from learnplan_db.plans.templates import Template

    Values = dict[str, str | list[str]]

KINDS = ("deploy", "revert", "verify")


@dataclass(frozen=True, slots=True)
class Work:
    """
    What is to be done for one plan.

    ``listed`` is told of the files, ``told`` of the plan, once all is written.
    """

    draft: Draft
    told: str
    files: tuple[NewFile, ...] = ()
    listed: tuple[str, ...] = ()

    def carry_out(self, note: str, planner: Planner, at: datetime) -> None:
        """
        Write the files, then the plan.

        Raises: PlanError, AuthoringError: one cannot be written; the others are gone.
        """
        self.draft.data(note, planner, at)
        with contextlib.ExitStack() as undo:
            for file in self.files:
                write(file, undo)
            self.draft.write(note, planner, at)
            undo.pop_all()


@dataclass(slots=True)
class Job:
    """What a command does, a work for each plan, and the files that it is about."""

    works: list[Work] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Gathered:
    """
    What targets come to: a draft for each plan, and its files.

    Targets may share files, also those of different plans: each is written once.
    """

    drafts: dict[Path, Draft] = field(default_factory=dict)
    files: dict[Path, dict[str, NewFile]] = field(default_factory=dict)

    def keep(self, plan: Path, file: NewFile) -> None:
        """Keep a file to write. Raises: AuthoringError: another has its place."""
        kept = self.files.setdefault(plan, {}).setdefault(file.shown, file)
        copies = kept.before is None and file.before is None
        if copies and kept.data != file.data:
            raise AuthoringError.two_sources(file.shown)

    def new(self, plan: Path) -> list[NewFile]:
        """Return the files of a plan that are not those of one before it."""
        before: set[str] = set()
        for other, files in self.files.items():
            if other == plan:
                return [file for name, file in files.items() if name not in before]
            before.update(files)
        return []


@dataclass(frozen=True, slots=True)
class Idea:
    """What a person wants to plan: its name and what it depends on."""

    name: str
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


def script(target: Target, kind: str, name: str) -> str:
    """Return the file of a script of any kind, as configured."""
    directory = target.directories.get(kind, target.top_dir / kind)
    return str(directory / f"{name}.{target.extension}")


def add(
    targets: Sequence[Target],
    idea: Idea,
    templates: Mapping[str, Template],
    variables: Mapping[str, str | list[str]],
) -> Job:
    """
    Return the job of adding a change to the plans of targets.

    Args: templates: by script; variables: of the templates.
    Raises: PlanError: the change cannot be added.
    """
    job, gathered = Job(), _Gathered()
    for target in targets:
        path = target.root / target.plan_file
        if path not in gathered.drafts:
            file = planfile.read(target)
            draft = planfile.adding(file, idea.name, idea.requires, idea.conflicts)
            gathered.drafts[path] = draft
        values = dict(variables) | _values(idea, gathered.drafts[path])
        for kind in sorted(templates):
            shown = script(target, kind, idea.name)
            data = templates[kind].filled(values).encode()
            gathered.keep(path, NewFile(shown, target.root / shown, data))
    for path, draft in gathered.drafts.items():
        files = gathered.files.get(path, {})
        new = [file for file in gathered.new(path) if not file.path.exists()]
        listed = tuple(
            f"Created {file.shown}"
            if file in new
            else f"Skipped {file.shown}: already exists"
            for file in files.values()
        )
        told = f'Added "{draft.label}" to {draft.file.plan.source}'
        job.works.append(Work(draft, told, tuple(new), listed))
        job.files += [shown for shown in files if shown not in job.files]
    return job


def _values(idea: Idea, draft: Draft) -> Values:
    """Return what every template may say."""
    return {
        "change": idea.name,
        "engine": "pg",
        "project": draft.file.plan.project,
        "requires": list(idea.requires),
        "conflicts": list(idea.conflicts),
    }


def rework(targets: Sequence[Target], idea: Idea) -> Job:
    """
    Return the job of reworking a change in the plans of targets.

    Raises: PlanError, AuthoringError: it cannot be reworked.
    """
    job, gathered, tags = Job(), _Gathered(), {}
    for target in targets:
        path = target.root / target.plan_file
        if path not in gathered.drafts:
            file = planfile.read(target)
            gathered.drafts[path], before = planfile.reworking(
                file, idea.name, idea.requires, idea.conflicts
            )
            tags[path] = before.reworked_tags[0]
        for new in _reworked(target, idea.name, tags[path]):
            gathered.keep(path, new)
        for kind in KINDS:
            shown = script(target, kind, idea.name)
            if shown not in job.files and (target.root / shown).exists():
                job.files.append(shown)
    for path, draft in gathered.drafts.items():
        told = f'Added "{draft.label}" to {draft.file.plan.source}.'
        job.works.append(Work(draft, told, tuple(gathered.new(path))))
    return job


def tag(targets: Sequence[Target], name: str, spec: str | None) -> Job:
    """Return the job of tagging a change in the plans of targets. Raises: PlanError."""
    job, seen = Job(), set()
    for target in targets:
        path = target.root / target.plan_file
        if path in seen:
            continue
        seen.add(path)
        file = planfile.read(target)
        draft, tagged = planfile.tagging(file, name, spec)
        told = f'Tagged "{tagged.name}" with {draft.label} in {file.plan.source}'
        job.works.append(Work(draft, told))
    return job


def unedited(targets: Sequence[Target], idea: Idea) -> Iterator[tuple[str, str]]:
    """Yield deploy scripts that are still those of the version before, with those."""
    for target in targets:
        plan = planfile.read(target).plan
        versions = [change for change in plan.changes if change.name == idea.name]
        tags = versions[-2].reworked_tags if len(versions) > 1 else ()
        shown = script(target, "deploy", idea.name)
        for one in tags[:1]:
            old = script(target, "reworked_deploy", f"{idea.name}@{one}")
            paths = (target.root / shown, target.root / old)
            if all(path.is_file() for path in paths):
                now, then = (path.read_bytes() for path in paths)
                if now == then:
                    yield shown, old


def _reworked(target: Target, name: str, tag: str) -> Iterator[NewFile]:
    """Yield the copies for the version before; the new revert is the old deploy."""
    held = {kind: _held(target, script(target, kind, name)) for kind in KINDS}
    reverts = held["revert"]
    for kind in KINDS:
        shown = script(target, f"reworked_{kind}", f"{name}@{tag}")
        data, before = held[kind], _held(target, shown)
        if data is not None and before not in {None, data}:
            raise AuthoringError.in_the_way(shown, name)
        if data is not None and before is None:
            yield NewFile(shown, target.root / shown, data)
        if kind == "revert" and before is not None:
            reverts = before
    if reverts is None:
        return
    shown = script(target, "revert", name)
    if held["deploy"] is None:
        raise AuthoringError.no_script(script(target, "deploy", name), name)
    yield NewFile(shown, target.root / shown, held["deploy"], held["revert"])


def _held(target: Target, shown: str) -> bytes | None:
    """Return what a file of the project holds, None if there is none."""
    try:
        return (target.root / shown).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuthoringError.not_written(shown, error) from error

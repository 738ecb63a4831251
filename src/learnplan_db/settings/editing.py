"""
Changes to a project's targets and engines: configuration, plan and directories.

May import lower floors; writes the project's files, prints nothing: what was created
is told to a callable.
Source: manuals sqitch-target and sqitch-engine; Sqitch 1.3.1, tried out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from learnplan_db.errors import ConfigError, PlanError, SettingsError
from learnplan_db.plans import objects
from learnplan_db.plans import plan as plans
from learnplan_db.settings import gitconfig, gitedit, targets
from learnplan_db.settings.gitedit import Edit
from learnplan_db.settings.targets import ENGINES, Choice
from learnplan_db.settings.uri import DatabaseUri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from learnplan_db.model import Plan, Target
    from learnplan_db.settings.configuration import Configuration

KINDS = ("deploy", "revert", "verify")
DIRECTORIES = (*KINDS, "reworked", *(f"reworked_{kind}" for kind in KINDS))


@dataclass(frozen=True, slots=True)
class Properties:
    """
    What options say of a target or an engine, by the names of the configuration.

    ``values`` has target, uri, engine, plan_file, registry, client, extension, top_dir,
    deploy_dir and so on, as far as they were given; ``variables`` are psql's.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        options: Mapping[str, str | None],
        directories: Mapping[str, str],
        variables: Mapping[str, str],
    ) -> Properties:
        """
        Return what options say, checked.

        Raises: SettingsError: there is no such engine or directory, or no such URI.
        """
        unknown = sorted(set(directories) - set(DIRECTORIES))
        if unknown:
            raise SettingsError.unknown_directory_names(unknown, DIRECTORIES)
        values = {key: value for key, value in options.items() if value}
        if "engine" in values:
            check_engine(values["engine"])
        if "uri" in values:
            _check_uri(values["uri"])
        for name in DIRECTORIES:
            if name in directories:
                values[f"{name}_dir"] = directories[name]
        for name, value in values.items():
            if name in {"plan_file", "top_dir"} or name.endswith("_dir"):
                values[name] = str(Path(value))
        return cls(values, dict(variables))

    def edits(self, section: str) -> list[Edit]:
        """Return what makes a section of the configuration say the same."""
        values = [Edit(f"{section}.{k}", value) for k, value in self.values.items()]
        named = self.variables.items()
        return values + [Edit(f"{section}.variables.{k}", value) for k, value in named]


def check_engine(engine: str) -> None:
    """Raise unless there is such an engine."""
    if engine not in ENGINES:
        raise SettingsError.unknown_engine(engine, ENGINES)


def _check_uri(text: str) -> None:
    """Raise unless a text is a URI of a database that Sqitch knows."""
    if not text.lower().startswith("db:"):
        raise SettingsError.bad_uri(text, "no database")
    engine = DatabaseUri.parse(text).engine
    if engine not in ENGINES:
        raise SettingsError.bad_uri(text, f'unknown engine "{engine or ""}"')


def change(path: Path, edits: Sequence[Edit], shown: str | None = None) -> None:
    """
    Change keys of a configuration file; makes the file, and its directory, if need be.

    Raises: ConfigError: it cannot be read, changed or written; it stays as it was.
    """
    shown = shown or str(path)
    text = gitconfig.read(path, shown) or gitconfig.Text("")
    content = gitedit.apply(text.content, list(edits), shown)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError.unwritable(shown, error) from error
    gitedit.write(path, gitconfig.Text(content, text.newline), shown)


def rename(
    path: Path, names: Mapping[str, str | None], shown: str, missing: ConfigError
) -> None:
    """
    Rename sections of a file, or remove those whose new name is None.

    Args: missing: what to raise if the first is not there; the others need not be.
    Raises: ConfigError: that, or the file cannot be read or written.
    """
    text = gitconfig.read(path, shown) or gitconfig.Text("")
    content = text.content
    for number, (old, new) in enumerate(names.items()):
        edited = gitedit.rename_section(content, old, new, shown)
        if edited is None and not number:
            raise missing
        content = content if edited is None else edited
    gitedit.write(path, gitconfig.Text(content, text.newline), shown)


@dataclass(frozen=True, slots=True)
class Workshop:
    """A project under change: its configuration as read, and who is told."""

    configuration: Configuration
    tell: Callable[[str], None]

    @property
    def root(self) -> Path:
        """Return the project's directory."""
        return self.configuration.root

    @property
    def path(self) -> Path:
        """Return the file that changes go to."""
        return self.configuration.file("local")

    @property
    def shown(self) -> str:
        """Return that file's name as messages show it."""
        named = self.configuration.environ.get("SQITCH_CONFIG")
        return named or self.path.name

    def add(
        self, section: str, edits: Sequence[Edit], chosen: Choice, props: Properties
    ) -> None:
        """
        Write a new target or engine, its plan if it has another, and directories.

        Raises: SettingsError: no plan says the project's name; nothing was written.
        """
        target = targets.target_of(self.configuration, chosen, props.values)
        project, uri = self.project(target)
        change(self.path, [*edits, *props.edits(section)], self.shown)
        self.write_plan(target, project, uri)
        self.make_directories(target, props)

    def alter(self, section: str, chosen: Choice, props: Properties) -> None:
        """Change what the configuration says of a target or engine."""
        target = targets.target_of(self.configuration, chosen, props.values)
        if edits := props.edits(section):
            change(self.path, edits, self.shown)
        self.make_directories(target, props)

    def default(self) -> Choice:
        """Return the default target; one without an engine if none is configured."""
        get = self.configuration.get
        if get("core.engine") or get("core.target"):
            return targets.choose(self.configuration)
        return Choice("db:", DatabaseUri.parse("db:"))

    def project(
        self, target: Target, name: str | None = None
    ) -> tuple[str, str | None]:
        """
        Return a project's name and URI, from the default target's plan or this one's.

        Raises: SettingsError: neither says them, and the name is not given.
        """
        default = targets.target_of(self.configuration, self.default())
        found = self._plan(default) or self._plan(target)
        if found:
            return name or found.project, found.pragmas.get("uri")
        if not name:
            raise SettingsError.no_plan_project(str(target.plan_file))
        return name, None

    def _plan(self, target: Target) -> Plan | None:
        """Return the plan of a target, if it has one that can be read."""
        try:
            data = (self.root / target.plan_file).read_bytes()
            return plans.parse(data, str(target.plan_file))
        except (OSError, PlanError):
            return None

    def write_plan(self, target: Target, project: str, uri: str | None) -> None:
        """
        Write the plan of a target, if there is none.

        Raises: SettingsError: there is one of another project, or something else.
        """
        shown = str(target.plan_file)
        path = self.root / target.plan_file
        if path.exists():
            if not path.is_file():
                raise SettingsError.not_a_plan(shown, "file")
            there = self._plan(target)
            if not there:
                raise SettingsError.not_a_plan(shown, "valid plan file")
            if there.project != project:
                raise SettingsError.other_project(there.project, shown)
            return
        self.mkdir(target.plan_file.parent)
        pragmas = ["%syntax-version=1.0.0", f"%project={project}"]
        pragmas += [f"%uri={objects.canonical(objects.escaped(uri))}"] if uri else []
        try:
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write("\n".join(pragmas) + "\n\n")
        except OSError as error:
            raise ConfigError.unwritable(shown, error) from error
        self.tell(f"Created {shown}")

    def make_directories(self, target: Target, props: Properties) -> None:
        """Make the directories of a target's scripts, as far as they are missing."""
        values = props.values
        found: list[Path] = []
        for kind in KINDS:
            # With --top-dir Sqitch looks at no --dir, and so do we: same command,
            # same directories.
            own = target.directories[kind]
            found.append(Path(values["top_dir"]) / kind if "top_dir" in values else own)
        top = values.get("reworked_dir") or values.get("top_dir")
        for kind in KINDS:
            key = f"reworked_{kind}"
            own = target.directories[key]
            named = values.get(f"{key}_dir")
            found.append(Path(named or Path(top) / kind) if top else own)
        for directory in dict.fromkeys(found):
            self.mkdir(directory)

    def mkdir(self, directory: Path) -> None:
        """
        Make a directory with those above it, and tell so.

        Raises: ConfigError: it cannot be made.
        """
        path = self.root / directory
        if path.is_dir():
            return
        try:
            path.mkdir(parents=True)
        except OSError as error:
            raise ConfigError.bad_directory(str(directory), error) from error
        self.tell(f"Created {directory}/")

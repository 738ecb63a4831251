"""
A new project: its configuration file, its plan and its directories.

Overwrites nothing that is there. May import lower floors; never prints.
Source: manual sqitch-init; Sqitch 1.3.1, whose files are the same byte for byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors import ConfigError, SettingsError
from learnplan_db.plans import grammar
from learnplan_db.settings import gitconfig, gitedit, targets
from learnplan_db.settings.editing import DIRECTORIES, Properties, Workshop
from learnplan_db.settings.gitedit import Edit
from learnplan_db.settings.targets import Choice
from learnplan_db.settings.uri import DatabaseUri

if TYPE_CHECKING:
    from learnplan_db.model import Target

# Sqitch's order of keys in the file.
_CORE = (
    "extension",
    *(f"{kind}_dir" for kind in DIRECTORIES if not kind.startswith("reworked")),
    *(f"{kind}_dir" for kind in DIRECTORIES if kind.startswith("reworked")),
)


def initialize(
    shop: Workshop, project: str, uri: str | None, props: Properties
) -> None:
    """
    Make a directory a project; what is there already stays as it is.

    Raises: SettingsError: the name is none, or the plan is another project's.
    """
    if not grammar.is_project_name(project):
        raise SettingsError.bad_project_name(project)
    chosen = _chosen(shop, props)
    target = targets.target_of(shop.configuration, chosen, props.values)
    if not shop.path.is_file():
        _write_config(shop, chosen, target, props)
    _, known = shop.project(target, project)
    shop.write_plan(target, project, uri or known)
    shop.make_directories(target, props)


def _chosen(shop: Workshop, props: Properties) -> Choice:
    """Return the target that the new project will have."""
    configuration = shop.configuration
    engine = props.values.get("engine")
    name = props.values.get("target")
    if name and ":" not in name and not configuration.get(f"target.{name}.uri"):
        engine = engine or configuration.get("core.engine")
        if not engine:
            raise ConfigError.no_engine(list(configuration.looked))
        return Choice(name, DatabaseUri.parse(f"db:{engine}:"))
    if not name and engine:
        name = configuration.get(f"engine.{engine}.target")
        name = name or configuration.get("core.target") or f"db:{engine}:"
    return targets.choose(configuration, name) if name else shop.default()


def _write_config(
    shop: Workshop, chosen: Choice, target: Target, props: Properties
) -> None:
    """Write a configuration with what was given, the rest as comments."""
    values = props.values
    engine = values.get("engine") or chosen.uri.engine
    edits = [Edit("core.engine", engine)] if engine else []
    comments = [] if engine else ["\tengine = "]
    for key, shown in (("plan_file", target.plan_file), ("top_dir", target.top_dir)):
        if key in values:
            edits.append(Edit(f"core.{key}", values[key]))
        else:
            comments.append(f"\t{key} = {shown}")
    edits += [Edit(f"core.{key}", values[key]) for key in _CORE if key in values]
    named = props.variables.items()
    edits += [Edit(f"core.variables.{key}", value) for key, value in named]
    content = _section("", edits, comments, "[core]", shop.shown)
    if engine:
        content = _engine(content, chosen, target, props, shop.shown)
    try:
        shop.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError.unwritable(shop.shown, error) from error
    gitedit.write(shop.path, gitconfig.Text(content), shop.shown)
    shop.tell(f"Created {shop.shown}")


def _engine(
    content: str, chosen: Choice, target: Target, props: Properties, shown: str
) -> str:
    """Return the text with the section of the engine, and of a named target."""
    values = props.values
    engine = values.get("engine") or chosen.uri.engine
    section = f"engine.{engine}"
    defaults = {
        "target": chosen.name,
        "registry": target.registry,
        "client": target.client,
    }
    edits = [Edit(f"{section}.{k}", values[k]) for k in defaults if k in values]
    comments = [f"\t{k} = {text}" for k, text in defaults.items() if k not in values]
    content = _section(content, edits, comments, f'[engine "{engine}"]', shown)
    name = values.get("target", ":")
    if ":" not in name:
        edit = Edit(f"target.{name}.uri", str(chosen.uri))
        content = gitedit.apply(content, [edit], shown)
    return content


def _section(
    content: str, edits: list[Edit], comments: list[str], header: str, shown: str
) -> str:
    """Return the text with some keys, and comments that name the others."""
    content = gitedit.apply(content, edits, shown)
    return gitedit.comment(content, comments if edits else [header, *comments])

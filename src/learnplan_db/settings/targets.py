"""
Which database of which project is meant, with Sqitch's precedence.

May import lower floors; opens nothing but configuration files.
Source: manuals sqitch-target, sqitch-engine and sqitch-configuration; URI::db.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from learnplan_db.errors import ConfigError, without_password
from learnplan_db.model import Target
from learnplan_db.settings import config, identity
from learnplan_db.settings.configuration import Configuration
from learnplan_db.settings.uri import DatabaseUri

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("deploy", "revert", "verify")
ENGINES = (
    *("pg", "sqlite", "mysql", "oracle", "firebird", "vertica"),
    *("exasol", "snowflake"),
)
CLIENTS = {
    "pg": "psql",
    "sqlite": "sqlite3",
    "mysql": "mysql",
    "oracle": "sqlplus",
    "firebird": "isql",
    "vertica": "vsql",
    "exasol": "exaplus",
    "snowflake": "snowsql",
}
# What a script sees: later ones win; engine and target come next, --set last.
SECTIONS = {
    "deploy": ("core", "deploy"),
    "revert": ("core", "deploy", "revert"),
    "verify": ("core", "deploy", "verify"),
    "check": ("core", "deploy", "check"),
}
_KEY_VALUE = re.compile(r"\s*[a-z_]+\s*=")
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Choice:
    """
    A target before anything of it is used: a name and a URI.

    ``conninfo`` is set when the word was libpq's: ``postgresql://`` or ``key=value``.
    """

    name: str
    uri: DatabaseUri = field(repr=False)
    conninfo: str | None = field(default=None, repr=False)


def resolve(
    project: Path | Configuration,
    name: str | None = None,
    overrides: Mapping[str, str] | None = None,
    *,
    any_engine: bool = False,
    offline: bool = False,
) -> Target:
    """
    Return the target that a word of the command line means, or the default one.

    Args: project: the configuration, or the directory that it is to be read for;
        name: a configured target's name, a URI or conninfo; overrides: options of the
        command line by Target's or libpq's names (registry, client, host, port,
        dbname, user, plan_file, top_dir, extension, deploy_dir, ...); any_engine:
        plan and scripts are meant, so that another engine's target will do; offline:
        nobody will connect, so that there is no conninfo.
    Raises: ConfigError: there is no such target, or it is no PostgreSQL database's.
    """
    if not isinstance(project, Configuration):
        project = Configuration.load(project)
    given = dict(overrides or {})
    chosen = choose(project, name, given)
    engine = chosen.uri.engine
    if engine != "pg" and any_engine:
        return target_of(project, chosen, given)
    if engine != "pg":
        raise ConfigError.other_engine(str(engine), chosen.name)
    conninfo = "" if offline else _conninfo(project, chosen, given)
    return target_of(project, chosen, given, conninfo, _destination(project, chosen))


def choose(
    configuration: Configuration,
    name: str | None = None,
    overrides: Mapping[str, str] = NOTHING,
) -> Choice:
    """
    Return name and URI of the target that a word means, or of the default one.

    Raises: ConfigError: there is no such target, or nothing says which engine.
    """
    name = name or configuration.environ.get("SQITCH_TARGET") or default(configuration)
    text = None
    if ":" in name and not _KEY_VALUE.match(name):
        if name.startswith(("postgresql://", "postgres://")):
            text = config.conninfo(name)
        uri, name = DatabaseUri.parse(name), ""
    elif "=" in name and not configuration.get(f"target.{name}.uri"):
        text = config.conninfo(name)
        return Choice(config.display(text), DatabaseUri.parse("db:pg:"), text)
    else:
        uri = DatabaseUri.parse(_configured(configuration, name))
    if not uri.engine:
        raise ConfigError.uri_without_engine(str(uri.without_password()))
    for part in ("user", "host", "port", "dbname"):
        if part in overrides:
            if overrides[part] != without_password(overrides[part]):
                raise ConfigError.uri_as_part(part)
            uri = uri.with_part(part, overrides[part])
    return Choice(name or str(uri.without_password()), uri, text)


def default(configuration: Configuration) -> str:
    """
    Return the target that configuration says when the command line says none.

    Raises: ConfigError: it says none, nor an engine.
    """
    if core := configuration.get("core.target"):
        return core
    engine = (configuration.get("core.engine") or "").rstrip()
    if not engine:
        if configuration.initialized:
            raise ConfigError.no_engine(list(configuration.looked))
        raise ConfigError.no_configuration(list(configuration.looked))
    return configuration.get(f"engine.{engine}.target") or f"db:{engine}:"


def _configured(configuration: Configuration, name: str) -> str:
    """Return the URI of a target of the configuration."""
    if uri := configuration.get(f"target.{name}.uri"):
        return uri
    where = configuration.where
    if configuration.variables(f"target.{name}"):
        raise ConfigError.target_without_uri(name, where)
    raise ConfigError.unknown_target(name, configuration.names("target", "uri"), where)


def target_of(
    configuration: Configuration,
    chosen: Choice,
    overrides: Mapping[str, str] = NOTHING,
    conninfo: str = "",
    shown: str | None = None,
) -> Target:
    """Return all that configuration says of a choice, of whatever engine."""
    engine = chosen.uri.engine or ""
    places = [
        f"target.{chosen.name}",
        *([f"engine.{engine}"] if engine else []),
        "core",
    ]

    def fetch(key: str) -> str | None:
        if overrides.get(key):
            return overrides[key]
        found = (configuration.get(f"{place}.{key}") for place in places)
        return next((value for value in found if value and value != "0"), None)

    top = Path(fetch("top_dir") or ".")
    reworked = Path(fetch("reworked_dir") or top)
    directories = {kind: Path(fetch(f"{kind}_dir") or top / kind) for kind in KINDS}
    for kind in KINDS:
        key = f"reworked_{kind}"
        directories[key] = Path(fetch(f"{key}_dir") or reworked / kind)
    return Target(
        name=shown or chosen.name,
        uri=str(chosen.uri),
        conninfo=conninfo,
        root=configuration.root,
        top_dir=top,
        plan_file=Path(fetch("plan_file") or top / "sqitch.plan"),
        directories=directories,
        reworked_dir=reworked,
        extension=fetch("extension") or "sql",
        registry=fetch("registry") or "sqitch",
        client=fetch("client") or CLIENTS.get(engine, ""),
        variables=configuration.variables(f"engine.{engine}.variables")
        | configuration.variables(f"target.{chosen.name}.variables"),
        guard=configuration.boolean("learnplan.guard"),
    )


def _conninfo(
    configuration: Configuration, chosen: Choice, overrides: Mapping[str, str]
) -> str:
    """Return what libpq gets of URI, command line and environment."""
    base = chosen.conninfo
    if base is None and "," in (chosen.uri.authority or ""):
        base = config.conninfo(str(chosen.uri))  # several hosts, as libpq reads them
    if base is None:
        if chosen.uri.authority is not None:
            config.usable(f"postgresql:{chosen.uri.opaque.partition('?')[0]}")
        parts = _parts(chosen.uri)
    else:
        names = ("user", "host", "port", "dbname")
        parts = {name: overrides[name] for name in names if name in overrides}
    for key, variable in (("user", "SQITCH_USERNAME"), ("password", "SQITCH_PASSWORD")):
        if value := configuration.environ.get(variable):
            parts[key] = value
    return config.usable(config.joined(base or "", **parts))


def _parts(uri: DatabaseUri) -> dict[str, str]:
    """Return libpq's names and values of a URI's parts."""
    default_port = "5433" if (uri.scheme or "").lower().startswith("yugabyte") else None
    parts = {
        "user": uri.user,
        "password": uri.password,
        "host": uri.host,
        "port": uri.port or default_port,
        "dbname": uri.dbname,
    }
    return {k: v for k, v in parts.items() if v} | uri.parameters


def _destination(configuration: Configuration, chosen: Choice) -> str:
    """Return a target's name in messages: a URI with the database that libpq takes."""
    if ":" not in chosen.name or chosen.uri.dbname or chosen.conninfo is not None:
        return chosen.name
    environ = configuration.environ
    name = (
        environ.get("PGDATABASE")
        or environ.get("SQITCH_USERNAME")
        or chosen.uri.user
        or environ.get("PGUSER")
        or environ.get("SQITCH_ORIG_SYSUSER")
        or identity.system_user(environ)
    )
    return str(chosen.uri.without_password().with_dbname(name))


def script_variables(
    configuration: Configuration,
    target: Target,
    command: str,
    given: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """
    Return the psql variables of a command's scripts.

    Args: command: deploy, revert, verify or check; rebase and checkout revert and
        deploy, so that they ask twice; given: what --set (and --set-deploy,
        --set-revert) says, which wins.
    """
    found: dict[str, str] = {}
    for section in SECTIONS[command]:
        found |= configuration.variables(f"{section}.variables")
    return found | dict(target.variables) | dict(given or {})


def all_words(configuration: Configuration) -> list[str]:
    """
    Return a word for each target of the configuration, each target once.

    The default comes first, then the named ones, then the engines' in file order.
    """
    words: dict[str, None] = {}
    engine = (configuration.get("core.engine") or "").rstrip()
    if configuration.get("core.target") or engine:
        words[default(configuration)] = None
    words |= dict.fromkeys(configuration.names("target", "uri"))
    named = configuration.names("engine", "target")
    words |= {configuration.get(f"engine.{key}.target") or "": None for key in named}
    parts = (key.split(".") for key in configuration.settings)
    keys = (part[1] for part in parts if part[0] == "engine")
    words |= {f"db:{key}:": None for key in keys if key not in named}
    return [word for word in words if word]


def all_targets(
    configuration: Configuration,
    overrides: Mapping[str, str] | None = None,
    *,
    any_engine: bool = False,
    offline: bool = False,
) -> list[Target]:
    """
    Return all targets of the configuration: what --all means.

    Raises: ConfigError: one of them is no PostgreSQL database's.
    """
    return [
        resolve(configuration, word, overrides, any_engine=any_engine, offline=offline)
        for word in all_words(configuration)
    ]

"""
What a shell may offer for a word of the command line: changes, tags, targets, formats.

Reads configuration and plan and nothing else, so that it is quick: no database is
connected to and no server started. What cannot be read offers nothing, since a shell
has no place for an error. May import lower floors; never prints.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from learnplan_db.commands.arguments import Wanted
from learnplan_db.errors import LearnplanError
from learnplan_db.plans.reading import read_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    import click
    from click.shell_completion import CompletionItem

    Complete = Callable[[click.Context, click.Parameter, str], list[Any]]

ENDS = ("@HEAD", "@ROOT")


def _app(ctx: click.Context) -> Any:
    return ctx.find_root().obj


def _starting(words: list[str], incomplete: str) -> list[str]:
    return [word for word in dict.fromkeys(words) if word.startswith(incomplete)]


def changes(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return names of changes and tags of the plan that the command line means."""
    found: list[str] = []
    with suppress(LearnplanError, OSError):
        target, overrides = ctx.params.get("target"), ctx.params.get("overrides") or {}
        wanted = Wanted(target, overrides)
        plan = read_plan(_app(ctx).arguments((), wanted, offline=True).target)
        found += [change.name for change in plan.changes]
        found += [f"@{tag.name}" for change in plan.changes for tag in change.tags]
    return _starting([*found, *ENDS], incomplete)


def targets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return names of targets and engines of the configuration."""
    found: list[str] = []
    with suppress(LearnplanError, OSError):
        configuration = _app(ctx).configuration
        found += configuration.names("target", "uri")
        found += configuration.names("engine", "target")
    return _starting(found, incomplete)


def words(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return changes, tags, targets and engines: what most commands take."""
    both = changes(ctx, param, incomplete) + targets(ctx, param, incomplete)
    return list(dict.fromkeys(both))


def keys(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the keys that the configuration has."""
    with suppress(LearnplanError, OSError):
        return _starting(sorted(_app(ctx).configuration.settings), incomplete)
    return []


def files(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Let the shell offer files."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - slow import

    return [CompletionItem(incomplete, type="file")]


def any_of(*choices: str) -> Complete:
    """Return what offers some words, where others are allowed too."""
    return lambda _, __, incomplete: _starting(list(choices), incomplete)

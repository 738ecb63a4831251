"""The words of a command line: changes, targets, engines and plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_project import CONF, load
from learnplan_db.commands import arguments
from learnplan_db.commands.arguments import Wanted
from learnplan_db.errors import ConfigError
from learnplan_db.settings.uri import DatabaseUri

if TYPE_CHECKING:
    from pathlib import Path


def read(root: Path, *words: str, **wanted: object) -> arguments.Arguments:
    """Return what words mean in a project."""
    return arguments.read(load(root), words, Wanted(**wanted))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "names", "changes"),
    [
        ([], ["dev"], []),
        (["users"], ["dev"], ["users"]),
        (["users", "@v1"], ["dev"], ["users", "@v1"]),
        (["db:pg:x", "other"], ["db:pg:x"], ["other"]),
        (["pg"], ["dev"], []),
        (["dev.plan", "users"], ["dev"], ["users"]),
        (["db:pg:x", "dev", "users"], ["db:pg:x", "dev"], ["users"]),
        (["dev", "dev"], ["dev"], []),
        (["host=h dbname=x"], ["db:pg://h/x"], []),
    ],
)
def test_words_are_changes_targets_engines_and_plans(
    words: list[str], names: list[str], changes: list[str], somebodys: Path
) -> None:
    """A word that names a target switches the plan for the words after it (5.7)."""
    found = read(somebodys, *words)
    assert names == [target.name for target in found.targets]
    assert changes == list(found.changes)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["userz"], 'unknown argument "userz"; did you mean "users"?'),
        (["nope", "nada"], "unknown arguments: nope, nada"),
        (["db:pg:x", "users"], 'unknown argument "users"'),
        (["sqitch.conf"], 'unknown argument "sqitch.conf"'),
    ],
)
def test_unknown_words_are_told(words: list[str], said: str, somebodys: Path) -> None:
    """What is none of these is named, with the nearest that would do."""
    with pytest.raises(ConfigError) as caught:
        read(somebodys, *words)
    assert said == caught.value.message


def test_all_is_all_targets_and_nothing_else(somebodys: Path) -> None:
    """--all, and the setting of that name, take each target once (5.7)."""
    content = CONF.replace('[target "lite"]\n\turi = db:sqlite:x\n', "")
    more = '[target "b"]\n\turi = db:pg:b\n[tag]\n\tall = yes\n'
    (somebodys / "sqitch.conf").write_text(content + more)
    assert ["dev", "b"] == [t.name for t in read(somebodys, every=True).targets]
    assert ["dev", "b"] == [t.name for t in read(somebodys, command="tag").targets]
    assert ["b"] == [t.name for t in read(somebodys, "b", command="tag").targets]
    with pytest.raises(ConfigError, match="cannot specify both --all"):
        read(somebodys, "b", every=True)


def test_other_engines_have_plans_too(somebodys: Path) -> None:
    """A command that needs no database takes the targets of all engines."""
    found = read(somebodys, "lite", any_engine=True)
    assert "sqlite" == DatabaseUri.parse(found.target.uri).engine
    names = [one.name for one in read(somebodys, every=True, any_engine=True).targets]
    assert ["dev", "lite"] == names


def test_too_much_is_warned_about(somebodys: Path) -> None:
    """The first target is used, and it is said which (5.7)."""
    found = read(somebodys, "db:pg:x", "dev", "users", "lists")
    assert "db:pg:x" == found.target.name
    assert [
        "Too many targets specified; connecting to db:pg:x",
        'Too many changes specified; deploying to "users"',
    ] == found.warnings("deploying to", "users")
    assert [] == read(somebodys, "users").warnings("deploying to", "users")
    assert 1 == len(read(somebodys, "users").warnings("to", "users", named="users"))

"""Targets and variables; no database, no Sqitch."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from psycopg.conninfo import conninfo_to_dict

from fix_project import load
from learnplan_db.commands.options import App
from learnplan_db.errors import (
    AuthoringError,
    ConfigError,
    LearnplanError,
    PlanError,
)
from learnplan_db.settings import config, identity, targets
from learnplan_db.settings.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("word", "overrides", "expected"),
    [
        ("db:pg:", {}, {}),
        ("db:pg:name", {}, {"dbname": "name"}),
        ("db:pg:///name", {}, {"dbname": "name"}),
        ("db:pg:name?host=/srv/x&port=1", {}, {"dbname": "name", "host": "/srv/x", "port": "1"}),
        ("db:pg://%2Fsrv%2Fx/n", {}, {"host": "/srv/x", "dbname": "n"}),
        ("db:pg:///?service=svc", {}, {"service": "svc"}),
        ("db:pg://u:p%40%23@h:1/n", {}, {"user": "u", "password": "p@#", "host": "h", "port": "1", "dbname": "n"}),
        ("db:pg://u:a#b@h/n", {}, {"user": "u", "password": "a#b", "host": "h", "dbname": "n"}),
        ("db:yugabyte://h/n", {}, {"host": "h", "port": "5433", "dbname": "n"}),
        ("db:pg://a:1,b:2/n", {}, {"host": "a,b", "port": "1,2", "dbname": "n"}),
        ("postgresql://u@h/n", {"dbname": "o"}, {"user": "u", "host": "h", "dbname": "o"}),
        ("host=h dbname=n", {"port": "3"}, {"host": "h", "dbname": "n", "port": "3"}),
        ("dev", {"host": "h", "user": "v"}, {"user": "v", "password": "secret", "host": "h", "dbname": "devdb"}),
        ("db:pg:x", {"dbname": "a b", "host": "/srv/x"}, {"dbname": "a b", "host": "/srv/x"}),
    ],
)  # fmt: skip
def test_libpq_gets_what_the_target_says(
    word: str, overrides: dict[str, str], expected: dict[str, str], somebodys: Path
) -> None:
    """All ways to name a database, and the command line's parts (5.6)."""
    target = targets.resolve(load(somebodys), word, overrides)
    assert expected == conninfo_to_dict(target.conninfo)


def test_the_environment_says_who_connects(somebodys: Path) -> None:
    """SQITCH_USERNAME and SQITCH_PASSWORD win over URI and command line (5.6)."""
    environ = {"SQITCH_USERNAME": "env", "SQITCH_PASSWORD": "word"}
    found = load(somebodys, **environ)
    target = targets.resolve(found, "dev", {"user": "given"})
    known = conninfo_to_dict(target.conninfo)
    assert ("env", "word") == (known["user"], known["password"])


@pytest.mark.parametrize(
    "word",
    [
        "db:pg://u:geheim@h/d",
        "db:pg://u:ge#geheim@h/d",
        "db:pg:///d?password=geheim",
        "postgresql://u:geheim@h/d?sslpassword=geheim",
        "host=h password=geheim",
        "db:pg://u:ge@geheim@h/d",
        "db:pg://u:ge/geheim@h/d",
        "db:mysql://u:geheim@h/d",
        "foo://u:geheim@h/d",
    ],
)
def test_no_password_is_shown(word: str, somebodys: Path) -> None:
    """Neither a target's name nor an error holds a password (style, 8)."""
    try:
        target = targets.resolve(load(somebodys), word)
        shown = f"{target.name} {target!r}"
    except LearnplanError as error:
        shown = str(error)
    assert "geheim" not in shown


@pytest.mark.parametrize(
    "word", ["xx://u:geheim@h/d", "xx://u:ge@geheim@h", "x://h?password=geheim&a=b"]
)
def test_no_password_is_shown_of_a_word_that_is_nothing(word: str) -> None:
    """A target with a slip in its scheme is shown, and its password is not."""
    shown = str(ConfigError.unknown_arguments(["x", word], []))
    assert "geheim" not in shown
    assert word.partition(":")[0] in shown


def test_unknown_connection_option_is_named(somebodys: Path) -> None:
    """What PostgreSQL's library refuses is an error with what to do."""
    with pytest.raises(ConfigError, match='invalid connection option "junk"') as caught:
        targets.resolve(load(somebodys), "db:pg:///d?junk=1")
    assert "remove it" in str(caught.value.fix)


@pytest.mark.parametrize(
    "cause", [PlanError.not_written, AuthoringError.not_written, ConfigError.unwritable]
)
def test_full_disk_asks_for_room_and_not_for_permission(
    cause: Callable[[str, OSError], LearnplanError],
) -> None:
    """The remedy is that of the reason."""
    with pytest.raises(OSError, match="No space") as caught:
        Path("/dev/full").write_text("x")
    assert "make room" in str(cause("f", caught.value).fix)
    denied = PermissionError(errno.EACCES, "Permission denied")
    assert "permission" in str(cause("f", denied).fix)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("lite", 'target "lite" is for engine "sqlite"'),
        ("db:mysql:x", 'target "db:mysql:x" is for engine "mysql"'),
        ("devv", 'cannot find target "devv"; did you mean "dev"?'),
        ("hollow", 'no URI associated with target "hollow"'),
        ("db:", 'no engine specified by URI "db:"'),
    ],
)
def test_what_is_no_target_here_is_refused(
    word: str, said: str, somebodys: Path
) -> None:
    """Other engines, unknown names and halves of targets are told apart."""
    with pytest.raises(ConfigError) as caught:
        targets.resolve(load(somebodys), word)
    assert caught.value.message.startswith(said)


def test_a_directory_without_a_project_is_told(tmp_path: Path) -> None:
    """Where nothing is configured, the error says where it looked (5.6)."""
    with pytest.raises(ConfigError, match="no project configuration found") as caught:
        targets.resolve(load(tmp_path))
    assert str(tmp_path / "sqitch.conf") in str(caught.value.where)
    (tmp_path / "sqitch.conf").write_text("[core]\n")
    with pytest.raises(ConfigError, match="no engine specified"):
        targets.resolve(load(tmp_path))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("deploy", {"a": "core", "b": "deploy", "c": "deploy", "d": "engine"}),
        ("revert", {"a": "core", "b": "deploy", "c": "revert", "d": "engine"}),
        ("verify", {"a": "core", "b": "deploy", "c": "deploy", "d": "engine"}),
        ("check", {"a": "core", "b": "deploy", "c": "deploy", "d": "engine"}),
    ],
)
def test_later_variables_win(
    command: str, expected: dict[str, str], somebodys: Path
) -> None:
    """The section of core, deploy, the command, engine, target, then --set (5.4)."""
    configuration = load(somebodys)
    target = targets.resolve(configuration)
    found = targets.script_variables(configuration, target, command, {"f": "given"})
    rest = {"e": "target", "f": "given", "Case": "core"}
    assert expected | rest == found
    given = targets.script_variables(configuration, target, command, {"e": "given"})
    assert "given" == given["e"]


def test_the_guard_is_off_unless_asked_for(somebodys: Path) -> None:
    """Somebody else's project behaves as its owner expects; ours is guarded."""
    assert not targets.resolve(load(somebodys)).guard
    packaged = Configuration.load(config.project_root(None), {"HOME": "/nowhere"})
    assert targets.resolve(packaged, "db:pg:x").guard


def test_a_planner_that_would_break_the_plan_is_refused(somebodys: Path) -> None:
    """A # in a name would begin the note (10.3, T16); the registry can hold it."""
    found = load(somebodys, SQITCH_FULLNAME="C# Dee", SQITCH_EMAIL="c@d")
    assert "C# Dee <c@d>" == str(identity.committer(found))
    with pytest.raises(ConfigError, match="#") as caught:
        identity.planner(found)
    assert "environment variable SQITCH_FULLNAME" == caught.value.where


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"SQITCH_TARGET": "db:pg:t", "DATABASE_URL": "postgresql:///u"}, "db:pg:t"),
        ({"DATABASE_URL": "postgresql://h/u"}, "db:postgresql://h/u"),
    ],
)
def test_the_packaged_plan_has_its_own_default(
    environ: dict[str, str], name: str
) -> None:
    """Without -C: SQITCH_TARGET, then DATABASE_URL."""
    with patch.dict(os.environ, {"HOME": "/nowhere", **environ}, clear=True):
        assert name == App().target().name
        found = App().arguments(["schema_learnplan"])
        assert (name, ("schema_learnplan",)) == (found.target.name, found.changes)


def test_a_named_directory_never_looks_at_database_url(somebodys: Path) -> None:
    """With -C the rules are Sqitch's, which knows no DATABASE_URL."""
    environ = {"HOME": "/nowhere", "DATABASE_URL": "postgresql://h/u"}
    with patch.dict(os.environ, environ, clear=True):
        assert "dev" == App(directory=somebodys).target().name

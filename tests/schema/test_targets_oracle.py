"""Targets, identity and words are what the real Sqitch makes of the same files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_oracle import CONF, PLAN, PROJECT, Pair
from learnplan_db.commands import arguments
from learnplan_db.errors import ConfigError
from learnplan_db.settings import gitedit, identity, targets
from learnplan_db.settings.configuration import Configuration

if TYPE_CHECKING:
    from pathlib import Path

    from warm import Warm


LAYERS = {
    "system": '[core]\n\tregistry = sys\n\ttop_dir = s\n[engine "pg"]\n\tclient = c\n',
    "user": '[core]\n\tregistry = usr\n[engine "pg.variables"]\n\tA = u\n\tB = u\n',
    "local": "[core]\n\tengine = pg\n\textension = ddl\n",
    "include": "[include]\n\tpath = more.conf\n[core]\n\tengine = pg\n",
    "more": '[core]\n\ttop_dir = inc\n[target "t"]\n\turi = db:pg:t\n\tclient = tc\n',
    "engine": '[core]\n\tengine = pg\n[engine "pg"]\n\ttop_dir = e\n\tregistry = er\n'
    '[engine "pg.variables"]\n\tA = e\n[target "t"]\n\turi = db:pg:t\n'
    '\treworked_dir = r\n\tverify_dir = v\n[target "t.variables"]\n\tz = t\n',
}


@pytest.mark.parametrize("word", ["t", "db:pg:x", "db:postgres://u@h:1/x?a=b"])
@pytest.mark.parametrize("local", ["local", "include", "engine", "absent"])
def test_files_override_each_other_as_in_sqitch(
    local: str, word: str, oracle: Warm, tmp_path: Path
) -> None:
    """System, user, project, what they include; target, engine, core (5.1, 5.3)."""
    pair = Pair(oracle, tmp_path, {"more.conf": LAYERS["more"], "deep/down/x": ""})
    for side in (pair.ours, pair.theirs):
        top = side.directory.parent
        (top / "system.conf").write_text(LAYERS["system"])
        (top / "home" / ".sqitch").mkdir()
        (top / "home" / ".sqitch" / "sqitch.conf").write_text(LAYERS["user"])
        if local in LAYERS:
            (side.directory / "sqitch.conf").write_text(LAYERS[local])
        side.directory = side.directory / "deep" / "down"
    out, _, code = pair.theirs_run("target", "show", word)
    shown, _, left = pair.ours_run("target", "show", word)
    assert (out, code) == (shown, left)


DESTINATIONS: list[tuple[dict[str, str], list[str], dict[str, str]]] = [
    ({}, [], {}),
    ({}, ["-t", "dev"], {}),
    ({}, ["-t", "db:pg:"], {"PGDATABASE": "fromenv"}),
    ({}, ["-t", "db:pg:"], {"PGUSER": "me"}),
    ({}, ["-t", "db:pg:"], {"SQITCH_USERNAME": "them", "PGUSER": "me"}),
    ({}, ["-t", "db:pg:"], {"SQITCH_ORIG_SYSUSER": "sys"}),
    ({}, ["-t", "db:pg://u:secret@127.0.0.1:1/"], {}),
    ({}, ["-t", "db:pg://:secret@127.0.0.1:1/x"], {}),
    ({}, ["-t", "db:pg://u:@127.0.0.1:1/x"], {}),
    ({}, ["-t", "postgresql://u:p@127.0.0.1:1/d"], {}),
    ({}, ["-t", "nope"], {}),
    ({}, ["-t", "db:"], {}),
    ({}, ["-d", "given"], {"SQITCH_TARGET": "db:pg:env"}),
    ({}, ["-h", "/nowhere/x", "-p", "7", "-u", "a b"], {"SQITCH_TARGET": "db:pg:env"}),
    ({}, [], {"SQITCH_TARGET": "dev"}),
    ({}, ["-t", "db:pg:x"], {"SQITCH_TARGET": "dev"}),
    ({"core.target": "db:pg:core"}, [], {}),
    ({"core.target": "dev"}, [], {"SQITCH_TARGET": "db:pg:env"}),
    ({"engine.pg.target": "db:pg:eng"}, [], {}),
    ({"engine.pg.target": "db:pg:eng"}, ["-d", "q", "-u", "z"], {}),
    ({"core.engine": "pg  "}, [], {"PGDATABASE": "x"}),
]


@pytest.mark.parametrize("case", DESTINATIONS, ids=str)
def test_target_is_the_one_that_sqitch_takes(
    case: tuple[dict[str, str], list[str], dict[str, str]],
    oracle: Warm,
    tmp_path: Path,
) -> None:
    """Command line, environment and configuration name one database (5.6)."""
    settings, options, environment = case
    lines = ["[core]\n\tengine = pg\n", '[target "dev"]\n\turi = db:pg:devdb\n']
    content = gitedit.apply(
        "".join(lines),
        [gitedit.Edit(key, value) for key, value in settings.items()],
        "test",
    )
    pair = Pair(oracle, tmp_path, {"sqitch.conf": content, "sqitch.plan": PLAN})
    out, err, _ = pair.theirs_run("status", *options, **environment)
    names = {"-h": "host", "-p": "port", "-u": "user", "-d": "dbname", "-t": "target"}
    given = {names[k]: v for k, v in zip(options[::2], options[1::2], strict=True)}
    configuration = Configuration.load(
        pair.ours.directory, pair.ours.environment | environment
    )
    name = given.pop("target", None)
    if not out:
        with pytest.raises(ConfigError) as caught:
            targets.resolve(configuration, name, given)
        said = caught.value.message.lower().replace('"db:"', "db:")
        assert err.split(";")[0].strip().lower() == said.split(";")[0]
        return
    found = targets.resolve(configuration, name, given).name
    assert out.splitlines()[0] == f"# On database {found}"
    assert "secret" not in repr(targets.resolve(configuration, name, given))


PEOPLE: list[tuple[dict[str, str], dict[str, str]]] = [
    ({}, {}),
    ({"user.name": "Zoë  Conf", "user.email": "z@c"}, {}),
    ({"user.name": "Conf"}, {"SQITCH_FULLNAME": "Env  U", "SQITCH_EMAIL": "e@e"}),
    ({"user.name": "Conf"}, {"SQITCH_ORIG_FULLNAME": "Orig"}),
    ({}, {"SQITCH_ORIG_FULLNAME": "Orig", "SQITCH_ORIG_EMAIL": "o@o"}),
    ({}, {"SQITCH_ORIG_SYSUSER": "daemon"}),
    ({}, {"SQITCH_ORIG_SYSUSER": "nobody-of-that-name"}),
    ({"user.name": "a <b"}, {}),
    ({}, {"SQITCH_FULLNAME": "[x"}),
    ({"user.email": "a>b"}, {}),
    ({"user.email": "not an email"}, {}),
]


@pytest.mark.parametrize("case", PEOPLE, ids=str)
def test_planner_is_who_sqitch_takes(
    case: tuple[dict[str, str], dict[str, str]], oracle: Warm, tmp_path: Path
) -> None:
    """Environment, configuration and account say who plans (5.5)."""
    settings, environment = case
    edits = [gitedit.Edit(key, value) for key, value in settings.items()]
    content = gitedit.apply("[core]\n\tengine = pg\n", edits, "test")
    pair = Pair(oracle, tmp_path, {"sqitch.conf": content, "sqitch.plan": PLAN})
    _, _, code = pair.theirs_run("tag", "v2", "-n", "x", **environment)
    configuration = Configuration.load(
        pair.ours.directory, pair.ours.environment | environment
    )
    if code:
        with pytest.raises(ConfigError):
            identity.planner(configuration)
        return
    line = (pair.theirs.directory / "sqitch.plan").read_text().splitlines()[-1]
    planner = line.split("Z ", 1)[1].rsplit(" #", 1)[0]
    assert planner == str(identity.planner(configuration))


def test_name_of_the_environment_is_not_garbled(oracle: Warm, tmp_path: Path) -> None:
    """Sqitch takes the bytes of SQITCH_FULLNAME for letters; we read UTF-8."""
    pair = Pair(oracle, tmp_path, PROJECT)
    name = {"SQITCH_FULLNAME": "Zoë", "SQITCH_EMAIL": "z@x"}
    assert 0 == pair.theirs_run("tag", "v2", "-n", "x", **name)[2]
    assert 0 == pair.ours_run("tag", "v2", "-n", "x", **name)[2]
    lines = [
        (side.directory / "sqitch.plan").read_text().splitlines()[-1]
        for side in (pair.theirs, pair.ours)
    ]
    assert " ZoÃ« <z@x> # x" in lines[0]
    assert " Zoë <z@x> # x" in lines[1]


@pytest.mark.parametrize(
    "words",
    [
        "users",
        "users@v1",
        "@v1^",
        "HEAD",
        "nope",
        "nope db:pg:x users",
        "db:pg:x nope other",
        "dev pg sqitch.plan",
        "sqitch.conf",
        "mysql",
        "",
    ],
)
def test_words_are_known_to_both(words: str, oracle: Warm, tmp_path: Path) -> None:
    """Each word is a change, a target, an engine or a plan, or unknown (5.7)."""
    pair = Pair(oracle, tmp_path, PROJECT)
    asked = [word.replace("dev", "db:pg:x") for word in words.split(" ") if word]
    _, err, _ = pair.theirs_run("verify", *asked)
    configuration = Configuration.load(pair.ours.directory, pair.ours.environment)
    try:
        arguments.read(configuration, asked, arguments.Wanted())
        told = ""
    except ConfigError as error:
        told = error.message
    lines = [line for line in err.splitlines() if line.startswith("Unknown argument")]
    expected = lines[0].lower() if lines else ""
    engines = {"mysql": 'target "db:mysql:" is for engine "mysql"'}
    assert (engines.get(words) or expected) == told[: len(engines.get(words, told))]


ALL = [
    "[core]\n\tengine = pg\n",
    '[core]\n\ttarget = db:pg:x\n[engine "pg"]\n\tregistry = r\n',
    '[core]\n\tengine = pg\n[engine "pg"]\n\ttarget = b\n[target "b"]\n\turi = db:pg:b\n',
    '[core]\n\tengine = pg\n[engine "sqlite"]\n\ttarget = db:sqlite:y\n'
    '[engine "mysql"]\n\tregistry = r\n[target "a"]\n\turi = db:pg:a\n',
    '[target "a"]\n\turi = db:pg:a\n[target "b"]\n\tregistry = r\n',
    '[engine "pg.variables"]\n\tx = 1\n[target "a.b"]\n\turi = db:pg:a\n',
]


@pytest.mark.parametrize("content", ALL)
def test_all_targets_are_those_of_sqitch(
    content: str, oracle: Warm, tmp_path: Path
) -> None:
    """--all means the default, the named ones and the engines', each once (5.7)."""
    pair = Pair(oracle, tmp_path, {"sqitch.conf": content})
    configuration = Configuration.load(pair.ours.directory, pair.ours.environment)
    theirs = pair.theirs
    expected = oracle.ask("targets", str(theirs.directory), theirs.environment)
    words = targets.all_words(configuration)
    found = [targets.choose(configuration, word).name for word in words]
    assert expected == sorted(found)


def test_sqitch_passes_our_own_settings_by(oracle: Warm, tmp_path: Path) -> None:
    """The section that Sqitch does not know harms it not."""
    own = PROJECT | {"sqitch.conf": f"{CONF}[learnplan]\n\tguard = true\n"}
    pair = Pair(oracle, tmp_path, own)
    assert (pair.theirs_run("target", "show", "dev")[0], "", 0) == pair.theirs_run(
        "target", "show", "dev"
    )
    environment = pair.ours.environment
    found = targets.resolve(Configuration.load(pair.ours.directory, environment))
    assert found.guard

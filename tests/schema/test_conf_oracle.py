"""The language of sqitch.conf and of database URIs is the real Sqitch's."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from learnplan_db.errors import ConfigError
from learnplan_db.settings import gitconfig, gitedit
from learnplan_db.settings.configuration import Configuration
from learnplan_db.settings.uri import DatabaseUri

if TYPE_CHECKING:
    from pathlib import Path

    from warm import Warm

TOKENS = [
    *("[core]\n", '[a "B.c"]\n', "[A.Dd]\n", '[a "x\\"y"]\n', '[engine "pg"]', "\t"),
    *(
        "key = v\n",
        "Key=val ue  two\n",
        "key\n",
        'k2 = "q # x" t\n',
        "a.b = 1\n",
        "0\n",
    ),
    *("# c\n", " ; d\n", "= ", '"', "\\", "\\n", "\\t", '\\"', " # z\n", "\n", "x"),
    *("[", "]", "é", "k = a#b ; c\n", "cont = a\\\n  b\n", "k =\n", "k + = 1\n"),
    *('k = \'s\' "d\\"e"\n', " ", "\x0b", '[q ""]\n', "\r\n", "[core]key=3\n"),
]
KEYS = [
    *("core.key", "core.Key", "a.B.c.key", "a.dd.k2", "engine.pg.cont", "new.sect.k"),
    *("core.k", 'a.x"y.key', "q.k", "nodot", "a.b", "z.Q.W.e"),
]
VALUES = ["v", "", "0", "a b", "  lead", "tr ", "#x", "a;b", 'q"q', "b\\s", "é", "l\nl"]
SECTIONS = ["core", "a.B.c", "a.dd", "engine.pg", "A.B.C", "q", "nope", 'a."B.c"']


def scribble(chance: random.Random) -> tuple[str, list[Any]]:
    """Return a text like a configuration file, and edits of it."""
    text = chance.choice([*TOKENS[:5], ""])
    text += "".join(chance.choice(TOKENS) for _ in range(chance.randint(0, 12)))
    edits: list[Any] = []
    for _ in range(chance.randint(0, 3)):
        old, new = chance.choice(SECTIONS), chance.choice(["zz", "zz.Yy", None])
        moved = ["to", new] if new else []
        many = chance.randint(0, 1)
        value = ["value", chance.choice(VALUES)] if chance.random() < 0.6 else []
        every = ["replace_all", 1] if value and many and chance.random() < 0.5 else []
        pattern = ["filter", chance.choice(["v", "!v", "!", "^a"])]
        pattern = pattern if chance.random() < 0.2 else []
        key = ["key", chance.choice(KEYS), "multiple", many]
        edit = ["set", *key, *value, *every, *pattern]
        edits.append(
            edit if chance.random() < 0.75 else ["rename_section", "from", old, *moved]
        )
    return text, edits


def edited(path: Path, method: str, words: list[Any]) -> str | None:
    """Return a file's text after an edit of ours, None if it was refused."""
    said = dict(zip(words[::2], words[1::2], strict=True))
    text = gitconfig.read(path) or gitconfig.Text("")
    try:
        if method == "set":
            edit = gitedit.Edit(
                said["key"],
                said.get("value"),
                said.get("filter"),
                bool(said["multiple"]),
                "replace_all" in said,
            )
            content: str | None = gitedit.apply(text.content, [edit], "test")
        else:
            content = gitedit.rename_section(
                text.content, said["from"], said.get("to"), "test"
            )
    except ConfigError:
        return None
    if content is not None:
        gitedit.write(path, gitconfig.Text(content, text.newline))
        return path.read_bytes().decode()
    return None


def listed(path: Path) -> str | None:
    """Return a file's settings as config --list prints them, None if it is refused."""
    try:
        found = Configuration.of_file(path, {"HOME": "/"}).settings
    except ConfigError:
        return None
    lines = [
        (key if one.text is None else f"{key}={one.text}") + "\n"
        for key, one in sorted(found.items())
    ]
    return "".join(lines)


@pytest.mark.parametrize("seed", range(3))
def test_any_file_reads_and_edits_as_in_sqitch(
    seed: int, oracle: Warm, tmp_path: Path
) -> None:
    """The language of the files, valid or not, and its edits are Sqitch's (5.2)."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    accepted = refused = 0
    for number in range(80):
        text, edits = scribble(chance)
        mine, other = tmp_path / f"{number}.conf", tmp_path / f"{number}.theirs"
        mine.write_bytes(text.encode())
        other.write_bytes(text.encode())
        dump, after = oracle.ask("config", str(other), *edits)
        assert dump == listed(mine), repr(text)
        accepted, refused = accepted + (dump is not None), refused + (dump is None)
        for (method, *words), expected in zip(edits, after, strict=True):
            assert expected == edited(mine, method, words), (text, method, words)
    assert accepted > 10
    assert refused > 10


PIECES = (
    ["db:pg:", "db:pg:", "db:", "DB:PG:", "postgresql:", "db:sqlite:", "db:foo:", ""],
    [
        *("", "//", "//h", "//u@h", "//u:p@h", "//u:@h", "//:p@h", "//u:p@", "//h:5"),
        *("//u:p%40x@h:77", "//%2Fsrv%2Fx", "//[::1]:5", "//a b", "//u:p@@h"),
    ],
    ["", "/", "/n", "n", "/a/b", "//x", "///y", "/a%20b", "na me", "/ü", '/"q"'],
    ["", "?", "?a=b", "?host=/srv&port=3", "?a=b+c;d=%20", "?x", "?a=1&a=2"],
)
PARTS = {
    "user": ["z", "a b", "x:y", "q%z"],
    "host": ["hh", "/srv/s", "::1", "h2:9", "10.0.0.1"],
    "port": ["1234"],
    "dbname": ["dd", "x/y", "a b"],
}


def test_uris_mean_what_they_mean_in_sqitch(oracle: Warm) -> None:
    """A URI's parts, its changes by options and its form without password (5.6)."""
    chance = random.Random(7)  # noqa: S311 - not for secrets
    for _ in range(600):
        text = "".join(chance.choice(some) for some in PIECES)
        parts = {k: chance.choice(v) for k, v in PARTS.items() if chance.random() < 0.2}
        answer = oracle.ask("uri", text, *(x for pair in parts.items() for x in pair))
        # Perl decodes to bytes, and each shows as one character.
        decoded = [
            part.encode("latin-1").decode() if isinstance(part, str) else part
            for part in answer[2:8]
        ]
        uri = DatabaseUri.parse(text)
        for part, value in parts.items():
            uri = uri.with_part(part, value)
        assert [*answer[:2], *decoded[:5], decoded[5] or "", answer[8]] == [
            *(str(uri), str(uri.without_password()), uri.engine),
            *(uri.user, uri.password, uri.host, uri.port, uri.dbname),
            uri.parameters,
        ], (text, parts)

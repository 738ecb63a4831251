"""
Readers on whatever a file or a word may hold: an answer or our own error, and an end.

Raw bytes, files of the project with something changed, and pieces of each grammar. What
takes a reader longer than the watchdog waits hangs, for whoever waits for it.
"""

from __future__ import annotations

import contextlib
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fix_database import ROOT
from learnplan_db.errors import LearnplanError, PlanError, without_password
from learnplan_db.plans import plan
from learnplan_db.proof import matrix
from learnplan_db.psql.script import read
from learnplan_db.security.variables import Variables
from learnplan_db.settings import config, gitconfig, targets
from learnplan_db.settings.configuration import Configuration
from learnplan_db.settings.uri import DatabaseUri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reader = Callable[[bytes], object]

HEAD = "%syntax-version=1.0.0\n%project=flip\n\n"
LINE = "users [a !b x:c@v1] 2020-01-01T00:00:00Z Ann <ann@example.org> # a note\n"
CONF = b'[core]\n\tengine = pg\n[target "dev"]\n\turi = db:pg://u:pw@h/d\n'
WATCHDOG_SECONDS = 60
LONG = 100_000  # characters


def _plan(data: bytes) -> object:
    return plan.parse(data, "sqitch.plan")


def _configuration(data: bytes) -> object:
    with tempfile.TemporaryDirectory(prefix="learnplan-fuzz-") as folder:
        path = Path(folder, "sqitch.conf")
        path.write_bytes(data)
        text = gitconfig.read(path)
        if text:
            gitconfig.parse(text.content, "sqitch.conf")
        if b"include" in data.lower():  # it might read any file of this machine
            return text
        found = Configuration.load(Path(folder), {"HOME": folder})
        return [targets.all_targets(found, offline=True), repr(found)]


def _target(data: bytes) -> object:
    word = data.decode(errors="replace")
    uri = DatabaseUri.parse(word)
    shown = uri.without_password()
    parts = [str(uri), str(shown), uri.parameters, uri.user, uri.host, uri.port]
    parts += [uri.password, uri.dbname, shown.password, without_password(word)]
    assert not shown.password
    found = Configuration(Path("/nowhere"), {}, {}, initialized=True, looked=())
    with contextlib.suppress(LearnplanError):
        parts.append(targets.resolve(found, word or None, {"user": word}))
    return [*parts, config.conninfo(word), targets.resolve(found, word or "db:pg:")]


def _script(data: bytes) -> object:
    return read(data, "sql/deploy/x.sql", {"x": "1", "y": "'"}).statements


def _matrix(data: bytes) -> object:
    return matrix.parse(data.decode(errors="replace"), "policies/x.matrix.toml")


def _variables(data: bytes) -> object:
    return Variables.from_settings(data.decode(errors="replace").split("\n"))


READERS: dict[str, Reader] = {
    "plan": _plan,
    "configuration": _configuration,
    "target": _target,
    "script": _script,
    "matrix": _matrix,
    "variables": _variables,
}


def files(*patterns: str) -> list[bytes]:
    """Return files of the project, which the readers take as they are."""
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    return [path.read_bytes() for path in found if path.stat().st_size < 8000]


GOOD = {
    "plan": [
        (HEAD + LINE.replace("a !b x:c@v1", "x:c@v1")).encode(),
        *files("sql/*.plan", "tests/plans/*/*.plan"),
    ],
    "configuration": [CONF, *files("sqitch.conf")],
    "target": [b"db:pg://u:p%40w@h:5432/d?sslmode=require", b"host=h dbname='d'"],
    "script": files("sql/*/*.sql", "tests/scripts/**/*.sql"),
    "matrix": files("policies/t*.matrix.toml"),
    "variables": [b"authenticated=app_user\nanon=guest\nanon_reads_resources=on"],
}
# Words between blanks; a blank itself, and what holds one, are added to each.
PIECES = {
    kind: [" ", "\n", "\t", "\r\n", "\0", "é", *more, *text.split()]
    for kind, (text, more) in {
        "plan": (
            r"% = project @ v1 [ ] ! : < > # + - 0 a \n 2020-01-01T00:00:00Z",
            [LINE, HEAD],
        ),
        "configuration": (
            r'[ ] " \ = # ; core . a uri target engine true 9k "dev"',
            ["[target ", "\\\n", "\na", '[core "'],
        ),
        "target": (
            r"db: pg: // / : @ ? & = % %4 %00 # [ ] , ' \ host password postgresql: a 5432",
            [" password = '"],
        ),
        "script": (
            r"""' " $$ $a$ /* */ -- ( ) ; \ :x \endif begin commit E' :'x' \. end $1""",
            [
                "\\if ",
                "\\i ",
                "\\copy ",
                "create function ",
                "begin atomic ",
                "copy x from stdin;\n",
                "case ",
            ],
        ),
        "matrix": (
            r"""[[ ]] [ ] = " ''' { } , . owner table select rows # 1 - inf 1979-05-27 \u because""",
            ["[[select]]\n"],
        ),
        "variables": (r"""= anon authenticated " on off pg_ 'x'""", ["anon=a\n"]),
    }.items()
}


@contextlib.contextmanager
def watchdog() -> Iterator[None]:
    """Fail where something does not end."""

    def bark(*_: Any) -> None:
        raise AssertionError(f"no end after {WATCHDOG_SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, bark)
    signal.alarm(WATCHDOG_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def attempt(kind: str, data: bytes) -> LearnplanError | None:
    """Read something: an answer, or an error that says something and its exit code."""
    with watchdog():
        try:
            READERS[kind](data)
        except LearnplanError as error:
            found = error
        else:
            return None
    assert found.message
    assert 2 == found.exit_code
    return found


@st.composite
def changed(draw: st.DrawFn, kind: str) -> bytes:
    """Draw a file that is good but for some places."""
    data = draw(st.sampled_from(GOOD[kind]))
    pieces = st.sampled_from([piece.encode() for piece in PIECES[kind]])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        lost = draw(st.integers(0, 20))
        data = data[:at] + draw(st.binary(max_size=8) | pieces) + data[at + lost :]
    return data


def anything(kind: str) -> st.SearchStrategy[bytes]:
    """Draw bytes, text, pieces of a grammar, or a file with changes."""
    pieces = st.lists(st.sampled_from(PIECES[kind]), max_size=40).map("".join)
    texts = st.text(max_size=80) | pieces
    coded = texts.map(lambda text: text.encode("utf-8", "surrogatepass"))
    return st.binary(max_size=200) | coded | changed(kind)


def fuzz(kind: str, count: int) -> None:
    """Try many inputs on one reader."""

    @settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(anything(kind))
    @example(b"db:pg://[")
    def run(data: bytes) -> None:
        attempt(kind, data)

    run()


@pytest.mark.parametrize("kind", READERS)
def test_whatever_is_read_is_answered_or_refused(kind: str) -> None:
    """No reader raises what is not ours, nor goes on for ever."""
    fuzz(kind, 250)


@pytest.mark.long
@pytest.mark.parametrize("kind", READERS)
def test_whatever_is_read_is_answered_or_refused_at_length(kind: str) -> None:
    """So it is with tens of thousands of inputs."""
    fuzz(kind, 10_000)


@pytest.mark.parametrize("kind", READERS)
def test_what_is_changed_was_good(kind: str) -> None:
    """The positive control: the first file of each kind is read as it is."""
    assert attempt(kind, GOOD[kind][0]) is None


def grow(kind: str, size: int) -> None:
    """Read long runs of each piece of a grammar."""
    fixed = {"plan": HEAD, "configuration": "[core]\n\ta = "}.get(kind, "")
    for piece in PIECES[kind]:
        for text in (piece, piece + "a", f"a{piece} "):
            if kind == "matrix" and text[-1] == "." != text[0]:
                continue  # of a key of many parts Python's tomllib takes the square
            attempt(kind, (fixed + text * (size // len(text))).encode())


@pytest.mark.parametrize("kind", READERS)
def test_long_runs_are_read_or_refused(kind: str) -> None:
    """No reader recurses with its input, or gives up on long ones otherwise."""
    grow(kind, 5000)


@pytest.mark.long
@pytest.mark.parametrize("kind", READERS)
def test_time_does_not_explode(kind: str) -> None:
    """What is a hundred times as long is read before long, too."""
    grow(kind, LONG)


def test_endless_line_of_a_plan_is_refused() -> None:
    """A line of many parts would take the square of its length: it is told its place."""
    with pytest.raises(PlanError, match="more than 20000 characters") as caught:
        plan.parse((HEAD + "begin;" * 20_000).encode(), "sqitch.plan")
    assert "sqitch.plan:4" == caught.value.where
    names = " ".join(f"change_{number}" for number in range(1000))
    long = LINE.replace("a !b x:c@v1", names)
    with pytest.raises(PlanError, match="change_0"):  # read, and not in the plan
        plan.parse((HEAD + long).encode(), "sqitch.plan")

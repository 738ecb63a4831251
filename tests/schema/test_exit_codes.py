"""Exit codes as the shell sees them: every line of the table in docs/error_codes.md."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import fix_terminal
from learnplan_db.engine import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fix_proof import Clones

PAGE = (Path(__file__).parents[2] / "docs" / "error_codes.md").read_text()
ROW = re.compile(
    r"^\| (\d+) \| (.+?) \| `(learnplan-db.*|timeout.*|[A-Z_]+=.*)` \|$", re.MULTILINE
)
TABLE = [(int(code), line.replace("\\|", "|")) for code, _, line in ROW.findall(PAGE)]
QUICK = ("status TARGET", "deplyo", "-C / plan", "/dev/full", "| true")
USER = (
    "insert into learnplan.users (clerk_user_id, email) values ('u', 'u@example.org')"
)


def cases() -> list[Any]:
    """Return the rows: some, for all have the same ways out; CI's gate runs the rest."""
    return [
        pytest.param(
            *row,
            id=row[1],
            marks=() if row[1].endswith(QUICK) else pytest.mark.gate,
        )
        for row in TABLE
    ]


@pytest.fixture(scope="module")
def named(clones: Clones) -> Iterator[dict[str, str]]:
    """Provide what the words in capitals stand for."""
    found = {name: clones.make() for name in ("TARGET", "DRIFTED", "FULL", "LOCKED")}
    with ExitStack() as stack:
        for name, statement in (
            ("DRIFTED", "drop policy users_select_authenticated on learnplan.users"),
            ("FULL", USER),
            ("LOCKED", f"select pg_advisory_lock({locks.LOCK})"),
        ):
            connection = psycopg.connect(found[name], autocommit=True)
            stack.enter_context(connection).execute(statement.encode())
        yield found


@pytest.mark.parametrize(("code", "line"), cases())
def test_exit_code(  # noqa: PLR0917 - a row, and what its words stand for
    code: int,
    line: str,
    named: dict[str, str],
    fresh_dsn: Callable[[], str],
    person: dict[str, str],
    tmp_path: Path,
) -> None:
    """What the page says a line ends with is what the shell gets."""
    if "EMPTY" in line:
        named = named | {"EMPTY": fresh_dsn()}
    for word, dsn in named.items():
        line = line.replace(word, f"'{dsn}'".replace("''", "'\\'\\''"))
    done = fix_terminal.shell(person, line, tmp_path)
    assert code == done.returncode, done
    assert "Traceback" not in done.stderr
    if code in {2, 4} and not line.endswith("learnplan-db"):
        assert re.search("error: |Error: ", done.stderr), done


def test_table_has_every_code() -> None:
    """Every exit code of an error is in the table, and those that signals make."""
    from learnplan_db import errors  # noqa: PLC0415 - beside what it is compared with

    classes = [getattr(errors, name) for name in errors.__all__]
    own = {one.exit_code for one in classes if hasattr(one, "exit_code")}
    assert own | {0, 130, 141, 143} == {code for code, _ in TABLE}


@pytest.mark.gate
def test_server_without_a_free_session_says_so(
    named: dict[str, str], fresh_dsn: Callable[..., str], person: dict[str, str]
) -> None:
    """A role's limit is reached: what to do is no matter of host or password."""
    with psycopg.connect(named["TARGET"], autocommit=True) as admin:
        admin.execute(
            "create role learnplan_one login password 'secret' connection limit 0"
        )
        dsn = make_conninfo(fresh_dsn(), user="learnplan_one", password="secret")  # noqa: S106
        done = fix_terminal.piped(person, "status", dsn)
        admin.execute("drop role learnplan_one")
    assert 2 == done.returncode
    assert 'too many connections for role "learnplan_one"' in done.stderr
    assert "  fix  wait until sessions end" in done.stderr

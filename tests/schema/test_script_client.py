"""The way out: scripts through the real psql, called exactly as Sqitch calls it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Protocol

import pytest

from learnplan_db.errors import ScriptError
from learnplan_db.psql.client import arguments, run_client

if TYPE_CHECKING:
    from pathlib import Path

    class Server(Protocol):
        """What these tests need of the fixture ``server``."""

        def dsn(self, dbname: str, **more: str) -> str:
            """Return the connection string of a database."""


SPY = """#!/bin/sh
{ for argument; do echo "$argument"; done; pwd; echo "$PGPASSWORD"; } > "$SPY_LOG"
exec psql "$@"
"""


class Heard:
    """What a script prints."""

    def __init__(self) -> None:
        self.stdout = self.stderr = ""

    def out(self, text: str, /) -> None:
        """Take what goes to stdout."""
        self.stdout += text

    def err(self, text: str, /) -> None:
        """Take what goes to stderr."""
        self.stderr += text


def write(folder: Path, text: str) -> Path:
    """Write the deploy script of a project and return its path."""
    path = folder / "deploy" / "x.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def spy(psql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a client that notes how it is called, then does as psql."""
    monkeypatch.setenv("SPY_LOG", str(tmp_path / "log"))
    path = tmp_path / "spy"
    path.write_text(SPY)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def seen(folder: Path) -> list[str]:
    """Return what the spy has noted."""
    return (folder / "log").read_text().splitlines()


def test_command_line_is_sqitchs(
    spy: str, psql: str, sqitch: str, server: Server, tmp_path: Path
) -> None:
    """Arguments, order, folder and password's way are those of the real sqitch."""
    path = write(tmp_path, "select 'a';\n")
    (tmp_path / "sqitch.conf").write_text("[core]\n  engine = pg\n")
    (tmp_path / "sqitch.plan").write_text(
        "%syntax-version=1.0.0\n%project=x\n\nx 2026-01-01T00:00:00Z A <a@b.org> # x\n"
    )
    dsn = server.dsn("postgres")
    host = dict(part.split("=", 1) for part in dsn.split())
    uri = f"db:pg://{host['user']}:s3cret@/client_test?host={host['host']}"
    uri += f"&port={host['port']}"
    subprocess.run([psql, dsn, "-qc", "create database client_test"], check=True)
    try:
        command = [sqitch, "deploy", "--client", spy, "--no-verify", uri]
        command += ["--set", "b=2 3", "--set", "a=1"]
        environment = os.environ | {
            "SQITCH_EMAIL": "a@b.org",
            "SQITCH_FULLNAME": "A",
            "HOME": str(tmp_path),
        }
        subprocess.run(
            command, cwd=tmp_path, env=environment, check=True, capture_output=True
        )
        theirs = seen(tmp_path)
        heard = Heard()
        conninfo = f"{dsn} password=s3cret".replace(
            "dbname=postgres", "dbname=client_test"
        )
        variables = {"b": "2 3", "a": "1"}
        run_client(
            spy, conninfo, path, "deploy/x.sql", variables, "sqitch", tmp_path, heard
        )
        ours = seen(tmp_path)
    finally:
        drop = "drop database client_test with (force)"
        subprocess.run([psql, dsn, "-qc", drop], check=True)
    assert "--dbname" == theirs[0] == ours[0]
    assert sorted(theirs[1].split()) == sorted(ours[1].split())
    assert theirs[2:] == ours[2:]
    assert "s3cret" == ours[-1]
    assert "s3cret" not in ours[1]
    assert "a\n" == heard.stdout


def test_without_conninfo_nothing_is_said_of_the_database() -> None:
    """What is not configured is left to psql and its environment."""
    assert [
        *("psql", "--set", "a=b", "--quiet", "--no-psqlrc", "--no-align"),
        *("--tuples-only", "--set", "ON_ERROR_STOP=1", "--set", "registry=r"),
        *("--file", "x.sql"),
    ] == arguments("psql", "", "x.sql", {"a": "b"}, "r")


def test_output_passes_and_failure_has_psqls_address(
    psql: str, server: Server, tmp_path: Path
) -> None:
    """Both streams pass through; the error has psql's exit code and last address."""
    path = write(
        tmp_path,
        "\\echo :registry\n"
        "do $$ begin raise notice 'n'; end $$;\nselect\n  nosuch;\nselect 2;\n",
    )
    heard = Heard()
    dsn = server.dsn("postgres")
    with pytest.raises(ScriptError) as caught:
        run_client(psql, dsn, path, "deploy/x.sql", {}, "r", tmp_path, heard)
    assert "r\n" == heard.stdout
    assert heard.stderr.startswith("psql:deploy/x.sql:2: NOTICE:  n\n")
    assert f'"{psql}" unexpectedly returned exit value 3' == caught.value.message
    assert (2, "deploy/x.sql:4") == (caught.value.exit_code, caught.value.where)


def test_client_does_what_the_reader_refuses(
    psql: str, server: Server, tmp_path: Path
) -> None:
    """What is refused with a pointer to the client does run there."""
    path = write(tmp_path, "select 'select ''é''' \\gexec\n\\! echo shell\n")
    heard = Heard()
    dsn = server.dsn("postgres")
    run_client(psql, dsn, path, "deploy/x.sql", {}, "r", tmp_path, heard)
    assert ("é\nshell\n", "") == (heard.stdout, heard.stderr)


def test_client_that_cannot_start_is_wrong_use(tmp_path: Path) -> None:
    """A client that is missing is told with the system's reason, and a way on."""
    path = write(tmp_path, "select 1;")
    with pytest.raises(ScriptError) as caught:
        run_client("/no/psql", "", path, "deploy/x.sql", {}, "r", tmp_path, Heard())
    assert '"/no/psql" failed to start: "No such file or directory"' == (
        caught.value.message
    )
    assert 2 == caught.value.exit_code


def test_client_that_is_killed_is_told(tmp_path: Path) -> None:
    """A client that a signal ends has no exit value: the signal is named."""
    path = write(tmp_path, "select 1;")
    client = tmp_path / "killed"
    client.write_text("#!/bin/sh\nkill -TERM $$\n")
    client.chmod(0o755)
    with pytest.raises(ScriptError, match=r'died to signal "TERM" \(15\)') as caught:
        run_client(str(client), "", path, "deploy/x.sql", {}, "r", tmp_path, Heard())
    assert "deploy/x.sql" == caught.value.where


def test_interrupt_reaches_psql_and_waits_for_it(
    psql: str, server: Server, tmp_path: Path
) -> None:
    """Ctrl-C at the terminal ends psql, which rolls back, before we go on."""
    path = write(tmp_path, "\\echo ready\nbegin;\nselect pg_sleep(60);\ncommit;\n")
    code = (
        "import pathlib, sys\nfrom learnplan_db.psql.client import run_client\n"
        "class S:\n  out = err = staticmethod(lambda t: print(t, flush=True))\n"
        f"run_client({psql!r}, {server.dsn('postgres')!r}, pathlib.Path({str(path)!r}),"
        f" 'deploy/x.sql', {{}}, 'r', pathlib.Path({str(tmp_path)!r}), S())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        assert "ready\n" == process.stdout.readline()
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert time.monotonic() - began < 15
    assert "KeyboardInterrupt" in stderr

"""
Run a script through the real psql, exactly as Sqitch calls it.

May import errors and wire; starts one process, prints only through the streams.
Source: App::Sqitch::Engine::pg 1.3.1, as observed; psql, "Exit Status".
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from learnplan_db.errors import ScriptError

if TYPE_CHECKING:
    from codecs import IncrementalDecoder
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from learnplan_db.psql.wire import Streams

_ADDRESS = re.compile(r"^psql:(.+?:\d+): ", re.MULTILINE)
_CHUNK = 1 << 16
_TAIL = 1 << 16  # of what psql says at last, enough for its last address


def run_client(  # noqa: PLR0913, PLR0917 - what Sqitch puts on the command line
    client: str,
    conninfo: str,
    path: Path,
    shown: str,
    variables: Mapping[str, str],
    registry: str,
    directory: Path,
    streams: Streams,
) -> None:
    """
    Run one script in a process and session of its own; its output passes through.

    Args: client: psql, by name or path; shown: the file as configured, which psql
        repeats in its errors; directory: in which it runs.
    Raises: ScriptError: with psql's exit code in words, and the address it gave last;
        exit code 2 if the client cannot be started.
    """
    known = conninfo_to_dict(conninfo)
    environment = dict(os.environ)
    if password := known.pop("password", None):
        environment["PGPASSWORD"] = str(password)  # nobody reads it off a process list
    file = shown if _same(directory / shown, path) else str(path)
    try:
        process = subprocess.Popen(
            arguments(client, make_conninfo("", **known), file, variables, registry),
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_ends_with_us(),  # noqa: PLW1509 - one system call
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise ScriptError.client_missing(client, reason) from error
    interrupt = None
    with process:
        try:
            said = _pass_through(process, streams)
        except KeyboardInterrupt as error:
            # Whoever interrupts us alone means the script too: left to itself it would
            # commit, and nobody would record it.
            process.send_signal(signal.SIGINT)
            said, interrupt = _pass_through(process, streams), error
    if process.returncode and interrupt:
        raise interrupt  # else the script was done before, and counts
    if process.returncode:
        places = _ADDRESS.findall(said)
        where = places[-1] if places else shown
        raise ScriptError.client_failed(client, _ending(process.returncode), where)


def arguments(
    client: str,
    conninfo: str,
    file: str,
    variables: Mapping[str, str],
    registry: str,
) -> list[str]:
    """Return Sqitch's command line, in its order; without conninfo no --dbname."""
    line = [client, *(("--dbname", conninfo) if conninfo else ())]
    for name, value in sorted(variables.items()):
        line += ["--set", f"{name}={value}"]
    line += ["--quiet", "--no-psqlrc", "--no-align", "--tuples-only"]
    line += ["--set", "ON_ERROR_STOP=1", "--set", f"registry={registry}"]
    return [*line, "--file", file]


def _ends_with_us() -> Callable[[], None] | None:
    """Return what makes Linux interrupt psql when we are killed, before it commits."""
    if sys.platform != "linux":
        return None
    from learnplan_db.server.processes import death_signal  # noqa: PLC0415 - Linux only

    return death_signal()


def _same(one: Path, other: Path) -> bool:
    return one.exists() and one.samefile(other)


def _ending(code: int) -> str:
    if code > 0:
        return f"unexpectedly returned exit value {code}"
    name = signal.Signals(-code).name.removeprefix("SIG")
    return f'died to signal "{name}" ({-code})'


def _pass_through(process: subprocess.Popen[bytes], streams: Streams) -> str:
    """Hand on what a process says until it ends; return the end of its stderr."""
    tail = ""

    def err(text: str) -> None:
        nonlocal tail
        tail = (tail + text)[-_TAIL:]
        streams.err(text)

    utf8 = getincrementaldecoder("utf-8")
    with selectors.DefaultSelector() as selector:
        for pipe, take in ((process.stdout, streams.out), (process.stderr, err)):
            if pipe is not None:
                data = utf8("replace"), take
                selector.register(pipe, selectors.EVENT_READ, data)
        while selector.get_map():
            for key, _ in selector.select():
                _hand_on(selector, key.fileobj, *key.data)
    return tail


def _hand_on(
    selector: selectors.BaseSelector,
    pipe: Any,
    decoder: IncrementalDecoder,
    take: Callable[[str], None],
) -> None:
    data = os.read(pipe.fileno(), _CHUNK)
    text = decoder.decode(data, not data)
    if text:
        take(text)
    if not data:
        selector.unregister(pipe)

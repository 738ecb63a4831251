"""
A reader of a page, who does what it says: in a shell, in Python, at psql.

Blocks run in the order of the page, in one scratch directory; what a block of sh
exports, and where it goes, holds for those after it. Addresses of the documents become
those of a real server. Raises: Surprise: something else happened than the page says.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import select
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from doc_pages import Block

CHILD = Path(__file__).parent / "doc_child.py"
HOST, LOCAL = "db.example.org", "127.0.0.1"
LINES = 40  # of an output, in an error
SECONDS = 240  # for one block; a proof with all its mutants takes one of two minutes
STATE = """. {state}
trap '{{ export -p; printf "cd -- %q\\n" "$PWD"; }} > {state}' EXIT
"""


class Surprise(Exception):  # noqa: N818 - it is what the page's reader has
    """What a page says is not what happens."""


@dataclass
class Reader:
    """
    Somebody at a terminal, with a scratch directory and the logins of a server.

    Args: directory: where the page's commands run; kept: where this reader keeps what
        is none of theirs; environ: with PATH to the programs, and what libpq needs;
        ports: of each host that pages name, on this machine.
    """

    directory: Path
    kept: Path
    environ: dict[str, str]
    ports: dict[str, int]
    said: str = ""
    _child: subprocess.Popen[str] | None = None
    _answers: Any = None
    _read: int = 0
    _runs: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Begin where a login shell does."""
        self.state.write_text(f"cd -- {self.directory}\n")
        self._runs = {"sh": self._sh, "sql": self._sql, "python": self._python}

    @property
    def state(self) -> Path:
        """Where a shell leaves what it exported."""
        return self.kept / "state"

    def close(self) -> None:
        """End the Python of the page."""
        if self._child:
            assert self._child.stdin is not None
            self._child.stdin.close()
            self._child.wait(30)
            self._answers.close()

    def does(self, block: Block) -> None:
        """Do what a block says. Raises: Surprise."""
        text, asked = self.real(block.text), block.asked
        if block.elsewhere:
            return
        self._parsed(block, text)
        if "prints" in asked:
            self._printed(block, text)
        elif "file" in asked:
            path = self.directory / asked["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif run := self._runs.get(block.language):
            run(block, text)

    def real(self, text: str) -> str:
        """Return a text with the addresses of a server that is there."""
        text = re.sub(r"\bdb:pg:(?=\w+\b(?!:))", f"db:pg://deployer@{HOST}/", text)
        text = re.sub(r"\bTARGET\b", f"postgresql://deployer@{HOST}/app", text)
        text = re.sub(r"\bPROVER\b", f"postgresql://prover@{HOST}/app", text)
        for name, port in self.ports.items():
            text = re.sub(rf"\b{re.escape(name)}(:\d+|(?=/))", f"{LOCAL}:{port}", text)
        return text.replace(HOST, LOCAL)

    @staticmethod
    def _parsed(block: Block, text: str) -> None:
        """Read what is data as such."""
        ini = configparser.ConfigParser(
            strict=False, interpolation=None, allow_no_value=True
        )
        readers = {
            "json": json.loads,
            "toml": tomllib.loads,
            "yaml": yaml.safe_load,
            "ini": ini.read_string,
        }
        try:
            readers.get(block.language, str)(text)
        except (ValueError, yaml.YAMLError, configparser.Error) as error:
            raise Surprise(f"{block.place}: no {block.language}: {error}") from error

    def _printed(self, block: Block, expected: str) -> None:
        """Compare with what the block before printed; … stands for anything."""
        wanted, found = _lines(expected), _lines(self.said)
        if not re.fullmatch(pattern(wanted), found, re.DOTALL):
            line = unlike(wanted, found)
            raise Surprise(f"{block.place}: no line is: {line}\n{shown(found)}")

    def _sh(self, block: Block, text: str) -> None:
        script = self.kept / "block.sh"
        script.write_text(STATE.format(state=self.state) + text)
        self._process(block, ["bash", "-eu", str(script)])

    def _sql(self, block: Block, text: str) -> None:
        login = block.asked.get("as", "postgres")
        psql = ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-U", login, "-d", "app"]
        self._process(block, psql, text)

    def _process(self, block: Block, words: list[str], text: str = "") -> None:
        """Run a process; its output is what stands on a terminal, in order."""
        given, said = self.kept / "given", self.kept / "said"
        given.write_text(text)
        with given.open() as source, said.open("w") as out:
            try:
                done = subprocess.run(
                    words,
                    cwd=self.directory,
                    env=self.environ,
                    stdin=source,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    timeout=SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                so_far = said.read_text()
                raise Surprise(f"{block.place}: never ends\n{shown(so_far)}") from error
        self.said = said.read_text(errors="replace")
        if (expected := int(block.asked.get("fails", 0))) != done.returncode:
            raise Surprise(
                f"{block.place}: exit code {done.returncode}, not {expected}\n"
                + shown(self.said)
            )

    def _python(self, block: Block, text: str) -> None:
        out = self.kept / "python.out"
        if self._child is None:
            self._start(out)
        shell = "import json, os; print(json.dumps([dict(os.environ), os.getcwd()]))"
        told = subprocess.run(
            [
                *("bash", "-c"),
                f'. {self.state}; exec {sys.executable} -c "$1"',
                *("-", shell),
            ],
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        environ, directory = json.loads(told.stdout)
        raised = self._ask(
            block,
            source=text,
            file=block.path.name,
            line=block.line,
            environ=environ,
            directory=directory,
        )
        text = out.read_text(errors="replace")
        self.said, self._read = text[self._read :], len(text)
        if raised != block.asked.get("raises"):
            what = f"{raised or 'nothing'}, not {block.asked.get('raises', 'nothing')}"
            raise Surprise(f"{block.place}: raises {what}\n{shown(self.said)}")

    def _start(self, out: Path) -> None:
        reads, writes = os.pipe()
        with out.open("w") as stream:
            self._child = subprocess.Popen(
                [sys.executable, CHILD, str(writes)],
                env=self.environ | {"PYTHONUNBUFFERED": "1"},
                cwd=self.directory,
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=stream,
                text=True,
                pass_fds=[writes],
            )
        os.close(writes)
        self._answers = os.fdopen(reads)

    def _ask(self, block: Block, **request: Any) -> str | None:
        assert self._child is not None
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        if not select.select([self._answers], [], [], SECONDS)[0]:
            self._child.kill()
            raise Surprise(f"{block.place}: never ends")
        found: str | None = json.loads(self._answers.readline() or '"the end of it"')
        return found


def _lines(text: str) -> str:
    """Return a text without what nobody sees: blanks at the end of lines, and around."""
    return "".join(f"{line.rstrip()}\n" for line in text.strip().splitlines())


def unlike(wanted: str, found: str) -> str:
    """Return the first line that an output was to have next, and has not."""
    lines = wanted.splitlines()
    for count, line in enumerate(lines, 1):
        begin = "\n".join([*lines[:count], "…"])
        if not re.fullmatch(pattern(begin), found, re.DOTALL):
            return line
    return "(it goes on)"


def shown(text: str) -> str:
    """Return the end of a long output."""
    lines = text.splitlines()
    return "\n".join(["…", *lines[-LINES:]] if len(lines) > LINES else lines)


def pattern(expected: str) -> str:
    """Return the regular expression of an output: … is anything, alone any lines."""
    lines = []
    for line in expected.splitlines():
        if line.strip() == "…":
            lines.append(r"(?:[^\n]*\n)*")
        else:
            lines.append(re.escape(line).replace("…", r"[^\n]*?") + r"\n")
    return "".join(lines)

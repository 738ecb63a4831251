"""
What a person sees: the only printer.

Normal lines go to standard output, warnings and errors to standard error, as Sqitch
does it. Verbosity 0 (--quiet) drops what only tells progress; 2 adds details.
May import nothing of the package.
Source: Sqitch 1.3.1, info, emit, comment and vent.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SCHEMA_VERSION = 1


@dataclass(slots=True)
class Terminal:
    """
    Prints; ``color`` is None to decide by whether standard output is a terminal.

    ``as_json`` keeps everything but JSON from standard output. ``paging`` False
    (--no-pager) never starts a pager. ``hidden`` is what errors never repeat, each with
    what they show in its place.
    """

    verbosity: int = 1
    color: bool | None = None
    as_json: bool = False
    paging: bool = True
    hidden: dict[str, str] = field(default_factory=dict, repr=False)

    def info(self, text: str, *, end: str = "\n") -> None:
        """Print what tells progress: not with --quiet."""
        if self.verbosity > 0:
            self.emit(text, end=end)

    def emit(self, text: str, *, end: str = "\n") -> None:
        """Print what was asked for, also with --quiet."""
        click.echo(text + end, nl=False, err=self.as_json, color=self.color)

    def raw(self, data: bytes) -> None:
        """Print bytes as they are, with a line end."""
        click.echo(data + b"\n", nl=False, err=self.as_json)

    def comment(self, text: str) -> None:
        """Print lines that are comments to a reader of the output."""
        for line in text.split("\n"):
            self.emit(f"# {line}")

    def vent(self, text: str) -> None:
        """Print an error or what belongs to one."""
        sys.stdout.flush()
        click.echo(self.shown(text), err=True, color=self.color)

    def shown(self, text: str) -> str:
        """Return an error's text without what is to be hidden."""
        for word in sorted(self.hidden, key=len, reverse=True):
            text = text.replace(word, self.hidden[word])
        return text

    def fail(self, text: str) -> None:
        """Print an error."""
        self.vent(f"{click.style('error:', fg='red', bold=True)} {text}")

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.vent(f"warning: {text}")

    def debug(self, text: str) -> None:
        """Print a detail, with -vv."""
        if self.verbosity > 1:
            self.vent(f"debug: {text}")

    def json(self, **data: Any) -> None:
        """Print one JSON object, with the version of its form, on standard output."""
        click.echo(json.dumps({"schema_version": SCHEMA_VERSION} | data, default=str))

    def document(self, text: str) -> None:
        """Print a whole document of another form than JSON on standard output."""
        click.echo(text, nl=not text.endswith("\n"), color=False)

    def json_list(self, name: str, values: Iterable[dict[str, Any]]) -> None:
        """Print one JSON object that holds a list, value by value, as they come."""
        stream = sys.stdout
        stream.write(f'{{"schema_version": {SCHEMA_VERSION}, "{name}": [')
        for place, value in enumerate(values):
            stream.write((", " if place else "") + json.dumps(value, default=str))
        stream.write("]}\n")
        stream.flush()

    def wants_color(self, choice: str) -> bool:
        """Tell whether auto, always or never means colours now; NO_COLOR wins."""
        if self.color is False or choice == "never":
            return False
        return choice == "always" or sys.stdout.isatty()

    @contextmanager
    def paged(self, program: str | None) -> Iterator[Callable[[str], None]]:
        """
        Provide what prints a long text, line by line and as it is.

        Where standard output is a terminal it goes through a pager: the program, a
        command line of the user's, else less or more. A reader may leave early.
        """
        stream = sys.stdout
        program = program or shutil.which("less") or shutil.which("more")
        if not (self.paging and program and sys.stdout.isatty()):
            yield lambda text: _line(stream, text)
            stream.flush()
            return
        stream.flush()
        pager = subprocess.Popen(  # noqa: S602 - the user's own, as with git and man
            program,
            shell=True,
            stdin=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            env={"LESS": "FRX"} | os.environ,  # colours pass, short texts do not wait
        )
        with suppress(BrokenPipeError, KeyboardInterrupt):
            with suppress(BrokenPipeError):
                yield lambda text: _line(pager.stdin, text)
            if pager.stdin:
                pager.stdin.close()
        pager.wait()

    def style(self, text: str, color: str) -> str:
        """Return text in a colour; the printer takes it away where none is wanted."""
        return click.style(text, fg=color)

    def ask(self, question: str, *, default: bool) -> bool | None:
        """
        Ask yes or no; None when nobody gave a valid answer in three attempts.

        An empty answer takes the default; the end of the input is no answer.
        """
        words = {True: "Yes", False: "No"}
        for _ in range(3):
            self.emit(f"{question} [{words[default]}] ", end="")
            line = sys.stdin.readline()
            if not line:
                self.emit("")
                return None
            answer = line.strip().lower()
            if not answer:
                return default
            for value, word in words.items():
                if word.lower().startswith(answer):
                    return value
            self.emit('Please answer "y" or "n".')
        return None


def _line(stream: IO[str] | None, text: str) -> None:
    if stream:
        stream.write(f"{text}\n")

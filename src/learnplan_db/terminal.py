"""
What a person sees: the only printer.

Normal lines go to standard output, warnings and errors to standard error, as Sqitch
does it. Verbosity 0 (--quiet) drops what only tells progress; 2 adds details. For
machines standard output holds one object, standard error one a line: docs/terminal.md.
May import nothing of the package.
Source: Sqitch 1.3.1, info, emit, comment and vent.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

SCHEMA_VERSION = 1
ERASE = "\r\x1b[K"  # the line that the cursor is on


def colors(environ: Mapping[str, str]) -> bool | None:
    """Return what the environment says of colours; None: only on a terminal."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return True if environ.get("FORCE_COLOR") else None


@dataclass(slots=True)
class Terminal:
    """
    Prints; ``color`` is None to decide by whether the stream is a terminal.

    ``as_json`` says that machines read; ``reserved`` keeps standard output for one
    document, so that all else goes to standard error. ``verbose`` is whether anybody
    asked for more (-v). ``paging`` False (--no-pager) never starts a pager. ``hidden``
    is what errors never repeat, each with what they show in its place. ``answered``
    tells whether the object of standard output is printed.
    """

    verbosity: int = 1
    color: bool | None = None
    as_json: bool = False
    reserved: bool = False
    verbose: bool = False
    paging: bool = True
    answered: bool = False
    hidden: dict[str, str] = field(default_factory=dict, repr=False)
    _fleeting: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def detailed(self) -> bool:
        """Whether times are shown: to a person who looks on, or who asked for more."""
        stream = sys.stderr if self.reserved else sys.stdout
        return self.verbosity > 0 and (self.verbose or stream.isatty())

    @property
    def watched(self) -> bool:
        """Whether both streams are a terminal, where lines can change."""
        plain = self.as_json or os.environ.get("TERM") == "dumb"
        return not plain and sys.stdout.isatty() and sys.stderr.isatty()

    def info(self, text: str, *, end: str = "\n") -> None:
        """Print what tells progress: not with --quiet."""
        if self.verbosity <= 0:
            return
        if not self.as_json:
            self.emit(text, end=end)
        elif text:
            self.event("progress", message=text)

    def emit(self, text: str, *, end: str = "\n") -> None:
        """Print what was asked for, also with --quiet."""
        if self.as_json:
            self.event("notice", message=text)
        else:
            self._print(text + end, err=self.reserved)

    def raw(self, data: bytes) -> None:
        """Print bytes as they are, with a line end."""
        click.echo(data + b"\n", nl=False, err=self.reserved)

    def comment(self, text: str) -> None:
        """Print lines that are comments to a reader of the output."""
        if self.as_json:
            self.event("notice", message=text)
            return
        for line in text.split("\n"):
            self.emit(f"# {line}")

    def vent(self, text: str) -> None:
        """Print an error or what belongs to one."""
        if self.as_json:
            self.event("notice", message=text)
        else:
            self._vent(text)

    def shown(self, text: str) -> str:
        """Return an error's text without what is to be hidden."""
        for word in sorted(self.hidden, key=len, reverse=True):
            text = text.replace(word, self.hidden[word])
        return text

    def fail(self, text: str, **data: Any) -> None:
        """Print an error; machines get the data of it."""
        if self.as_json:
            self.event("error", **({"message": text} | data))
        else:
            self._vent(f"{click.style('error:', fg='red', bold=True)} {text}")

    def warn(self, text: str) -> None:
        """Print a warning."""
        if self.as_json:
            self.event("warning", message=text)
        else:
            self._vent(f"warning: {text}")

    def debug(self, text: str) -> None:
        """Print a detail, with -vv."""
        if self.verbosity > 1:
            self.vent(f"debug: {text}")

    def fleeting(self, text: str) -> None:
        """Show a line that the next one replaces, where somebody watches."""
        if not self.watched:
            return
        with self._lock:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(ERASE + text[:width])
            sys.stderr.flush()
            self._fleeting = True

    def erase(self) -> None:
        """Take the fleeting line away, if there is one."""
        with self._lock:
            if self._fleeting:
                sys.stderr.write(ERASE)
                sys.stderr.flush()
                self._fleeting = False

    def event(self, kind: str, **data: Any) -> None:
        """Print one JSON object on a line of standard error."""
        plain = {key: self._plain(value) for key, value in data.items()}
        head = {"schema_version": SCHEMA_VERSION, "type": kind}
        sys.stdout.flush()
        self._print(json.dumps(head | plain, default=str) + "\n", err=True)

    def json(self, **data: Any) -> None:
        """Print one JSON object, with the version of its form, on standard output."""
        self.answered = True
        click.echo(json.dumps({"schema_version": SCHEMA_VERSION} | data, default=str))

    def give_up(self, **data: Any) -> None:
        """Answer machines with an error, if they have no answer yet."""
        if self.as_json and not self.answered:
            self.json(error={key: self._plain(value) for key, value in data.items()})

    def document(self, text: str) -> None:
        """Print a whole document of another form than JSON on standard output."""
        click.echo(text, nl=not text.endswith("\n"), color=False)

    def json_list(self, name: str, values: Iterable[dict[str, Any]]) -> None:
        """Print one JSON object that holds a list, value by value, as they come."""
        self.answered = True
        stream = sys.stdout
        stream.write(f'{{"schema_version": {SCHEMA_VERSION}, "{name}": [')
        for place, value in enumerate(values):
            stream.write((", " if place else "") + json.dumps(value, default=str))
        stream.write("]}\n")
        stream.flush()

    def _plain(self, value: Any) -> Any:
        """Return a text without colours and secrets."""
        return self.shown(click.unstyle(value)) if isinstance(value, str) else value

    def _vent(self, text: str) -> None:
        sys.stdout.flush()
        self._print(self.shown(text) + "\n", err=True)

    def _print(self, text: str, *, err: bool) -> None:
        with self._lock:
            self.erase()
            click.echo(text, nl=False, err=err, color=self.color)

    def wants_color(self, choice: str) -> bool:
        """Tell whether auto, always or never means colours now; NO_COLOR wins."""
        if self.color is False or choice == "never":
            return False
        return choice == "always" or bool(self.color) or sys.stdout.isatty()

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

r"""
The other end of a \copy: a file, or a program's pipe.

May import copying; starts programs through the shell, as psql does.
"""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learnplan_db.psql.copying import Copy

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class End:
    """What a COPY reads (``feed``), or where its data goes (``drain``)."""

    feed: Callable[[], Iterator[bytes]]
    drain: Callable[[bytes], object] | None = None  # None: to stdout


def shell(line: str, directory: Path | None) -> str:
    """Return what a command line prints, without one line end; as backticks do."""
    done = subprocess.run(  # noqa: S602 - the script asks for a shell
        line, shell=True, cwd=directory, stdout=subprocess.PIPE, check=False
    )
    return done.stdout.decode("utf-8", "replace").removesuffix("\n")


@contextmanager
def opened(copy: Copy, directory: Path | None) -> Iterator[End]:
    """
    Open the file or program, and close it.

    Raises: OSError: it cannot be opened, or the program failed.
    """
    if copy.kind == "program":
        with _program(copy, directory) as end:
            yield end
    elif copy.kind == "file":
        path = (directory or Path()) / Path(copy.name).expanduser()
        with path.open("rb" if copy.reads else "wb") as file:
            yield _end(file, reads=copy.reads)
    else:
        yield End(lambda: iter(()))


@contextmanager
def _program(copy: Copy, directory: Path | None) -> Iterator[End]:
    with subprocess.Popen(  # noqa: S602 - the script asks for a shell
        copy.name,
        shell=True,
        cwd=directory,
        stdout=subprocess.PIPE if copy.reads else None,
        stdin=None if copy.reads else subprocess.PIPE,
    ) as process:
        pipe = process.stdout if copy.reads else process.stdin
        if pipe is not None:
            with pipe:
                yield _end(pipe, reads=copy.reads)
    if process.returncode:
        told = f"child process exited with exit code {process.returncode}"
        raise OSError(process.returncode, told)


def _end(file: IO[bytes], *, reads: bool) -> End:
    if reads:
        return End(lambda: iter(lambda: file.read(_CHUNK), b""))
    return End(lambda: iter(()), file.write)

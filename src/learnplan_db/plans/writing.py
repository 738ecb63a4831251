"""
Write files so that none is ever there in part, and what was written can be undone.

May import errors; never prints.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from learnplan_db.errors import AuthoringError


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to write; ``before`` is what it held, None if it is new."""

    shown: str
    path: Path
    data: bytes
    before: bytes | None = None


def replace(path: Path, data: bytes) -> None:
    """Replace a file as a whole or not at all; its mode stays, and links to it."""
    path = Path(os.path.realpath(path))
    if not path.is_file():  # a device would become a file
        raise OSError(errno.EINVAL, "it is no regular file")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as temporary:
            temporary.write(data)
            temporary.flush()
            os.fsync(temporary.fileno())
        Path(name).chmod(path.stat().st_mode & 0o7777)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write(file: NewFile, undo: contextlib.ExitStack) -> None:
    """Write a file as a whole, and have ``undo`` take it back."""
    try:
        _make_directory(file.path.parent, undo)
        if file.before is None:
            _create(file.path, file.data)
            undo.callback(file.path.unlink, missing_ok=True)
        else:
            replace(file.path, file.data)
            undo.callback(replace, file.path, file.before)
    except OSError as error:
        raise AuthoringError.not_written(file.shown, error) from error


def _make_directory(path: Path, undo: contextlib.ExitStack) -> None:
    """Create a directory and those above it, and have ``undo`` remove the new ones."""
    if path.is_dir():
        return
    _make_directory(path.parent, undo)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
        undo.callback(_remove_directory, path)


def _remove_directory(path: Path) -> None:
    with contextlib.suppress(OSError):  # somebody else put something there
        path.rmdir()


def _create(path: Path, data: bytes) -> None:
    """Create a file that is not there, as a whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as temporary:
            temporary.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        try:
            path.hardlink_to(name)  # unlike a rename, never replaces what is there
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            path.touch(exist_ok=False)
            Path(name).rename(path)
    finally:
        Path(name).unlink(missing_ok=True)

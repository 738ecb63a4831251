"""
Write a migration's files: all of them or none, and over nothing that is there.

May import lower floors; never prints.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from learnplan_db.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Mapping


def write(texts: Mapping[Path, str], *, force: bool) -> dict[Path, bool]:
    """
    Write files, and return which of them are new or other than before.

    Args: force: replace files that hold something else.
    Raises: ExportError: such files are there, or one cannot be written; nothing has
        changed then.
    """
    data = {path: text.encode() for path, text in texts.items()}
    changed = {path: _read(path) != new for path, new in data.items()}
    there = [str(path) for path, new in changed.items() if new and path.exists()]
    if there and not force:
        raise ExportError.exists(there)
    with ExitStack() as undone:
        drafts = {
            path: _draft(path, data[path], undone)
            for path, new in changed.items()
            if new
        }
        for path, draft in drafts.items():
            try:
                _place(draft, path, force=force)
            except FileExistsError:
                raise ExportError.exists([str(path)]) from None
            except OSError as error:
                raise ExportError.not_written(str(path), error) from error
            if str(path) not in there:
                undone.callback(path.unlink, missing_ok=True)
        undone.pop_all()
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return changed


def _read(path: Path) -> bytes | None:
    """Return what a file holds, None if there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ExportError.not_written(str(path), error) from error


def _draft(path: Path, data: bytes, undone: ExitStack) -> Path:
    """Return a file beside the one to be, which is gone again if something fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name[:40]}.", dir=path.parent
        )
    except OSError as error:
        raise ExportError.not_written(str(path), error) from error
    undone.callback(Path(name).unlink, missing_ok=True)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
    except OSError as error:
        raise ExportError.not_written(str(path), error) from error
    return Path(name)


def _place(draft: Path, path: Path, *, force: bool) -> None:
    """Give a draft its name, over another file only by force."""
    if force:
        draft.replace(path)
        return
    with suppress(PermissionError):  # of a file system that has no links
        os.link(draft, path)
        return
    if path.exists():
        raise FileExistsError
    draft.replace(path)

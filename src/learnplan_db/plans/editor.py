"""
Let a person edit files in the editor of their choice.

May import lower floors; runs the editor, never prints.
Source: Sqitch 1.3.1, request_note and open_editor, tried out.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from learnplan_db.errors import AuthoringError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnplan_db.settings.configuration import Configuration


def program(configuration: Configuration) -> str:
    """Return the editor, a line of shell: the first of Sqitch's four settings."""
    environ = configuration.environ
    return (
        environ.get("SQITCH_EDITOR")
        or configuration.get("core.editor")
        or environ.get("VISUAL")
        or environ.get("EDITOR")
        or "vi"
    )


def edit(configuration: Configuration, files: Sequence[str]) -> None:
    """Open files of the project. Raises: AuthoringError: the editor failed."""
    editor = program(configuration)
    line = f"{editor} {shlex.join(files)}"
    done = subprocess.run(line, shell=True, cwd=configuration.root, check=False)  # noqa: S602 - editors are lines of shell, as in git
    if done.returncode:
        raise AuthoringError.editor_failed(editor, done.returncode)


def note(configuration: Configuration, prompt: str) -> str:
    """
    Return the note that a person writes; lines that start with # are no part of it.

    Raises: AuthoringError: there is no terminal, or the editor failed.
        NothingDoneError: the note is empty.
    """
    if not sys.stdin or not sys.stdin.isatty():
        raise AuthoringError.no_note()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "note.txt"
        commented = "".join(f"# {line}\n" for line in prompt.split("\n"))
        file.write_text(f"\n{commented}", encoding="utf-8")
        edit(configuration, [str(file)])
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    lines = text.splitlines(keepends=True)
    kept = "".join(line for line in lines if not line.lstrip().startswith("#"))
    if not kept.strip():
        raise AuthoringError.empty_note()
    return kept.strip("\n\v\f\r\x85\u2028\u2029")

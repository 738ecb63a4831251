"""What cannot be drawn of a schema, or not written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError

if TYPE_CHECKING:
    from collections.abc import Sequence


class PictureError(LearnplanError):
    """A schema without tables, a missing program, a file that cannot be written."""

    @classmethod
    def no_tables(cls, schemas: Sequence[str], target: str) -> PictureError:
        """There is nothing to draw."""
        word = "schema" if len(schemas) == 1 else "schemas"
        return cls(
            f"there is no table in {word} {', '.join(schemas)}",
            where=target,
            fix="deploy first, or name a schema that has tables with --schema",
        )

    @classmethod
    def no_dot(cls) -> PictureError:
        """Graphviz is not installed."""
        return cls(
            'SVG is drawn by Graphviz, and there is no "dot" on PATH',
            fix="install Graphviz (Debian: apt-get install graphviz), or take "
            "--format mermaid, which needs nothing",
        )

    @classmethod
    def dot_failed(cls, program: str, said: str) -> PictureError:
        """Graphviz draws nothing."""
        lines = said.strip().splitlines() or ["it said nothing"]
        return cls(
            f"Graphviz cannot draw the picture: {lines[0]}",
            where=program,
            fix="take --format mermaid, which needs nothing",
        )

    @classmethod
    def dot_slow(cls, program: str, seconds: int) -> PictureError:
        """Graphviz does not come to an end."""
        return cls(
            f"Graphviz has not drawn the picture within {seconds} seconds",
            where=program,
            fix="draw fewer schemas with --schema, or take --format mermaid",
        )

    @classmethod
    def unknown_ending(cls, path: str) -> PictureError:
        """The name of a file does not say what is to be written to it."""
        return cls(
            "the file's ending is no format that can be drawn",
            where=path,
            fix="name it .mmd, .svg or .html, or say which with --format",
        )

    @classmethod
    def unwritable(cls, path: str, reason: str) -> PictureError:
        """The file cannot be written."""
        return cls(
            f"the file cannot be written: {reason}",
            where=path,
            fix="name a file in a directory where you may write with --out",
        )

    @classmethod
    def unreadable(cls, path: str, reason: str) -> PictureError:
        """There is nothing to compare with."""
        return cls(
            f"the file cannot be read: {reason}",
            where=path,
            fix="write it first: the same command without --check",
        )

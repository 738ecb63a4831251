"""
Where things stand in a TOML file: tomllib tells what a file says, and not where.

Only for messages: a place that cannot be told is that of what is around it. May import
nothing of the package; reads no file.
Source: TOML 1.0.
"""

from __future__ import annotations

import re

_HEAD = re.compile(r"""\s*\[+\s*["']?([\w-]+)["']?\s*\]+""")
_KEY = re.compile(r"""\s*["']?([\w-]+)["']?\s*[.=]""")


class Lines:
    """
    The line of each block and of each key in it.

    Args: shown: the file's name as errors show it.
    """

    def __init__(self, text: str, shown: str) -> None:
        self.shown = shown
        self._found: dict[tuple[str, int, str], int] = {}
        seen: dict[str, int] = {}
        block, number = "", 0
        for line, content in enumerate(text.split("\n"), start=1):
            if head := _HEAD.match(content):
                block = head[1]
                number = seen[block] = seen.get(block, -1) + 1
                self._found[block, number, ""] = line
            elif key := _KEY.match(content):
                self._found.setdefault((block, number, key[1]), line)

    def at(self, block: str = "", number: int = 0, key: str = "") -> str:
        """Return file:line of a key, else of its block, else of the table's name."""
        keys = ((block, number, key), (block, number, ""), ("", 0, block))
        known = (*keys, ("", 0, "table"))
        line = next((self._found[one] for one in known if one in self._found), 1)
        return f"{self.shown}:{line}"


def of_fault(text: str, said: str) -> int:
    """Return the line that tomllib complains about, where it names one."""
    if named := re.search(r"\(at line (\d+)", said):
        return int(named[1])
    if "end of document" in said:
        return len(text.rstrip("\n").split("\n"))
    # Of a number that is too long, or too many brackets: it is on the longest line.
    lines = text.split("\n")
    return 1 + lines.index(max(lines, key=len))

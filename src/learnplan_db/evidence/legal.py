r"""
Any text at all, made legal in a format: XML, a line of TAP, YAML, a URI.

What a format cannot hold is shown as Python writes it: ``\x00``. May import nothing of
the package; pure.
"""

from __future__ import annotations

import re
from urllib.parse import quote

_NOT_XML = re.compile(
    "[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def xml(text: str) -> str:
    """Return text that XML 1.0 may hold; the writer escapes its markup."""
    return _NOT_XML.sub(_shown, text)


def title(text: str) -> str:
    """Return the description of a TAP point: one line, and never a directive."""
    line = " ".join(text.split())
    return _CONTROL.sub(_shown, line).replace("#", "\\#")


def quoted(text: str) -> str:
    """Return a double-quoted scalar of YAML, in the part that TAP::Parser reads too."""
    escaped = re.sub(r'["\\\n\t\r]', lambda found: _SHORT[found[0]], text)
    return f'"{_CONTROL.sub(_hex, escaped)}"'


def uri(path: str) -> str:
    """Return a relative path as a URI reference."""
    reference = quote(path.replace("\\", "/").encode("utf-8", "backslashreplace"))
    return reference.lstrip("/") or "."


def _shown(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _hex(found: re.Match[str]) -> str:
    # Perl takes \xNN for a byte, YAML for a character: they agree on ASCII alone.
    # What is beyond is shown, not meant.
    code = ord(found[0])
    return f"\\x{code:02x}" if found[0].isascii() else f"\\\\u{code:04x}"

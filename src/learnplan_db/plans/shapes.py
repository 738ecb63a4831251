"""
Match texts as Perl does: its classes of characters are not Python's.

May import nothing of the package; pure.
Source: perlrecharclass; what Sqitch 1.3.1 really does is held by the oracle's tests.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

BLANKS = " \t\xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
SPACES = BLANKS + "\n\v\f\r\x85\u2028\u2029"

_UNLIKE_ASCII = re.compile(r"[^\x00-\x7f]")
_JOINERS_AND_CIRCLED = re.compile(
    "[\u200c\u200d\u24b6-\u24e9\U0001f130-\U0001f149\U0001f150-\U0001f169"
    "\U0001f170-\U0001f189]"
)


@cache
def _stand_in(character: str) -> str:
    """Return an ASCII-like character of the same kind: blank, digit, word or other."""
    if character in BLANKS:
        return " "
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return "\u0660"
    letter = category[0] in "LM" or category in {"Nl", "Pc"}
    return "x" if letter or _JOINERS_AND_CIRCLED.match(character) else "¿"


def given(text: str) -> bool:
    """Whether Sqitch sees a value: Perl takes the text ``0`` for none."""
    return text not in {"", "0"}


def shape(text: str) -> str:
    """Return the text in characters on which Python's classes agree with Perl's."""
    text = text.replace("\t", " ")
    if text.isascii():
        return text  # most lines: a plan is read by every command
    return _UNLIKE_ASCII.sub(lambda found: _stand_in(found[0]), text)


def match(pattern: re.Pattern[str], text: str) -> dict[str, str]:
    """Return the groups of a match, empty where absent; no group without a match."""
    like = shape(text)
    found = pattern.match(like)
    if found and like == text:
        return found.groupdict("")
    spans = {name: found.span(name) for name in pattern.groupindex} if found else {}
    return {name: text[start:end] for name, (start, end) in spans.items()}

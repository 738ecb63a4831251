"""
The formats of log and plan that have a name, in the language of ``--format``.

May import errors; holds text, never prints.
Source: Sqitch 1.3.1, log and plan, "Formats".
"""

from __future__ import annotations

from learnplan_db.errors import ReportError

_EVENT_FULL = "%{:event}C%L %h%{reset}C"
_NAME, _PROJECT = "%{name}_ %n", "%{project}_ %o"
_PLANNER, _COMMITTER = "%{planner}_ %p", "%{committer}_ %c"
_NOTE, _SUBJECT = "\n%{    }B\n", "\n%{    }s\n"


def _lines(*lines: str) -> str:
    return "\n".join(lines)


_RAW = ("%{:event}C%e %H%{reset}C%T", "name      %n", "project   %o")
_RAW_PLANNED = (
    "%{requires}a%{conflicts}aplanner   %{name}p <%{email}p>",
    "planned   %{date:raw}p",
)
_RAW_COMMITTED = ("committer %{name}c <%{email}c>", "committed %{date:raw}c")
_LONG = (f"{_EVENT_FULL}%T", _NAME, _PROJECT)
_FULL = (*_LONG, f"%R%X{_PLANNER}", "%{planned}_ %{date}p")
_BRIEF = (_EVENT_FULL, _NAME)
FORMATS = {
    "log": {
        "raw": _lines(*_RAW, *_RAW_PLANNED, *_RAW_COMMITTED, _NOTE),
        "full": _lines(*_FULL, _COMMITTER, "%{committed}_ %{date}c", _NOTE),
        "long": _lines(*_LONG, _PLANNER, _COMMITTER, _NOTE),
        "medium": _lines(*_BRIEF, _COMMITTER, "%{date}_ %{date}c", _NOTE),
        "short": _lines(*_BRIEF, _COMMITTER, _SUBJECT),
        "oneline": "%{:event}C%h %l%{reset}C %o:%n %s",
    },
    "plan": {
        "raw": _lines(*_RAW, *_RAW_PLANNED, _NOTE),
        "full": _lines(*_FULL, _NOTE),
        "long": _lines(*_LONG, _PLANNER, _NOTE),
        "medium": _lines(*_BRIEF, _PLANNER, "%{date}_ %{date}p", _NOTE),
        "short": _lines(*_BRIEF, _PLANNER, _SUBJECT),
        "oneline": "%{:event}C%h %l%{reset}C %n%{cyan}C%t%{reset}C",
    },
}


def named(kind: str, name: str) -> str:
    """
    Return the format of a name, for ``log`` or ``plan``, or of ``format:TEXT``.

    Raises: ReportError: there is no such name.
    """
    if name.startswith("format:"):
        return name.removeprefix("format:")
    if name not in FORMATS[kind]:
        raise ReportError.unknown_format(kind, name, FORMATS[kind])
    return FORMATS[kind][name]

"""
A connection that is lost: who ended it, and the way back to the server.

May import lower floors; never prints.
Source: PostgreSQL, "Error Codes", class 57; libpq, "Connection Control Functions".
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from learnplan_db.engine.session import connect
from learnplan_db.errors import ConnectError

if TYPE_CHECKING:
    import psycopg

    from learnplan_db.errors import ScriptError

    Connection = psycopg.Connection[Any]

ADMINISTRATOR = "57P01"  # pg_terminate_backend, or a server that is stopped
IDLE = "57P05"  # idle_session_timeout
# So long a server is asked what became of a change, if an administrator ended the
# session and we are not to go on.
BRIEFLY = 10.0
_LONGEST_PAUSE = 2.0


def by_administrator(error: ScriptError | psycopg.Error) -> bool:
    """Tell whether a person ended the session, and may not want us to go on."""
    return error.sqlstate == ADMINISTRATOR


def was_idle(error: ScriptError | psycopg.Error) -> bool:
    """Tell whether the server ended the session between two messages of ours."""
    return error.sqlstate == IDLE


def said(error: ScriptError | psycopg.Error) -> str:
    """Return in one line how the connection was lost."""
    text = getattr(error, "detail", None) or str(error).partition("\n")[0]
    if error.sqlstate is None:
        return f"the connection to the server was lost ({text})"
    return f"the server ended the session ({text}, SQLSTATE {error.sqlstate})"


def again(conninfo: str, seconds: float) -> Connection:
    """
    Connect again, trying for some seconds, and once at least.

    Raises: ConnectError: what the last try met.
    """
    end, pause = time.monotonic() + seconds, 0.1
    while True:
        try:
            return connect(conninfo)
        except ConnectError:
            left = end - time.monotonic()
            if left <= 0:
                raise
            time.sleep(min(left, random.uniform(pause / 2, pause)))  # noqa: S311 - jitter, no secret
            pause = min(2 * pause, _LONGEST_PAUSE)

"""
A second session that sees whom the first one waits for, while it waits.

A session that waits for a lock can ask nothing, and when its attempt is over the server
no longer knows whose lock it was. So a thread looks on: it opens its session when a
statement takes long, asks pg_blocking_pids, and tells who blocks. No session to
be had means nothing to tell, never a failed deploy.
May import session and progress; never prints, and tells through a callback.
Source: PostgreSQL, "System Information Functions"; design, the engine.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row

from learnplan_db.engine.progress import Progress
from learnplan_db.engine.session import APPLICATION_NAME
from learnplan_db.engine.watch import way_back

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from learnplan_db.engine.progress import Tell

AFTER = 0.5  # seconds that a statement may take before anybody looks
EVERY = 0.2
_CONNECT = 5  # seconds; the deploy does not wait for it
# A literal may be a secret of the application's, so none is shown. What a role may not
# see of others is null; pid, role and application it sees of all.
_BLOCKERS = r"""
select b.pid, case
  when b.pid = 0 then 'a prepared transaction, see pg_prepared_xacts'
  else concat_ws(', ', 'pid ' || b.pid, coalesce(a.usename, a.backend_type),
    nullif(a.application_name, ''),
    case when a.state is null and a.usename is not null
      then 'the rest is hidden from this role, pg_read_all_stats would show it'
      else a.state end,
    'in its transaction for ' || pg_catalog.round(extract(epoch from
      pg_catalog.clock_timestamp() - a.xact_start)) || ' s',
    case when a.state is not null and a.query <> '' then 'query of '
      || pg_catalog.round(extract(epoch from
        pg_catalog.clock_timestamp() - a.query_start)) || ' s ago: ' || case
      when pg_catalog.length(q.words) > 60
      then pg_catalog.substr(q.words, 1, 60) || '...' else q.words end end)
  end
from (select distinct pg_catalog.unnest(pg_catalog.pg_blocking_pids(%s))) as b (pid)
left join pg_catalog.pg_stat_activity as a on a.pid = b.pid
cross join lateral (
  select pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.regexp_replace(
    a.query, '''([^'']|'''')*(''|$)', '''...''', 'g'), '\s+', ' ', 'g')) as words
) as q
order by b.pid"""


class Onlooker:
    """
    Looks on while a connection is at work; use it as a context manager.

    ``seen`` are those who blocked the work that is going on, or the last, as they were
    seen last; what is told is told from the onlooker's own thread.
    """

    def __init__(self, connection: psycopg.Connection[Any], tell: Tell) -> None:
        self._dsn = way_back(
            connection,
            application_name=f"{APPLICATION_NAME} looking on",
            connect_timeout=_CONNECT,
        )
        self._tell, self._pid = tell, 0
        self._since = self._until = 0.0
        self._work = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self.seen: dict[int, str] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(_CONNECT)

    @contextmanager
    def watching(
        self, connection: psycopg.Connection[Any], seconds: float
    ) -> Iterator[None]:
        """Look on during a piece of work that may wait for locks for some seconds."""
        with self._work:
            self._pid, self.seen = connection.info.backend_pid, {}
            self._since = time.monotonic()
            self._until = self._since + seconds
        try:
            yield
        finally:
            self._since = 0.0

    def again(self, reason: str) -> None:
        """Tell that the work is tried once more."""
        self._tell(Progress("retry", detail=reason))

    def _look_on(self) -> None:
        session: psycopg.Connection[Any] | None = None
        try:
            while not self._end.wait(EVERY):
                since = self._since
                if since and time.monotonic() - since >= AFTER:
                    session = session or self._connect()
                    self._look(session, since)
        except psycopg.Error:
            pass  # nobody to ask: the deploy goes on, and its errors say what they can
        finally:
            if session:
                session.close()

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self._dsn,
            autocommit=True,
            prepare_threshold=None,
            row_factory=tuple_row,
        )

    def _look(self, session: psycopg.Connection[Any], since: float) -> None:
        found = session.execute(_BLOCKERS.encode(), [self._pid]).fetchall()
        with self._work:
            if self._since != since:
                return  # the work is over: this is not about it
            new = {pid for pid, _ in found} - {*self.seen}
            self.seen |= dict(found)
            now = time.monotonic()
            left = max(0.0, self._until - now)
        for pid, text in found:
            action = "waiting" if pid in new else "still-waiting"
            waited = now - since
            self._tell(Progress(action, seconds=left, detail=text, waited=waited))

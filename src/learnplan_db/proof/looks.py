"""
A look at a database after something was tried, and what surprises there.

Works in the caller's transaction and takes back what it does. May import errors,
nouns, pipe and statements; never prints.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row

from learnplan_db.errors import ProofError
from learnplan_db.proof.nouns import Actor
from learnplan_db.proof.pipe import DISTURBED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from learnplan_db.proof.statements import Wording

    Connection = psycopg.Connection[Any]

SERVICE = Actor("service")


@dataclass(frozen=True, slots=True)
class Surprise:
    """
    Something that did not come out as it must.

    ``table`` and ``verb`` say which policies and grants have to do with it.
    """

    name: str
    rule: str
    where: str
    kind: str
    user: str
    table: str
    verb: str
    did: str
    expected: str
    got: str


class Look:
    """
    Asks on a connection that is in an open transaction.

    ``tried`` counts the commands; ``tables`` are those to look at, none for all.
    """

    tables: Collection[str] = ()

    def __init__(self, connection: Connection, wording: Wording) -> None:
        self.connection, self.wording = connection, wording
        self.tried = 0
        self.now = self.ask("select pg_catalog.to_jsonb(pg_catalog.now())")[0][0]

    def about(self, table: str) -> bool:
        """Tell whether a table is to be looked at."""
        return not self.tables or table in self.tables

    def ask(self, query: str) -> list[Any]:
        """
        Return the rows of the last of these statements that has some.

        Raises: psycopg.Error: one is refused; ProofError: something is in the way,
            and nothing is said of the rules.
        """
        cursor = psycopg.Cursor(self.connection, row_factory=tuple_row)
        found: list[Any] = []
        try:
            cursor.execute(query.encode(), prepare=False)
            while True:
                if cursor.description:
                    found = cursor.fetchall()
                if not cursor.nextset():
                    return found
        except psycopg.Error as error:
            if error.sqlstate and error.sqlstate.startswith(DISTURBED):
                said, where = error.diag.message_primary, self.connection.info.dbname
                raise ProofError.disturbed(said or "", query, where) from error
            raise

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Provide a savepoint that is rolled back to."""
        with self.connection.transaction(force_rollback=True):
            yield

    def become(self, actor: Actor) -> None:
        """Be this actor for the rest of the transaction."""
        self.ask(self.wording.become(actor))

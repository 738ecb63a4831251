"""
All checks of a database, in their order, and what came of them.

A check that cannot be made says so, and the next one is made. May import lower floors;
only reads, never prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from learnplan_db.errors import ConnectError, LearnplanError
from learnplan_db.health import (
    activity,
    connecting,
    deployed,
    guards,
    people,
    rights,
    settings,
)
from learnplan_db.health.nouns import FAIL, OK, SKIP, WARN, Check, fail, skip, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnplan_db.health.nouns import Verdict
    from learnplan_db.health.patient import Examine, Patient

CHECKS: Mapping[str, Examine] = {
    "connection": connecting.connection,
    "encryption": connecting.encryption,
    "version": connecting.version,
    "pooling": connecting.pooling,
    "replication": connecting.replication,
    "registry": deployed.registry,
    "plan": deployed.plan,
    "scripts": deployed.scripts,
    "drift": deployed.drift,
    "roles": people.roles,
    "attributes": people.attributes,
    "logins": people.logins,
    "bypassing": people.bypassing,
    "app": people.app,
    "deployer": rights.deployer,
    "owner": rights.owner,
    "temporary": rights.temporary,
    "public": rights.public_schema,
    "row security": guards.row_security,
    "policies": guards.policies,
    "indexes": guards.indexes,
    "search": guards.trigram,
    "statistics": guards.statistics,
    "deploy lock": activity.deploy_lock,
    "transactions": activity.transactions,
    "prepared": activity.prepared,
    **{name: settings.setting(name) for name in settings.WANTED},
}


@dataclass(frozen=True, slots=True)
class Report:
    """What all checks found."""

    checks: tuple[Check, ...]

    def counted(self, state: str) -> int:
        """Return how many checks ended so."""
        return sum(one.verdict.state == state for one in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "checks": [
                {
                    "name": one.name,
                    "state": one.verdict.state,
                    "what": one.verdict.what,
                    "fix": one.verdict.fix
                    and {"kind": one.verdict.fix.kind, "text": one.verdict.fix.text},
                }
                for one in self.checks
            ],
            "counts": {state: self.counted(state) for state in (OK, WARN, FAIL, SKIP)},
        }


def examine(patient: Patient) -> Report:
    """
    Make all checks.

    Raises: ConnectError: the connection is lost meanwhile.
    """
    try:
        with patient.looking():
            pass
    except psycopg.Error as error:
        refused = "statement pooling" in str(error)  # and the connection is closed
        if patient.connection.closed and not refused:
            raise ConnectError.lost(_said(error)) from error
        verdict = connecting.statement_pooling(error)
        return Report((Check("pooling", verdict),))
    return Report(
        tuple(Check(name, _made(patient, check)) for name, check in CHECKS.items())
    )


def unreachable(error: LearnplanError) -> Report:
    """Return the report on a database that cannot be reached."""
    text = " ".join([error.message, *filter(None, [error.where])])
    return Report((Check("connection", fail(text, words(error.fix or ""))),))


def _made(patient: Patient, check: Examine) -> Verdict:
    """Make one check; say why where it cannot be made."""
    try:
        with patient.looking():
            return check(patient)
    except psycopg.errors.InsufficientPrivilege as error:
        text = f"{patient.login} may not look: {_said(error)}"
        return skip(text, words("run doctor as the owner of the database"))
    except psycopg.errors.LockNotAvailable:
        text = "somebody holds a lock on it; see transactions"
        return skip(text, words("run doctor again when they are done"))
    except psycopg.errors.QueryCanceled:
        return skip(
            "no answer within 5 s", words("run doctor again when it is quieter")
        )
    except psycopg.Error as error:
        if patient.connection.closed:
            raise ConnectError.lost(_said(error)) from error
        return skip(f"the server says: {_said(error)}")
    except LearnplanError as error:
        if patient.connection.closed:
            raise
        return skip(error.message.partition("\n")[0], words(error.fix or ""))


def _said(error: psycopg.Error) -> str:
    return error.diag.message_primary or " ".join(str(error).split())

"""
Every fault of the live security surface, one at a time.

``mutants`` reads the catalog and says for each object what could be wrong with it; it
changes nothing. Whoever runs one does so in a savepoint and rolls it back. BYPASSRLS
and memberships change rows of roles, which the whole cluster shares: run those mutants
in one database of a cluster at a time. Needs sqlglot, of the extra "proof"; may import
the modules of faults and mutation.surface; never prints.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from learnplan_db.mutation import surface as surfaces
from learnplan_db.mutation.faults import unique
from learnplan_db.mutation.faults_functions import function_faults
from learnplan_db.mutation.faults_grants import (
    NEEDS_SUPERUSER,
    grant_faults,
    role_faults,
)
from learnplan_db.mutation.faults_policies import policy_faults
from learnplan_db.mutation.faults_tables import table_faults
from learnplan_db.mutation.predicates import parser

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from learnplan_db.proof.nouns import Mutant
    from learnplan_db.security.variables import Variables

SOURCES = (policy_faults, grant_faults, role_faults, function_faults, table_faults)


def mutants(connection: psycopg.Connection[Any], roles: Variables) -> list[Mutant]:
    """
    Return all faults that the connection's role may make; each changes something.

    The order and the names are the same whenever the catalog is.
    Raises: MutationError: sqlglot is missing, or cannot read an expression.
    """
    parser()
    found = surfaces.read(connection, roles)
    return unique(one for source in SOURCES for one in source(found))


def names(connection: psycopg.Connection[Any], roles: Variables) -> set[str]:
    """Return the names of all faults, those that cannot be made here too."""
    found = surfaces.read(connection, roles)
    every = frozenset((*found.callers, *found.keepers))
    anywhere = replace(found, superuser=True, bypassing=frozenset(), grants=every)
    unmade = {one.name for one in role_faults(anywhere)}
    return unmade | {one.name for one in mutants(connection, roles)}


def skipped(connection: psycopg.Connection[Any], roles: Variables) -> Mapping[str, str]:
    """Return why each kind of fault is left out that this connection may not make."""
    found = surfaces.read(connection, roles)
    reasons = {} if found.superuser else dict(NEEDS_SUPERUSER)
    ungranted = [
        role
        for role in (*found.callers[1:], *found.keepers)
        if role not in found.grants
    ]
    if ungranted:
        reasons["role-member"] = (
            f"{found.user} may not grant membership of " + ", ".join(ungranted)
        )
    return reasons

"""What cannot be read of a database's schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence


class CatalogError(LearnplanError):
    """Schemas that cannot be compared."""

    @classmethod
    def no_schema(
        cls, names: Sequence[str], there: Sequence[str], target: str, named_in: str
    ) -> CatalogError:
        """None of the schemas that were asked for is there."""
        known = did_you_mean(names[0], there)
        return cls(
            f"there is no schema {' or '.join(names)} in the database{known}",
            where=f"{target}; named in {named_in}",
            fix="deploy first, or name others with --schema",
        )

    @classmethod
    def nothing_there(cls, target: str) -> CatalogError:
        """A database without a schema of anybody's."""
        return cls(
            "there is no schema in the database but the system's and the registry's",
            where=target,
            fix="deploy first",
        )

    @classmethod
    def locked(cls, target: str, holders: str) -> CatalogError:
        """Somebody changes a table, and nobody may look meanwhile."""
        return cls(
            "somebody holds a lock on what is to be read, such as a deploy",
            where=target,
            fix=f"run the command again when they are done: {holders}",
        )

    @classmethod
    def changed_meanwhile(cls, target: str) -> CatalogError:
        """Somebody deployed or reverted while we looked."""
        return cls(
            "something was deployed or reverted while the database was read",
            where=target,
            fix="run the command again once it is done",
        )

    @classmethod
    def nothing_deployed(cls, project: str, target: str) -> CatalogError:
        """Nothing of the project is there, so there is nothing to compare."""
        return cls(
            f'nothing of project "{project}" is deployed',
            where=target,
            fix="deploy first; learnplan-db status tells what else is there",
        )

    @classmethod
    def other_project(cls, change: str, needed: str) -> CatalogError:
        """A plan that cannot be deployed alone."""
        return cls(
            f'change "{change}" requires "{needed}" of another project, so that the '
            "plan cannot be deployed alone on a scratch server",
            fix="compare two databases by: learnplan-db fingerprint --objects",
        )

    @classmethod
    def no_scratch(cls, target: str, reason: Exception) -> CatalogError:
        """The server named by --scratch gives us no database."""
        text = str(reason).strip().partition("\n")[0]
        return cls(
            f"no scratch database can be made: {text}",
            where=target,
            fix="name a server with --scratch where the login may create databases",
        )

    @classmethod
    def not_rebuilt(cls, reason: LearnplanError) -> CatalogError:
        """The plan does not deploy on the scratch server."""
        return cls(
            f"the plan cannot be deployed on the scratch server: {reason.message}",
            where=reason.where,
            fix="name a server that is like the target's with --scratch, or mend the "
            "script",
        )

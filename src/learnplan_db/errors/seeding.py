"""Sample data that cannot be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError

if TYPE_CHECKING:
    from collections.abc import Sequence


class SeedError(LearnplanError):
    """A database that takes no sample data; nothing was written."""

    @classmethod
    def not_deployed(cls, missing: Sequence[str], where: str) -> SeedError:
        """The tables are not there."""
        return cls(
            f"the plan is not deployed: there is no table learnplan.{missing[0]}",
            where=where,
            fix="deploy first",
        )

    @classmethod
    def not_empty(cls, tables: Sequence[str], where: str) -> SeedError:
        """Rows that somebody may want to keep by themselves."""
        return cls(
            f"there are rows already, in {', '.join(tables)}",
            where=where,
            fix="give --append to add to them, or name another database; seed never "
            "deletes",
        )

    @classmethod
    def taken(cls, detail: str, where: str) -> SeedError:
        """The same seed makes the same rows, which are there."""
        return cls(
            f"a row of this seed is there already: {detail}",
            where=where,
            fix="leave --seed away, or give another number",
        )

    @classmethod
    def no_role(cls, role: str, where: str) -> SeedError:
        """The role of the system is not called so here."""
        return cls(
            f'there is no role "{role}"',
            where=where,
            fix="name it with --set service_role=NAME",
        )

    @classmethod
    def may_not(cls, login: str, role: str, text: str, where: str) -> SeedError:
        """The login is no member of the service role, be it the owner."""
        return cls(
            f"{login} may not act as the service: {text}",
            where=where,
            fix=f'name a login that is a member of "{role}", or a superuser',
        )

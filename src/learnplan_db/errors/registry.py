"""What the database says was deployed, and what it is worth."""

from __future__ import annotations

from learnplan_db.errors.base import LearnplanError


class RegistryError(LearnplanError):
    """The registry and the plan do not fit together."""

    @classmethod
    def may_not_create(cls, database: str, user: str) -> RegistryError:
        """The role has no CREATE on the database."""
        return cls(
            "no permission to create a schema",
            where=f'database "{database}", user "{user}"',
            fix=f"as its owner: grant create on database {database} to {user}",
        )

    @classmethod
    def other_uri(
        cls, project: str, ours: str | None, theirs: str | None
    ) -> RegistryError:
        """A project of the same name, which is another."""
        return cls(
            f'the database holds another project "{project}", with URI '
            f"{theirs or 'none'} instead of {ours or 'none'}",
            where="sqitch.projects",
            fix="look whether this is the right database",
        )

    @classmethod
    def not_our_plan(cls, project: str, first: str, beyond: list[str]) -> RegistryError:
        """A deployed change is not in the plan."""
        if beyond:
            return cls(
                f'the database is newer than this plan: "{beyond[0]}" is deployed and '
                "not planned",
                where=f'project "{project}" in sqitch.changes',
                fix="upgrade learnplan-db, or look whether this is the right database",
            )
        return cls(
            f'the database was deployed from another plan: "{first}" has another id',
            where=f'project "{project}" in sqitch.changes',
            fix="use the plan it was deployed from, or look whether this is the right "
            "database",
        )

    @classmethod
    def other_project(cls, project: str, others: tuple[str, ...]) -> RegistryError:
        """The registry holds other projects only."""
        return cls(
            f'nothing of project "{project}" is deployed here',
            where="the registry holds " + ", ".join(others),
            fix="look whether this is the right database",
        )

    @classmethod
    def earlier_target(cls, target: str, newest: str) -> RegistryError:
        """A deploy to what lies behind."""
        return cls(
            f'"{target}" comes before "{newest}", which is deployed',
            fix=f"to go back: learnplan-db revert --to {target}",
        )

    @classmethod
    def not_deployed(cls, name: str) -> RegistryError:
        """A revert to what is not there."""
        return cls(f'change "{name}" is not deployed', fix="see learnplan-db status")

    @classmethod
    def no_registry(cls, target: str) -> RegistryError:
        """Nothing was ever deployed."""
        return cls(
            "nothing was ever deployed here: there is no registry",
            where=target,
            fix="learnplan-db deploy, or look whether this is the right database",
        )

    @classmethod
    def conflict(cls, change: str, names: list[str], where: str) -> RegistryError:
        """A change conflicts with a deployed one."""
        return cls(
            f'change "{change}" conflicts with {", ".join(names)}',
            where=where,
            fix="revert what it conflicts with first",
        )

    @classmethod
    def foreign_requirement(cls, change: str, text: str) -> RegistryError:
        """A requirement of another project."""
        return cls(
            f'change "{change}" requires "{text}" of another project',
            fix="deploy this project with sqitch",
        )

    @classmethod
    def locked(cls, seconds: float, holder: str) -> RegistryError:
        """Somebody else is deploying."""
        return cls(
            f"another deploy is running and did not end in {seconds:g} s",
            where=holder,
            fix="wait for it, or give more time with --lock-timeout",
        )

    @classmethod
    def not_unique(cls, change: str, path: str) -> RegistryError:
        """Two deployed changes may not have the same script."""
        return cls(
            f'change "{change}" has the same deploy script as one that is deployed',
            where=path,
            fix="make the scripts differ, at least in a comment; nothing was changed",
        )

    @classmethod
    def unusable(cls, text: str, where: str | None) -> RegistryError:
        """The server refuses what the registry needs."""
        return cls(
            f"the registry cannot be used: {text}",
            where=where,
            fix="connect as the role that deployed, or let it grant this one usage on "
            "schema sqitch, and select, insert, update, delete on its tables",
        )

    @classmethod
    def other_version(cls, found: float, known: float, where: str) -> RegistryError:
        """The registry is older or newer than the one we write."""
        return cls(
            f"the registry has version {found:g}, and only {known} is known here",
            where=where,
            fix="older: sqitch upgrade; newer: upgrade learnplan-db",
        )

    @classmethod
    def not_met(cls, change: str, text: str, where: str) -> RegistryError:
        """A requirement is planned and not deployed."""
        return cls(
            f'change "{change}" requires "{text}", which is not deployed',
            where=where,
            fix="revert to before it, then deploy: it was planned in between",
        )

    @classmethod
    def still_required(cls, needed: tuple[str, ...]) -> RegistryError:
        """Another project needs what is to be reverted."""
        return cls(
            f"what is to be reverted is required by {', '.join(needed)}",
            where="sqitch.dependencies",
            fix="revert that project first",
        )

    @classmethod
    def unplanned(cls) -> RegistryError:
        """A change is deployed and not in the plan."""
        return cls("the change is deployed, but not planned")

    @classmethod
    def changed_meanwhile(cls) -> RegistryError:
        """Somebody deployed or reverted while a person was asked."""
        return cls(
            "something else is deployed now than when you were asked",
            where="sqitch.changes",
            fix="run the command again, and look at what it asks",
        )


class VerifyError(LearnplanError):
    """A verify script found that the database is not as the plan says."""

    exit_code = 1

    @classmethod
    def after_deploy(cls, change: str, error: LearnplanError) -> VerifyError:
        """A change does not verify right after its deploy."""
        return cls(
            f'change "{change}" was deployed and does not verify; it was reverted: '
            f"{error.message}",
            where=error.where,
            fix="mend the deploy or the verify script",
        )

    @classmethod
    def failed(cls, count: int, names: list[str]) -> VerifyError:
        """Verify scripts failed."""
        return cls(
            f"{count} changes do not verify: {', '.join(names)}",
            fix="see above for each; put the objects back, or revert and deploy",
        )

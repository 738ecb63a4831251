"""What the database says was deployed, and what it is worth."""

from __future__ import annotations

from learnplan_db.errors.base import LearnplanError, identifier


class RegistryError(LearnplanError):
    """The registry and the plan do not fit together."""

    SHOWN = 20

    @classmethod
    def may_not_create(cls, schema: str, database: str, user: str) -> RegistryError:
        """The role has no CREATE on the database, or on the schema that is there."""
        return cls(
            f'no permission to create the registry in schema "{schema}"',
            where=f'database "{database}", user "{user}"',
            fix="as an administrator: grant create on database "
            f"{identifier(database)} to {identifier(user)}; or, for the "
            f"schemas that are there, alter schema {identifier(schema)} "
            f"owner to {identifier(user)}",
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
    def locked(cls, seconds: float, holder: str) -> RegistryError:
        """Somebody else is deploying."""
        return cls(
            f"another deploy is running and did not end in {seconds:g} s",
            where=holder,
            fix="wait for it, or give more time with --lock-timeout",
        )

    @classmethod
    def table_locked(cls, holders: str, where: str | None) -> RegistryError:
        """Somebody holds a lock on one of the registry's tables."""
        return cls(
            "the registry is locked by another session", where=where, fix=holders
        )

    @classmethod
    def unusable(cls, text: str, where: str | None) -> RegistryError:
        """The server does not permit what the registry needs."""
        return cls(
            f"the registry cannot be used: {text}",
            where=where,
            fix="connect as the role that deployed, or let it grant this one usage on "
            "schema sqitch, and select, insert, update, delete on its tables",
        )

    @classmethod
    def may_not_read(cls, schema: str, login: str, where: str) -> RegistryError:
        """The login has no right to look what is deployed."""
        grantee, registry = identifier(login), identifier(schema)
        return cls(
            f'login "{login}" may not read what is deployed, in schema "{schema}"',
            where=where,
            fix=f"as the role that deployed: grant usage on schema {registry} to "
            f"{grantee}; grant select on {registry}.changes to {grantee}; or hand in "
            "an address whose login may",
        )

    @classmethod
    def failed(cls, text: str, where: str | None) -> RegistryError:
        """The server has a reason of its own: a trigger somebody made, a full disk."""
        return cls(
            f"the registry could not be read or written: {text}",
            where=where,
            fix="mend what the server says, then run the command again",
        )

    @classmethod
    def damaged(cls, text: str, where: str | None) -> RegistryError:
        """A table or column of the registry is not what Sqitch makes."""
        return cls(
            f"the registry is not as Sqitch makes it: {text}",
            where=where,
            fix="restore its schema from a backup, or name another with --registry",
        )

    @classmethod
    def changed_meanwhile(cls) -> RegistryError:
        """Somebody deployed or reverted while a person was asked."""
        return cls(
            "something else is deployed now than when you were asked",
            where="sqitch.changes",
            fix="run the command again, and look at what it asks",
        )

    @classmethod
    def uri_taken(cls, project: str, uri: str) -> RegistryError:
        """Another project has the URI."""
        return cls(
            f'project "{project}" has the URI {uri}, which another project here has',
            where="the registry's table projects",
            fix="give each project a %uri of its own",
        )

    @classmethod
    def not_storable(cls, text: str) -> RegistryError:
        """A NUL character, which no text of PostgreSQL can hold."""
        shown = text.split("\0", maxsplit=1)[0][-40:]
        return cls(
            f'there is a NUL character after "{shown}", which the registry cannot hold',
            where="the plan",
            fix="remove it",
        )

    @classmethod
    def not_our_plan(
        cls,
        project: str,
        source: str,
        schema: str,
        differences: list[tuple[int, str, str]],
    ) -> RegistryError:
        """
        The newest deployed change is not in the plan.

        Args: differences: (number, deployed change, what is different).
        """
        lines = [
            f"  {number:>4}  {label} {reason}" for number, label, reason in differences
        ]
        if len(lines) > cls.SHOWN:
            lines[cls.SHOWN :] = [f"        and {len(lines) - cls.SHOWN} more"]
        unplanned = all("not in the plan" in reason for _, _, reason in differences)
        number, label, _ = differences[0]
        back = f"revert to before {label}" if number > 1 else "revert everything"
        return cls(
            "the database and the plan disagree"
            + (": it is newer than this plan" if unplanned else f" from {label} on")
            + "\n"
            + "\n".join(lines),
            where=f'project "{project}" in schema {schema}, {source}',
            fix="use the plan that was deployed, a newer one perhaps, or look whether "
            "this is the right database"
            + ("" if unplanned else f"; else {back} and deploy again"),
        )

    @classmethod
    def not_deployed(cls, spec: str, *, planned: bool) -> RegistryError:
        """What a person named is not deployed."""
        if planned:
            return cls(
                f'change "{spec}" is not deployed', fix="see what is: status, log"
            )
        return cls(
            f'unknown change: "{spec}"',
            fix="name a deployed change, a @tag, change@tag or an id of 40 digits",
        )

    @classmethod
    def ambiguous(cls, name: str, qualified: list[str]) -> RegistryError:
        """Several deployed changes have the bare name."""
        several = ", ".join(f'"{spec}"' for spec in qualified)
        return cls(
            f'change "{name}" is deployed more than once', fix=f"name one of {several}"
        )

    @classmethod
    def earlier_target(cls, target: str, newest: str) -> RegistryError:
        """A deploy to what lies behind."""
        return cls(
            f'cannot deploy to "{target}": it comes before "{newest}", which is '
            "deployed",
            fix=f"to go back: revert --to {target}",
        )

    @classmethod
    def no_registry(cls, target: str) -> RegistryError:
        """Nothing was ever deployed."""
        return cls(
            "no registry found: nothing was ever deployed here",
            where=target,
            fix="deploy, or look whether this is the right database",
        )

    @classmethod
    def other_version(cls, found: float, known: float, where: str) -> RegistryError:
        """The registry is older or newer than the one we write."""
        return cls(
            f"the registry has version {found:g}, and {known} is what is known here",
            where=where,
            fix='run "upgrade"' if found < known else "upgrade learnplan-db",
        )

    @classmethod
    def not_unique(cls, change: str, other: str, path: str) -> RegistryError:
        """Two deployed changes may not have the same script."""
        return cls(
            f'change "{change}" has the same deploy script as "{other}"',
            where=path,
            fix="make the scripts differ, at least in a comment; nothing was changed",
        )

    @classmethod
    def not_met(cls, faults: list[tuple[str, str, str]]) -> RegistryError:
        """Conflicts, and requirements that are not met: (where, change, what)."""
        lines = [f'change "{change}" {what}' for _, change, what in faults]
        lines[cls.SHOWN :] = [f"and {len(lines) - cls.SHOWN} more"][
            : len(lines) > cls.SHOWN
        ]
        conflict = any("conflicts" in line for line in lines)
        required = any("requires" in line for line in lines)
        return cls(
            "\n".join(lines)
            + (", which is not deployed" if required and not conflict else ""),
            where=", ".join(dict.fromkeys(where for where, _, _ in faults)),
            fix=" and ".join(
                ["revert what it conflicts with"] * conflict
                + ["deploy what it requires first"] * required
            ),
        )

    @classmethod
    def already_deployed(cls, labels: list[str]) -> RegistryError:
        """Changes beyond the newest deployed one are deployed too."""
        return cls(
            f"already deployed, though planned later: {', '.join(labels)}",
            where="the registry's table changes",
            fix="look at status and log: the order of committed_at is not the plan's",
        )

    @classmethod
    def still_required(cls, needed: list[tuple[str, str]]) -> RegistryError:
        """Another project needs what is to be reverted: (change, who needs it)."""
        return cls(
            "\n".join(
                f'change "{gone}" is required by deployed change {who}'
                for gone, who in needed
            ),
            where="the registry's table dependencies",
            fix="revert what requires it first",
        )

    @classmethod
    def no_plan_changes(cls, source: str) -> RegistryError:
        """Changes are deployed and none is planned."""
        return cls(
            "there are deployed changes, but none planned",
            where=source,
            fix="look whether this is the right plan",
        )

    @classmethod
    def not_planned(cls, spec: str) -> RegistryError:
        """A change is deployed, but not in the plan."""
        return cls(
            f'change "{spec}" is deployed, but not planned', fix="name a planned one"
        )

    @classmethod
    def backwards(cls, first: str, last: str) -> RegistryError:
        """A range ends before it starts."""
        return cls(
            f'"{first}" comes after "{last}"',
            where="--from, --to",
            fix="name the earlier change with --from",
        )

    @classmethod
    def not_taken_back(cls, label: str, error: LearnplanError) -> RegistryError:
        """A deploy failed, and so did taking back what had been deployed."""
        return cls(
            f'"{label}" could not be reverted and stays deployed: {error.message}',
            where=error.where,
            fix=error.fix or "mend its revert script, then revert",
        )


class VerifyError(LearnplanError):
    """A verify script found that the database is not as the plan says."""

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
    def not_undone(
        cls, change: str, error: LearnplanError, second: LearnplanError
    ) -> VerifyError:
        """A change does not verify, and its revert script fails too."""
        return cls(
            f'change "{change}" does not verify: {error.message}\n'
            f"and could not be reverted: {second.message}",
            where=f"{error.where}, {second.where}",
            fix="undo by hand what its deploy script did; it is not recorded as "
            "deployed",
        )

    @classmethod
    def kept(
        cls, change: str, error: LearnplanError, second: LearnplanError
    ) -> VerifyError:
        """A change does not verify, and to revert it might lose rows of others."""
        return cls(
            f'change "{change}" does not verify, and stays deployed: {error.message}\n'
            f"it was not reverted: {second.message}",
            where=f"{error.where}, {second.where}",
            fix=second.fix,
        )

    @classmethod
    def failed(cls, count: int, names: list[str]) -> VerifyError:
        """Changes do not verify."""
        noun = "change does" if count == 1 else "changes do"
        return cls(
            f"{count} {noun} not verify: {', '.join(names)}",
            fix="see above for each; put the objects back, or revert and deploy",
        )

    @classmethod
    def demo_failed(cls, names: list[str]) -> VerifyError:
        """The demo's own database, which stays from one run to the next, differs."""
        return cls(
            f"the demo's database does not verify: {', '.join(names)}",
            fix="somebody changed it; make it anew: learnplan-db demo --fresh",
        )

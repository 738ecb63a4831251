"""acting_as cannot take the role asked for."""

from __future__ import annotations

from learnplan_db.errors.base import LearnplanError, identifier


class IdentityError(LearnplanError):
    """acting_as cannot become who it was asked to become."""

    @classmethod
    def missing(cls, role: str) -> IdentityError:
        """Nobody is signed in: neither sub nor user_id was given."""
        return cls(
            f'acting as "{role}" needs an identity: neither sub nor user_id',
            where="acting_as",
            fix='pass sub= or user_id= of the verified token, or role="anon"',
        )

    @classmethod
    def unwanted(cls, role: str) -> IdentityError:
        """An identity was given for a role that stands for nobody."""
        return cls(
            f'acting as "{role}" takes no identity, but one was given',
            where="acting_as",
            fix=f'leave out sub=, user_id= and email=, or leave out role="{role}"',
        )

    @classmethod
    def unusable(cls, name: str) -> IdentityError:
        """An argument is empty, or holds a character that no text can."""
        return cls(
            f'"{name}" is empty, or holds a NUL or half a surrogate pair',
            where="acting_as",
            fix="pass the value as the verified token has it, or None",
        )

    @classmethod
    def not_taken(cls, role: str, login: str) -> IdentityError:
        """The role is missing, or the login is not a member of it."""
        names = [identifier(name) for name in (role, login)]
        return cls(
            f'login "{login}" cannot take the role "{role}"',
            where="acting_as",
            fix=f"create the role if it is missing, then: grant {' to '.join(names)} "
            "(on PostgreSQL 16 and later: with set true)",
        )

    @classmethod
    def would_bypass(cls, refusal: str, role: str, login: str) -> IdentityError:
        """Row security would not be asked; refusal is the code acting_as read."""
        reason = {
            "login-superuser": f'login "{login}" is a superuser',
            "login-bypassrls": f'login "{login}" has BYPASSRLS',
            "role-superuser": f'role "{role}" is a superuser',
            "role-bypassrls": f'role "{role}" has BYPASSRLS, but an identity was given',
            "owner-unforced": f'login "{login}" owns a table that does not force it',
        }[refusal]
        return cls(
            f"row security would be bypassed: {reason}",
            where="acting_as",
            fix="connect with a login that is a member of the request roles only",
        )

    @classmethod
    def transaction_lost(cls, status: str) -> IdentityError:
        """The block ended normally, but there is nothing left that could commit."""
        return cls(
            f"the block ended normally, but its transaction is lost (status {status})",
            where="acting_as",
            fix="let errors leave the block, or catch them around conn.transaction()",
        )

    @classmethod
    def autocommit(cls) -> IdentityError:
        """What is set for a transaction would be gone with the statement."""
        return cls(
            "every statement would be a transaction of its own: the engine or the "
            "connection is in AUTOCOMMIT",
            where="acting_as",
            fix="use an engine, or execution options, of another isolation_level",
        )

    @classmethod
    def used(cls) -> IdentityError:
        """The same block a second time; inside itself it would take back the first."""
        return cls(
            "this block has been used already",
            where="acting_as",
            fix="call acting_as(...) again for another block",
        )

"""The access matrix, and what the prover needs of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError, did_you_mean, identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST = 300  # characters of a statement that an error shows
NOUNS = {
    "persona": "a persona",
    "command": "a command",
    "outcome": "an outcome",
    "row": "a kind of row",
    "key": "a key",
    "column": "a column of the table",
    "table": "a table, a view or functions",
    "condition": "a render variable that is on or off",
}


class MatrixError(LearnplanError):
    """An access matrix that cannot be read as one outcome a cell."""

    @classmethod
    def unreadable(cls, where: str, reason: str) -> MatrixError:
        """The file cannot be read."""
        fix = "check the file's permissions and that it is UTF-8"
        return cls(f"cannot read the access matrix: {reason}", where=where, fix=fix)

    @classmethod
    def malformed(cls, where: str, reason: str) -> MatrixError:
        """The file is no TOML."""
        return cls(f"not TOML: {reason}", where=where, fix="mend the line")

    @classmethod
    def none_there(cls, where: str) -> MatrixError:
        """There is no matrix at all."""
        fix = (
            "name a project that has policies/<table>.matrix.toml, or none for the "
            "packaged matrix"
        )
        return cls("there is no access matrix", where=where, fix=fix)

    @classmethod
    def unknown(
        cls, noun: str, word: str, known: Iterable[str], where: str
    ) -> MatrixError:
        """A word that is none of those known."""
        known = list(known)
        near = did_you_mean(word, known)
        return cls(
            f'"{word}" is not {NOUNS[noun]} here{near}',
            where=where,
            fix=f"write one of {', '.join(known)}",
        )

    @classmethod
    def wrong_kind(cls, key: str, needed: str, where: str) -> MatrixError:
        """A value of another type than its key takes."""
        return cls(f'"{key}" is not {needed}', where=where, fix=f"write {needed}")

    @classmethod
    def no_reason(cls, where: str) -> MatrixError:
        """A block does not say why."""
        fix = 'add because = "..." with the sentence of the specification'
        return cls("the block has no reason", where=where, fix=fix)

    @classmethod
    def double(cls, name: str, first: str, where: str) -> MatrixError:
        """A cell is said twice."""
        return cls(
            f'the cell "{name}" is said twice',
            where=where,
            fix=f"keep one: the other is at {first}",
        )

    @classmethod
    def missing(cls, names: Sequence[str], where: str) -> MatrixError:
        """Cells are not said at all."""
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        fix = "say its outcome: every persona, command, row and column has one"
        return cls(
            f'the cell "{names[0]}" is missing{more}',
            where=where,
            fix=fix,
        )

    @classmethod
    def no_columns(cls, command: str, where: str) -> MatrixError:
        """A block of cells by column names no column."""
        return cls(
            f'{command} has a cell a column, and this block has no "columns"',
            where=where,
            fix='add columns = ["..."], or ["*"] for every one',
        )

    @classmethod
    def stray_columns(cls, key: str, command: str, where: str) -> MatrixError:
        """Columns are named where there are none."""
        return cls(
            f'"{key}" belongs to insert and update of a table, and this is {command}',
            where=where,
            fix="take the key away",
        )

    @classmethod
    def stray_commands(cls, block: str, where: str) -> MatrixError:
        """Commands are named where the block itself is the command."""
        return cls(
            f'"commands" belongs to privilege, and this is {block}',
            where=where,
            fix="take the key away, or name the block [[privilege]]",
        )

    @classmethod
    def several_files(cls, table: str, first: str, where: str) -> MatrixError:
        """Two files are about one table."""
        fix = f"keep one: the other is {first}"
        return cls(f'a second matrix for "{table}"', where=where, fix=fix)

    @classmethod
    def no_file(cls, table: str, where: str) -> MatrixError:
        """A table has no matrix."""
        return cls(
            f'"{table}" has no access matrix',
            where=where,
            fix=f"write {table}.matrix.toml: who may do what with it",
        )


class ProofError(LearnplanError):
    """A target on which nothing can be proved."""

    @classmethod
    def standby(cls, where: str) -> ProofError:
        """The server only reads."""
        fix = (
            "name the primary, or a copy that can be written to; --read-only asks "
            "what can be asked here"
        )
        return cls(
            "the target is a standby: the prover makes rows, and takes them back",
            where=where,
            fix=fix,
        )

    @classmethod
    def moving(cls, where: str) -> ProofError:
        """Each statement of the caller's transaction would see other rows."""
        fix = "begin it with isolation level repeatable read, or begin none"
        return cls(
            "the transaction does not show one moment only",
            where=where,
            fix=fix,
        )

    @classmethod
    def nothing_there(cls, table: str, where: str) -> ProofError:
        """There are no rows to see or not to see."""
        return cls(
            f'"learnplan.{table}" is empty, so reading it proves nothing',
            where=where,
            fix="prove without --read-only: the prover then makes rows of its own",
        )

    @classmethod
    def read_only(cls, where: str) -> ProofError:
        """Transactions only read here."""
        fix = (
            "connect as a login whose transactions may write; --read-only asks what "
            "can be asked here"
        )
        return cls("the transaction cannot write", where=where, fix=fix)

    @classmethod
    def no_triggers(cls, login: str, where: str) -> ProofError:
        """What triggers do is a part of the rules, and they are switched off."""
        return cls(
            "no trigger fires for this login (session_replication_role is replica)",
            where=where,
            fix=f'alter role "{login}" reset session_replication_role, or prove as '
            "another login",
        )

    @classmethod
    def no_schema(cls, where: str) -> ProofError:
        """The plan was not deployed."""
        return cls(
            'there is no schema "learnplan"',
            where=where,
            fix='deploy the plan first: "learnplan-db deploy"',
        )

    @classmethod
    def incomplete(cls, missing: Sequence[str], where: str) -> ProofError:
        """A part of the schema is not there."""
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return cls(
            f"{missing[0]} is not there{more}",
            where=where,
            fix='deploy the rest of the plan: "learnplan-db status" tells what is open',
        )

    @classmethod
    def behind(cls, names: Sequence[str], where: str) -> ProofError:
        """Changes of the plan are not deployed, and the matrix speaks of them too."""
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return cls(
            f'"{names[0]}"{more} of the plan is not deployed',
            where=where,
            fix='run "learnplan-db deploy" first',
        )

    @classmethod
    def no_role(cls, role: str, where: str) -> ProofError:
        """A role that a persona needs does not exist."""
        return cls(
            f'there is no role "{role}"',
            where=where,
            fix="deploy the plan, or name the host's roles with --set",
        )

    @classmethod
    def not_member(cls, login: str, roles: Sequence[str], where: str) -> ProofError:
        """The login cannot become the personas."""
        quoted = ", ".join(f'"{role}"' for role in roles)
        return cls(
            f'login "{login}" may not become {quoted}',
            where=where,
            fix="grant them to a login of the prover's own: "
            f'grant {", ".join(map(identifier, roles))} to "..." '
            "(on PostgreSQL 16 and later: with set true)",
        )

    @classmethod
    def not_owner(cls, login: str, owner: str, where: str) -> ProofError:
        """Mutants are made by who may alter the schema."""
        return cls(
            f'login "{login}" may not alter the schema, so it can make no mutant',
            where=where,
            fix=f'connect as a superuser, or as a member of "{owner}"',
        )

    @classmethod
    def unhealthy(cls, by: str, where: str) -> ProofError:
        """A mutant tells nothing on a database that fails without it."""
        return cls(
            f"the database fails before any fault is made: {by}",
            where=where,
            fix='mend what "learnplan-db prove" and "learnplan-db verify" find first',
        )

    @classmethod
    def world(cls, reason: str, statement: str, where: str) -> ProofError:
        """The rows that all is tried on cannot be made."""
        return cls(
            f"the service cannot make the rows that the proof needs: {reason}\n"
            f"  did  {_short(statement)}",
            where=where,
            fix="look for triggers, constraints, columns or policies that the plan "
            "has not, and for triggers and grants of the plan that are gone",
        )

    @classmethod
    def disturbed(cls, reason: str, statement: str, where: str) -> ProofError:
        """The server stopped a statement before it could judge it."""
        return cls(
            f"a statement was stopped, so nothing is proved: {reason}\n"
            f"  did  {_short(statement)}",
            where=where,
            fix="look for what holds locks or is slow there, a trigger or a policy "
            "perhaps, and prove again",
        )

    @classmethod
    def lost(cls, reason: str, where: str) -> ProofError:
        """The connection ended before the proof did."""
        return cls(
            f"the connection was lost, so nothing is proved: {reason}",
            where=where,
            fix="see the server's log, and prove again; the server has taken all back",
        )

    @classmethod
    def unwritable(cls, path: str, reason: str) -> ProofError:
        """A report has no place to go."""
        return cls(
            f"the report cannot be written: {reason.lower()}",
            where=path,
            fix="name a file in a directory that you may write to",
        )

    @classmethod
    def no_extra(cls, what: str, package: str) -> ProofError:
        """A part of the package's dependencies is not installed."""
        return cls(
            f"{what} needs {package}, which is not installed",
            fix='pip install "learnplan-db[proof]"',
        )


def _short(statement: str) -> str:
    """Return a statement cut to what a person reads."""
    return statement if len(statement) < LONGEST else statement[: LONGEST - 3] + "..."

"""A host's test suite asks the pytest plugin for what cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable


class SuiteError(LearnplanError):
    """The pytest plugin cannot do what a host's tests or options ask of it."""

    @classmethod
    def no_embedded_server(cls, reason: str) -> SuiteError:
        """No server is named, and none can be started."""
        return cls(
            f"the tests need a PostgreSQL server: {reason.splitlines()[0]}",
            where="none is named by --learnplan-server, ini learnplan_server or "
            "LEARNPLAN_TEST_SERVER",
            fix="pip install 'learnplan-db[embedded]' for a server that lives as long "
            "as the tests, or name a server of yours with --learnplan-server",
        )

    @classmethod
    def no_testcontainers(cls, said_by: str) -> SuiteError:
        """A server in a container is asked for without what starts one."""
        return cls(
            "a server in a container needs testcontainers, which is not installed",
            where=f'"container", named by {said_by}',
            fix="pip install 'learnplan-db[testcontainers]'",
        )

    @classmethod
    def no_engine(cls, said_by: str, reason: str) -> SuiteError:
        """Nothing answers that could start a container, or it refuses."""
        return cls(
            f"no container engine answers: {_one_line(reason)}",
            where=f'"container", named by {said_by}',
            fix="start Docker, or name its socket in DOCKER_HOST; without it, the "
            "extra learnplan-db[embedded] starts a server too",
        )

    @classmethod
    def no_container(cls, image: str, reason: str) -> SuiteError:
        """The image cannot be had, or what is in it does not become a server."""
        return cls(
            f'no server in a container of "{image}": {_one_line(reason)}',
            where="--learnplan-image, ini learnplan_image",
            fix="name an image as the official one of PostgreSQL, which can be pulled "
            "or is there; for Ryuk's, see TESTCONTAINERS_RYUK_DISABLED",
        )

    @classmethod
    def no_answer(cls, said_by: str, server: str, reason: str) -> SuiteError:
        """The server that was named does not take the connection."""
        return cls(
            f"no connection to the server of the tests: {_one_line(reason)}",
            where=f"{server}, named by {said_by}",
            fix="start it, or name another one with --learnplan-server",
        )

    @classmethod
    def bad_conninfo(cls, said_by: str, reason: str) -> SuiteError:
        """What was named is no conninfo."""
        return cls(
            f"the server of the tests cannot be read: {reason.splitlines()[0]}",
            where=said_by,
            fix='write "host=... user=..." or postgresql://user@host',
        )

    @classmethod
    def no_template(cls, name: str, reason: str) -> SuiteError:
        """The database of the ini option learnplan_template cannot be copied."""
        return cls(
            f'the database "{name}" cannot be copied: {reason.splitlines()[0]}',
            where="ini learnplan_template",
            fix="name a database of the test server that nobody is connected to",
        )

    @classmethod
    def template_needs_server(cls, name: str) -> SuiteError:
        """A template is named, but no server that is there already."""
        return cls(
            f'a server that starts with the tests has no database "{name}"',
            where="ini learnplan_template",
            fix="name its server too (--learnplan-server), or override the fixture "
            "learnplan_deploy",
        )

    @classmethod
    def committed(cls) -> SuiteError:
        """A test committed the transaction that keeps it apart from the others."""
        return cls(
            "the test committed the transaction of learnplan_db, and its rows with it",
            where="the database was made anew, so no other test sees them",
            fix="use learnplan_clone for what commits",
        )

    @classmethod
    def transaction_ended(cls, status: str) -> SuiteError:
        """COMMIT or ROLLBACK was sent as SQL inside of a persona's block."""
        return cls(
            f"the transaction ended inside of the block (status {status})",
            where="as_user, as_anonymous, as_service",
            fix="use learnplan_clone for what commits or rolls back by itself",
        )

    @classmethod
    def escaped(cls, wanted: str, found: str) -> SuiteError:
        """The block ended as somebody else than it began."""
        return cls(
            f'the block began as "{wanted}" and ended as "{found}": what ran after '
            "that change was not asked what the policies ask",
            where="as_user, as_anonymous, as_service",
            fix="leave RESET ROLE and SET ROLE to the block; what it wrote is rolled "
            "back",
        )

    @classmethod
    def would_bypass(cls, refusal: str, role: str) -> SuiteError:
        """Row security would not be asked; refusal is the code that was read."""
        reason = {
            "superuser": "it is a superuser",
            "bypassrls": "it has BYPASSRLS",
            "owner": "it is a member of the owner of a table that does not force it",
        }[refusal]
        return cls(
            f'row security would be bypassed by role "{role}": {reason}',
            where="as_user, as_anonymous, as_service",
            fix="take that from the role; no test can tell anything about the policies",
        )

    @classmethod
    def not_taken(cls, role: str, login: str) -> SuiteError:
        """The role is missing, or the connection may not become it."""
        return cls(
            f'login "{login}" cannot take the role "{role}"',
            where="as_user, as_anonymous, as_service",
            fix="deploy the plan to the database, name other roles with the ini option "
            "learnplan_roles, or connect as a superuser",
        )

    @classmethod
    def nobody(cls, given: object) -> SuiteError:
        """as_user was given nobody, or two people."""
        return cls(
            f"as_user needs one user: got {given!r}",
            where="as_user",
            fix="pass a row of make_user, or anything with clerk_user_id; or sub= or "
            "user_id= of a token",
        )

    @classmethod
    def no_owner(cls, table: str) -> SuiteError:
        """A row of the catalog belongs to nobody."""
        return cls(
            f'a row of "{table}" made without its parents has no owner to name',
            where="learnplan_rows",
            fix="pass rows as parents, not ids; resources have no owner at all",
        )

    @classmethod
    def mutate_first(cls, option: str) -> SuiteError:
        """An option about mutants without mutants."""
        return cls(f"{option} says something only with --learnplan-mutate")

    @classmethod
    def not_with_mutants(cls, option: str, fix: str) -> SuiteError:
        """Mutants are run in one process, by nobody's hand."""
        return cls(f"--learnplan-mutate does not go with {option}", fix=fix)

    @classmethod
    def no_mutants(cls, option: str, word: str, known: Iterable[str]) -> SuiteError:
        """Nothing is called so."""
        names = sorted(set(known))
        return cls(
            f'no mutant fits {option} "{word}"{did_you_mean(word, names)}',
            fix=f"there are: {', '.join(names[:30])}",
        )

    @classmethod
    def no_folder(cls, path: object) -> SuiteError:
        """The report could not be written in the end."""
        return cls(f'the folder of the report "{path}" does not exist')


def _one_line(reason: str) -> str:
    return "; ".join(line.strip() for line in reason.splitlines() if line.strip())

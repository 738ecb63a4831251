"""The plan file, and what a person names in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError, did_you_mean, remedy

if TYPE_CHECKING:
    from collections.abc import Iterable

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


class PlanError(LearnplanError):
    """The plan file is missing, malformed or inconsistent."""

    @classmethod
    def syntax(cls, where: str, cause: str, **words: str) -> PlanError:
        """One line breaks the grammar of plans; ``cause`` is a key of PLAN_SYNTAX."""
        message, fix = PLAN_SYNTAX[cause]
        return cls(message.format(**words), where=where, fix=fix.format(**words))

    @classmethod
    def too_long(cls, where: str, limit: int) -> PlanError:
        """A line that no person wrote, and that would take long to read."""
        return cls(
            f"the line has more than {limit} characters before its note",
            where=where,
            fix="write one change a line: name, [requirements], date, planner, # note",
        )

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
    def unknown_tag(cls, source: str, name: str, known: Iterable[str]) -> PlanError:
        """The plan has no such tag."""
        message = f'the plan has no tag "{name}"'
        fix = "tag lists all tags" + did_you_mean(name, known)
        return cls(message, where=source, fix=fix)

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

    @classmethod
    def already_planned(cls, where: str, name: str) -> PlanError:
        """A change of that name is in the plan."""
        message = f'change "{name}" is in the plan already'
        return cls(message, where=where, fix=f"to change it: rework {name}")

    @classmethod
    def not_planned(cls, source: str, name: str, known: Iterable[str]) -> PlanError:
        """There is no change to rework."""
        message = f'change "{name}" is not in the plan'
        fix = f"to plan it: add {name}{did_you_mean(name, known)}"
        return cls(message, where=source, fix=fix)

    @classmethod
    def untagged(cls, where: str, name: str) -> PlanError:
        """A rework without a tag since the version before."""
        message = f'change "{name}" cannot be reworked: no tag stands below it'
        return cls(message, where=where, fix="put a tag on the last change first")

    @classmethod
    def already_tagged(cls, where: str, name: str) -> PlanError:
        """A tag of that name is in the plan."""
        message = f'tag "@{name}" is in the plan already'
        return cls(message, where=where, fix="choose a name that no other tag has")

    @classmethod
    def nothing_to_tag(cls, source: str, name: str) -> PlanError:
        """A tag on a plan without changes."""
        message = f'tag "@{name}" has no change to stand on: the plan has none'
        return cls(message, where=source, fix="add a change first")

    @classmethod
    def bracketed(cls, source: str, name: str) -> PlanError:
        """A new name holds brackets, which stand around dependencies."""
        message = f'"{name}" cannot name a change or tag: it holds a bracket'
        fix = "brackets stand around dependencies, and later versions of Sqitch refuse"
        return cls(message, where=source, fix=f"{fix} them in names; choose another")

    @classmethod
    def moving_dependency(cls, source: str, text: str) -> PlanError:
        """A new dependency on HEAD or ROOT, which a plan that holds it cannot mean."""
        message = f'"{text}" cannot be required: HEAD and ROOT move with the plan'
        return cls(message, where=source, fix="name a change, a @tag or change@tag")

    @classmethod
    def id_dependency(cls, source: str, text: str, name: str | None) -> PlanError:
        """A new dependency by id, on which Sqitch fails when it reads the plan."""
        message = f"{text} cannot be required by id: Sqitch could not read the plan"
        fix = f'name "{name}"' if name else "write project:name"
        return cls(message, where=source, fix=fix)

    @classmethod
    def planner_note(cls, source: str, text: str) -> PlanError:
        """The planner's name or email holds what starts a note."""
        message = f'"{text}" cannot name a planner: # starts a note in a plan'
        fix = "set SQITCH_FULLNAME and SQITCH_EMAIL, or user.name and user.email"
        return cls(message, where=source, fix=fix)

    @classmethod
    def unreadable_again(cls, cause: PlanError) -> PlanError:
        """The plan as it would be written is refused when it is read."""
        message = f"the new plan could not be read again: {cause.message}"
        return cls(message, where=cause.where, fix=cause.fix)

    @classmethod
    def not_text(cls, source: str) -> PlanError:
        """What was given holds bytes that are no UTF-8."""
        message = "what should go into the plan is not UTF-8"
        return cls(message, where=source, fix="use a terminal that speaks UTF-8")

    @classmethod
    def changed_meanwhile(cls, source: str) -> PlanError:
        """Somebody else wrote the plan between our reading and writing it."""
        message = "the plan was changed meanwhile; nothing was written"
        return cls(message, where=source, fix="run the command again")

    @classmethod
    def not_written(cls, path: str, error: OSError) -> PlanError:
        """A file of the project cannot be written."""
        reason = (error.strerror or str(error)).lower()
        message = f"{path} cannot be written: {reason}"
        fix = remedy(error, "check the directory's permissions")
        return cls(message, where=path, fix=fix)

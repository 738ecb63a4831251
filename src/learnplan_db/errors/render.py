"""Policy templates and render variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path


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
    def unknown_tag(cls, where: str, tag: str) -> RenderError:
        """The name of a template says a tag that the plan has not."""
        return cls(
            f'the plan has no tag "@{tag}"',
            where=where,
            fix="name it after the tag before the rework, as sql/deploy/ does",
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

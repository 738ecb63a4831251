"""The files that hosts copy say what their formats allow, by the formats' own schemas."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.gate
ROOT = Path(__file__).parents[2]
FILES = {
    "docker-compose.yml": "vendor.compose-spec",
    "docs/ci/github-actions.yml": "vendor.github-workflows",
}


def checked(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    """Return what check-jsonschema says, which brings the schemas along."""
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, path],
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(("name", "schema"), FILES.items())
def test_file_fits_the_schema_of_its_format(
    name: str, schema: str, tmp_path: Path
) -> None:
    """A misspelt word is refused (the control), so the file has none."""
    said = checked(ROOT / name, schema)
    assert 0 == said.returncode, said.stdout + said.stderr
    broken = tmp_path / "broken.yml"
    broken.write_text(
        (ROOT / name)
        .read_text()
        .replace("environment:", "environmet:", 1)
        .replace("runs-on:", "run-on:", 1)
    )
    assert 1 == checked(broken, schema).returncode

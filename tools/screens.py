"""Takes a picture of a page as headless Chromium shows it."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SIZE = "1200,900"
_FLAGS = ("--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run")


def take(pages: Mapping[str, str], scratch: Path, into: Path) -> None:
    """Write a PNG of the top of each page, by its name."""
    program = shutil.which("chromium")
    if program is None:
        message = "no chromium on PATH: ./dev system-deps"
        raise SystemExit(message)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    for name, text in pages.items():
        file = scratch / f"{name}.html"
        file.write_text(text, "utf-8")
        shot = [f"--window-size={SIZE}", f"--screenshot={into / name}.png"]
        profile = f"--user-data-dir={scratch / 'profile'}"
        subprocess.run(
            [program, *_FLAGS, *sandbox, profile, *shot, file.as_uri()],
            check=True,
            capture_output=True,
            timeout=120,
        )

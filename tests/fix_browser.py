"""A real browser: Chromium without a screen and, as far as can be told, a network."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from fix_tools import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

# In the sandboxes of CI: no user namespaces, no GPU, no calls home.
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
)


@contextmanager
def browser(
    profile: Path, *, width: int = 1280, dark: bool = False, script: bool = True
) -> Iterator[webdriver.Chrome]:
    """Provide a browser with a new profile; ``script`` False turns JavaScript off."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    if not script:
        key = "profile.managed_default_content_settings.javascript"
        options.add_experimental_option("prefs", {key: 2})
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    driver = webdriver.Chrome(options, Service(program("chromedriver")))
    try:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        wear(driver, dark=dark)
        yield driver
    finally:
        driver.quit()


def wear(driver: webdriver.Chrome, *, dark: bool) -> None:
    """Let the system prefer a colour scheme, and no motion."""
    features = [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@pytest.fixture(scope="module")
def chromium(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[webdriver.Chrome]:
    """Provide one browser for the tests of a module."""
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def another(
    tmp_path: Path,
) -> Callable[..., AbstractContextManager[webdriver.Chrome]]:
    """Return what starts a browser of another kind."""
    return lambda **kind: browser(tmp_path / "profile", **kind)

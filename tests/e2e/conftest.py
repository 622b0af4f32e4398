"""One quiet demo centre and one browser for the session's end-to-end tests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from demo import DemoCentre

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--mute-audio",
]


@pytest.fixture(scope="session")
def centre() -> Iterator[DemoCentre]:
    """A centre without callers, crews and robot: the tests are those."""
    with tempfile.TemporaryDirectory(prefix="tahuri-e2e-") as place:
        running = DemoCentre(Path(place) / "data")
        try:
            running.start()
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; pages of its own for each test."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=FLAGS, headless=True
        )
        yield opened
        opened.close()

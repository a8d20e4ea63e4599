"""A page as a picture, by the Chromium or Chrome that is there."""

import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "google-chrome", "chromium-browser")


def browser() -> str | None:
    """Its program."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def screenshot(program: str, page: Path, picture: Path, *, width: int, height: int) -> None:
    """Writes the PNG of a page that is a file, and asks no other machine for anything, as browsers do at their start.

    Raises:
        subprocess.CalledProcessError: the browser failed.
        subprocess.TimeoutExpired: it took more than two minutes.
    """
    with tempfile.TemporaryDirectory() as profile:
        words = (
            program,
            "--headless",
            "--no-sandbox",  # it refuses root otherwise, and the page is ours
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            f"--window-size={width},{height}",
            f"--screenshot={picture}",
            page.as_uri(),
        )
        subprocess.run(words, capture_output=True, timeout=120, check=True)

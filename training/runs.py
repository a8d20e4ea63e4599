"""Runs that are under way: how they are known by their folder, and what is said where they are held up."""

from pathlib import Path

RUN_CARD = "run.json"
"""What the run is; it is renamed once it has ended."""
GO_ON = "make room, and go on by --resume: what was saved last is kept"
"""Where what a run came to can't be written."""


def is_open(folder: Path) -> bool:
    """Whether there is a run that was begun and not closed."""
    return (folder / RUN_CARD).exists()

"""Folders of clips that the system tests share."""

from pathlib import Path

import pytest

from tests.system.commands import run
from tests.system.load import small_clips


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve clips in the competition's layout, five of them bad, one of each kind."""
    folder = tmp_path_factory.mktemp("made") / "clips"
    made = run("-m", "training", "synthesize", "--out", folder, "--clips", 12, "--bad", 5, "--seed", 1)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small clips, where many are judged."""
    return small_clips(tmp_path_factory.mktemp("small"))

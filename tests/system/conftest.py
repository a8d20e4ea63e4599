"""A folder of clips that the system tests share."""

from pathlib import Path

import pytest

from tests.system.commands import run


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve clips in the competition's layout, five of them bad, one of each kind."""
    folder = tmp_path_factory.mktemp("made") / "clips"
    made = run("-m", "training", "synthesize", "--out", folder, "--clips", 12, "--bad", 5, "--seed", 1)
    assert made.returncode == 0, made.stderr
    return folder

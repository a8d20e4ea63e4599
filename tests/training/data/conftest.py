"""What the tests of recorded clips share."""

import pytest

from training.synthetic.folder import synthesize


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder in the competition's layout: four good clips and one of each way to be bad; copy it to change it."""
    folder = tmp_path_factory.mktemp("made") / "clips"
    synthesize(folder, clips=9, bad=5, seed=1, stalled_share=0.5, reencoded_share=0, processes=2)
    return folder

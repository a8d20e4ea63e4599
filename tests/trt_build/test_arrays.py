"""Arrays that another process reads: what came is what went, and a full temporary folder is named."""

from pathlib import Path

import numpy as np
import pytest

from stream.errors import UserError
from trt_build.arrays import hand_over


def test_what_is_handed_over_is_read_as_it_was(tmp_path: Path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    hand_over(array, tmp_path / "array.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "array.npy"), array)


def test_a_full_folder_gets_one_line():
    with pytest.raises(UserError, match=r"^/dev/full can't be written \(No space left on device\); make room .+TMPDIR"):
        hand_over(np.zeros(10_000), Path("/dev/full"))

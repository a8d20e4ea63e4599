"""Numbers as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.clip.spec import ClipSpec
from training import words


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (1 - 1e-16, "100 %"),
        (0.3, "30.0 %"),
        (0.003, "0.30 %"),
        (0.2984, "29.8 %"),
        (0.9998, "99.98 %"),
        (0.00004, "0.004 %"),
    ],
)
def test_percent(share, said):
    assert words.percent(share) == said


@pytest.mark.parametrize(("share", "said"), [(0.3, "30 %"), (0.003, "0.3 %"), (0.3417, "34.2 %"), (1, "100 %")])
def test_a_stated_share_has_no_digits_to_spare(share, said):
    assert words.stated(share) == said


@given(st.floats(1e-6, 1 - 1e-6))
def test_a_probability_is_never_written_as_certainty(value):
    assert 0 < float(words.probability(value)) < 1
    assert float(words.probability(value)) == pytest.approx(value, abs=0.1 * min(value, 1 - value))


def test_a_clip_spec():
    assert words.clip_spec(ClipSpec()) == (
        "16 frames of the central 32, 64x64 pixels at native scale, black outside of the outline, "
        "the distance to the outline as second channel"
    )

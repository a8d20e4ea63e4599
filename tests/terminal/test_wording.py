"""One is said otherwise than many."""

import pytest

from stream.terminal.wording import counted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((0, "clip"), "0 clips"),
        ((1, "clip"), "1 clip"),
        ((2, "clip"), "2 clips"),
        ((1, "clip has", "clips have"), "1 clip has"),
        ((2, "clip has", "clips have"), "2 clips have"),
    ],
)
def test_one_has_no_plural(words: tuple[int, str], said: str):
    assert counted(*words) == said

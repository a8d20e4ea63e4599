"""Logits are kept as they come, and gone on with by the same prediction alone."""

from pathlib import Path

import pytest

from stream.errors import UserError
from training.kept_logits import KeptLogits


def test_what_was_added_is_found_again_also_behind_a_torn_line(tmp_path: Path):
    out = tmp_path / "s.csv"
    with KeptLogits(out, of="these") as kept:
        kept.add("a.mp4", 1.5)
        kept.add("b.mp4", -2.25)
    with (tmp_path / "s.csv.logits").open("ab") as file:
        file.write(b'["c.mp4", 0.')
    with KeptLogits(out, of="these") as kept:
        assert kept.found == {"a.mp4": 1.5, "b.mp4": -2.25}
        kept.add("c.mp4", 0.5)
    with KeptLogits(out, of="these") as kept:
        assert kept.found["c.mp4"] == 0.5
        kept.drop()
    assert not any(tmp_path.iterdir())


def test_another_predictions_are_not_gone_on_with(tmp_path: Path):
    with KeptLogits(tmp_path / "s.csv", of="these"):
        pass
    with pytest.raises(UserError, match=r"s\.csv\.logits was begun with these, this is those: delete it"):
        KeptLogits(tmp_path / "s.csv", of="those")

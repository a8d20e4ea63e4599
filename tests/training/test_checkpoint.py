"""A checkpoint gives back what was saved, or says what is wrong with it."""

import json
from pathlib import Path

import pytest
import torch

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.verdict import DecisionRule
from training.checkpoint import (
    CARD,
    RUN,
    WEIGHTS,
    CheckpointCard,
    TrainingSummary,
    load_checkpoint,
    read_card,
    save_checkpoint,
)
from training.networks.slowfast import SlowFast, SlowFastConfig

TINY = SlowFastConfig(
    frames=8,
    block="basic",
    depths=(1, 1, 1, 1),
    slow_channels=(4, 4, 4, 4, 4),
    fast_channels=(2, 2, 2, 2, 2),
    stem_pool=False,
)
SUMMARY = TrainingSummary(
    version="0.1.0", torch="2.15", seed=1, steps=2, batch=4, minutes=0.1, precision="fp32", loss=0.7
)


def card(**changes) -> CheckpointCard:
    fields = {"network": TINY, "spec": ClipSpec(frames=8, size=32), "rule": DecisionRule(), "training": SUMMARY}
    return CheckpointCard(**{**fields, "dataset": "nothing", **changes})


def test_what_is_loaded_scores_as_what_was_saved(tmp_path):
    network = SlowFast(TINY)
    saved = save_checkpoint(tmp_path / "c", network, card())
    loaded, its_card = load_checkpoint(tmp_path / "c")
    clips = torch.randint(0, 256, (2, 2, 8, 32, 32), dtype=torch.uint8)
    assert torch.equal(loaded(clips), network.eval()(clips))
    assert its_card == saved
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == [CARD, WEIGHTS]


def test_a_checkpoint_may_be_replaced_by_one_of_the_same_network_and_spec(tmp_path):
    save_checkpoint(tmp_path, SlowFast(TINY), card())
    second = save_checkpoint(tmp_path, SlowFast(TINY), card(dataset="more"))
    assert load_checkpoint(tmp_path)[1] == second


def test_a_checkpoint_of_another_spec_is_not_overwritten(tmp_path):
    save_checkpoint(tmp_path, SlowFast(TINY), card())
    with pytest.raises(UserError, match=r"another network or clip spec \(spec.size: 32, now 48\)"):
        save_checkpoint(tmp_path, SlowFast(TINY), card(spec=ClipSpec(frames=8, size=48)))


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(UserError, match="not empty"):
        save_checkpoint(tmp_path, SlowFast(TINY), card())


@pytest.mark.parametrize("left", [(f"{WEIGHTS}.partial",), (WEIGHTS,), (WEIGHTS, f"{CARD}.partial")])
def test_what_a_run_left_that_was_killed_at_its_end_is_written_over(tmp_path, left):
    for name in left:
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / RUN).mkdir()
    saved = save_checkpoint(tmp_path, SlowFast(TINY), card())
    assert load_checkpoint(tmp_path)[1] == saved


def test_a_network_that_does_not_take_the_specs_clips_is_refused():
    with pytest.raises(ValueError, match="does not fit clips of 1 channels and 8 frames"):
        card(spec=ClipSpec(frames=8, extra="none"))


def test_damage_is_named(tmp_path):
    save_checkpoint(tmp_path, SlowFast(TINY), card())
    weights = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    with pytest.raises(UserError, match="sha256 differs"):
        load_checkpoint(tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(UserError, match="No such file"):
        load_checkpoint(tmp_path)
    (tmp_path / CARD).write_text('{"schema": 1}')
    with pytest.raises(UserError, match="is no checkpoint card"):
        load_checkpoint(tmp_path)
    with pytest.raises(UserError, match="can't be read"):
        load_checkpoint(tmp_path / "nowhere")


def test_a_training_that_was_killed_between_the_two_files_goes_on(tmp_path):
    before = save_checkpoint(tmp_path, SlowFast(TINY), card())
    (tmp_path / RUN).mkdir()
    (tmp_path / RUN / "run.json").touch()
    save_checkpoint(tmp_path, SlowFast(TINY), card())
    (tmp_path / CARD).write_text(before.model_dump_json())
    with pytest.raises(UserError, match=r"sha256 differs.; its training goes on by --resume"):
        load_checkpoint(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path):
    wider = TINY.variant(slow_channels=(8, 8, 8, 8, 8))
    save_checkpoint(tmp_path, SlowFast(wider), card())
    with pytest.raises(UserError, match="does not fit the network"):
        load_checkpoint(tmp_path)


def test_a_card_of_another_version_is_read_by_that(tiny_checkpoint: Path, tmp_path: Path):
    card = json.loads((tiny_checkpoint / CARD).read_text())
    for changed, told in (({"schema": 2}, "it is of schema 2, and"), ({"teacher": "another"}, "knows no teacher")):
        (tmp_path / CARD).write_text(json.dumps({**card, **changed}))
        with pytest.raises(UserError, match=rf"{told}.*; install the version that wrote it$"):
            read_card(tmp_path)

"""Published weights start a network: what fits is taken, what doesn't is said in a line, and no file runs code."""

import pickle
import re
from collections import OrderedDict

import pytest
import torch

from stream.errors import UserError
from tests.training.networks.made import TINY
from tests.training.networks.published import FRAMES, SIZE, drawn, hollow, paths, pyslowfast_name
from training.learning.kinetics import Loaded, fold, load_pretrained
from training.networks import build
from training.networks.mosaic import MosaicConfig
from training.networks.slowfast import R50_4X16, R50_8X8, R101_8X8, SlowFast, SlowFastConfig

CHANNELS = {"model_depth": 18, "stem_dim_outs": (8, 1)}
SMALL = SlowFastConfig(
    frames=FRAMES, depths=(1, 1, 1, 1), slow_channels=(8, 8, 16, 32, 64), fast_channels=(1, 1, 2, 4, 8)
)
"""What `CHANNELS` makes the pytorchvideo package build."""
GREY = {"mean": (0.45,), "std": (0.225,)}
STEMS = ("stem.slow.stem.weight", "stem.fast.stem.weight")


@pytest.fixture(scope="module")
def theirs():
    """A small network of the pytorchvideo package, with published strides and kernels."""
    return drawn("r50-8x8", **CHANNELS)


@pytest.fixture
def save(tmp_path):
    """Writes a checkpoint and gives its path."""

    def save(content, name="SLOWFAST.pyth"):
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return save


def features(network, grey):
    """Of a published network that is given a grey clip `uint8 [N, 1, T, S, S]` as RGB."""
    signals = paths(grey.expand(-1, 3, -1, -1, -1), alpha=4)
    for block in network.blocks[:6]:
        signals = block(signals)
    return signals.flatten(1)


@pytest.mark.parametrize("config", [SMALL, SMALL.variant(**GREY)], ids=["grey and distance", "grey"])
@torch.inference_mode()
def test_a_grey_clip_has_the_features_that_the_published_network_finds_in_it(theirs, save, config):
    network = SlowFast(config).eval()
    load_pretrained(network, save({"model_state": theirs.state_dict()}))
    clips = torch.randint(0, 256, (2, config.channels, FRAMES, SIZE, SIZE), dtype=torch.uint8)
    expected = features(theirs, clips[:, :1])
    assert expected.std() > 0.1
    ours = network.features((clips.float() - network.mean) / network.std)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.long
@torch.inference_mode()
def test_so_has_the_published_r50(save):
    theirs, network = drawn("r50-8x8"), SlowFast(R50_8X8.variant(frames=FRAMES)).eval()
    load_pretrained(network, save({"model_state": theirs.state_dict()}))
    clips = torch.randint(0, 256, (2, 2, FRAMES, SIZE, SIZE), dtype=torch.uint8)
    ours = network.features((clips.float() - network.mean) / network.std)
    torch.testing.assert_close(ours, features(theirs, clips[:, :1]), rtol=1e-4, atol=1e-4)


def test_what_became_of_each_tensor_is_told(theirs, save):
    path = save({"model_state": theirs.state_dict()})
    network = SlowFast(SMALL)
    head = network.head.weight.clone()
    found = load_pretrained(network, path)
    assert isinstance(found, Loaded)
    assert (found.path, found.naming) == (path, "PyTorchVideo")
    assert found.adapted == STEMS
    assert found.fresh == ("head.weight", "head.bias")
    assert sorted((*found.loaded, *found.adapted, *found.fresh)) == sorted(network.state_dict())
    assert torch.equal(network.head.weight, head)
    assert str(found) == (
        f"{path.name} (PyTorchVideo): {len(found.loaded)} tensors loaded as they are; folded to grey: "
        "stem.slow.stem.weight, stem.fast.stem.weight; new: head.weight, head.bias"
    )


def as_pyslowfast(state):
    return {pyslowfast_name(name): tensor for name, tensor in state.items()}


def as_trained_by_several(state):
    """What PySlowFast's training saves, by a user who kept the wrapper of data parallelism."""
    return {f"module.{name}": tensor for name, tensor in as_pyslowfast(state).items()}


def as_wrapped(state):
    """PySlowFast's zoo of PyTorchVideo networks."""
    return {f"model.{name}": tensor for name, tensor in state.items()}


def as_split(state):
    """Multigrid training: a SubBatchNorm3d keeps statistics in `bn` and, for each split, in `split_bn`."""
    split = {}
    for name, tensor in as_pyslowfast(state).items():
        module, leaf = name.rsplit(".", 1)
        if leaf.startswith(("running_", "num_")):
            split[f"{module}.bn.{leaf}"] = tensor
            split[f"{module}.split_bn.{leaf}"] = tensor.repeat(2) if tensor.ndim else tensor
        else:
            is_norm = module.endswith("bn")
            split[name] = tensor.view(-1, 1, 1, 1) if is_norm else tensor
    return split


def as_converted(state):
    """From Caffe2, which doesn't count batches."""
    return {name: tensor for name, tensor in as_pyslowfast(state).items() if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize("rename", [as_pyslowfast, as_trained_by_several, as_wrapped, as_split, as_converted])
def test_all_namings_give_the_same_network(theirs, save, rename):
    plain, renamed = SlowFast(SMALL), SlowFast(SMALL)
    load_pretrained(plain, save({"model_state": theirs.state_dict()}))
    load_pretrained(renamed, save({"model_state": rename(theirs.state_dict())}))
    for name, tensor in plain.state_dict().items():
        if not name.startswith("head.") and not name.endswith("num_batches_tracked"):
            assert torch.equal(renamed.state_dict()[name], tensor), name


def test_what_training_saves_beside_the_weights_does_not_matter(theirs, save):
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    saved = {
        "epoch": 196,
        "model_state": OrderedDict(as_pyslowfast(theirs.state_dict())),
        "optimizer_state": optimizer.state_dict(),
        "cfg": "TRAIN:\n  DATASET: kinetics\n",
        "scaler_state": {"scale": 65536.0, "growth_factor": 2.0},
    }
    assert load_pretrained(SlowFast(SMALL), save(saved)).naming == "PySlowFast"
    assert load_pretrained(SlowFast(SMALL), save(theirs.state_dict())).naming == "PyTorchVideo"


def test_a_stem_is_summed_over_its_channels_and_ignores_the_extra_one():
    stem = torch.rand(8, 3, 5, 7, 7)
    folded = fold(stem, 2)
    torch.testing.assert_close(folded[:, 0], stem[:, 0] + stem[:, 1] + stem[:, 2])
    assert folded.shape == (8, 2, 5, 7, 7)
    assert not folded[:, 1].any()
    assert torch.equal(fold(stem, 3), stem)


@pytest.mark.parametrize(
    ("kind", "network", "words"),
    [
        (
            "r50-4x16",
            R50_8X8,
            r"stem.lateral.lateral.weight is \[16, 8, 5, 1, 1\] .* and \[16, 8, 7, 1, 1\] .*; give --network r50-4x16$",
        ),
        ("r101-8x8", R50_4X16, r"its stages.2.slow.6.\S+ has no place there; give --network r101-8x8$"),
        ("r50-4x16", R101_8X8, r"it has no stages.2.slow.6.\S+; give --network r50-4x16$"),
    ],
)
def test_what_does_not_fit_names_the_tensor_and_the_preset_that_fits(save, kind, network, words):
    with torch.device("meta"):
        built = SlowFast(network)
    with pytest.raises(UserError, match=words) as refusal:
        load_pretrained(built, save({"model_state": hollow(kind)}))
    assert "\n" not in str(refusal.value)


def test_what_fits_no_preset_is_said_so(save):
    state = hollow("r50-8x8", slowfast_fusion_conv_kernel_size=(3, 1, 1))
    with torch.device("meta"):
        built = SlowFast(R50_8X8)
    with pytest.raises(UserError, match=r"\[16, 8, 3, 1, 1\] in the file .* it fits no preset"):
        load_pretrained(built, save({"model_state": state}))


def test_a_network_that_is_refused_its_weights_keeps_its_own(save):
    network = SlowFast(SMALL)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(UserError):
        load_pretrained(network, save({"model_state": hollow("r50-8x8")}))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_another_networks_checkpoint_is_refused(save):
    state = {"blocks.0.conv.weight": torch.zeros(1), "blocks.6.proj.bias": torch.zeros(1)}
    with pytest.raises(
        UserError, match=r"1 of 2 tensors are none of a SlowFast in \w+'s naming, .* blocks.0.conv.weight"
    ):
        load_pretrained(SlowFast(SMALL), save({"model_state": state}))


def test_only_a_slowfast_can_start_so(save):
    with pytest.raises(UserError, match="only a SlowFast can start from published weights; give --network"):
        load_pretrained(build(MosaicConfig()), save({}))


def test_pixels_must_be_normalised_as_they_were(theirs, save):
    network = SlowFast(SMALL.variant(mean=(0.5, 0.1)))
    with pytest.raises(UserError, match=r"need pixels of mean 0.45 and deviation 0.225, the network has 0.5 and 0.225"):
        load_pretrained(network, save({"model_state": theirs.state_dict()}))


class Code:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_no_code_runs_when_a_checkpoint_is_read(tmp_path, save):
    witness = tmp_path / "ran"
    path = save({"model_state": {}, "cfg": Code(witness)})
    torch.load(path, weights_only=False)  # the trap works
    assert witness.exists()
    witness.unlink()
    with pytest.raises(UserError, match="could run any code; where you trust it, save its weights by") as refusal:
        load_pretrained(SlowFast(TINY), path)
    assert not witness.exists()
    assert "\n" not in str(refusal.value)


def test_a_caffe2_pickle_is_not_opened(tmp_path):
    path = tmp_path / "SLOWFAST_8x8_R50.pkl"
    path.write_bytes(pickle.dumps({"blobs": Code(tmp_path / "ran")}))
    with pytest.raises(
        UserError, match=r"is a Caffe2 pickle, .* take the network's .pyth from PyTorchVideo's model zoo"
    ):
        load_pretrained(SlowFast(TINY), path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [{}, {"model_state": {}}, {"model_state": {"epoch": 3}}, [torch.zeros(1)], None])
def test_a_file_without_weights_is_named(save, content):
    with pytest.raises(UserError, match="has no weights under model_state"):
        load_pretrained(SlowFast(TINY), save(content))


def test_files_that_are_missing_cut_or_something_else_are_named(tmp_path, save, theirs):
    whole = save({"model_state": theirs.state_dict()}).read_bytes()
    weight = theirs.blocks[6].proj.weight.detach().numpy().tobytes()
    assert weight in whole
    files = {
        "flipped.pyth": (whole.replace(weight, weight[:-1] + bytes([weight[-1] ^ 1])), "is damaged or no checkpoint"),
        "missing.pyth": (None, "can't be read .*, or a checkpoint's folder"),
        "empty.pyth": (b"", "is damaged or no checkpoint"),
        "cut.pyth": (whole[: len(whole) // 2], "is damaged or no checkpoint"),
        "text.pyth": (b"<html>404</html>", "is damaged or no checkpoint"),
        "clip.mp4": (b"\x00\x00\x00\x1cftypisom", "is damaged or no checkpoint"),
        "labels.csv": (b"filename,stalled\na.mp4,0\n", "is damaged or no checkpoint"),
    }
    for name, (content, words) in files.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{re.escape(name)} .*{words}") as refusal:
            load_pretrained(SlowFast(TINY), tmp_path / name)
        assert "\n" not in str(refusal.value)

"""Fixtures that more than one part of the suite needs."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

from stream.clip.spec import ClipSpec
from stream.engine.artifact import Artifact
from stream.local.embedded import EmbeddedKafka
from stream.verdict import DecisionRule
from tests.guarded_kafka import GuardedKafka
from tests.s3_server import S3Server
from tests.system.commands import until
from tests.system.lab import Lab
from tests.system.load import small_clips
from training.checkpoint import CheckpointCard, TrainingSummary, save_checkpoint
from training.networks.slowfast import SLIM, SlowFast
from trt_build.build import build
from trt_build.settings import BuildSettings

ROOT = Path(__file__).resolve().parent.parent

pytest_plugins = ["tests.skips", "tests.alone"]
hypothesis.settings.register_profile("no test fails on speed", deadline=None)
hypothesis.settings.load_profile("no test fails on speed")


@pytest.fixture(scope="session")
def stall_catchers() -> Path:
    """The competition's own material, which may not be redistributed and so is absent from a user's clone."""
    folder = ROOT.parent / "shared" / "stall_catchers"
    if not folder.is_dir():
        pytest.skip("the competition's material is not redistributable")
    return folder


@pytest.fixture(scope="session")
def real_clip(stall_catchers: Path) -> bytes:
    """One real clip: 52 all-intra frames of 512x384."""
    return (stall_catchers / "104611.mp4").read_bytes()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Apache Kafka, one a process: each test takes topics and groups of its own."""
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    """A real Apache Kafka with passwords and rights, one a process: each test takes users of its own."""
    with GuardedKafka(tmp_path_factory.mktemp("guarded")) as broker:
        yield broker


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server for each process of the run, which always serves: each test takes keys of its own."""
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def tiny_network() -> SlowFast:
    """A small SlowFast that has learnt nothing, but tells clips apart: no norm of it is the identity or zero."""
    torch.manual_seed(0)
    network = SlowFast(SLIM.variant(slow_channels=(4, 4, 4, 8, 8), fast_channels=(4, 4, 4, 4, 4)))
    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, torch.nn.BatchNorm3d):
                for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                    assert values is not None
                    values.uniform_(0.5, 1.0)
        network.head.weight.normal_()
    return network.eval()


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory, tiny_network: SlowFast) -> Path:
    """The tiny network as a folder."""
    folder = tmp_path_factory.mktemp("tiny") / "checkpoint"
    summary = TrainingSummary(
        version="0", torch=torch.__version__, seed=0, steps=0, batch=1, minutes=0, precision="fp32", loss=0
    )
    card = CheckpointCard(
        schema=1, network=tiny_network.config, spec=ClipSpec(), rule=DecisionRule(), training=summary, dataset="none"
    )
    save_checkpoint(folder, tiny_network, card)
    return folder


@pytest.fixture(scope="session")
def tiny_artifact(tiny_checkpoint: Path) -> Artifact:
    """The tiny network as a worker loads it, built once for each process of the run; copy it before you change it."""
    out = tiny_checkpoint.parent / "artifact"
    return build(BuildSettings(checkpoint=tiny_checkpoint, out=out), begin=lambda _: None).artifact


@pytest.fixture(scope="session")
def exposed(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a worker that has judged and rejected clips says at /metrics."""
    clips = small_clips(tmp_path_factory.mktemp("monitored"))
    lab = Lab(kafka, clips, partitions=2)
    lab.send(*(path.as_uri() for path in sorted(clips.iterdir())))
    with lab.worker("--allow", clips) as worker:
        until(lambda: worker.delivered == lab.sent)
        until(lambda: sum(worker.sample("stall_consumer_lag_messages").values()) == 0)
        return worker.get("/metrics")

"""Real contenders in processes of their own: all give the network's logits, and none is left behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from stream.engine.artifact import Artifact
from stream.errors import UserError
from training.networks.slowfast import SlowFast
from trt_build.bench.contenders import Order, Way
from trt_build.bench.in_torch import WAYS, TorchRunner
from trt_build.bench.peak import PeakRunner
from trt_build.bench.process import Process, Unavailable, opened
from trt_build.bench.report import Report
from trt_build.bench.run import bench as run_bench
from trt_build.bench.settings import BenchSettings

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clips_file(tiny_artifact: Artifact, tmp_path: Path) -> Path:
    spec = tiny_artifact.manifest.spec
    clips = np.random.default_rng(0).integers(0, 256, (3, *spec.shape), np.uint8)
    np.save(tmp_path / "clips.npy", clips)
    return tmp_path / "clips.npy"


def way(runner: str, source: Path, clips: Path, name: str = "", lanes: int = 1, batch: int = 1) -> Way:
    return Way.model_validate(
        {
            "runner": runner,
            "source": source,
            "clips": clips,
            "name": name,
            "lanes": lanes,
            "batch": batch,
            "threads": 1,
        }
    )


def bench(*words: object, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "trt_build", "bench", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_artifacts_and_onnxruntime_are_compared(tiny_artifact: Artifact, tmp_path: Path):
    figures = tmp_path / "figures.json"
    plot = tmp_path / "plot.svg"
    words = ("--threads", 1, "--rounds", 2, "--seconds", 0.02, "--json", figures, "--plot", plot)
    with bench(tiny_artifact.path, *words) as process:
        shown, said = process.communicate()
    assert process.returncode == 0, said
    found = Report.model_validate_json(figures.read_text())
    assert [row.name.split(",")[0] for row in found.rows] == [f"{tiny_artifact.path} (fp32)", "ONNX Runtime"]
    assert all(row.difference is not None and row.difference < 1e-4 for row in found.rows)
    assert set(found.peaks) == {"fp32"}
    for row in found.rows:
        assert row.share_of_peak is not None
        assert 0 < row.share_of_peak < 1.5
        assert 0 < row.p50_ms <= row.p99_ms
        assert row.memory_mb is not None
        assert row.memory_mb > 1
    assert "ONNX Runtime" in shown
    assert "ONNX Runtime" in plot.read_text()


@pytest.mark.parametrize("name", [name for name in WAYS if "compile" not in name])
def test_every_way_of_pytorch_gives_the_networks_logits(
    name: str, tiny_network: SlowFast, tiny_checkpoint: Path, clips_file: Path
):
    clips = np.load(clips_file)
    with torch.inference_mode():
        expected = tiny_network(torch.from_numpy(clips)).numpy()
    runner = TorchRunner(way("torch", tiny_checkpoint, clips_file, name))
    try:
        np.testing.assert_allclose(runner.submit(clips).result(), expected, rtol=1e-4, atol=1e-4)
    finally:
        runner.close()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_compiled_pytorch_gives_the_networks_logits(
    tiny_network: SlowFast, tiny_checkpoint: Path, clips_file: Path, tmp_path: Path
):
    clips = np.load(clips_file)
    with torch.inference_mode():
        expected = tiny_network(torch.from_numpy(clips)).numpy()
    with opened(way("torch", tiny_checkpoint, clips_file, "frozen torch.compile"), tmp_path) as process:
        np.testing.assert_allclose(process.ready.logits, expected, rtol=1e-4, atol=1e-4)


def test_what_pytorch_needs_and_has_not_is_said(
    tiny_checkpoint: Path, clips_file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match="needs a C\\+\\+ compiler at run time, and no-such-compiler is not there"):
        TorchRunner(way("torch", tiny_checkpoint, clips_file, "frozen torch.compile"))


@pytest.mark.parametrize("arithmetic", ["fp32", "int8"])
def test_a_peak_computes_in_its_arithmetic(arithmetic: str, clips_file: Path):
    runner = PeakRunner(way("peak", Path(), clips_file, arithmetic))
    try:
        assert runner.submit(np.load(clips_file)).result().shape == (3,)
        assert runner.kernels == {"fp32": {"f32"}, "int8": {"I8"}}[arithmetic]
    finally:
        runner.close()


def test_a_process_waits_for_orders_and_says_how_it_ended(tiny_artifact: Artifact, clips_file: Path, tmp_path: Path):
    with opened(way("artifact", tiny_artifact.path, clips_file), tmp_path) as process:
        assert len(process.ready.logits) == 3
        assert process.run(Order(kind="throughput", seconds=0.01)).clips >= 1
        assert process.run(Order(kind="latency", seconds=0.01)).latencies_ms
        end(process)
        with pytest.raises(Unavailable, match="ended with SIGKILL"):
            process.run(Order(kind="latency", seconds=0.01))


def end(process: Process) -> None:
    process._process.kill()
    process._process.wait()


def test_what_a_way_can_not_load_is_said_in_its_words(clips_file: Path, tmp_path: Path):
    with (
        pytest.raises(Unavailable, match=r"can't read manifest\.json"),
        opened(way("artifact", tmp_path / "none", clips_file), tmp_path),
    ):
        pass


def processes_that_name(*words: str) -> list[int]:
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if all(word in line for word in words):
            found.append(int(each.parent.name))
    return found


class Ender:
    """Ends those that name a word when the last of two rounds begins, as the kernel does for want of memory."""

    def __init__(self, scratch: Path, word: str) -> None:
        self.words = (f"{scratch}/stall-bench", "trt_build.bench.child", word)
        self.ended: list[int] = []

    def __call__(self, what: str) -> None:
        if what == "round 2 of 2":
            self.ended = processes_that_name(*self.words)
            for each in self.ended:
                os.kill(each, signal.SIGKILL)


@pytest.fixture
def two_rounds(tiny_artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchSettings:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return BenchSettings(artifacts=[tiny_artifact.path], threads=1, rounds=2, seconds=0.01)


def test_one_that_ends_during_the_rounds_is_left_out_with_a_note(two_rounds: BenchSettings, tmp_path: Path):
    ender = Ender(tmp_path, '"runner":"onnxruntime"')
    found = run_bench(two_rounds, ender)
    assert ender.ended
    assert [row.name.split(" ")[0] for row in found.rows] == [str(two_rounds.artifacts[0])]
    assert found.peaks
    (note,) = found.notes
    assert note.startswith("ONNX Runtime, ")
    assert "was left out, for in round 2 it ended: its process ended with SIGKILL" in note


def test_where_all_have_ended_one_line_says_so(two_rounds: BenchSettings, tmp_path: Path):
    with pytest.raises(UserError, match=r"^nothing is left to compare: .+ was left out, for in round 2 it ended"):
        run_bench(two_rounds, Ender(tmp_path, "runner"))


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_nothing_is_left_running(sign: signal.Signals, tiny_artifact: Artifact, tmp_path: Path):
    with bench(tiny_artifact.path, "--threads", 1, "--seconds", 60, TMPDIR=str(tmp_path)) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("try"):
                break
        wait_until(lambda: processes_that_name(f"{tmp_path}/stall-bench"))
        process.send_signal(sign)
        process.communicate()
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}[sign]
    wait_until(lambda: not processes_that_name(f"{tmp_path}/stall-bench"))
    if sign != signal.SIGKILL:
        assert not list(tmp_path.iterdir())


def wait_until(so) -> None:
    deadline = time.monotonic() + 30
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{none}"], "can't read manifest.json"),
        (["{artifact}", "--plot", "{folder}/bars.gif"], "figures are written as .svg, .png, .pdf"),
        (["{artifact}", "--json", "{none}/figures.json"], "there is no folder"),
        (["{artifact}", "--checkpoint", "{none}"], "a checkpoint is made by training fit"),
        (["{artifact}", "--seconds", "0"], "--seconds (STALL_BENCH_SECONDS) = '0'"),
        ([], "ARTIFACTS"),
    ],
)
def test_a_mistake_gets_one_line(words: list[str], said: str, tiny_artifact: Artifact, tmp_path: Path):
    places = {"none": tmp_path / "none", "artifact": tiny_artifact.path, "folder": tmp_path}
    with bench(*(word.format(**places) for word in words)) as process:
        _, told = process.communicate()
    assert process.returncode == 2, told
    assert said in told.strip().splitlines()[-1]
    assert "Traceback" not in told


def test_an_artifact_that_does_not_run_here_is_named(tiny_artifact: Artifact, tmp_path: Path):
    """Its network is not the manifest's: the digest holds, the engine refuses."""
    from stream.engine.artifact import load_artifact, seal

    broken = Path(shutil.copytree(tiny_artifact.path, tmp_path / "broken"))
    manifest = load_artifact(broken).manifest
    seal(broken, manifest.model_copy(update={"spec": manifest.spec.model_copy(update={"size": 32})}))
    with bench(broken, "--seconds", 0.01, "--threads", 1) as process:
        _, told = process.communicate()
    assert process.returncode == 2, told
    assert f"{broken} (fp32) doesn't run here" in told.strip().splitlines()[-1]
    assert "the manifest's spec gives" in told

"""`inspect`, `verify` and `diff` as a user types them."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from stream.engine.artifact import Artifact, Manifest, load_artifact, seal
from stream.engine.golden import Golden
from stream.errors import UserError
from stream.terminal.cli import main
from training.checkpoint import load_checkpoint, save_checkpoint
from training.fields import differing, flatten
from training.networks.slowfast import SlowFast
from trt_build.__main__ import COMMANDS
from trt_build.build import build
from trt_build.settings import BuildSettings

ROOT = Path(__file__).resolve().parents[2]


def run(*argv: object) -> int:
    return main("python -m trt_build", COMMANDS, [str(word) for word in argv], default="build")


@pytest.fixture
def copy(tmp_path: Path, tiny_artifact: Artifact) -> Artifact:
    return load_artifact(Path(shutil.copytree(tiny_artifact.path, tmp_path / "copy")))


def reseal(artifact: Artifact, **changes: object) -> Artifact:
    return seal(artifact.path, Manifest.model_validate({**dict(artifact.manifest), **changes}))


def refusal(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    assert run(*argv) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    return said.removeprefix("python -m trt_build: ")


class TestInspect:
    def test_a_table_tells_what_a_user_asks_for(self, tiny_artifact: Artifact, capsys):
        assert run("inspect", tiny_artifact.path) == 0
        said = capsys.readouterr().out
        for told in (
            tiny_artifact.digest,
            tiny_artifact.manifest.device.name,
            tiny_artifact.manifest.spec.digest,
            "openvino, fp32, batches of 1",
            "stalled from 0.500 on, flowing below 0.500, at a prevalence of 50 %",
            "(limit 0.0001), on 16 clips",
            "network.architecture",
            "model.bin",
            "Convolution",
        ):
            assert told in said, told

    def test_json_tells_all(self, tiny_artifact: Artifact, capsys):
        assert run("inspect", tiny_artifact.path, "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert Manifest.model_validate_json(json.dumps(told["manifest"]), strict=True) == tiny_artifact.manifest
        assert told["digest"] == tiny_artifact.digest
        assert told["bytes"] == {name: (tiny_artifact.path / name).stat().st_size for name in told["manifest"]["files"]}
        assert {"type": "Convolution", "precision": "f32", "count": 29} in told["layers"]

    def test_what_is_no_artifact_gets_one_line(self, copy: Artifact, tmp_path: Path, capsys):
        assert "can't read manifest.json" in refusal(capsys, "inspect", tmp_path / "nowhere")
        (copy.path / "model.bin").write_bytes((copy.path / "model.bin").read_bytes()[:-1])
        assert "model.bin has sha256" in refusal(capsys, "inspect", copy.path)


class TestVerify:
    def test_what_holds_is_shown_with_its_limits(self, tiny_artifact: Artifact, tiny_checkpoint: Path, capsys):
        assert run("verify", tiny_artifact.path, "--checkpoint", tiny_checkpoint) == 0
        table, error = capsys.readouterr()
        assert not error
        for row in ("golden.mp4, as it is read", "golden clips, batches of 1", "the network in PyTorch"):
            assert row in table
        assert "DOES NOT HOLD" not in table

    def test_golden_clips_that_score_otherwise_end_with_1_and_the_way_out(self, copy: Artifact, capsys):
        golden = Golden.load(copy.path)
        replace(golden, logits=golden.logits + np.float32(0.5)).save(copy.path)
        spoilt = reseal(copy)
        assert run("verify", copy.path) == 1
        table, error = capsys.readouterr()
        assert table.count("DOES NOT HOLD") == 1
        assert error.startswith(f"python -m trt_build verify: artifact {copy.path} ({spoilt.digest}) doesn't work here")
        assert "build it here with python -m trt_build" in error
        assert len(error.splitlines()) == 1

    def test_a_largest_batch_is_filled(self, copy: Artifact, capsys):
        reseal(copy, batch_sizes=(1, 3, 7))
        assert run("verify", copy.path) == 0
        assert capsys.readouterr().out.count("golden clips, batches of") == 3

    def test_an_engine_that_is_off_from_torch_ends_with_1(self, copy: Artifact, tiny_checkpoint: Path, capsys):
        proof = copy.manifest.proof
        assert proof is not None
        reseal(copy, proof=proof.model_copy(update={"tolerance": 1e-12}))
        assert run("verify", copy.path, "--checkpoint", tiny_checkpoint) == 1
        assert "off the network's (limit 1e-12)" in capsys.readouterr().err

    def test_where_verdicts_were_held_against_the_network_it_may_be_off_as_it_was(
        self, copy: Artifact, tiny_checkpoint: Path, capsys
    ):
        proof = copy.manifest.proof
        assert proof is not None
        reseal(copy, proof=proof.model_copy(update={"tolerance": None, "max_difference": 0.5}))
        assert run("verify", copy.path, "--checkpoint", tiny_checkpoint) == 0
        assert " 0.5 " in capsys.readouterr().out

    def test_another_checkpoint_is_refused(
        self, tiny_artifact: Artifact, tiny_checkpoint: Path, tiny_network: SlowFast, tmp_path: Path, capsys
    ):
        _, card = load_checkpoint(tiny_checkpoint)
        save_checkpoint(tmp_path / "other", SlowFast(tiny_network.config), card)
        said = refusal(capsys, "verify", tiny_artifact.path, "--checkpoint", tmp_path / "other")
        assert "has other weights" in said
        assert "give the checkpoint that it was built of" in said

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"rule": {"low": 0.25}}, "rule.low (0.25, not 0.5)"),
            ({"spec": {"margin": 9}}, "spec.margin (9, not 4)"),
            ({"training": {"dataset": "another"}}, "dataset (another, not "),
        ],
    )
    def test_a_manifest_that_is_not_the_checkpoints_is_refused(
        self, copy: Artifact, tiny_checkpoint: Path, change, told: str, capsys
    ):
        """Whoever changed it has sealed it again, and its weights are the same."""
        manifest = copy.manifest.model_dump()
        reseal(copy, **{name: {**manifest[name], **fields} for name, fields in change.items()})
        said = refusal(capsys, "verify", copy.path, "--checkpoint", tiny_checkpoint)
        assert f"says otherwise than --checkpoint {tiny_checkpoint}: {told}" in said

    def test_an_artifact_that_tells_of_no_checkpoint_is_refused(self, copy: Artifact, tiny_checkpoint: Path, capsys):
        reseal(copy, training={})
        said = refusal(capsys, "verify", copy.path, "--checkpoint", tiny_checkpoint)
        assert "its manifest doesn't say what checkpoint it was built of (network: Field required" in said


@dataclass(frozen=True)
class Compared:
    """What `diff` made of the tiny artifact and of one that takes clips with their surroundings, and is never sure."""

    b: Path
    said: str
    flips: list[dict[str, str]]
    kept: dict[str, Path]
    """The clips that were generated, by what their spec does outside of the outline."""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, tiny_artifact: Artifact) -> Compared:
    folder = tmp_path_factory.mktemp("diff")
    b = load_artifact(Path(shutil.copytree(tiny_artifact.path, folder / "b")))
    spec = b.manifest.spec.model_copy(update={"outside": "keep"})
    reseal(b, spec=spec, rule=b.manifest.rule.model_copy(update={"low": 0.0, "high": 1.0}))
    few = ("--clips", 8, "--stalled-share", 0.5, "--processes", 1, "--cache", folder / "cache")
    with redirect_stdout(StringIO()) as said:
        assert run("diff", tiny_artifact.path, b.path, *few, "--out", folder / "flips.csv") == 0
    with (folder / "flips.csv").open() as file:
        flips = list(csv.DictReader(file))
    kept = {
        json.loads((each / "manifest.json").read_text())["spec"]["outside"]: each for each in folder.glob("cache/*")
    }
    return Compared(b.path, said.getvalue(), flips, kept)


class TestDiff:
    def test_artifacts_of_two_specs_are_compared_on_clips_that_are_cut_for_each(self, compared: Compared):
        for told in ("spec.outside", "rule.high", "8 generated clips"):
            assert told in compared.said, told
        assert "B gives 8 of 8 clips another verdict" in compared.said.splitlines()[-1]
        assert {each["verdict_b"] for each in compared.flips} == {"uncertain"}
        assert len({each["clip_id"] for each in compared.flips}) == 8

    def test_kept_clips_serve_one_spec(self, compared: Compared, tiny_artifact: Artifact, capsys):
        said = refusal(capsys, "diff", tiny_artifact.path, compared.b, "--data", compared.kept["zero"])
        rest = "; prepare the same clips with --spec.outside keep and give their folder by --data-b"
        assert f"the two artifacts take them in two (outside zero and keep){rest}" in said
        same = ("diff", tiny_artifact.path, tiny_artifact.path)
        assert "were read with outside keep" in refusal(capsys, *same, "--data", compared.kept["keep"])

    def test_two_caches_of_the_same_clips_serve_two_specs(self, compared: Compared, tiny_artifact: Artifact, capsys):
        both = ("--data", compared.kept["zero"], "--data-b", compared.kept["keep"])
        assert run("diff", tiny_artifact.path, compared.b, *both) == 0
        said = capsys.readouterr().out.splitlines()
        assert f"8 clips that {compared.kept['keep'].name} holds, too, of 8 clips of {both[1].name}" in said[-2]
        assert "B gives 8 of 8 clips another verdict" in said[-1]
        assert "Generated clips say little" not in said[-1]
        same = ("diff", tiny_artifact.path, tiny_artifact.path)
        assert "--data-b would change nothing" in refusal(capsys, *same, *both)
        assert "--data-b counts only with --data" in refusal(capsys, *same, *both[2:])

    def test_an_artifact_agrees_with_itself_on_kept_clips(self, compared: Compared, tiny_artifact: Artifact, capsys):
        assert run("diff", tiny_artifact.path, tiny_artifact.path, "--data", compared.kept["zero"]) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"A and B are the same artifact ({tiny_artifact.digest})")
        assert f"8 clips of {compared.kept['zero'].name}" in said
        assert "B gives each of 8 clips the verdict that A gives it" in said

    def test_projects_that_an_artifact_knows_are_told(self, compared: Compared, copy: Artifact, capsys):
        whose = sorted({each["project_id"] for each in compared.flips})
        training = {**copy.manifest.training, "training": {"projects": whose}}
        reseal(copy, training=training)
        assert run("diff", copy.path, copy.path, "--data", compared.kept["zero"]) == 0
        said = capsys.readouterr().out
        for name in ("A", "B"):
            assert f"8 of them of projects that {name} learnt from or its rule rests on" in said

    def test_what_says_nothing_of_kept_clips_is_refused(self, compared: Compared, tiny_artifact: Artifact, capsys):
        same = ("diff", tiny_artifact.path, tiny_artifact.path, "--data", compared.kept["zero"])
        assert "--preset says how clips are generated" in refusal(capsys, *same, "--preset", "demo")

    def test_a_place_that_takes_no_list_is_said_before_the_work(self, tiny_artifact: Artifact, tmp_path, capsys):
        nowhere = tmp_path / "nowhere" / "flips.csv"
        assert "there is no folder" in refusal(capsys, "diff", tiny_artifact.path, tiny_artifact.path, "--out", nowhere)

    def test_an_engine_that_does_not_open_is_said_before(self, copy: Artifact, tiny_artifact, tmp_path, capsys):
        reseal(copy, spec=copy.manifest.spec.model_copy(update={"size": 32}))
        words = ("--clips", 8, "--processes", 1, "--cache", tmp_path / "cache")
        assert "the manifest's spec gives" in refusal(capsys, "diff", tiny_artifact.path, copy.path, *words)
        assert not (tmp_path / "cache").exists()


def test_clips_that_int8_can_not_use_are_refused_before_the_export(compared: Compared, tiny_checkpoint, tmp_path: Path):
    asked = {"checkpoint": tiny_checkpoint, "precision": "int8", "data": compared.kept["zero"]}
    stages: list[str] = []
    with pytest.raises(UserError, match="holds 8 clips, 4 of them stalled: too few for --calibration-clips 300"):
        build(BuildSettings.model_validate({**asked, "out": tmp_path / "out"}), begin=stages.append)
    assert stages == [], "not even the network is loaded"
    assert list(tmp_path.iterdir()) == []


def test_fields_are_laid_side_by_side(tiny_artifact: Artifact):
    manifest = tiny_artifact.manifest
    other = Manifest.model_validate(
        {
            **dict(manifest),
            "rule": manifest.rule.model_copy(update={"low": 0.25}),
            "builder": {**manifest.builder, "nncf": "9"},
            "training": {"dataset": "another"},
            "inputs": "0" * 64,
        }
    )
    found = {name: (a, b) for name, a, b in differing(manifest, other, exclude=("inputs",))}
    assert found["rule.low"] == (0.5, 0.25)
    assert found["builder.nncf"][1] == "9"
    assert found["training.dataset"] == ("none", "another")
    assert found["training.network.alpha"] == (4, None)
    assert "inputs" not in found
    assert not list(differing(manifest, manifest))
    assert flatten({"a": {"b": [1, {"c": 2}], "d": {}}}) == {"a.b": [1, {"c": 2}]}


def test_the_tools_need_no_torch():
    """But for `verify` with a checkpoint."""
    names = ["inspection", "recheck", "labelled", "scoring", "comparison", "sheet", "__main__"]
    code = f"import importlib, sys; [importlib.import_module('trt_build.' + n) for n in {names}]"
    code += "; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)


@pytest.mark.parametrize(
    "spoil", [lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"{"), Path.unlink]
)
def test_each_tool_refuses_an_artifact_whose_manifest_is_spoilt(
    copy: Artifact, spoil: Callable[[Path], object], capsys
):
    spoil(copy.path / "manifest.json")
    for command in (("inspect", copy.path), ("verify", copy.path), ("diff", copy.path, copy.path)):
        assert str(copy.path) in refusal(capsys, *command)

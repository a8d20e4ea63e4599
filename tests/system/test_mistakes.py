"""A user's mistake is one line that names the value, the rule and the way out, with exit code 2; nothing hangs."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.engine.artifact import default_artifact_path
from tests.system.commands import run


def refused(*words: object, **environment: str) -> str:
    """The one line that a command says, beside what it logs of its attempts."""
    done = run("-m", "stream", *words, timeout_s=60, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    lines = [line for line in done.stderr.splitlines() if " WARNING " not in line]
    assert len(lines) == 1, done.stderr
    return str(lines[0])


def test_an_unknown_flag_and_an_unknown_name_are_refused():
    assert "--partition 3 (did you mean --partitions?)" in refused("topics", "--partition", 3)
    said = refused("topics", STALL_BOOTSTRAPS="localhost:9092")
    assert "STALL_BOOTSTRAPS in the environment or .env (did you mean STALL_BOOTSTRAP?)" in said


def test_a_worker_without_an_allowed_root_does_not_start():
    assert "--allow" in refused("worker")


@pytest.mark.parametrize("words", [("topics",), ("worker", "--allow", "/")])
def test_a_broker_that_does_not_answer_is_tried_said_so_and_given_up(words: tuple[str, ...]):
    with socket.socket() as nobody:  # bound, and never listening
        nobody.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{nobody.getsockname()[1]}"
        done = run("-m", "stream", *words, "--bootstrap", at, "--connect-timeout-s", 4, timeout_s=60)
    assert done.returncode == 2
    assert f"{at} doesn't answer yet" in done.stderr
    assert f"Kafka at {at} did not answer for 4 s" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("report",), ("audit",), ("worker", "--allow", "/"), ("produce", ".")])
def test_a_missing_topic_is_named_with_the_command_that_makes_it(words: tuple[str, ...], kafka: str, clips: Path):
    given = (str(clips) if word == "." else word for word in words)
    said = refused(*given, "--bootstrap", kafka, "--clips-topic", "no-such-topic")
    assert "no-such-topic" in said
    assert "python -m stream topics" in said


def flipped(artifact: Path) -> None:
    file = next(artifact.glob("*.bin"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def garbled(artifact: Path) -> None:
    (artifact / "manifest.json").write_text("{")


def from_the_future(artifact: Path) -> None:
    manifest = json.loads((artifact / "manifest.json").read_text())
    (artifact / "manifest.json").write_text(json.dumps({**manifest, "schema": 99}))


def beheaded(artifact: Path) -> None:
    (artifact / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(flipped, "sha256"), (garbled, "manifest.json"), (from_the_future, "schema"), (beheaded, "manifest.json")],
)
def test_an_artifact_that_cannot_be_trusted_is_not_loaded(
    spoil: Callable[[Path], None], words: str, clips: Path, tmp_path: Path
):
    artifact = tmp_path / "artifact"
    shutil.copytree(default_artifact_path(), artifact)
    spoil(artifact)
    said = refused("score", clips, "--artifact", artifact)
    assert str(artifact) in said
    assert words in said


def test_a_folder_without_clips_is_named(tmp_path: Path):
    assert str(tmp_path) in refused("score", tmp_path)
    assert str(tmp_path) in refused("produce", tmp_path)

"""`score`: an outcome for each file, good, poor or hostile, without Kafka."""

import json
import signal
from pathlib import Path

import jsonschema
import pytest

from tests.clip.hostile import hostile
from tests.clip.scenes import encode, noise, outlined
from tests.system.commands import run, running, until

SCENE = outlined(7, background=noise(7, frames=17, height=192, width=256), centre=(120, 90), radius=30)
CLIPS = 100
PLAIN = noise(8, frames=17, height=192, width=256)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, set[str]]]:
    """A folder of files, and what may come of each."""
    folder, good = tmp_path_factory.mktemp("given"), encode(SCENE.frames)
    files: dict[str, tuple[bytes, set[str]]] = {
        "good": (good, {"verdict"}),
        "the fewest frames": (encode(SCENE.frames[:8]), {"verdict"}),
        "too few frames": (encode(SCENE.frames[:7]), {"too_short"}),
        "no outline": (encode(PLAIN), {"no_outline"}),
        **{name: (data, set(map(str, may_be))) for name, (data, may_be) in hostile(good, SCENE).items()},
    }
    for name, (data, _) in files.items():
        (folder / f"{name}.mp4").write_bytes(data)
    return folder, {f"{name}.mp4": may_be for name, (_, may_be) in files.items()}


def test_each_file_has_one_outcome_as_the_schema_says(given: tuple[Path, dict[str, set[str]]]):
    folder, may_be = given
    done = run("-m", "stream", "score", "--json", folder, folder / "missing.mp4")
    assert done.returncode == 0, done.stderr
    assert f"{len(may_be) + 1} clips" in done.stderr
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    schemas = json.loads(run("-m", "stream", "schema").stdout)
    for outcome in outcomes:
        jsonschema.validate(outcome, schemas[outcome["kind"]], format_checker=jsonschema.FormatChecker())
    came = [(each["clip_id"], each.get("reason", each["kind"])) for each in outcomes]
    assert [name for name, _ in came] == [*sorted(may_be), str(folder / "missing.mp4")]
    assert came[-1][1] == "not_found"
    assert [(name, what) for name, what in came[:-1] if what not in may_be[name]] == []


def test_killed_and_resumed_each_file_has_one_line(given: tuple[Path, dict[str, set[str]]], tmp_path: Path):
    clips, out = tmp_path / "clips", tmp_path / "out.jsonl"
    clips.mkdir()
    for number in range(CLIPS):
        (clips / f"{number:03}.mp4").hardlink_to(given[0] / ("text.mp4" if number % 10 == 0 else "good.mp4"))
    words = ("-m", "stream", "score", clips, "--out", out)

    def lines() -> int:
        return out.read_bytes().count(b"\n") if out.exists() else 0

    with running(*words) as process:
        until(lambda: lines() > 5)
        assert process.end(signal.SIGKILL) == -signal.SIGKILL
    assert lines() < CLIPS
    with out.open("ab") as file:
        file.write(b'{"schema":1,"kind":"ver')
    exists = run(*words)
    assert (exists.returncode, f"{out} exists: --resume goes on with it" in exists.stderr) == (2, True), exists.stderr
    other = run(*words, "--resume", "--prevalence", 0.01)
    assert (other.returncode, "prevalence 0.01" in other.stderr) == (2, True), other.stderr
    resumed = run(*words, "--resume", timeout_s=170)
    assert (resumed.returncode, resumed.stdout) == (0, ""), resumed.stderr
    assert "of them had their outcome already, 10 rejected" in resumed.stderr
    outcomes = [json.loads(line) for line in out.read_text().splitlines()]
    assert [each["clip_id"] for each in outcomes] == [f"{number:03}.mp4" for number in range(CLIPS)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--resume",), "--resume goes on with the file of an earlier run: name it by --out"),
        (("--json", "--out", "a"), "--json prints what --out would write to a: give one of the two"),
        (("--out", "no/where"), "can't write to no/where (No such file or directory): give another file by --out"),
    ],
)
def test_outcomes_go_one_way(words: tuple[str, ...], said: str, tmp_path: Path):
    (tmp_path / "clip.mp4").write_bytes(b"")
    refused = run("-m", "stream", "score", "clip.mp4", *words, cwd=tmp_path)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_table_is_shown_unless_told_otherwise(given: tuple[Path, dict[str, set[str]]]):
    done = run("-m", "stream", "score", "good.mp4", "text.mp4", cwd=given[0])
    assert done.returncode == 0
    for words in ("good.mp4", "P(stalled)", "text.mp4", "undecodable"):
        assert words in done.stdout


def test_a_reference_is_judged_as_a_worker_would_judge_it(given: tuple[Path, dict[str, set[str]]]):
    uri = str(given[0] / "good.mp4")
    good = {"schema": 1, "clip_id": "a clip", "uri": uri, "roi": [60, 30, 150, 150], "num_frames": 17}
    for said, kind, reason in [
        (json.dumps(good), "verdict", None),
        (json.dumps({**good, "num_frames": 18}), "rejection", "damaged"),
    ]:
        done = run("-m", "stream", "score", "--json", "--reference", said, cwd=given[0])
        assert done.returncode == 0, done.stderr
        outcome = json.loads(done.stdout)
        assert (outcome["kind"], outcome.get("reason")) == (kind, reason), outcome
        assert outcome["clip_id"] == "a clip"
        if kind == "verdict":
            assert outcome["roi"] == good["roi"]

"""`score`: an outcome for each file, good, poor or hostile, without Kafka."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.clip.hostile import hostile
from tests.clip.scenes import encode, noise, outlined
from tests.system.commands import run

SCENE = outlined(7, background=noise(7, frames=17, height=192, width=256), centre=(120, 90), radius=30)
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


def test_a_table_is_shown_unless_told_otherwise(given: tuple[Path, dict[str, set[str]]]):
    done = run("-m", "stream", "score", "good.mp4", "text.mp4", cwd=given[0])
    assert done.returncode == 0
    for words in ("good.mp4", "P(stalled)", "text.mp4", "undecodable"):
        assert words in done.stdout

"""`show` of files and of topics: the page, and what can't be shown."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

from stream.clip import read_clip
from stream.engine.artifact import default_artifact_path, load_artifact
from stream.errors import Reason
from tests.system.commands import run
from tests.system.doctored import Doctored, rejection, verdict

SPEC = load_artifact(default_artifact_path()).manifest.spec


def film(page: str) -> list[np.ndarray]:
    """The frames `[T, S, S]` of each moving crop."""
    found = re.findall(r'class="moving"[^>]*url\(data:image/png;base64,([^)]*)\)', page)
    pictures = (np.asarray(Image.open(io.BytesIO(base64.b64decode(each)))) for each in found)
    return [each.reshape(SPEC.frames, SPEC.size, SPEC.size) for each in pictures]


def test_files_that_were_scored_are_shown_by_their_clip_ids(small: Path, tmp_path: Path):
    out, page = tmp_path / "outcomes.jsonl", tmp_path / "page.html"
    named = [small / "good-1.mp4", small / "no-outline.mp4"]
    assert run("-m", "stream", "score", "--readers", 1, *named, "--out", out).returncode == 0
    shown = run("-m", "stream", "show", *named, "--outcomes", out, "--out", page)
    assert shown.returncode == 0, shown.stderr
    told = page.read_text()
    (moving,) = film(told)
    assert np.array_equal(moving, read_clip(named[0].read_bytes(), SPEC).pixels[0])
    probability = json.loads(out.read_text().splitlines()[0])["probability"]
    assert f"{probability:.5f} at a prevalence" in told
    assert "no_outline: no closed orange outline was found" in told


def test_of_topics_the_latest_outcome_is_shown_as_far_as_its_clip_may_be_read(kafka: str, small: Path, tmp_path: Path):
    topics, page = Doctored(kafka), tmp_path / "page.html"
    clip, elsewhere = (small / "good-0.mp4").as_uri(), "file:///nowhere/x.mp4"
    given = [
        topics.reference(place, clip_id=clip_id, uri=uri)
        for place, (clip_id, uri) in enumerate([("a", clip), ("b", elsewhere), ("a", clip), ("c", clip)])
    ]
    topics.send(given)
    ours = [verdict(each).model_copy(update={"spec": SPEC.digest}) for each in given[1:3]]
    topics.answer(
        (given[0], rejection(given[0])), (given[1], ours[0]), (given[2], ours[1]), (given[3], verdict(given[3]))
    )
    words = ("-m", "stream", "show", "a", "b", "c", *topics.words[:-2], "--out", page)
    shown = run(*words, "--allow", small)
    assert shown.returncode == 0, shown.stderr
    told = page.read_text()
    assert len(film(told)) == 1
    assert Reason.DAMAGED not in told
    assert f"{topics.clips}[0]@2" in told
    assert "forbidden: " in told
    assert "give the one that judged by --artifact" in told

    refused = run(*words)
    assert (refused.returncode, "--allow is missing" in refused.stderr) == (2, True)
    unknown = run("-m", "stream", "show", "z", *topics.words[:-2], "--allow", small, "--out", page)
    assert unknown.returncode == 2
    assert f"no outcome of clip 'z' in {topics.verdicts} and" in unknown.stderr
    assert page.read_text() == told, "what was there stays"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]

"""Many references to small clips: load for tests whose subject is delivery, so that reading costs little."""

from collections.abc import Iterator
from pathlib import Path

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.writing import Writer
from stream.records import SCHEMA, ClipReference
from tests.clip.scenes import encode, noise, outlined

FRAMES, HEIGHT, WIDTH = 8, 96, 128


def small_clips(folder: Path, *, good: int = 4) -> Path:
    """Writes `good-N.mp4` that are judged, and `truncated.mp4` and `no-outline.mp4` that are not; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    background = noise(0, frames=FRAMES, height=HEIGHT, width=WIDTH, sigma=8)
    for number in range(good):
        scene = outlined(number, centre=(WIDTH / 2, HEIGHT / 2), radius=18, background=background)
        (folder / f"good-{number}.mp4").write_bytes(encode(scene.frames, crf=25))
    (folder / "no-outline.mp4").write_bytes(encode(background, crf=25))
    (folder / "truncated.mp4").write_bytes((folder / "good-0.mp4").read_bytes()[:-1000])
    return folder


def references(clips: Path, count: int, *, bad_every: int = 20) -> Iterator[ClipReference]:
    """References to the clips in turn, each with a clip_id of its own; every `bad_every`-th is one to be rejected.

    0 asks for good ones only.
    """
    good = sorted(clips.glob("good-*.mp4"))
    bad = [clips / "truncated.mp4", clips / "no-outline.mp4", clips / "missing.mp4"]
    for number in range(count):
        is_bad = bad_every > 0 and number % bad_every == bad_every - 1
        path = bad[number // bad_every % len(bad)] if is_bad else good[number % len(good)]
        yield ClipReference(schema=SCHEMA, clip_id=f"{number}-{path.name}", uri=path.as_uri())


def send(cluster: Cluster, topic: str, given: Iterator[ClipReference]) -> int:
    """Writes them all; how many there were."""
    count = 0
    with Writer(cluster) as writer:
        for reference in given:
            writer.write(Message(topic, reference.clip_id.encode(), reference.to_json()))
            count += 1
    return count

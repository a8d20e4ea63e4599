"""Writes a folder of clips in the competition's layout: videos, metadata, labels, and bad ones on request.

100000.mp4 ...       the clips
train_metadata.csv   filename,url,project_id,num_frames,crowd_score,tier1,micro,nano
train_labels.csv     filename,stalled
bad.csv              filename,expected_reason: clips that can't be judged; they have metadata but no label
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stream.clip import prepare
from stream.errors import Reason, UserError
from training.pools import pool
from training.synthetic.preset import PRESETS
from training.synthetic.render import record
from training.synthetic.scene import Scene, sample_scene
from training.synthetic.video import REAL, encode, neutral_chroma, sample_reencoding, write_clip

METADATA, LABELS, BAD = "train_metadata.csv", "train_labels.csv", "bad.csv"
_FIRST_ID = 100_000
BUCKET = "s3://synthetic-clips/train/"
_PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/hostname\n#EXT-X-ENDLIST\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """A way for a clip to be bad: what is written instead of it (None: nothing), and how it is to be rejected."""

    expected: Reason
    spoil: Callable[[Scene], bytes | None]


def _truncated(scene: Scene) -> bytes:
    data = write_clip(scene)
    return data[: len(data) // 2]


def _without_outline(scene: Scene) -> bytes:
    return encode(record(scene), neutral_chroma(scene.width, scene.height), REAL)


FAULTS = (
    Fault(Reason.UNDECODABLE, _truncated),
    Fault(Reason.NO_OUTLINE, _without_outline),
    Fault(Reason.NOT_FOUND, lambda _: None),
    Fault(Reason.UNDECODABLE, lambda _: b""),
    Fault(Reason.UNDECODABLE, lambda _: _PLAYLIST),
)
"""Truncated, without outline, missing, empty, a text playlist; a folder's bad clips take them in turn."""


@dataclass(frozen=True, slots=True)
class _Job:
    name: str
    seed: tuple[int, int]
    preset: str
    stalled: bool
    reencoded: bool
    fault: int | None


@dataclass(frozen=True, slots=True)
class _Row:
    """What the tables say of a clip."""

    name: str
    project: str
    num_frames: int
    stalled: bool
    fault: int | None


def synthesize(
    out: Path,
    *,
    clips: int,
    seed: int = 0,
    stalled_share: float = 0.3,
    preset: str = "demo",
    bad: int = 0,
    reencoded_share: float = 0.1,
    processes: int = 1,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Writes `clips` clips to the empty or new folder `out`, `bad` of them bad; the same seed gives the same pixels.

    Args:
        out: the folder.
        clips: number of clips in the metadata, the bad ones included.
        seed: of everything that is drawn.
        stalled_share: share of the good clips that are stalled, to the nearest clip.
        preset: name of a preset.
        bad: number of clips that can't be judged, as `FAULTS` says.
        reencoded_share: share of clips written with groups of pictures, the rest as the real ones are.
        processes: that render and encode.
        progress: called with the number of clips done.

    Raises:
        UserError: the folder holds something or can't be written.
    """
    jobs = _plan(
        clips=clips, seed=seed, stalled_share=stalled_share, preset=preset, bad=bad, reencoded_share=reencoded_share
    )
    try:
        _prepare(out)
        rows = _run(jobs, out, processes, progress)
        _write_tables(out, sorted(rows, key=lambda row: row.name), np.random.default_rng([seed, clips]))
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror or error}; give a folder that can be written") from None


def _plan(
    *, clips: int, seed: int, stalled_share: float, preset: str, bad: int, reencoded_share: float
) -> Sequence[_Job]:
    if preset not in PRESETS:
        raise UserError(f"--preset {preset}: no such preset; there are {', '.join(PRESETS)}")
    if bad > clips:
        raise UserError(f"--bad {bad}: more than --clips {clips}; the bad ones are among them")
    rng = np.random.default_rng(seed)
    order = rng.permutation(clips)
    stalled = set(order[bad : bad + round(stalled_share * (clips - bad))].tolist())
    faults = {int(index): turn % len(FAULTS) for turn, index in enumerate(order[:bad])}
    reencoded = rng.random(clips) < reencoded_share
    return [
        _Job(
            f"{_FIRST_ID + i}.mp4",
            (seed, i),
            preset,
            stalled=i in stalled,
            reencoded=bool(reencoded[i]),
            fault=faults.get(i),
        )
        for i in range(clips)
    ]


def _prepare(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: is a file; give a new or empty folder")
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise UserError(f"--out {out}: is not empty; give a new or empty folder")


def _run(jobs: Sequence[_Job], out: Path, processes: int, progress: Callable[[int], None] | None) -> list[_Row]:
    rows: list[_Row] = []
    with pool(min(processes, len(jobs)), ready=prepare) as executor:
        for future in as_completed([executor.submit(_write, job, out) for job in jobs]):
            rows.append(future.result())
            if progress:
                progress(len(rows))
    return rows


def _write(job: _Job, out: Path) -> _Row:
    rng = np.random.default_rng(job.seed)
    scene = sample_scene(rng, preset=PRESETS[job.preset], stalled=job.stalled)
    encoding = sample_reencoding(rng) if job.reencoded else REAL
    data = write_clip(scene, encoding) if job.fault is None else FAULTS[job.fault].spoil(scene)
    if data is not None:
        (out / job.name).write_bytes(data)
    return _Row(job.name, scene.project, scene.num_frames, job.stalled, job.fault)


def _write_tables(out: Path, rows: Sequence[_Row], rng: np.random.Generator) -> None:
    _write_table(
        out / METADATA,
        ("filename", "url", "project_id", "num_frames", "crowd_score", "tier1", "micro", "nano"),
        [(row.name, BUCKET + row.name, row.project, row.num_frames, *_crowd(row, rng)) for row in rows],
    )
    good = [(row.name, int(row.stalled)) for row in rows if row.fault is None]
    _write_table(out / LABELS, ("filename", "stalled"), good)
    spoilt = [(row.name, FAULTS[row.fault].expected) for row in rows if row.fault is not None]
    if spoilt:
        _write_table(out / BAD, ("filename", "expected_reason"), spoilt)


def _crowd(row: _Row, rng: np.random.Generator) -> tuple[float, bool, bool, bool]:
    """crowd_score, tier1, micro, nano: laws of the competition's table, where project L was never shown to a crowd
    and 92 % of the scores are 0; confident clips are tier1, and nano has about as many stalled as flowing ones.
    """
    unsure, chosen = rng.random(2)
    score = rng.uniform(0.5, 1.0) if row.stalled else (rng.beta(1.0, 5.0) * 0.5 if unsure > 0.92 else 0.0)
    score = 0.0 if row.project == "L" else round(float(score), 6)
    tier1 = score == 0 or score >= 0.75
    return score, tier1, tier1, tier1 and (row.stalled or bool(chosen < 0.4))


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)

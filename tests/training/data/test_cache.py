"""The crop cache: what goes in comes out, whatever ended its writers; and it goes on instead of beginning anew."""

import csv
import os
import signal
import subprocess
import sys
from contextlib import suppress

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.clip.spec import ClipSpec
from stream.errors import ClipFault, Reason, UserError
from tests.training.data.made import labelled
from training.data.cache import FAILURES, INDEX, JOURNAL, MANIFEST, Origin, open_cache, read_manifest
from training.data.cache_writer import CacheWriter
from training.data.journal import ReadClip
from training.data.shards import Shards, ShardWriter, shard_path

SPEC = ClipSpec(frames=2, size=16, extra="none")
ROW_BYTES = 2 * 16 * 16
ORIGIN = Origin(source="/clips", digests={"metadata": "aa"})
MISSING = ClipFault(Reason.NOT_FOUND, "/clips/x.mp4: No such file")


def name(number):
    return f"{100000 + number}.mp4"


def clip(number):
    return ReadClip(
        clip_id=name(number),
        project_id="AB"[number % 2],
        num_frames=30 + number,
        box=(1, 2, 40 + number, 50),
        size_bytes=1000 + number,
        sha256=f"{number:064x}",
    )


def pixels(number):
    return np.random.default_rng(number).integers(0, 256, SPEC.shape, np.uint8)


def writer(folder, *, spec=SPEC, origin=ORIGIN, rows_a_shard=4):
    return CacheWriter(folder, spec, origin, shard_bytes=rows_a_shard * ROW_BYTES)


def wanted(count):
    return labelled(*(("AB"[number % 2], number % 3 == 0, number / 100, number % 2 == 0) for number in range(count)))


def written(folder, numbers, *, total, failing=()):
    with writer(folder) as cache:
        for number in numbers:
            cache.add(clip(number), pixels(number))
        for number in failing:
            cache.fail(name(number), MISSING)
        return cache.finish(
            cache.find(wanted(total)), digests={"labels": "bb"}, generated=False, notes=("mind the gap",)
        )


def interrupted(folder, numbers, *, failing=()):
    with suppress(KeyboardInterrupt), writer(folder) as cache:
        for number in numbers:
            cache.add(clip(number), pixels(number))
        for number in failing:
            cache.fail(name(number), MISSING)
        raise KeyboardInterrupt


def holds(folder, numbers):
    """Whether the cache holds just these clips, each once, each with its own pixels and facts."""
    cache = open_cache(folder, SPEC)
    facts = cache.clips.facts
    assert facts.clip_ids.tolist() == [name(number) for number in numbers]
    for place, number in enumerate(numbers):
        assert np.array_equal(cache.clips.read(np.array([place]))[0], pixels(number))
        known = clip(number)
        assert facts.project_ids[place] == known.project_id
        assert facts.num_frames[place] == known.num_frames
        assert tuple(facts.boxes[place]) == known.box
        assert facts.stalled[place] == (number % 3 == 0)
    return cache


def test_what_was_written_is_read_from_several_shards_in_any_order(tmp_path):
    written(tmp_path / "cache", [5, 3, 0, 1, 2, 4, 9, 8, 7, 6], total=10)
    cache = holds(tmp_path / "cache", range(10))
    assert sorted(path.name for path in (tmp_path / "cache").glob("*.npy")) == [f"shard-0000{n}.npy" for n in range(3)]
    order = np.array([7, 0, 7, 3, 9])
    assert np.array_equal(cache.clips.read(order), np.stack([pixels(number) for number in order]))
    assert np.array_equal(cache.clips.take(order).read(np.array([4, 1])), np.stack([pixels(9), pixels(0)]))
    assert cache.clips.shape == (10, *SPEC.shape)
    assert cache.clips.read(np.array([], np.intp)).shape == (0, *SPEC.shape)


def test_its_files_are_read_by_numpy_and_polars_alone(tmp_path):
    written(tmp_path, range(5), total=5)
    first = np.load(tmp_path / "shard-00000.npy", mmap_mode="r")
    assert (first.shape, first.dtype) == ((4, *SPEC.shape), np.uint8)
    index = pl.read_parquet(tmp_path / INDEX)
    assert index.filter(pl.col("clip_id") == name(3)).row(0, named=True) == {
        "clip_id": name(3), "project_id": "B", "stalled": True, "num_frames": 33, "x0": 1, "y0": 2, "x1": 43, "y1": 50,
        "size_bytes": 1003, "crowd_score": 0.03, "tier1": False, "micro": False, "nano": False,
        "sha256": f"{3:064x}", "shard": 0, "row": 3,
    }  # fmt: skip


def test_the_manifest_says_what_is_there_and_what_is_not(tmp_path):
    manifest = written(tmp_path, range(6), total=8, failing=[7, 6])
    assert read_manifest(tmp_path) == manifest
    assert (manifest.spec, manifest.spec_digest, manifest.origin) == (SPEC, SPEC.digest, ORIGIN)
    contents = manifest.contents
    assert (contents.clips.stalled, contents.clips.flowing) == (2, 4)
    assert {key: (each.stalled, each.flowing) for key, each in contents.projects.items()} == {"A": (1, 2), "B": (1, 2)}
    assert contents.failures == {"not_found": 2}
    assert contents.digests == {"labels": "bb"}
    assert contents.notes == ("mind the gap",)
    with (tmp_path / FAILURES).open(newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"filename": name(number), "reason": "not_found", "detail": MISSING.detail} for number in (6, 7)
        ]


def test_a_writer_goes_on_where_the_last_one_was_interrupted(tmp_path):
    interrupted(tmp_path, range(6), failing=[6])
    with pytest.raises(UserError, match="is not finished; the same command that began it goes on with it"):
        open_cache(tmp_path)
    with writer(tmp_path) as cache:
        assert cache.kept == {name(number) for number in range(6)}
        assert cache.failed == {name(6)}
    written(tmp_path, [7], total=8)
    holds(tmp_path, [0, 1, 2, 3, 4, 5, 7])


KILLED = """
import os, signal, sys
from tests.training.data import test_cache as t
from pathlib import Path
with t.writer(Path(sys.argv[1])) as cache:
    for number in range(int(sys.argv[2])):
        cache.add(t.clip(number), t.pixels(number))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_writer_loses_only_what_the_journal_had_not_told_of(tmp_path):
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path, "150"], check=False)
    assert ended.returncode == -signal.SIGKILL
    with writer(tmp_path) as cache:
        assert len(cache.kept) >= 128  # told of by 64
        left = [number for number in range(150) if name(number) not in cache.kept]
    written(tmp_path, left, total=150)
    holds(tmp_path, range(150))


@given(cut=st.integers(0, 3 * ROW_BYTES), torn=st.integers(0, 300))
def test_whatever_a_loss_of_power_left_behind_the_told_lines_is_written_over(tmp_path_factory, cut, torn):
    folder = tmp_path_factory.mktemp("cache")
    interrupted(folder, range(3))
    with shard_path(folder, 0).open("ab") as shard:
        shard.write(bytes([7]) * cut)
    with (folder / JOURNAL).open("ab") as journal:
        journal.write(b'{"clip_id": "100003.mp4", "shard": 0, "row": 3, "project_id": "'.ljust(300, b"x")[:torn])
    (folder / f"{MANIFEST}.partial").write_text("half of it")
    written(folder, [3], total=4)
    holds(folder, range(4))
    assert shard_path(folder, 0).stat().st_size == 128 + 4 * ROW_BYTES  # a header of numpy's, and nothing else


def test_a_clip_that_failed_is_tried_again_once_the_cache_was_finished(tmp_path):
    written(tmp_path, range(3), total=4, failing=[3])
    with writer(tmp_path) as cache:
        assert cache.failed == frozenset()
    written(tmp_path, [3], total=4)
    assert holds(tmp_path, range(4)).manifest.contents.failures == {}


def test_a_cache_grows_and_shrinks_with_what_is_wanted_and_stays_one_meanwhile(tmp_path):
    written(tmp_path, range(6), total=4)
    holds(tmp_path, range(4))
    with writer(tmp_path) as cache:
        assert len(cache.kept) == 6
        cache.add(clip(6), pixels(6))
        holds(tmp_path, range(4))
    written(tmp_path, [], total=7)
    holds(tmp_path, range(7))


def test_labels_may_change_without_a_clip_being_read_again(tmp_path):
    written(tmp_path, range(4), total=4)
    with writer(tmp_path) as cache:
        other = wanted(4).with_columns(stalled=~pl.col("stalled"))
        cache.finish(cache.find(other), digests={"labels": "cc"}, generated=False)
    assert open_cache(tmp_path).clips.stalled.tolist() == [False, True, True, False]


def test_another_spec_is_refused_by_its_differences(tmp_path):
    written(tmp_path, range(2), total=2)
    other = ClipSpec(frames=4, size=16, central_frames=8, extra="mask")
    said = (
        r"read with frames 2 \(wanted is 4\), central_frames 32 \(wanted is 8\), extra none \(wanted is mask\); "
        "prepare them in another folder with --spec.frames 4 --spec.size 16 --spec.central-frames 8 --spec.extra mask$"
    )
    with pytest.raises(UserError, match=said):
        open_cache(tmp_path, other)
    with pytest.raises(UserError, match=said):
        writer(tmp_path, spec=other)
    holds(tmp_path, range(2))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Origin(source="/others", digests=ORIGIN.digests), "holds clips of /clips, these are of /others; give another"),
        (Origin(source="/clips", digests={"metadata": "zz"}), "metadata has changed since the clips in it were read"),
    ],
)
def test_clips_of_another_origin_are_refused_unless_nothing_is_there_yet(tmp_path, other, said):
    with writer(tmp_path / "empty") as cache:
        cache.fail(name(0), MISSING)
    with writer(tmp_path / "empty", origin=other, spec=ClipSpec(frames=2, size=16)) as cache:
        assert not cache.failed
    empty = read_manifest(tmp_path / "empty")
    assert empty is not None
    assert empty.origin == other
    written(tmp_path / "full", range(2), total=2)
    with pytest.raises(UserError, match=said):
        writer(tmp_path / "full", origin=other)


def test_two_writers_of_one_folder_do_not_mix(tmp_path):
    with writer(tmp_path) as cache:
        cache.add(clip(0), pixels(0))
        with pytest.raises(UserError, match="another process writes to"):
            writer(tmp_path)


def test_folders_that_are_no_cache_are_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty and holds no cache of clips; give a new or empty folder"):
        writer(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(UserError, match=r"is no cache of clips$"):
        open_cache(tmp_path)
    (tmp_path / "train_metadata.csv").write_text("")
    with pytest.raises(UserError, match=rf"python -m training prepare --source {tmp_path} --out {tmp_path}.cache"):
        open_cache(tmp_path)
    (tmp_path / MANIFEST).write_text('{"schema": 1}')
    with pytest.raises(UserError, match=r"manifest.json tells of no cache of clips"):
        open_cache(tmp_path)


def test_damage_is_said_in_a_line(tmp_path):
    written(tmp_path, range(6), total=6)
    shard = tmp_path / "shard-00001.npy"
    whole = shard.read_bytes()
    for spoil in (lambda: os.truncate(shard, len(whole) - 1), lambda: os.truncate(shard, 10), shard.unlink):
        spoil()
        with pytest.raises(UserError, match=r"shard-00001.npy.*prepare the clips again") as caught:
            open_cache(tmp_path)
        assert "\n" not in str(caught.value)
    (tmp_path / INDEX).write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"index.parquet") as caught:
        open_cache(tmp_path)
    assert "\n" not in str(caught.value)


FULL_DISK = """
import resource, sys
from tests.training.data import test_cache as t
from pathlib import Path
from stream.errors import UserError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    t.written(Path(sys.argv[1]), range(40), total=40)
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize("limit_bytes", [100, 1000, 3 * ROW_BYTES, 8_000])
def test_where_no_more_can_be_written_what_is_there_stays_and_is_gone_on_with(tmp_path, limit_bytes):
    folder = tmp_path / "cache"
    command = [sys.executable, "-c", FULL_DISK, folder, str(limit_bytes)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert len(said.splitlines()) == 1
    assert "File too large" in said
    assert "give the same command again: it goes on with what is there" in said
    with writer(folder) as cache:
        left = [number for number in range(40) if name(number) not in cache.kept]
    written(folder, left, total=40)
    holds(folder, range(40))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(1, 5), st.data())
def test_shards_give_each_row_as_it_was_appended(tmp_path_factory, sittings, rows_a_shard, data):
    folder = tmp_path_factory.mktemp("shards")
    crops = [np.full(SPEC.shape, number, np.uint8) for number in range(sum(sittings))]
    left = iter(crops)
    places: list[tuple[int, int]] = []
    for sitting in sittings:
        shard, row = places[-1] if places else (0, -1)
        appender = ShardWriter(folder, SPEC.shape, shard=shard, rows=row + 1, shard_bytes=rows_a_shard * ROW_BYTES)
        places += [appender.append(next(left)) for _ in range(sitting)]
        appender.close()
    shard_of, row_of = np.array(places, np.intp).T
    shards = Shards(folder, shard_of, row_of, SPEC.shape)
    rows = np.array(data.draw(st.lists(st.integers(0, len(crops) - 1))), np.intp)
    assert np.array_equal(shards[rows], np.array([crops[each] for each in rows], np.uint8).reshape(-1, *SPEC.shape))
    assert [len(np.load(path)) for path in sorted(folder.glob("*.npy"))] == shard_lengths(len(crops), rows_a_shard)


def shard_lengths(rows, rows_a_shard):
    return [min(rows_a_shard, rows - first) for first in range(0, rows, rows_a_shard)]

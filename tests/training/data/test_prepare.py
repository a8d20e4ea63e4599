"""From tables and videos to a cache: from a folder, from a real S3 server, and on from wherever it ended."""

import re
import signal
from collections import Counter

import numpy as np
import pytest

from stream.clip import read_clip
from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.fetch import S3Access, SourceOptions
from tests.bare import run_without
from tests.s3_server import READER, REGION
from tests.system.commands import adopting, running, until
from training.data.cache import JOURNAL, open_cache
from training.data.metadata import read_tables
from training.data.prepare import Videos, prepare
from training.data.selection import Selection
from training.synthetic.folder import BAD, LABELS, METADATA

SPEC = ClipSpec(frames=4, size=32)


@pytest.fixture(scope="module")
def labelled(made, tmp_path_factory):
    """Labels of the bad clips, too: they were judged once, and can't be read now."""
    labels = tmp_path_factory.mktemp("labels") / "labels.csv"
    bad = [line.split(",")[0] for line in (made / BAD).read_text().splitlines()[1:]]
    labels.write_text((made / LABELS).read_text() + "".join(f"{name},0\n" for name in bad))
    return labels


def prepared(made, out, *, labels=None, source=None, options=None, wanted=None, spec=SPEC, seen=None):
    return prepare(
        read_tables(made / METADATA, labels or made / LABELS),
        wanted or Selection(),
        Videos.at(str(source or made), options or SourceOptions()),
        spec=spec,
        out=out,
        processes=2,
        fetches=4,
        progress=lambda done, total: seen.append((done, total)) if seen is not None else None,
    )


def expected_of(made):
    return dict(line.split(",") for line in (made / BAD).read_text().splitlines()[1:])


def tried(out):
    return len((out / JOURNAL).read_text().splitlines())


def test_each_clip_is_kept_as_read_clip_reads_it(made, tmp_path):
    manifest = prepared(made, tmp_path)
    clips = open_cache(tmp_path, SPEC).clips
    labels = dict(line.split(",") for line in (made / LABELS).read_text().split()[1:])
    assert clips.facts.clip_ids.tolist() == sorted(labels)
    assert clips.stalled.tolist() == [labels[name] == "1" for name in clips.facts.clip_ids]
    for place, name in enumerate(clips.facts.clip_ids):
        data = (made / name).read_bytes()
        alone = read_clip(data, SPEC)
        assert np.array_equal(clips.read(np.array([place]))[0], alone.pixels)
        assert tuple(clips.facts.boxes[place]) == alone.roi
        assert clips.facts.num_frames[place] == alone.frames
    assert manifest.contents.clips.stalled == 2
    assert "5 clips of the metadata have no label and are left out" in manifest.contents.notes


def test_clips_that_can_not_be_read_are_listed_with_the_reason(made, labelled, tmp_path):
    seen: list[tuple[int, int]] = []
    manifest = prepared(made, tmp_path, labels=labelled, seen=seen)
    assert seen == [(done, 9) for done in range(1, 10)]
    listed = [line.split(",")[:2] for line in (tmp_path / "failures.csv").read_text().splitlines()[1:]]
    assert dict(listed) == expected_of(made)
    assert sum(manifest.contents.failures.values()) == 5
    assert len(open_cache(tmp_path).clips) == 4


def test_as_a_command_it_needs_no_torch_and_names_what_failed(made, labelled, tmp_path):
    words = ("prepare", "--source", made, "--labels", labelled, "--out", "cache", "--processes", 1, "--spec.size", 32)
    ended = run_without({"torch", "torchvision", "openvino", "kafka"}, tmp_path, "-m", "training", *map(str, words))
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout
    assert re.search(r"all\s+│\s+2\s+│\s+2\s+│\s+50.0 %", said)
    for reason, count in Counter(expected_of(made).values()).items():
        assert f"{count} could not be read: {reason}" in said
    assert "they are listed in cache/failures.csv" in said
    assert open_cache(tmp_path / "cache").manifest.spec == ClipSpec(size=32)


def test_told_again_it_only_tries_what_failed(made, labelled, tmp_path):
    prepared(made, tmp_path, labels=labelled)
    before = tried(tmp_path)
    seen: list[tuple[int, int]] = []
    prepared(made, tmp_path, labels=labelled, seen=seen)
    assert tried(tmp_path) - before == 5
    assert seen == [(done, 9) for done in range(5, 10)]


def test_told_to_take_more_it_reads_only_what_is_missing(made, tmp_path):
    prepared(made, tmp_path, wanted=Selection(maximum=2))
    assert len(open_cache(tmp_path).clips) == 2
    prepared(made, tmp_path)
    assert len(open_cache(tmp_path).clips) == 4
    assert tried(tmp_path) == 4


def test_told_to_take_less_it_says_so_and_keeps_the_rest_for_later(made, tmp_path):
    whole = prepared(made, tmp_path)
    assert not any("not selected now" in note for note in whole.contents.notes)
    less = prepared(made, tmp_path, wanted=Selection(maximum=1))
    assert less.contents.notes[-1].startswith("3 clips that were read before are not selected now, and left out")
    assert len(open_cache(tmp_path).clips) == 1
    assert prepared(made, tmp_path).contents.notes == whole.contents.notes
    assert tried(tmp_path) == 4


def test_where_none_can_be_read_each_reason_is_told_with_one_clip(made, labelled, tmp_path):
    bad = expected_of(made)
    tables = tmp_path / "tables"
    tables.mkdir()
    for name, text in ((METADATA, (made / METADATA).read_text()), (LABELS, labelled.read_text())):
        header, *rows = text.splitlines()
        (tables / name).write_text("\n".join([header, *(row for row in rows if row.split(",")[0] in bad)]))
    with pytest.raises(UserError, match="none of 5 clips could be read") as refusal:
        prepared(tables, tmp_path / "out", source=made)
    for reason, count in Counter(bad.values()).items():
        assert f"{count} {reason} (as 1000" in str(refusal.value)
    assert "journal.jsonl in --out lists all" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_new_recordings_are_added_to_what_was_read(made, tmp_path):
    tables = tmp_path / "tables"
    tables.mkdir()
    for name in (METADATA, LABELS):
        lines = (made / name).read_text().splitlines(keepends=True)
        gone = (made / LABELS).read_text().splitlines()[-1].split(",")[0]
        (tables / name).write_text("".join(line for line in lines if not line.startswith(gone)))
    prepared(tables, tmp_path / "cache", source=made)
    before = tried(tmp_path / "cache")
    manifest = prepared(made, tmp_path / "cache")
    assert tried(tmp_path / "cache") == before + 1
    assert manifest.contents.generated, "so its tables say"


def test_a_wrong_folder_is_told_from_bad_clips(made, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"none of 4 clips could be read; 4 not_found \(as 10000\d.mp4: .*No such file"):
        prepared(made, tmp_path / "out", source=tmp_path / "empty")
    prepared(made, tmp_path / "out")  # nothing was there yet, so it is no cache of the wrong folder
    with pytest.raises(UserError, match=r"--source .*nowhere: there is no such folder"):
        prepared(made, tmp_path / "out", source=tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"--source ftp://host: ftp:// is unknown"):
        prepared(made, tmp_path / "out", source="ftp://host")


def test_it_reads_from_s3_signed_and_unsigned(made, labelled, tmp_path, s3, monkeypatch):
    from_folder = prepared(made, tmp_path / "folder", labels=labelled)
    videos = sorted(made.glob("*.mp4"))
    for bucket, unsigned in (("clips", False), ("public", True)):
        for path in videos:
            s3.put(f"{bucket}/prepare/{path.name}", path.read_bytes())
        for name, text in {**READER.environment, "AWS_REGION": REGION}.items():
            monkeypatch.delenv(name, raising=False) if unsigned else monkeypatch.setenv(name, text)
        access = S3Access(endpoint=s3.endpoint, unsigned=unsigned, region=REGION)
        out = tmp_path / bucket
        source = f"s3://{bucket}/prepare"
        found = prepared(made, out, labels=labelled, source=source, options=SourceOptions(s3=access))
        assert found.origin.source == source
        assert found.contents.projects == from_folder.contents.projects
        assert found.contents.failures == from_folder.contents.failures
        kept, same = open_cache(out).clips, open_cache(tmp_path / "folder").clips
        assert np.array_equal(kept.read(np.arange(4)), same.read(np.arange(4)))


def copies(made, folder, count):
    """The tables and videos of so many clips, which are all the same one."""
    header, *rows = (made / METADATA).read_text().splitlines()
    good = (made / LABELS).read_text().split()[1].partition(",")[0]
    row = next(each for each in rows if each.startswith(good))
    names = [f"{200000 + number}.mp4" for number in range(count)]
    folder.mkdir()
    for name in names:
        (folder / name).hardlink_to(made / good)
    (folder / METADATA).write_text("\n".join([header, *(row.replace(good, name) for name in names)]))
    (folder / LABELS).write_text("\n".join(["filename,stalled", *(f"{name},1" for name in names)]))
    return read_clip((made / good).read_bytes(), ClipSpec()).pixels


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_ended_in_the_midst_it_goes_on_and_does_nothing_twice(made, tmp_path, by):
    folder, out = tmp_path / "clips", tmp_path / "cache"
    pixels = copies(made, folder, 30)
    words = ("-m", "training", "prepare", "--source", folder, "--out", out, "--processes", 1, "--fetches", 2)

    def told():
        return tried(out) if (out / JOURNAL).exists() else 0

    with adopting() as left, running(*words) as command:
        until(lambda: told() >= 3, timeout_s=60)
        command.end(by)
        assert by == signal.SIGKILL or "the same command goes on from there" in " ".join(command.said.split())
        before = told()
        assert 3 <= before < 30
        until(lambda: left() == [])
    with running(*words) as command:
        command.await_words("clips that are ready")
        assert command.process.wait(20) == 0
    clips = open_cache(out).clips
    assert len(set(clips.facts.clip_ids)) == len(clips) == 30
    assert tried(out) == 30
    assert all(np.array_equal(each, pixels) for each in clips.read(np.arange(30)))

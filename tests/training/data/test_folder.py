"""A folder in the competition's layout becomes labelled clips; what can't be used is said, never dropped in silence."""

import numpy as np
import pytest

from stream.clip.spec import ClipSpec
from stream.errors import Reason, UserError
from tests.training.data.made import facts
from training.data.clips import Clips
from training.data.folder import read_folder
from training.data.splits import hold_out
from training.synthetic.folder import LABELS, METADATA, synthesize

SPEC = ClipSpec()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "clips"
    synthesize(folder, clips=5, bad=1, seed=1, stalled_share=0.5, processes=2)
    return folder


def read(folder):
    return read_folder(folder, SPEC, processes=2, progress=lambda _done, _total: None)


def copy_with(made, folder, name, text):
    for path in made.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / name).write_text(text)
    return folder


def test_every_labelled_clip_is_read_with_its_label_and_project(made):
    found = read(made)
    labels = dict(line.split(",") for line in (made / LABELS).read_text().split()[1:])
    assert found.clips.facts.clip_ids.tolist() == sorted(labels)
    assert found.clips.stalled.tolist() == [labels[name] == "1" for name in found.clips.facts.clip_ids]
    assert found.clips.shape == (4, *SPEC.shape)
    assert all(found.clips.facts.project_ids)
    assert (found.unread, found.unlabelled) == ((), 1)


def test_clips_that_can_not_be_read_are_listed_with_the_reason(made, tmp_path):
    good = (made / LABELS).read_text()
    bad = next(p for p in ["100000", "100001", "100002", "100003", "100004"] if p not in good)
    folder = copy_with(made, tmp_path, LABELS, f"{good.rstrip()}\n{bad}.mp4,1\n")
    missing = min(line.split(",")[0] for line in good.split()[1:])
    (folder / missing).unlink()
    found = read(folder)
    assert {unread.clip_id: unread.fault.reason for unread in found.unread} == {
        missing: Reason.NOT_FOUND,
        f"{bad}.mp4": Reason.UNDECODABLE,
    }
    assert len(found.clips) == 3


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            LABELS,
            "filename,stalled\nother.mp4,1\n",
            "1 labels belong to no clip of train_metadata.csv, other.mp4 first",
        ),
        (LABELS, "filename,stalled\n100000.mp4,perhaps\n", r"train_labels.csv:2: stalled = 'perhaps' must be 0 or 1"),
        (LABELS, "filename,stalled\n100000.mp4,2\n", r"train_labels.csv:2: stalled = '2' must be 0 or 1"),
        (LABELS, "filename,crowd\n", "no column 'stalled'"),
        (LABELS, "filename,stalled\n100000.mp4\n", "train_labels.csv:2: not as many fields as columns"),
        (LABELS, "filename,stalled\n", "none of its 0 labelled clips could be read"),
        (
            METADATA,
            "filename,url,project_id,num_frames\n100000.mp4,u,A,many\n",
            "csv:2: num_frames = 'many' must be a whole",
        ),
    ],
)
def test_tables_that_make_no_sense_are_refused_by_name_and_value(made, tmp_path, name, text, words):
    folder = copy_with(made, tmp_path, name, text)
    if name == METADATA:
        (folder / LABELS).write_text("filename,stalled\n100000.mp4,1\n")
    with pytest.raises(UserError, match=words):
        read(folder)


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"holds no train_metadata.csv; .*competition's layout"):
        read(tmp_path)


def clips_of(projects: str) -> Clips:
    pixels = np.arange(len(projects), dtype=np.uint8).reshape(-1, 1, 1, 1, 1)
    return Clips.of(pixels, facts(np.zeros(len(projects)), project_ids=projects))


def test_whole_projects_are_held_out():
    training, validation = hold_out(clips_of("AABBBCCCCD" * 5), share=0.2, seed=1)
    assert not set(training.facts.project_ids) & set(validation.facts.project_ids)
    assert len(training) + len(validation) == 50
    assert 10 <= len(validation) < 50


def test_of_a_single_project_some_clips_are_held_out():
    training, validation = hold_out(clips_of("A" * 50), share=0.2, seed=1)
    assert (len(training), len(validation)) == (40, 10)
    assert not set(training.facts.clip_ids) & set(validation.facts.clip_ids)

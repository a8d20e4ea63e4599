"""Clips are fetched and read side by side; a store that fails is told from a clip that can't be had."""

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stream.backoff import Backoff
from stream.clip.spec import ClipSpec
from stream.errors import ClipFault, Outage, Reason, UserError
from stream.fetch import Fetcher, Files
from stream.readers import Readers
from training.data.intake import Intake, Patient, Read, Wanted
from training.synthetic.folder import LABELS, METADATA

SPEC = ClipSpec(frames=2, size=16)
GOOD = [f"10000{number}.mp4" for number in range(4)]
AT_ONCE = Backoff(random=lambda: 0.0)
A_LITTLE = Backoff(random=lambda: 1.0, first_s=0.1)


@pytest.fixture(scope="module")
def videos(made, tmp_path_factory):
    """Four good clips, named 100000.mp4 and on; the number of frames of each in frames.txt."""
    folder = tmp_path_factory.mktemp("videos")
    good = [line.partition(",")[0] for line in (made / LABELS).read_text().split()[1:]]
    frames = {row.split(",")[0]: row.split(",")[3] for row in (made / METADATA).read_text().splitlines()}
    for number, name in enumerate(good):
        (folder / f"{100000 + number}.mp4").hardlink_to(made / name)
    (folder / "frames.txt").write_text("\n".join(frames[name] for name in good))
    return folder


@pytest.fixture(scope="module")
def readers():
    with Readers(SPEC, processes=2) as pool:
        yield pool


@dataclass
class Troubled:
    """Files, of which some meet outages: so many times each before they are served."""

    files: Files
    outages: dict[str, int] = field(default_factory=dict)
    out_after: int = 10**9
    """So many clips are served, and then none."""
    slow: str = ""
    """A clip that nothing is said of before the store is out."""
    asked: list[str] = field(default_factory=list)
    served: list[str] = field(default_factory=list)

    def store_of(self, uri):
        return self.files.store_of(uri)

    def read(self, uri):
        name = Path(uri).name
        self.asked.append(name)
        while name == self.slow and len(self.served) < self.out_after:
            time.sleep(0.005)
        if len(self.served) >= self.out_after or self.outages.get(name, 0) > 0:
            self.outages[name] = self.outages.get(name, 0) - 1
            raise Outage(f"{uri}: 503")
        data = self.files.read(uri)
        self.served.append(name)
        return data


def taken_in(videos, readers, outages, *, names=None, fetches=2, served=None, backoff=AT_ONCE, **troubles):
    source = Troubled(Files([videos]), dict(outages), **troubles)
    names = names or GOOD
    frames = dict(zip(GOOD, map(int, (videos / "frames.txt").read_text().split()), strict=True))
    wanted = [Wanted(name, str(videos / name), frames.get(name, 30)) for name in names]
    with Fetcher({"file": Patient(source, backoff, tries=3)}, threads=fetches) as fetcher:
        intake = Intake(fetcher, readers, fetches=fetches, served=served)
        found = list(intake.read(wanted))
    assert sorted(clip.clip_id for clip, _ in found) == sorted(names)
    return {clip.clip_id: result for clip, result in found}, source


def test_each_clip_comes_once_with_its_pixels_and_the_digest_of_its_bytes(videos, readers):
    found, _ = taken_in(videos, readers, {})
    assert sorted(found) == GOOD
    for name, read in found.items():
        data = (videos / name).read_bytes()
        assert isinstance(read, Read)
        assert read.clip.pixels.shape == SPEC.shape
        assert (read.size_bytes, read.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_an_outage_that_passes_costs_no_clip(videos, readers):
    found, source = taken_in(videos, readers, {"100001.mp4": 2, "100003.mp4": 1})
    assert all(isinstance(each, Read) for each in found.values())
    assert source.asked.count("100001.mp4") == 3


@pytest.mark.parametrize("fetches", [1, 4])
@pytest.mark.parametrize("bad", ["100000.mp4", "100002.mp4", "100003.mp4"])
def test_a_clip_that_always_fails_while_its_store_serves_others_is_unreachable(videos, readers, bad, fetches):
    found, source = taken_in(videos, readers, {bad: 99}, fetches=fetches)
    assert found[bad].reason is Reason.UNREACHABLE
    assert sum(isinstance(each, Read) for each in found.values()) == 3
    assert source.asked.count(bad) >= 3


def test_a_clip_that_only_fails_while_its_store_is_out_is_put_off(videos, readers):
    found, source = taken_in(videos, readers, {"100000.mp4": 3, "100001.mp4": 1}, fetches=1)
    assert all(isinstance(each, Read) for each in found.values())
    assert source.asked[:5] == ["100000.mp4"] * 3 + ["100001.mp4"] * 2


def test_a_store_that_goes_out_in_the_midst_makes_no_clip_unreachable(videos, readers):
    """One is asked for before the others are served, and fails after them."""
    for fetches in (2, 4):
        with pytest.raises(UserError, match="the store doesn't serve"):
            taken_in(videos, readers, {}, fetches=fetches, out_after=3, slow="100000.mp4", backoff=A_LITTLE)


def test_of_a_single_clip_one_that_was_served_before_can_tell(videos, readers):
    served = str(videos / "100000.mp4")
    found, _ = taken_in(videos, readers, {"100003.mp4": 99}, names=["100003.mp4"], served=served)
    assert found["100003.mp4"].reason is Reason.UNREACHABLE
    with pytest.raises(UserError, match=r"100000.mp4: 503: the store doesn't serve; give the same command again later"):
        taken_in(videos, readers, {"100003.mp4": 99, "100000.mp4": 99}, names=["100003.mp4"], served=served)


@pytest.mark.parametrize("names", [GOOD, GOOD[:3]])
def test_several_clips_that_fail_side_by_side_are_no_store_that_is_out(videos, readers, names):
    found, _ = taken_in(
        videos, readers, dict.fromkeys(GOOD[:3], 99), names=names, fetches=1, served=str(videos / GOOD[3])
    )
    assert [found[name].reason for name in GOOD[:3]] == [Reason.UNREACHABLE] * 3


@pytest.mark.parametrize("fetches", [1, 4])
def test_a_store_that_serves_nobody_ends_it(videos, readers, fetches):
    with pytest.raises(UserError, match=r"mp4: 503: the store doesn't serve; give the same command again later"):
        taken_in(videos, readers, dict.fromkeys(GOOD, 99), fetches=fetches)


def test_what_is_wrong_with_a_clip_comes_in_its_place(videos, readers):
    found, _ = taken_in(videos, readers, {}, names=["100000.mp4", "absent.mp4", "frames.txt"])
    assert isinstance(found["100000.mp4"], Read)
    assert isinstance(found["absent.mp4"], ClipFault)
    assert found["absent.mp4"].reason is Reason.NOT_FOUND
    assert found["frames.txt"].reason is Reason.UNDECODABLE

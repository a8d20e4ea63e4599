"""Files without Kafka: which are meant, and one outcome for each, in the order they were named."""

import itertools
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stream.scoring.score
from stream.backoff import Backoff
from stream.errors import Outage, Reason, UserError
from stream.records import SCHEMA, ClipReference, FileSource, Outcome, Rejection, Verdict
from stream.scoring.score import NamedClip, find_clips, given_clip, score
from stream.scoring.scorer import Scorer, ScorerOptions
from tests.simulation.machines import JUDGE, FakeEngine, FakeFetcher, FakeReaders, Store, Time, Work


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


# Which are meant.


def test_a_folder_gives_its_mp4_files_named_by_where_they_lie_below_it(tmp_path):
    folder = touched(tmp_path / "clips", "z.mp4", "b/2.mp4", "a 1.MP4", "notes.txt", "c.mp4/inner.mp4")
    found = find_clips([str(folder)])
    assert [each.clip_id for each in found] == ["a 1.MP4", "b/2.mp4", "c.mp4/inner.mp4", "z.mp4"]
    assert (
        [each.name for each in found] == [each.uri for each in found] == [f"{folder}/{each.clip_id}" for each in found]
    )


def test_what_is_named_stays_as_it_was_named_and_where(tmp_path, monkeypatch):
    monkeypatch.chdir(touched(tmp_path, "2.mp4", "clips/1.mp4", "film.avi"))
    found = find_clips(["film.avi", "clips", "./gone.mp4", "2.mp4", "film.avi"])
    assert [each.clip_id for each in found] == ["film.avi", "1.mp4", "gone.mp4", "2.mp4", "film.avi"]
    assert [each.name for each in found] == ["film.avi", "clips/1.mp4", "gone.mp4", "2.mp4", "film.avi"]
    assert {each.uri for each in found} == {f"{tmp_path}/{each.name}" for each in found}


def test_a_uri_is_a_clip_of_its_own_and_shows_no_secret_of_its():
    found = find_clips(["S3://bucket/a%20b.mp4", "https://user:word@host/c.mp4?sig=ab", "https://host/d//e.mp4?sig=cd"])
    assert [each.uri for each in found] == [
        "S3://bucket/a%20b.mp4",
        "https://user:word@host/c.mp4?sig=ab",
        "https://host/d//e.mp4?sig=cd",
    ]
    shown = ["S3://bucket/a%20b.mp4", "https://...", "https://host/d//e.mp4"]
    assert [each.name for each in found] == [each.clip_id for each in found] == shown


def test_a_link_to_nowhere_is_a_clip_that_is_not_there(tmp_path):
    (tmp_path / "link.mp4").symlink_to(tmp_path / "gone.mp4")
    assert len(find_clips([f"{tmp_path}/link.mp4"])) == 1


def test_where_there_is_no_clip_at_all_is_the_users_mistake(tmp_path):
    touched(tmp_path, "notes.txt")
    with pytest.raises(UserError, match=f"no clip at {tmp_path}, gone.mp4: name files"):
        find_clips([str(tmp_path), "gone.mp4"])


# One outcome for each.


class Bustle(Time):
    """A clock; whenever someone looks at it, time has passed and one of the machines has done something."""

    def __init__(self, *, seed: int = 0, tick_s: float = 1.0) -> None:
        super().__init__()
        self.work = Work()
        self._tick_s = tick_s
        self._rng = random.Random(seed)
        self._inside = False

    def __call__(self) -> float:
        self.now += self._tick_s
        if self.work.todo and not self._inside:
            self._inside = True
            self.work.finish(self._rng.randrange(len(self.work.todo)))
            self._inside = False
        return self.now

    monotonic = __call__


def scored(files: Iterable[NamedClip], bustle: Bustle, store: Store) -> Iterator[Outcome]:
    scorer: Scorer[int] = Scorer(
        FakeFetcher(bustle.work, store),
        FakeReaders(bustle.work, size=2),
        FakeEngine(bustle.work, slots=2, largest=3),
        JUDGE,
        backoff=Backoff(random=lambda: 0.9, first_s=0.5, longest_s=4.0),
        clock=bustle,
        observe=lambda _stage, _seconds: None,
        options=ScorerOptions(fetches=3, held_bytes=60),
    )
    return score(files, scorer)


def named(name: str) -> NamedClip:
    return NamedClip(name, f"/clips/{name}", f"/clips/{name}")


KINDS = st.sampled_from(("good", "missing", "damaged"))
NAMES = st.lists(st.tuples(st.integers(0, 9), KINDS).map(lambda drawn: f"{drawn[0]}.{drawn[1]}"), max_size=20)


@settings(deadline=None)
@given(NAMES, st.integers(0, 2**32))
def test_outcomes_come_in_the_order_of_the_files_whoever_is_done_first(names: list[str], seed: int):
    outcomes = list(scored(map(named, names), Bustle(seed=seed), Store()))
    assert [each.clip_id for each in outcomes] == names
    for name, outcome in zip(names, outcomes, strict=True):
        assert outcome.source == FileSource(file=f"/clips/{name}")
        number, kind = name.split(".")
        if kind == "good":
            assert isinstance(outcome, Verdict)
            assert outcome.verdict == ("stalled" if int(number) % 2 else "flowing")
        else:
            assert isinstance(outcome, Rejection)
            assert outcome.reason is {"missing": Reason.NOT_FOUND, "damaged": Reason.DAMAGED}[kind]


def test_outcomes_come_while_more_files_are_still_to_be_read():
    endless = (named(f"{number}.good") for number in itertools.count())
    outcomes = itertools.islice(scored(endless, Bustle(), Store()), 30)
    assert [each.clip_id for each in outcomes] == [f"{number}.good" for number in range(30)]
    assert int(next(endless).clip_id.removesuffix(".good")) < 60, "files are taken as there is room for them"


@pytest.mark.parametrize(
    ("name", "shown"), [("a" * 1025, "a" * 1025), ("\udcff.mp4", "?.mp4")], ids=["too long", "no text"]
)
def test_a_file_whose_name_can_be_no_clip_id_is_rejected_in_its_turn(name: str, shown: str):
    files = [named("1.good"), NamedClip(name, name, f"/clips/{name}"), named("2.good")]
    before, outcome, after = scored(files, Bustle(), Store())
    assert (before.clip_id, after.clip_id) == ("1.good", "2.good")
    assert isinstance(outcome, Rejection)
    assert (outcome.reason, outcome.clip_id) == (Reason.BAD_REFERENCE, None)
    assert outcome.source == FileSource(file=shown)
    assert "the clip's name makes no reference: clip_id: " in outcome.detail


def test_a_reference_is_taken_as_it_is_and_one_that_is_none_is_rejected():
    reference = ClipReference(schema=SCHEMA, clip_id="a", uri="/clips/1.good", roi=(1, 2, 30, 40), num_frames=52)
    good, bad = given_clip(reference.to_json().decode()), given_clip('{"schema": 1}')
    assert (good.clip_id, good.uri, good.given) == ("a", "/clips/1.good", reference)
    judged, rejected = scored([good, bad], Bustle(), Store())
    assert (judged.clip_id, judged.source) == ("a", FileSource(file="/clips/1.good"))
    assert isinstance(rejected, Rejection)
    assert (rejected.reason, rejected.clip_id) == (Reason.BAD_REFERENCE, None)
    assert "clip_id: Field required" in rejected.detail


class Flooded(Store):
    """A store that doesn't serve until the clock says so."""

    def __init__(self, time: Time, *, until: float) -> None:
        super().__init__()
        self._time, self._until = time, until

    def get(self, uri: str) -> bytes:
        if self._time.now < self._until:
            raise Outage("Input/output error")
        return super().get(uri)


def test_an_outage_that_ends_costs_no_clip(monkeypatch: pytest.MonkeyPatch):
    bustle = Bustle(tick_s=0.5)
    monkeypatch.setattr(stream.scoring.score, "time", bustle)
    outcomes = list(scored([named("1.good"), named("2.good")], bustle, Flooded(bustle, until=20.0)))
    assert [type(each) for each in outcomes] == [Verdict, Verdict]
    assert bustle.now > 20.0


def test_an_outage_that_lasts_is_told_with_what_was_waited_for(monkeypatch: pytest.MonkeyPatch):
    bustle = Bustle(tick_s=0.5)
    monkeypatch.setattr(stream.scoring.score, "time", bustle)
    outcomes = scored([named("1.good"), named("2.good")], bustle, Flooded(bustle, until=1e9))
    with pytest.raises(UserError, match=r"Input/output error\); it was tried for 30 s: try again later"):
        list(outcomes)
    assert 30 < bustle.now < 60

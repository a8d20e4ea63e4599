"""Fetch, read, score: one outcome for each clip, no more at a time than allowed, and whose fault a failure is."""

import math
import os
import signal
import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from stream.backoff import Backoff
from stream.errors import Outage, Reason
from stream.readers import ReadRequest
from stream.records import ClipReference, FileSource, Rejection, Verdict
from stream.scoring.outcomes import Judge
from stream.scoring.scorer import Scorer, ScorerOptions
from stream.verdict import DecisionRule
from tests.simulation.machines import JUDGE, FakeEngine, FakeFetcher, FakeReaders, Store, Time, Work


class Bench(SimpleNamespace):
    """A scorer and the machines around it, each worked by hand."""

    def __init__(self, *, judge: Judge = JUDGE, fetches: int = 4, held_bytes: int = 1000) -> None:
        super().__init__(
            time=Time(), store=Store(), observed=[], **{each: Work() for each in ("nets", "eyes", "brain")}
        )
        self.fetcher = FakeFetcher(self.nets, self.store)
        self.readers = FakeReaders(self.eyes, size=2)
        self.engine = FakeEngine(self.brain, slots=1, largest=3)
        self.scorer: Scorer[str] = Scorer(
            self.fetcher,
            self.readers,
            self.engine,
            judge,
            backoff=Backoff(random=lambda: 0.999, first_s=1.0, longest_s=60.0),
            clock=self.time,
            observe=lambda stage, seconds: self.observed.append((stage, seconds)),
            options=ScorerOptions(fetches=fetches, held_bytes=held_bytes),
        )

    def submit(self, *names: str, **fields) -> None:
        for name in names:
            reference = ClipReference(schema=1, clip_id=name, uri=f"/clips/{name}", **fields)
            self.scorer.submit(name, reference, FileSource(file=name))

    def poll(self) -> dict[str, Verdict | Rejection]:
        return {finished.token: finished.outcome for finished in self.scorer.poll(0.0)}

    def settle(self, turns: int = 50) -> dict[str, Verdict | Rejection]:
        """Everything works until nothing moves."""
        outcomes = self.poll()
        for _ in range(turns):
            for machine in (self.nets, self.eyes, self.brain):
                machine.finish_all()
            outcomes |= self.poll()
        return outcomes


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_clip_becomes_a_verdict_that_says_all_about_itself():
    rule = DecisionRule(temperature=2.0, prior=0.5, prevalence=0.1, low=0.2, high=0.9, decide=0.4)
    bench = Bench(judge=Judge(rule, artifact="a" * 64, spec="s" * 16))
    captured = datetime(2026, 11, 23, 10, tzinfo=UTC)
    bench.submit("7.good", project_id="F", captured_at=captured, extra={"mouse": "7"})
    bench.poll()
    for machine, seconds in ((bench.nets, 0.5), (bench.eyes, 0.12345), (bench.brain, 0.25)):
        bench.time.now += seconds
        machine.finish_all()
        bench.time.now += 10.0  # waiting for the next stage
        outcomes = bench.poll()
    verdict = outcomes["7.good"]
    assert isinstance(verdict, Verdict)
    assert verdict.probability == pytest.approx(1 / (1 + math.exp(-(3.0 / 2.0 + math.log(0.1 / 0.9)))))
    assert verdict.verdict == "uncertain"
    assert verdict.thresholds.model_dump() == {"low": 0.2, "high": 0.9, "decide": 0.4, "prevalence": 0.1}
    assert verdict.timings.model_dump() == {"fetch_s": 0.5, "read_s": 0.1235, "score_s": 0.25}
    assert (verdict.roi, verdict.frames) == ((0, 0, 2, 2), 48)
    assert (verdict.artifact, verdict.spec) == ("a" * 64, "s" * 16)
    assert (verdict.project_id, verdict.captured_at, verdict.extra) == ("F", captured, {"mouse": "7"})
    assert verdict.source == FileSource(file="7.good")
    assert [stage for stage, _ in bench.observed] == ["fetch", "read", "score"]


def test_the_reader_is_told_what_the_reference_knows(bench: Bench):
    bench.submit("1.good", roi=(1, 2, 3, 4), num_frames=48)
    bench.settle()
    assert bench.readers.requests == [ReadRequest(b"/clips/1.good", roi=(1, 2, 3, 4), num_frames=48)]


@pytest.mark.parametrize(("name", "reason"), [("1.missing", Reason.NOT_FOUND), ("1.damaged", Reason.DAMAGED)])
def test_a_clips_own_fault_becomes_a_rejection_and_harms_no_other(bench: Bench, name: str, reason: Reason):
    bench.submit(name, "2.good")
    outcomes = bench.settle()
    rejection = outcomes[name]
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.clip_id) == (reason, name)
    assert isinstance(outcomes["2.good"], Verdict)
    assert (bench.scorer.in_hand, bench.scorer.held_bytes) == (0, 0)


def test_each_clip_gets_its_own_logit(bench: Bench):
    names = [f"{number}.good" for number in range(20)]
    bench.submit(*names)
    outcomes = bench.settle()
    labels = [outcome.verdict for name in names if isinstance(outcome := outcomes[name], Verdict)]
    assert labels == ["flowing", "stalled"] * 10


# How much at a time.


def test_a_free_engine_takes_what_is_ready_and_never_waits_for_a_full_batch(bench: Bench):
    bench.submit(*(f"{number}.good" for number in range(7)))
    bench.poll()
    for _ in range(4):
        bench.nets.finish_all()
        bench.poll()
        bench.eyes.finish_all()
        bench.poll()
    assert bench.engine.batches == [2], "the two that were ready first, though a batch may hold three"
    bench.settle()
    assert bench.engine.batches == [2, 3, 2]


def test_so_many_are_fetched_at_a_time_and_as_many_may_wait(bench: Bench):
    assert bench.scorer.room == 8
    bench.submit(*(f"{number}.good" for number in range(8)))
    bench.poll()
    assert len(bench.nets.todo) == 4
    assert bench.scorer.room == 0
    bench.nets.finish()
    bench.poll()
    assert len(bench.nets.todo) == 4
    assert bench.scorer.room == 1


def test_no_fetch_begins_while_clips_in_memory_fill_the_budget():
    bench = Bench(fetches=2, held_bytes=26)
    bench.submit(*(f"{number}.good" for number in range(5)))
    bench.poll()
    bench.nets.finish_all()
    bench.poll()
    assert bench.scorer.held_bytes == 26
    assert bench.nets.todo == [], "13 bytes each: two videos fill it"
    bench.eyes.finish_all()
    bench.poll()
    assert bench.scorer.held_bytes == 2 * 8, "pixels now"
    assert len(bench.nets.todo) == 2


def test_clips_are_read_only_when_a_reader_is_free(bench: Bench):
    bench.submit(*(f"{number}.good" for number in range(4)))
    bench.poll()
    bench.nets.finish_all()
    bench.poll()
    assert len(bench.eyes.todo) == 2


def test_submitting_starts_nothing_before_the_next_poll(bench: Bench):
    bench.submit("1.good")
    assert bench.fetcher.asked == []
    bench.poll()
    assert bench.fetcher.asked == ["/clips/1.good"]


# Outages.


def test_an_outage_is_retried_without_end_and_ever_more_slowly(bench: Bench):
    bench.store.down = True
    bench.submit("1.good")
    waits: list[float] = []
    for _ in range(12):
        before = bench.time.now
        while len(bench.fetcher.asked) == len(waits):
            bench.settle(turns=1)
            bench.time.now += 0.25
        waits.append(bench.time.now - before)
    assert waits[1] < waits[3] < waits[5] < waits[7]
    assert max(waits) < 61
    bench.store.down = False
    bench.time.now += 60
    assert isinstance(bench.settle()["1.good"], Verdict)


def test_without_a_clip_that_waits_there_is_no_outage_to_wait_for(bench: Bench):
    bench.store.down = True
    bench.submit("7.good")
    for _ in range(3):
        bench.settle()
        bench.time.now += 10.0
    assert bench.scorer.outage is not None
    bench.scorer.cancel(lambda _token: True)
    assert bench.scorer.outage is None


def test_an_outage_is_told_from_the_second_failed_round_to_the_first_answer(bench: Bench):
    bench.store.down = True
    bench.submit("1.good", "2.good", "3.good", "4.good")
    bench.settle()
    assert bench.scorer.outage is None, "four fetches begun together are one round"
    bench.time.now += 1.0
    bench.settle()
    assert bench.scorer.outage == "/clips does not serve (503 Slow Down)"
    bench.store.down = False
    bench.time.now += 2.0
    assert isinstance(bench.settle()["1.good"], Verdict)
    assert bench.scorer.outage is None


def test_a_store_that_is_out_is_asked_for_one_clip_at_a_time(bench: Bench):
    bench.store.down = True
    bench.submit("1.good", "2.good", "3.good")
    bench.settle()
    bench.time.now += 1.0
    bench.poll()
    assert len(bench.nets.todo) == 1


def test_another_store_is_not_held_up(bench: Bench):
    bench.store.down = True
    bench.submit("1.good")
    bench.settle()
    bench.store.down = False
    reference = ClipReference(schema=1, clip_id="b", uri="s3://bucket/2.good")
    bench.scorer.submit("b", reference, FileSource(file="b"))
    assert bench.settle().keys() == {"b"}


def test_while_one_store_is_lost_and_another_serves_no_clip_is_given_up(bench: Bench):
    serve = bench.store.get

    def get(uri: str) -> bytes:
        if uri.startswith("/lost/"):
            raise Outage("Stale file handle")
        return bytes(serve(uri))

    bench.store.get = get
    bench.scorer.submit("lost", ClipReference(schema=1, clip_id="lost", uri="/lost/0.good"), FileSource(file="lost"))
    for number in range(100):
        bench.submit(f"{number}.good")
        assert bench.settle(turns=10).keys() == {f"{number}.good"}
        bench.time.now += 10.0
    assert bench.fetcher.asked.count("/lost/0.good") > 5
    assert bench.scorer.outage == "/lost does not serve (Stale file handle)"


def test_a_clip_that_fails_five_times_while_its_store_serves_others_is_unreachable(bench: Bench):
    bench.submit("0.cursed")
    outcomes: dict[str, Verdict | Rejection] = {}
    for number in range(1, 100):
        bench.submit(f"{number}.good")
        outcomes |= bench.settle(turns=10)
        bench.time.now += 1.0
        if "0.cursed" in outcomes:
            break
    rejection = outcomes["0.cursed"]
    assert isinstance(rejection, Rejection)
    assert rejection.reason is Reason.UNREACHABLE
    assert "503" in rejection.detail
    assert 5 <= bench.fetcher.asked.count("/clips/0.cursed") <= 6
    assert len(outcomes) == number + 1, "all others were served meanwhile"


def test_the_last_clip_of_all_is_told_from_a_store_that_is_out(bench: Bench):
    """No other clip is left to show that the store serves: one that it has served before is asked for again."""
    bench.submit("1.good")
    bench.settle()
    bench.submit("0.cursed")
    for _ in range(100):
        assert bench.scorer.outage is None
        bench.time.now += 1.0
        if outcomes := bench.settle(turns=10):
            break
    rejection = outcomes["0.cursed"]
    assert isinstance(rejection, Rejection)
    assert rejection.reason is Reason.UNREACHABLE
    assert bench.fetcher.asked.count("/clips/0.cursed") == 6
    assert bench.fetcher.asked.count("/clips/1.good") == 6


def test_while_a_store_is_out_the_last_clip_of_all_waits_and_is_served_in_the_end(bench: Bench):
    bench.submit("1.good")
    bench.settle()
    bench.store.down = True
    bench.submit("2.good")
    for _ in range(50):
        bench.time.now += 60.0
        assert bench.settle(turns=10) == {}
    assert bench.scorer.outage is not None
    bench.store.down = False
    bench.time.now += 60.0
    assert isinstance(bench.settle()["2.good"], Verdict)


def test_clips_that_are_put_off_leave_room_for_others(bench: Bench):
    bench.submit(*(f"{number}.cursed" for number in range(4)))
    bench.settle()
    assert bench.scorer.room == 8
    bench.submit("9.good")
    bench.time.now += 1.0
    for _ in range(20):
        if "9.good" in bench.settle(turns=5):
            break
        bench.time.now += 1.0
    else:
        pytest.fail("the good clip is starved")


# Cancelling, crashing.


@pytest.mark.parametrize("stage", range(4))
def test_what_is_cancelled_at_any_stage_gives_no_outcome_and_frees_its_memory(bench: Bench, stage: int):
    bench.submit("1.good", "2.good")
    machines = (bench.nets, bench.eyes, bench.brain)
    for machine in machines[:stage]:
        bench.poll()
        machine.finish_all()
    if stage < 3:
        bench.poll()
    bench.scorer.cancel(lambda token: token == "1.good")
    assert bench.scorer.in_hand == 1
    assert bench.settle().keys() == {"2.good"}
    assert (bench.scorer.in_hand, bench.scorer.held_bytes) == (0, 0)


def test_a_token_is_in_hand_once(bench: Bench):
    bench.submit("1.good")
    with pytest.raises(ValueError, match="in hand already"):
        bench.submit("1.good")


@pytest.mark.parametrize("stage", range(3))
def test_whatever_else_a_machine_raises_ends_in_a_crash(bench: Bench, stage: int, monkeypatch: pytest.MonkeyPatch):
    bench.submit("1.good")
    machines = (bench.nets, bench.eyes, bench.brain)
    for machine in machines[:stage]:
        bench.poll()
        machine.finish_all()

    def break_down() -> None:
        raise KeyError("a defect")

    machine = (bench.fetcher, bench.readers, bench.engine)[stage]
    monkeypatch.setattr(machine, "submit", lambda *_, **__: machines[stage].ask(break_down))
    bench.poll()
    machines[stage].finish_all()
    with pytest.raises(KeyError, match="a defect") as crash:
        bench.poll()
    assert crash.value.__notes__ == ["while at 1.good"]


@pytest.mark.parametrize("logit", [math.nan, math.inf])
def test_a_logit_that_is_no_number_is_the_engines_fault(bench: Bench, logit: float, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench.engine, "judge", lambda clips: np.full(len(clips), logit, np.float32))
    bench.submit("1.good")
    with pytest.raises(FloatingPointError, match=r"1\.good"):
        bench.settle()


def test_an_engine_that_gives_another_number_of_logits_is_not_believed(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench.engine, "judge", lambda clips: np.zeros(len(clips) + 1, np.float32))
    bench.submit("1.good")
    with pytest.raises(ValueError, match="zip"):
        bench.settle()


# Threads.


def test_poll_wakes_up_when_a_machine_answers_from_another_thread(bench: Bench):
    bench.submit("1.missing")
    bench.poll()
    timer = threading.Timer(0.05, bench.nets.finish)
    timer.start()
    (finished,) = bench.scorer.poll(timeout_s=10.0)
    timer.join()
    assert isinstance(finished.outcome, Rejection)


def test_the_fetcher_is_told_the_digest(bench: Bench):
    bench.submit("1.good", sha256="a" * 64)
    bench.submit("2.good")
    bench.poll()
    assert bench.fetcher.digests == ["a" * 64, None]


def test_a_signal_whose_handler_takes_longer_than_the_wait_does_not_make_it_endless(bench: Bench):
    before = signal.signal(signal.SIGUSR1, lambda *_: time.sleep(0.1))
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        assert bench.scorer.poll(0.1) == []
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)

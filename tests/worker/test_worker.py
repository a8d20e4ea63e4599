"""One turn after another: what the worker delivers, when, what it reads, and how it stops."""

import io
import logging
from dataclasses import replace
from typing import get_args

import pytest

from stream.broker.contract import Delivery, Position
from stream.errors import Reason
from stream.logs import SampledHandler
from stream.metrics import Metrics, Registry, Stage
from stream.records import KafkaSource, Partition, Record, Rejection, Verdict, rejection_of, source_of
from stream.worker.loop import ABORTED, DONE, Worker
from stream.worker.pacing import Pacing
from stream.worker.rejections import RejectionLimit, TooManyRejectionsError
from tests.contract.memory_broker import HANDOVER_POLLS
from tests.worker.worker_lab import CLIPS, DEAD_LETTERS, GROUP, OPTIONS, TRACE, VERDICTS, Member, World

A, B = Partition(CLIPS, 0), Partition(CLIPS, 1)
STAGES = get_args(Stage)


class Lab:
    """A world with workers whose machines answer as soon as they are asked."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.world = World(metrics=Metrics(self.registry), partitions=2)

    def member(self, **options) -> Member:
        member = Member(self.world, options=replace(OPTIONS, **options))
        member.worker.step()
        return member

    def append(self, partition: Partition, *kinds: str) -> None:
        for kind in kinds:
            self.world.append(partition, kind)

    def work(self, member: Member, turns: int = 12, seconds: float = 0.0) -> None:
        for _ in range(turns):
            member.work.finish_all()
            member.worker.step()
            self.world.time.now += seconds / turns

    def outcomes(self, topic: str) -> list[Record]:
        return sorted(self.world.cluster.records(topic), key=lambda each: str(source_of(each.headers)))

    def committed(self, partition: Partition) -> int:
        return self.world.committed(partition).next_offset

    def metric(self, line: str) -> float:
        text = self.registry.expose("text/plain")[1].decode()
        return float(next(each.split()[-1] for each in text.splitlines() if each.startswith(line)))


@pytest.fixture
def lab() -> Lab:
    return Lab()


# What is published.


def test_a_verdict_is_json_under_its_clip_id_and_names_its_reference(lab: Lab):
    lab.append(A, "good")
    lab.work(lab.member())
    (record,) = lab.outcomes(VERDICTS)
    assert record.key == b"0.good"
    verdict = Verdict.model_validate_json(record.value or b"")
    assert verdict.source == KafkaSource(topic=CLIPS, partition=0, offset=0) == source_of(record.headers)
    assert (verdict.verdict, verdict.clip_id) == ("flowing", "0.good")
    assert TRACE in record.headers
    assert lab.committed(A) == 1


def test_a_dead_letter_is_the_reference_as_it_came_and_says_why(lab: Lab):
    lab.append(A, "missing", "good")
    lab.work(lab.member())
    (letter,) = lab.outcomes(DEAD_LETTERS)
    (reference, _) = lab.world.cluster.read(A, 0, 2)
    assert (letter.key, letter.value) == (reference.key, reference.value)
    rejection = rejection_of(letter.headers)
    assert rejection == Rejection(
        schema=1, clip_id="0.missing", reason=Reason.NOT_FOUND, detail="no such clip", source=reference.source
    )
    assert TRACE in letter.headers


def test_a_malformed_reference_is_rejected_without_being_fetched(lab: Lab):
    lab.append(A, "malformed", "good")
    member = lab.member()
    lab.work(member)
    rejection = rejection_of(lab.outcomes(DEAD_LETTERS)[0].headers)
    assert rejection is not None
    assert (rejection.reason, rejection.clip_id) == (Reason.BAD_REFERENCE, "0.malformed")
    assert member.fetcher.asked == ["/clips/1.good"]


# When it is published.


def test_outcomes_are_delivered_at_once_when_nothing_else_is_in_hand(lab: Lab):
    lab.append(A, "good", "good")
    member = lab.member()
    lab.work(member, turns=6)
    assert [len(each.messages) for each in member.broker.delivered] == [2]


def keep_busy(lab: Lab, member: Member, *, turns: int) -> None:
    """One clip comes and one is done in each turn of 20 ms, and others are in hand all the time."""
    lab.append(A, *["good"] * 9)
    for _ in range(turns):
        if member.work.todo:
            member.work.finish()
        member.worker.step()
        lab.append(A, "good")
        lab.world.time.now += 0.02


def test_while_clips_are_in_hand_outcomes_are_gathered_for_a_tenth_of_a_second(lab: Lab):
    member = lab.member()
    keep_busy(lab, member, turns=30)
    assert lab.world.time.now == pytest.approx(0.6)
    assert 3 <= len(member.broker.delivered) <= 6


def slow_down(lab: Lab, member: Member, monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> None:
    """Each delivery takes so long from here on."""
    deliver = member.broker.deliver

    def take_long(delivery: Delivery) -> None:
        lab.world.time.now += seconds
        deliver(delivery)

    monkeypatch.setattr(member.broker, "deliver", take_long)


def test_slow_deliveries_come_less_often_for_nothing_is_read_meanwhile(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    member = lab.member()
    slow_down(lab, member, monkeypatch, seconds=0.1)
    keep_busy(lab, member, turns=60)
    assert 2 <= len(member.broker.delivered) <= 5


def test_the_first_outcome_of_a_partition_does_not_wait_as_long_after_a_slow_delivery(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
):
    member = lab.member()
    slow_down(lab, member, monkeypatch, seconds=1.0)
    lab.append(A, "good")
    lab.work(member)
    lab.append(A, "good")
    member.worker.step()
    member.worker.step()
    member.work.todo.clear()  # its fetch never ends: something is always to come
    lab.append(B, "good")
    lab.work(member, seconds=0.3)
    assert (lab.committed(A), lab.committed(B)) == (1, 1)
    lab.append(B, "good")
    lab.work(member, seconds=0.3)
    assert lab.committed(B) == 1, "it isn't the first one any more"
    lab.work(member, seconds=2.0)
    assert lab.committed(B) == 2


def test_so_many_outcomes_are_delivered_before_the_time_is_up(lab: Lab):
    member = lab.member(pacing=Pacing(interval_s=1000.0, size=3))
    lab.work(member)
    lab.append(A, "good")
    lab.work(member)
    for _ in range(20):
        lab.append(A, "good")
        member.work.finish_all()
        member.worker.step()
    assert [len(each.messages) for each in member.broker.delivered][1:4] == [3, 3, 3]


def test_a_blocked_head_delays_its_own_partition_only(lab: Lab):
    lab.append(A, "cursed", "good", "good")
    lab.append(B, "good", "good")
    lab.work(lab.member(), seconds=0.3)
    assert (lab.committed(A), lab.committed(B)) == (0, 2)


def test_a_rejection_waits_for_a_verdict(lab: Lab):
    member = lab.member()
    lab.append(A, "missing", "damaged")
    lab.work(member, seconds=4.0)
    assert lab.committed(A) == 0
    lab.append(A, "good")
    lab.work(member, seconds=0.5)
    assert lab.committed(A) == 3


def test_a_rejection_that_no_verdict_follows_is_committed_after_five_seconds(lab: Lab):
    member = lab.member()
    lab.append(A, "missing")
    lab.work(member)
    lab.work(member, seconds=4.9)
    assert lab.committed(A) == 0
    lab.work(member, seconds=0.5)
    assert lab.committed(A) == 1


# Too many rejections.


def test_too_many_rejections_in_a_row_stop_the_worker_and_are_not_committed(lab: Lab):
    lab.append(A, "good", *["missing"] * 10)
    member = lab.member()
    with pytest.raises(TooManyRejectionsError, match=r"10 references in a row of clips\[0\].*offset 10: not_found"):
        lab.work(member, turns=40)
    assert lab.committed(A) <= 1
    assert lab.outcomes(DEAD_LETTERS) == []


def test_a_verdict_ends_a_run(lab: Lab):
    lab.append(A, *["missing"] * 9, "good", *["missing"] * 9, "good")
    lab.work(lab.member(), turns=40)
    assert lab.committed(A) == 20


def test_starting_again_does_not_drain_the_topic_piece_by_piece(lab: Lab):
    for _ in range(6):
        lab.append(A, *["missing"] * 2)
        member = lab.member()
        try:
            lab.work(member, seconds=6.0)
            lab.work(member, seconds=1.0)
        except TooManyRejectionsError as error:
            assert "10 references in a row" in str(error)  # noqa: PT017 - only some rounds raise
        member.broker.close()
    assert lab.committed(A) < 10
    done = lab.committed(A)
    assert lab.world.committed(A).note == f"in-a-row={done} rejected={done}/{done}"


def test_a_record_that_an_operator_had_skipped_is_not_looked_at(lab: Lab):
    lab.append(A, *["good"] * 4)
    member = Member(lab.world)
    lab.world.cluster._groups[GROUP].committed[A] = Position(1, "skip=2")
    lab.work(member, turns=40, seconds=20.0)
    (letter,) = lab.outcomes(DEAD_LETTERS)
    rejection = rejection_of(letter.headers)
    assert rejection
    assert rejection.reason is Reason.SKIPPED
    assert rejection.source == KafkaSource(topic=CLIPS, partition=0, offset=2)
    assert not any("2.good" in uri for uri in member.fetcher.asked)
    assert lab.world.committed(A) == Position(4)


def test_a_run_longer_than_the_window_can_hold_back_goes_on_piece_by_piece_up_to_the_limit(lab: Lab):
    longer = RejectionLimit(in_a_row=25, share=1.0)
    lab.append(A, *["missing"] * 24, "good", *["missing"] * 25)
    member = lab.member(rejections=longer)
    with pytest.raises(TooManyRejectionsError, match=r"25 references in a row of clips\[0\]"):
        lab.work(member, turns=400, seconds=40.0)
    assert 25 < lab.committed(A) < 50


def test_those_that_stop_it_are_logged_for_no_topic_tells_of_them(lab: Lab, caplog: pytest.LogCaptureFixture):
    caplog.set_level("WARNING")  # NNCF, where it was imported before, raises the level of every handler
    lab.append(A, *["missing"] * 10)
    with pytest.raises(TooManyRejectionsError):
        lab.work(lab.member(), turns=40)
    told = [each for each in caplog.records if "rejected, but not committed" in each.message]
    assert [each.facts["source"] for each in told] == [f"clips[0]@{offset}" for offset in range(10)]  # type: ignore[attr-defined]
    assert told[0].facts["clip_id"] == "0.missing"  # type: ignore[attr-defined]


def test_an_idle_worker_tells_how_many_lines_were_left_out(lab: Lab):
    said, now = io.StringIO(), [0.0]
    handler = SampledHandler(said, burst=2, clock=lambda: now[0])
    logging.getLogger().addHandler(handler)
    try:
        lab.append(A, *["missing"] * 9, "good")
        member = lab.member()
        lab.work(member, turns=40)
        now[0] = 60.0
        lab.work(member, seconds=2.0)
    finally:
        logging.getLogger().removeHandler(handler)
    assert "7 lines like this were left out in 60 s: a clip is rejected" in said.getvalue().splitlines()[-1]


# Refusals and changes of ownership.


def test_what_was_refused_is_delivered_again_and_nothing_is_computed_twice(lab: Lab):
    lab.append(A, "good", "good")
    member = lab.member()
    member.broker.refuse_next()
    lab.work(member)
    assert (lab.committed(A), len(member.broker.refused)) == (0, 1)
    lab.work(member, seconds=1.5)
    assert lab.committed(A) == 2
    assert len(member.fetcher.asked) == 2
    assert lab.metric('stall_deliveries_total{result="refused"}') == 1


@pytest.mark.parametrize("goes_through", [True, False])
def test_a_delivery_that_is_not_answered_is_asked_for_until_it_is_known(lab: Lab, *, goes_through: bool):
    lab.append(A, "good")
    member = lab.member()
    member.broker.leave_unanswered(2, goes_through=goes_through)
    lab.work(member, turns=4)
    assert "Kafka hasn't taken a delivery" in (member.worker.ready() or "")
    assert lab.metric('stall_deliveries_total{result="unanswered"}') == 1
    lab.append(A, "good")
    lab.work(member, turns=12, seconds=4 * OPTIONS.refusal_wait_s)
    assert [record.key for record in lab.outcomes(VERDICTS)] == [b"0.good", b"1.good"]
    assert lab.committed(A) == 2
    assert member.worker.ready() is None
    assert member.fetcher.asked == ["/clips/0.good", "/clips/1.good"]


def test_while_no_delivery_is_taken_the_worker_is_not_ready(lab: Lab):
    lab.append(A, "good")
    member = lab.member()
    member.broker.refuse_next(20)
    lab.work(member, seconds=OPTIONS.slow_delivery_s / 2)
    assert member.worker.ready() is None, "one refusal is ordinary, as at a rebalance"
    lab.work(member, turns=20, seconds=OPTIONS.slow_delivery_s)
    for _ in range(50):
        lab.work(member, turns=1, seconds=0.1)
        assert "Kafka hasn't taken a delivery" in (member.worker.ready() or "")
    lab.work(member, turns=100, seconds=20 * OPTIONS.refusal_wait_s)
    assert (member.worker.ready(), lab.committed(A)) == (None, 1)


def test_while_a_delivery_is_not_answered_the_worker_is_not_ready(lab: Lab):
    lab.append(A, "good")
    member = lab.member()
    member.broker.leave_unanswered(3, goes_through=False)
    lab.work(member, turns=4)
    for _ in range(20):
        lab.work(member, turns=1, seconds=0.1)  # polls are answered
        assert "Kafka hasn't taken a delivery" in (member.worker.ready() or "")


def test_what_was_put_off_and_taken_away_makes_nobody_unready(lab: Lab):
    lab.append(A, "good")
    first, second = lab.member(), lab.member()
    first.broker.refuse_next(1000)
    lab.work(first)
    lab.world.cluster.move(GROUP, A, second.broker)
    lab.work(first, turns=2 + HANDOVER_POLLS)
    lab.work(first, seconds=2 * OPTIONS.slow_delivery_s)
    assert first.worker.ready() is None


def test_what_was_taken_away_while_an_answer_was_waited_for_is_the_next_owners(lab: Lab):
    lab.append(A, "good", "good")
    member = lab.member()
    member.broker.leave_unanswered(goes_through=False)
    lab.work(member, turns=4)
    member.broker.expel()
    lab.work(member, turns=12, seconds=4 * OPTIONS.refusal_wait_s)
    assert [record.key for record in lab.outcomes(VERDICTS)] == [b"0.good", b"1.good"]


def test_what_came_back_further_on_while_an_answer_was_waited_for_stays_there(lab: Lab):
    first, second = lab.member(), lab.member()
    first.broker.leave_unanswered(5, goes_through=True)
    lab.append(A, "good")
    lab.work(first, turns=4)
    lab.world.cluster.move(GROUP, A, second.broker)
    lab.work(first, turns=2 + HANDOVER_POLLS)
    lab.append(A, "good")
    lab.work(second)
    assert lab.committed(A) == 2
    lab.world.cluster.move(GROUP, A, first.broker)
    lab.work(second, turns=2 + HANDOVER_POLLS)
    lab.work(first, turns=4)
    assert A in first.window.partitions
    lab.append(A, "good")
    lab.work(first, turns=20, seconds=8 * OPTIONS.refusal_wait_s)
    assert lab.committed(A) == 3
    assert [record.key for record in lab.outcomes(VERDICTS)] == [b"0.good", b"1.good", b"2.good"]


def test_a_new_generation_is_reason_to_deliver_at_once(lab: Lab):
    lab.append(A, "good")
    member = lab.member()
    member.broker.refuse_next()
    lab.work(member)
    lab.world.cluster.rebalance(GROUP)
    lab.work(member, turns=1)
    assert lab.committed(A) == 1


def test_nothing_is_delivered_without_a_generation(lab: Lab):
    lab.append(A, "good")
    member = lab.member()
    member.broker.hold_membership(polls=20)
    lab.work(member, turns=15)
    assert member.broker.refused == []
    assert member.worker.ready() == "not in the group yet"
    lab.work(member)
    assert lab.committed(A) == 1


@pytest.mark.parametrize("how", ["revoked", "lost"])
def test_what_is_taken_away_is_dropped_and_done_by_the_next_owner(lab: Lab, how: str):
    lab.append(A, "cursed", "good")
    first = lab.member()
    lab.work(first)
    second = lab.member()
    if how == "revoked":
        lab.world.cluster.move(GROUP, A, second.broker)
    else:
        first.broker.expel()
    lab.work(first, turns=2 + HANDOVER_POLLS)
    assert len(first.window) == first.scorer.in_hand == 0
    lab.world.store.curse = False
    for _ in range(4):
        lab.work(second, turns=4, seconds=0.5)
        lab.work(first, turns=1)
    assert lab.committed(A) == 2
    assert [source_of(each.headers).offset for each in lab.outcomes(VERDICTS)] == [0, 1]  # type: ignore[union-attr]  # ours have one


def test_of_a_partition_that_parts_what_is_being_scored_is_delivered_and_the_rest_left_to_the_next_owner(lab: Lab):
    first, second = lab.member(), lab.member()
    lab.append(A, *["good"] * 9)
    first.worker.step()
    in_hand = first.scorer.in_hand
    assert 0 < in_hand < 9
    lab.world.cluster.move(GROUP, A, second.broker)
    first.worker.step()
    lab.work(first)
    assert lab.committed(A) == in_hand
    assert len(first.window) == 0
    lab.work(second, turns=40)
    assert lab.committed(A) == 9
    assert sorted(first.fetcher.asked + second.fetcher.asked) == [f"/clips/{each}.good" for each in range(9)]


def test_a_partition_that_parts_is_delivered_as_a_whole_and_not_one_by_one(lab: Lab):
    first, second = lab.member(), lab.member()
    lab.append(A, "good")
    lab.work(first)
    lab.append(A, *["good"] * 9)
    first.worker.step()
    in_hand = first.scorer.in_hand
    lab.world.cluster.move(GROUP, A, second.broker)
    lab.work(first, turns=HANDOVER_POLLS - 1)
    assert [len(each.messages) for each in first.broker.delivered] == [1, in_hand]
    assert len(first.window) == 0


def test_a_partition_that_parts_waits_for_no_rest_once_all_of_it_is_finished(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    lab.world.cluster.add_topic(CLIPS, 6)
    first, second = lab.member(), lab.member()
    slow_down(lab, first, monkeypatch, seconds=1.0)
    lab.append(A, "good")
    lab.work(first)
    lab.append(next(each for each in first.window.partitions if each != A), "good")
    first.worker.step()
    first.worker.step()
    first.work.todo.clear()  # its fetch never ends: something is always to come
    lab.append(A, "good")
    first.worker.step()
    lab.world.cluster.move(GROUP, A, second.broker)
    lab.work(first, turns=HANDOVER_POLLS - 1)
    assert (lab.committed(A), first.scorer.in_hand) == (2, 1)


def test_rejections_of_a_partition_that_parts_do_not_wait_for_a_verdict(lab: Lab):
    first, second = lab.member(), lab.member()
    lab.append(A, "missing")
    first.worker.step()
    lab.world.cluster.move(GROUP, A, second.broker)
    lab.work(first)
    assert lab.committed(A) == 1


# Holding back.


def test_a_full_partition_is_paused_and_still_polled(lab: Lab):
    member = lab.member()
    lab.append(A, "cursed", *["good"] * 30)
    lab.append(B, "good")
    lab.work(member, turns=30, seconds=0.4)
    assert member.broker.paused == {A}
    assert len(member.window) <= 10
    assert lab.committed(B) == 1
    lab.world.store.curse = False
    lab.work(member, turns=60, seconds=5.0)
    assert member.broker.paused == frozenset()
    assert lab.committed(A) == 31


def test_in_an_outage_all_partitions_are_paused_until_the_store_serves(lab: Lab):
    member = lab.member()
    lab.world.store.down = True
    lab.append(A, *["good"] * 9)
    lab.append(B, *["good"] * 9)
    while member.worker.ready() is None:
        lab.work(member, turns=1, seconds=0.2)
    member.worker.step()
    assert member.broker.paused == {A, B}
    assert member.worker.ready() == "/clips does not serve (503 Slow Down)"
    assert member.worker.live() is None
    lab.world.store.down = False
    lab.work(member, turns=100, seconds=30.0)
    assert member.worker.ready() is None
    assert (lab.committed(A), lab.committed(B)) == (9, 9)


def test_a_clip_that_alone_cannot_be_had_does_not_stop_a_quiet_topic(lab: Lab):
    member = lab.member()
    lab.append(A, "cursed")
    for _ in range(40):
        lab.work(member, turns=5, seconds=2.0)
        if len(lab.outcomes(VERDICTS)) < 3:
            lab.append(B, "good")
    assert len(lab.outcomes(VERDICTS)) >= 3
    lab.work(member, turns=40, seconds=20.0)
    rejection = rejection_of(lab.outcomes(DEAD_LETTERS)[0].headers)
    assert rejection is not None
    assert rejection.reason is Reason.UNREACHABLE


# Stopping.


def stop_after(lab: Lab, member: Member, requests: int = 1) -> int:
    """Machines go on while the worker drains."""

    def meanwhile(_timeout_s: float) -> None:
        lab.world.time.now += 0.05
        member.work.finish_all()

    lab.world.cluster.wait = meanwhile
    for _ in range(requests):
        member.worker.request_stop()
    return member.worker.run()


def test_a_stop_finishes_and_commits_what_is_being_scored_and_leaves_the_rest(lab: Lab):
    member = lab.member()
    lab.append(A, *["good"] * 9)
    member.worker.step()
    in_hand = member.scorer.in_hand
    assert 0 < in_hand < 9
    assert stop_after(lab, member) == DONE
    assert lab.committed(A) == in_hand
    with pytest.raises(RuntimeError, match="closed"):
        member.worker.step()


def test_a_stop_does_not_wait_after_a_slow_delivery(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    member = lab.member()
    slow_down(lab, member, monkeypatch, seconds=1.0)
    for partition in (A, B):
        lab.append(partition, *["good"] * 30)
    while not (lab.committed(A) and lab.committed(B) and member.window.waiting):
        lab.work(member, turns=1)
    begun, before = lab.world.time.now, len(lab.outcomes(VERDICTS))
    assert member.scorer.in_hand > 0
    assert stop_after(lab, member) == DONE
    assert before < len(lab.outcomes(VERDICTS)) < 60
    assert lab.world.time.now < begun + 1.5, "one more delivery, and no rest before it"


def test_a_stop_does_not_make_rejections_wait(lab: Lab):
    member = lab.member()
    lab.append(A, "missing")
    lab.work(member)
    assert stop_after(lab, member) == DONE
    assert lab.committed(A) == 1
    assert lab.world.time.now < 1.0


def test_a_stop_gives_up_at_its_deadline_and_loses_nothing(lab: Lab):
    member = lab.member(drain_s=2.0)
    lab.world.store.down = True
    lab.append(A, "good", "good")
    lab.work(member)
    assert stop_after(lab, member) == DONE
    assert 2.0 <= lab.world.time.now < 3.0
    assert lab.committed(A) == 0


def test_a_second_request_leaves_at_once(lab: Lab):
    member = lab.member()
    lab.append(A, "good")
    member.worker.step()
    assert stop_after(lab, member, requests=2) == ABORTED
    assert lab.committed(A) == 0
    assert lab.world.time.now == 0.0


def test_a_crash_closes_the_broker_and_commits_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    member = lab.member()
    lab.append(A, "good")
    monkeypatch.setattr(member.fetcher, "submit", lambda uri, *, sha256: member.work.ask(lambda: 1 // 0))
    member.worker.step()
    lab.world.cluster.wait = lambda _timeout_s: member.work.finish_all()
    with pytest.raises(ZeroDivisionError) as crash:
        member.worker.run()
    assert crash.value.__notes__ == ["while at clips[0]@0"]
    assert lab.committed(A) == 0
    with pytest.raises(RuntimeError, match="closed"):
        member.broker.poll(max_records=0, timeout_s=0.0)


# What others are told.


def test_a_worker_without_turns_does_not_live(lab: Lab):
    worker: Worker = lab.member().worker
    assert worker.live() is None
    lab.world.time.now += 61.0
    assert worker.live() == "no turn for 61 s"
    worker.step()
    assert worker.live() is None


def test_a_worker_is_ready_from_its_first_generation_until_it_is_told_to_stop(lab: Lab):
    member = Member(lab.world)
    assert member.worker.ready() == "not in the group yet"
    member.worker.step()
    assert member.worker.ready() is None
    member.worker.request_stop()
    assert member.worker.ready() == "stopping"


@pytest.fixture
def counted(lab: Lab) -> Lab:
    member = lab.member()
    lab.append(A, "good", "missing", "good")
    lab.world.time.now += 2.0
    lab.work(member)
    lab.append(B, "good")
    lab.world.time.now += 7.0
    member.worker.step()
    return lab


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('stall_clips_total{outcome="flowing",reason=""}', 2),
        ('stall_clips_total{outcome="rejected",reason="not_found"}', 1),
        ('stall_end_to_end_seconds_sum{origin="appended"}', 6),
        ('stall_deliveries_total{result="committed"}', 1),
        ('stall_delivery_outcomes_total{result="committed"}', 3),
        ('stall_stage_duration_seconds_count{stage="fetch"}', 3),
        ('stall_stage_duration_seconds_count{stage="deliver"}', 1),
        ("stall_assigned_partitions", 2),
        ("stall_rebalances_total", 1),
        ("stall_inflight_clips", 1),
    ],
)
def test_metrics_count_what_was_committed(counted: Lab, line: str, value: float):
    assert counted.metric(line) == pytest.approx(value, abs=0.01)


def test_metrics_tell_how_far_behind_the_worker_is_and_nothing_of_partitions_that_went_away(lab: Lab):
    member = lab.member()
    lab.append(A, *["good"] * 12)
    lab.work(member, turns=1)
    lab.world.time.now += 7.0
    member.worker.step()
    owner = 'topic="clips"'
    assert lab.metric(f'stall_consumer_lag_messages{{partition="0",{owner}}}') == 12
    assert lab.metric(f'stall_consumer_lag_seconds{{partition="0",{owner}}}') == pytest.approx(7, abs=0.01)
    assert lab.metric(f'stall_consumer_lag_messages{{partition="1",{owner}}}') == 0
    lab.work(member, turns=30, seconds=3.0)
    assert lab.metric(f'stall_consumer_lag_messages{{partition="0",{owner}}}') == 0
    assert lab.metric(f'stall_consumer_lag_seconds{{partition="0",{owner}}}') == 0
    assert lab.metric("stall_references_total") == 12
    member.broker.expel()
    member.worker.step()
    assert "stall_consumer_lag_seconds{" not in lab.registry.expose("text/plain")[1].decode()


def test_metrics_tell_where_clips_wait(lab: Lab):
    member = lab.member()
    lab.append(A, *["good"] * 9)
    member.worker.step()
    waiting = {stage: lab.metric(f'stall_stage_waiting_clips{{stage="{stage}"}}') for stage in STAGES}
    assert waiting == {"fetch": 6, "read": 0, "score": 0, "deliver": 0}  # of nine, three are being fetched


# What is logged.


def test_a_rejection_is_logged_with_its_clip_its_reason_and_what_it_is_part_of(
    lab: Lab, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("WARNING")  # as above
    lab.append(A, "missing", "good")
    lab.work(lab.member())
    told = [vars(record)["facts"] for record in caplog.records if hasattr(record, "facts")]
    trace = TRACE[1].decode()
    assert {"clip_id": "0.missing", "reason": "not_found", "source": "clips[0]@0", "traceparent": trace} in told


def test_a_verdict_is_logged_for_who_wants_to_know_of_each(lab: Lab, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    lab.append(A, "good")
    lab.work(lab.member())
    (record,) = (each for each in caplog.records if each.message == "a clip is judged: flowing")
    assert vars(record)["facts"] == {
        "clip_id": "0.good",
        "source": "clips[0]@0",
        "traceparent": TRACE[1].decode(),
    }

"""What an audit sees of topics that are written to meanwhile, and how long it is repeated."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stream.results.audit
from stream.broker.cluster import Cluster
from stream.records import KafkaSource, Partition, Record
from stream.results.audit import Topics, audit_until_settled
from stream.results.expectations import Expectations
from stream.results.ledger import Audit, Fault
from stream.results.report import report
from tests.test_schema import VERDICT


def audit(*, pending: int = 0, faults: Mapping[Fault, int] | None = None) -> Audit:
    done = 9 - pending
    return Audit(
        references=9,
        outcomes=done,
        pending=pending,
        oldest_pending=(),
        unproven=0,
        expired=0,
        faults=faults or {},
        examples={},
    )


SETTLED, PENDING, BROKEN = audit(), audit(pending=3), audit(faults={"lost": 1})
DOUBLED = audit(pending=3, faults={"doubled": 1})


class Auditor:
    """Looks at topics that are as they are told to be, each look taking its time, and keeps the time it took."""

    def __init__(self, *found: Audit, look_s: float = 0.25, passes_at: float = 0.0) -> None:
        self.found, self.look_s, self.passes_at = list(found), look_s, passes_at
        self.now = 100.0
        self.began: list[float] = []
        self.told: list[Audit] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def look(self) -> Audit:
        self.began.append(self.now)
        self.now += self.look_s
        return self.found.pop(0) if len(self.found) > 1 else self.found[0]

    def until_settled(self, *, wait_s: float) -> Audit:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stream.results.audit, "time", self)
            return audit_until_settled(
                self.look, has_passed=lambda: self.now >= self.passes_at, wait_s=wait_s, told=self.told.append
            )


@pytest.mark.parametrize("found", [SETTLED, PENDING, BROKEN])
def test_without_time_to_wait_it_looks_once(found: Audit):
    auditor = Auditor(found)
    assert auditor.until_settled(wait_s=0.0) is found
    assert auditor.told == [found]


@pytest.mark.parametrize("last", [SETTLED, BROKEN])
def test_it_looks_again_while_something_is_pending_also_when_a_fault_is_known_already(last: Audit):
    auditor = Auditor(PENDING, DOUBLED, last, PENDING)
    assert auditor.until_settled(wait_s=60.0) is last
    assert auditor.told == [PENDING, DOUBLED, last]


def test_what_is_still_pending_when_the_time_is_over_is_the_result():
    auditor = Auditor(PENDING)
    assert auditor.until_settled(wait_s=10.0) is PENDING
    assert auditor.began[-1] == 110.0


@given(wait_s=st.floats(0, 100), look_s=st.floats(0, 20))
def test_looking_takes_at_most_half_of_the_time_and_begins_none_too_late(wait_s: float, look_s: float):
    auditor = Auditor(PENDING, look_s=look_s)
    auditor.until_settled(wait_s=wait_s)
    pauses = [after - before for before, after in zip(auditor.began[:-1], auditor.began[1:-1], strict=False)]
    assert all(pause >= look_s + max(1.0, look_s) - 1e-6 for pause in pauses)
    assert auditor.began[-1] <= 100.0 + wait_s + 1e-6
    assert len(auditor.told) == len(auditor.began)


def test_while_the_workers_have_references_left_the_topics_are_seldom_read():
    auditor = Auditor(PENDING, look_s=5.0, passes_at=700.0)
    auditor.until_settled(wait_s=1000.0)
    before = [began for began in auditor.began if began < 700.0]
    assert 8 <= len(before) <= 12, "some 55 s each"
    assert any(700.0 <= began <= 701.0 for began in auditor.began), "and at once when they have none left"


# What is seen while workers deliver.

TOPICS = Topics(clips="clips", verdicts="verdicts", dead_letters="letters", group="workers")


class Broker:
    """Two references and their verdicts, of which each look at the topics finds so many; the group has passed more
    with every look.
    """

    def __init__(self, *visible: int, deleted: int = 0) -> None:
        self.visible, self.deleted = list(visible), deleted
        self.passed = 0

    def committed_offsets(self, _cluster: object, group: str, topic: str) -> dict[int, int]:
        assert (group, topic) == ("workers", "clips")
        self.passed += 1
        return {0: self.passed}

    def first_offsets(self, _cluster: object, topic: str) -> dict[int, int]:
        return {0: self.deleted if topic == "letters" else 0}

    def read_topic(self, _cluster: object, topic: str, *, within: None = None) -> Iterator[Record]:
        found = {"clips": 2, "letters": 0}.get(topic)
        for offset in range(self.visible.pop(0) if found is None else found):
            source = KafkaSource(topic="clips", partition=0, offset=offset)
            verdict = VERDICT.model_copy(update={"source": source, "clip_id": "k"})
            headers, value = (source.headers(), verdict.model_dump_json().encode()) if found is None else ((), b"{}")
            yield Record(Partition(topic, 0), offset, b"k", value, headers, 0)


@pytest.fixture(params=["audit", "report"])
def audited(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Broker], Audit]:
    """The audit of such topics, by each command that makes one."""

    def audit_of(broker: Broker) -> Audit:
        for name in ("committed_offsets", "first_offsets", "read_topic"):
            monkeypatch.setattr(stream.results.audit, name, getattr(broker, name))
        cluster = Cluster("nowhere:9092")
        if request.param == "audit":
            return stream.results.audit.audit(cluster, TOPICS)
        return report(cluster, TOPICS, expectations=Expectations(stalled={}, rejections={})).audit

    return audit_of


def test_an_outcome_that_comes_into_sight_after_its_offset_is_not_lost(audited: Callable[[Broker], Audit]):
    result = audited(Broker(0, 1))
    assert (result.faults, result.outcomes, result.pending) == ({}, 1, 1)


def test_an_outcome_that_is_still_not_there_at_the_second_look_is_lost(audited: Callable[[Broker], Audit]):
    assert audited(Broker(0, 0)).faults == {"lost": 1}


def test_where_outcomes_were_deleted_nothing_is_called_lost(audited: Callable[[Broker], Audit]):
    result = audited(Broker(0, deleted=5))
    assert (result.faults, result.unproven, result.pending) == ({}, 1, 1)

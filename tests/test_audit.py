"""How long an audit is repeated: until it is settled, and not beyond the time it was given."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stream.audit
from stream.audit import audit_until_settled
from stream.ledger import Audit, Fault


def audit(*, pending: int = 0, faults: Mapping[Fault, int] | None = None) -> Audit:
    return Audit(references=9, outcomes=9 - pending, pending=pending, expired=0, faults=faults or {}, examples={})


SETTLED, PENDING, BROKEN = audit(), audit(pending=3), audit(pending=3, faults={"lost": 1})


class Auditor:
    """Looks at topics that are as they are told to be, each look taking its time, and keeps the time it took."""

    def __init__(self, *found: Audit, look_s: float = 0.25) -> None:
        self.found, self.look_s = list(found), look_s
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
            patch.setattr(stream.audit, "time", self)
            return audit_until_settled(self.look, wait_s=wait_s, told=self.told.append)


@pytest.mark.parametrize("found", [SETTLED, PENDING, BROKEN])
def test_without_time_to_wait_it_looks_once(found: Audit):
    auditor = Auditor(found)
    assert auditor.until_settled(wait_s=0.0) is found
    assert auditor.told == [found]


@pytest.mark.parametrize("last", [SETTLED, BROKEN])
def test_it_looks_again_while_something_is_pending_and_ends_with_the_first_settled_or_broken_look(last: Audit):
    auditor = Auditor(PENDING, PENDING, last, PENDING)
    assert auditor.until_settled(wait_s=60.0) is last
    assert auditor.told == [PENDING, PENDING, last]


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

"""Faults of the window, the scorer, the worker and its limit of rejections."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from stream.broker.contract import Delivery, Polled, Position
from stream.records import Outcome, Partition
from stream.scoring.scorer import Scorer
from stream.worker.delivery import Load
from stream.worker.loop import Worker
from stream.worker.rejections import RejectionLimit
from stream.worker.window import Done, Token, Window

# The window.


class CommitsPastUnfinished(Window):
    def finished(self, partition: Partition) -> list[Done]:
        return [entry for entry in self._lanes[partition].entries.values() if isinstance(entry, Done)]

    def commit(self, positions: Mapping[Partition, Position]) -> None:
        for partition, position in positions.items():
            lane = self._lanes[partition]
            lane.entries = {offset: entry for offset, entry in lane.entries.items() if offset >= position.next_offset}


class BelievesLateResults(Window):
    def finish(self, token: Token, outcome: Outcome, *, at: float) -> bool:
        lane = self._lanes.get(token.partition)
        return lane is not None and super().finish(replace(token, epoch=lane.epoch), outcome, at=at)


class TurnsThemRound(Window):
    def finished(self, partition: Partition) -> list[Done]:
        return super().finished(partition)[::-1]


class HasNoBounds(Window):
    @property
    def room(self) -> int:
        return 100


# The scorer.


class CancelsNothing(Scorer[Token]):
    def cancel(self, unwanted: Callable[[Token], bool]) -> None:
        pass


class MixesUpABatch(Scorer[Token]):
    def _scored(self, batch, future, seconds) -> None:
        super()._scored(batch[::-1], future, seconds)


class GivesUpInAnOutage(Scorer[Token]):
    def _put_off(self, job, why) -> None:
        job.attempts.failed(why)


# The worker.


class OffByOne(Worker):
    by = 0

    def _release(self, now: float) -> tuple[list[Done], dict[Partition, Position]]:
        entries, positions = super()._release(now)
        return entries, {each: replace(at, next_offset=at.next_offset + self.by) for each, at in positions.items()}


class OneTooFar(OffByOne):
    by = 1


class OneTooFew(OffByOne):
    by = -1


class KeepsWhatWasTakenAway(Worker):
    def _follow(self, polled: Polled) -> None:
        new = {each: at for each, at in polled.assigned.items() if each not in self._window.partitions}
        super()._follow(replace(polled, assigned=new, revoked=frozenset(), lost=frozenset()))


class ForgetsWhatWasRefused(Worker):
    def _deliver(self, load: Load) -> None:
        super()._deliver(load)
        if not self._deliveries.may_begin(now=self._clock.monotonic()):
            self._window.commit(self._still_ahead(load.delivery.positions))


class TakesSilenceForRefusal(Worker):
    def _deliver(self, load: Load) -> None:
        super()._deliver(load)
        self._deliveries.unanswered = None


class TakesSilenceForDone(Worker):
    def _deliver(self, load: Load) -> None:
        super()._deliver(load)
        if self._deliveries.unanswered:
            self._window.commit(self._still_ahead(load.delivery.positions))
            self._deliveries.unanswered = None


class CommitsBeforeItSends(Worker):
    def _deliver(self, load: Load) -> None:
        if load.delivery.messages:
            self._broker.deliver(replace(load.delivery, messages=()))
            super()._deliver(Load(load.entries, replace(load.delivery, positions={})))


class DrainsUnfinished(Worker):
    def drain(self, deadline_s: float) -> None:
        super().drain(deadline_s)
        lanes = self._window._lanes
        positions = {each: Position(lane.next_offset) for each, lane in lanes.items() if lane.entries}
        if positions and self._generation >= 0 and not self._deliveries.unanswered:
            self._deliver(Load([], Delivery((), positions, self._generation)))


class CountsAnewAtEachStart(RejectionLimit):
    def release(self, finished, position: Position, *, now: float) -> tuple[int, Position]:
        return super().release(finished, replace(position, note=""), now=now)

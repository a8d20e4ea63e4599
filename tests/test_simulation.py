"""Whatever happens to workers, each reference ends in exactly one outcome, in order; and the proof can fail."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from stream.broker.contract import Polled, Position
from stream.metrics import Metrics, Registry
from stream.records import Outcome, Partition
from stream.scorer import Scorer
from stream.window import Done, Token, Window
from stream.worker import Worker, _Load
from tests.simulation import Parts, Simulation, World

SEEDS = range(200)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)  # refusals are ordinary here


def runs(parts: Parts, seeds: range) -> Iterator[Simulation]:
    metrics = Metrics(Registry())
    for seed in seeds:
        simulation = Simulation(World(seed=seed, metrics=metrics), parts)
        try:
            simulation.run()
        except Exception as error:
            error.add_note(f"in the simulation of seed {seed}")
            raise
        yield simulation


def test_each_reference_ends_in_exactly_one_outcome_in_order_whatever_happens():
    happened: Counter[str] = Counter()
    for simulation in runs(Parts(), SEEDS):
        happened += simulation.happened
    for what in ("rebalance", "move", "expel", "refuse", "store_fails", "crash", "stop", "unreachable", "not_found"):
        assert happened[what] > len(SEEDS) / 10, f"{what} hardly happened: {happened}"


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


class CancelsNothing(Scorer[Token]):
    def cancel(self, unwanted: Callable[[Token], bool]) -> None:
        pass


class KeepsWhatWasTakenAway(Worker):
    def _follow(self, polled: Polled) -> None:
        new = {each: at for each, at in polled.assigned.items() if each not in self._window.partitions}
        super()._follow(replace(polled, assigned=new, revoked=frozenset(), lost=frozenset()))


class ForgetsWhatWasRefused(Worker):
    def _deliver(self, load: _Load) -> None:
        super()._deliver(load)
        if self._refused_until_s > self._clock.monotonic():
            self._window.commit(load.delivery.positions)


class TakesSilenceForRefusal(Worker):
    def _deliver(self, load: _Load) -> None:
        super()._deliver(load)
        self._unanswered = None


class MixesUpABatch(Scorer[Token]):
    def _scored(self, batch, future, seconds) -> None:
        super()._scored(batch[::-1], future, seconds)


class GivesUpInAnOutage(Scorer[Token]):
    def _put_off(self, job, why) -> None:
        job.attempts.failed(why)


PLANTED = {
    "positions run ahead of an unfinished clip": Parts(window=CommitsPastUnfinished),
    "a late result counts for the partition's next time": Parts(window=BelievesLateResults, scorer=CancelsNothing),
    "partitions that were taken away are worked on": Parts(worker=KeepsWhatWasTakenAway),
    "what was refused is forgotten": Parts(worker=ForgetsWhatWasRefused),
    "what was not answered counts as refused": Parts(worker=TakesSilenceForRefusal),
    "logits go to other clips of the batch": Parts(scorer=MixesUpABatch),
    "a clip that met an outage is forgotten": Parts(scorer=GivesUpInAnOutage),
}


@pytest.mark.parametrize("parts", PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_fault_is_found(parts: Parts):
    with pytest.raises((AssertionError, KeyError, ValueError)):
        for _ in runs(parts, range(60)):
            pass

"""Faults that the simulation has to find, each a small change of one part; beside it within how many seeds."""

from dataclasses import dataclass

from tests.simulation import planted_broker as broker
from tests.simulation import planted_core as core
from tests.simulation.process import Parts


@dataclass(frozen=True)
class Planted:
    """A fault, and within how many seeds it is found."""

    what: str
    parts: Parts
    seeds: int = 30


PLANTED = [
    Planted("positions run ahead of an unfinished clip", Parts(window=core.CommitsPastUnfinished)),
    Planted(
        "a late result counts for the partition's next time",
        Parts(window=core.BelievesLateResults, scorer=core.CancelsNothing),
    ),
    Planted("outcomes of a partition are delivered out of order", Parts(window=core.TurnsThemRound)),
    Planted("the window has no bounds", Parts(window=core.HasNoBounds)),
    Planted("logits go to other clips of the batch", Parts(scorer=core.MixesUpABatch)),
    Planted("a clip that met an outage is forgotten", Parts(scorer=core.GivesUpInAnOutage)),
    Planted("a clip is never cancelled", Parts(scorer=core.CancelsNothing)),
    Planted("positions are one too far", Parts(worker=core.OneTooFar)),
    Planted("positions are one too few", Parts(worker=core.OneTooFew)),
    Planted("partitions that were taken away are worked on", Parts(worker=core.KeepsWhatWasTakenAway)),
    Planted("what was refused is forgotten", Parts(worker=core.ForgetsWhatWasRefused)),
    Planted("what was not answered counts as refused", Parts(worker=core.TakesSilenceForRefusal)),
    Planted("what was not answered counts as done", Parts(worker=core.TakesSilenceForDone)),
    Planted("positions are committed before outcomes are sent", Parts(worker=core.CommitsBeforeItSends)),
    Planted("a drain commits what is unfinished", Parts(worker=core.DrainsUnfinished)),
    Planted("rejections are counted anew at each start", Parts(rejections=core.CountsAnewAtEachStart), 60),
    Planted(
        "the note beside a position is dropped", Parts(broker=broker.with_class("_positions", broker.ForgetsNotes)), 60
    ),
    Planted(
        "any generation will do",
        Parts(broker=broker.with_class("_deliverer._member", broker.BelievesInAnyGeneration)),
        60,
    ),
    Planted(
        "offsets are sent without an identity",
        Parts(broker=broker.with_class("_deliverer._member", broker.SendsAsNobody)),
        240,
    ),
    Planted(
        "nobody asks what became of a commit",
        Parts(broker=broker.with_class("_deliverer", broker.NeverAsksWhatBecameOfIt)),
        60,
    ),
    Planted(
        "a commit in doubt counts as done",
        Parts(broker=broker.with_class("_deliverer", broker.TakesDoubtForDone)),
        200,
    ),
    Planted(
        "an outage counts as a refusal",
        Parts(broker=broker.with_class("_deliverer", broker.TakesOutagesForRefusals)),
        300,
    ),
    Planted(
        "a producer is used on after a failure",
        Parts(broker=broker.with_class("_deliverer._transactions", broker.KeepsItsProducer)),
        300,
    ),
    Planted(
        "records that were lost are not noticed",
        Parts(broker=broker.with_class("_deliverer._transactions", broker.LooksAtNoFuture)),
        120,
    ),
    Planted("pending offsets are not waited for", Parts(broker=broker.With(broker.reads_uncommitted)), 400),
    Planted(
        "what is lost while joining is kept", Parts(broker=broker.With(broker.overlooks_losses_while_joining)), 120
    ),
    Planted("a slot that is taken over asks for no new sharing out", Parts(broker=broker.TakesNoSeat), 120),
    Planted("what was paused is never resumed", Parts(broker=broker.ResumesNothing)),
    Planted("a partition that was added is never read", Parts(broker=broker.OverlooksNewPartitions)),
    Planted("what was lost is not told", Parts(broker=broker.NeverSaysWhatWasLost)),
]

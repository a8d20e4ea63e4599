"""Verdicts against labels: what share of each class is called what, and what the number of clips leaves open of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stream.measures import wilson
from training.measures.bootstrap import Estimate, Redrawn, Weights
from training.measures.ranking import Bools, mcc_at

Calls = NDArray[np.int8]
"""`[N]`: 1 called stalled, -1 called flowing, 0 left to people."""


@dataclass(frozen=True, slots=True)
class CallRates:
    """What verdicts do to each class, whatever the prevalence. Where all clips get one, `found` is the sensitivity."""

    found: float
    """Of the stalled clips, those called stalled."""
    missed: float
    """Of the stalled clips, those called flowing."""
    false: float
    """Of the flowing clips, those called stalled."""
    right: float
    """Of the flowing clips, those called flowing."""

    @classmethod
    def of(cls, calls: Calls, stalled: Bools) -> Self:
        """Counts verdicts `[N]` against labels `[N]` of both classes."""
        return cls.of_counts(np.bincount(_cells(calls, stalled), minlength=6))

    @classmethod
    def of_counts(cls, counts: NDArray[np.number]) -> Self:
        """From numbers of clips `[6]`: flowing ones called flowing, left open, called stalled; then stalled ones."""
        flowing, stalled = (each / np.sum(each) for each in np.reshape(counts, (2, 3)))
        return cls(found=float(stalled[2]), missed=float(stalled[0]), false=float(flowing[2]), right=float(flowing[0]))


def mcc_of(called: Bools, stalled: Bools, *, prevalence: float, weights: Weights | None = None) -> float:
    """MCC of clips `[N]` called stalled or flowing, where `prevalence` of them are stalled.

    Args:
        called: `[N]`, those called stalled.
        stalled: `[N]`, labels of both classes.
        prevalence: the clips are re-weighted to it.
        weights: `[N]`, how often each clip counts; by default once.
    """
    found, false = (
        np.average(called[each], weights=None if weights is None else weights[each]) for each in (stalled, ~stalled)
    )
    return float(mcc_at(found, false, prevalence))


def estimate_calls(
    calls: Calls, stalled: Bools, redrawn: Redrawn, outcome: Callable[[CallRates], Mapping[str, float]]
) -> dict[str, Estimate | None]:
    """What follows from the rates of these verdicts, by name, with intervals.

    Intervals come from drawing projects, then clips, again. They are widened to what follows from Wilson's bounds of
    each rate in turn: none of 79 drawn again is always none, and yet leaves 5 % open.

    Args:
        calls: `[N]`.
        stalled: `[N]`, labels of both classes.
        redrawn: the same set, drawn again.
        outcome: NaN where something is undefined.
    """
    cells = _cells(calls, stalled)
    found = redrawn.estimate(lambda weights: outcome(CallRates.of_counts(np.bincount(cells, weights, minlength=6))))
    for rates in _as_far_as_counts_tell(np.bincount(cells, minlength=6)):
        for name, value in outcome(rates).items():
            each = found[name]
            found[name] = each.reach(value) if each is not None and not np.isnan(value) else each
    return found


def _cells(calls: Calls, stalled: Bools) -> NDArray[np.intp]:
    """`[N]`, 0 to 2 for a flowing clip that is called flowing, nothing, stalled; 3 to 5 for a stalled one."""
    return 1 + calls.astype(np.intp) + 3 * stalled


def _as_far_as_counts_tell(counts: NDArray[np.intp]) -> Iterator[CallRates]:
    """The rates with each of them in turn at either bound of its interval.

    Where it leaves too little of its class for the other verdict, that is limited to the rest.
    """
    rates = CallRates.of_counts(counts)
    flowing, stalled = np.reshape(counts, (2, 3)).tolist()
    for name, other, part, whole in (
        ("found", "missed", stalled[2], sum(stalled)),
        ("missed", "found", stalled[0], sum(stalled)),
        ("false", "right", flowing[2], sum(flowing)),
        ("right", "false", flowing[0], sum(flowing)),
    ):
        bounds = wilson(part, whole)
        for bound in (bounds.low, bounds.high):
            yield replace(rates, **{name: bound, other: min(getattr(rates, other), 1 - bound)})

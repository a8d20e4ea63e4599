"""A contest: rows of a table that differ in one thing, each trained by trials of equal length and measured alike.

A row's learning rate is the best of several on the first seed, by PR-AUC on the validation clips; all its seeds are
then trained at that rate. Several splits make each part of the clips in turn the test, and each chooses for itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from stream.clip.spec import ClipSpec
from training.calibrate import choose_rule
from training.contest.answers import Answers, Result, measured
from training.contest.trials import Device, Length, Outcome, Part, Trial, run
from training.learning.loop import Precision
from training.measures import Ranking
from training.measures.coverage import Limits
from training.measures.evaluation import probabilities_of
from training.measures.ranking import Bools
from training.networks import AverageConfig, NetworkConfig, SingleConfig, Views
from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Entry:
    """One row."""

    name: str
    network: SingleConfig
    recipe: Recipe
    spec: ClipSpec
    learning_rates: tuple[float, ...]
    views: Views = 1
    trained_for: tuple[Views, ...] = (1,)
    """Numbers of views of the rows that share this one's trainings."""

    @property
    def served(self) -> NetworkConfig:
        """The network with its views."""
        return self.network if self.views == 1 else AverageConfig(members=(self.network,), views=self.views)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """What a trial trains on, what its threshold is chosen on, and the sets that it is measured on."""

    training: Part
    validation: Part
    tests: Mapping[str, Part]
    """By name; all splits have the same names."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What all trials of a contest share."""

    seeds: int
    length: Length
    precision: Precision
    device: Device
    prevalence: float


@dataclass(frozen=True, slots=True)
class Row:
    """An entry that has been trained and measured."""

    entry: Entry
    learning_rates: tuple[float, ...]
    """Of each split."""
    clips_seen: int
    """By one of its networks, on average."""
    results: Mapping[str, Result]
    """By the test set's name."""


Splits = Callable[[ClipSpec], Sequence[Split]]
"""The clips of a contest, as a spec takes them."""
_Chosen = tuple[Split, float]
"""A split and the learning rate that it chose."""
_Key = tuple[Entry, Split, float, int]
"""Entry, split, learning rate, seed."""


class Contest:
    """Runs the trials of all rows; what `out` holds of one that was interrupted is not trained again."""

    def __init__(
        self,
        splits: Splits,
        rules: Rules,
        *,
        out: Path,
        jobs: int,
        progress: Callable[[str], Callable[[int, int], None]],
    ) -> None:
        self._splits, self._rules, self._out, self._jobs, self._progress = splits, rules, out, jobs, progress
        self._outcomes: dict[_Key, Outcome] = {}

    def rows(self, entries: Sequence[Entry]) -> list[Row]:
        """Trains and measures the entries.

        Raises:
            UserError: clips can't be read, or a result can't be written.
        """
        splits = {entry: self._splits(entry.spec) for entry in entries}
        pairs = [(entry, split) for entry in entries for split in splits[entry]]
        self._run("first seed", [(*pair, rate, 0) for pair in pairs for rate in pair[0].learning_rates])
        best = {pair: max(pair[0].learning_rates, key=partial(self._validated, *pair)) for pair in pairs}
        self._run("other seeds", [(*pair, best[pair], seed) for pair in pairs for seed in range(1, self._rules.seeds)])
        chosen = {entry: [(split, best[entry, split]) for split in splits[entry]] for entry in entries}
        answers = {entry: self._answers(entry, chosen[entry]) for entry in entries}
        first = answers[entries[0]]
        return [self._row(entry, chosen[entry], answers[entry], first=first) for entry in entries]

    def _run(self, name: str, keys: Sequence[_Key]) -> None:
        trials = [self._trial(*key) for key in keys]
        ended = run(trials, out=self._out, jobs=self._jobs, on_end=self._progress(name))
        self._outcomes |= dict(zip(keys, ended, strict=True))

    def _trial(self, entry: Entry, split: Split, rate: float, seed: int) -> Trial:
        return Trial(
            network=entry.network,
            recipe=entry.recipe.variant(learning_rate=rate),
            spec=entry.spec,
            seed=seed,
            length=self._rules.length,
            precision=self._rules.precision,
            device=self._rules.device,
            views=entry.trained_for,
            training=split.training,
            scored=(split.validation, *split.tests.values()),
        )

    def _validated(self, entry: Entry, split: Split, rate: float) -> float:
        """PR-AUC on the validation clips of the first seed."""
        logits = self._outcomes[entry, split, rate, 0].logits[entry.views][0]
        return Ranking(logits, split.validation.open(entry.spec).stalled).rates().pr_auc(self._rules.prevalence)

    def _row(
        self, entry: Entry, chosen: Sequence[_Chosen], answers: Mapping[str, Answers], *, first: Mapping[str, Answers]
    ) -> Row:
        steps = [outcome.steps for outcomes in self._by_seed(entry, chosen) for outcome in outcomes]
        results = {
            name: measured(each, first=first[name], prevalence=self._rules.prevalence) for name, each in answers.items()
        }
        seen = round(float(np.mean(steps)) * entry.recipe.batch)
        return Row(entry, tuple(rate for _, rate in chosen), seen, results)

    def _by_seed(self, entry: Entry, chosen: Sequence[_Chosen]) -> list[list[Outcome]]:
        """For each seed, the outcome of each split."""
        return [[self._outcomes[entry, *each, seed] for each in chosen] for seed in range(self._rules.seeds)]

    def _answers(self, entry: Entry, chosen: Sequence[_Chosen]) -> dict[str, Answers]:
        """To each test set, the parts that the splits test joined."""
        by_seed = self._by_seed(entry, chosen)
        return {
            name: Answers.of(
                [outcome.trial.scored[place].open(entry.spec) for outcome in by_seed[0]],
                logits=[[each.logits[entry.views][place] for each in outcomes] for outcomes in by_seed],
                called=[[self._called(entry, each, place) for each in outcomes] for outcomes in by_seed],
            )
            for place, name in enumerate(chosen[0][0].tests, start=1)
        }

    def _called(self, entry: Entry, outcome: Outcome, place: int) -> Bools:
        """Whom a network calls stalled, by the threshold that its validation clips chose."""
        trial = outcome.trial
        chosen_on = trial.scored[0].open(trial.spec).stalled
        prior = trial.recipe.prior(trial.training.open(trial.spec).stalled)
        logits = outcome.logits[entry.views]
        rule = choose_rule(logits[0], chosen_on, prior=prior, prevalence=self._rules.prevalence, limits=Limits())
        called: Bools = probabilities_of(logits[place], rule) >= rule.decide
        return called

"""What a logit means: the one place where temperature, prevalence and thresholds are applied."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Label = Literal["stalled", "flowing", "uncertain"]


class DecisionRule(BaseModel):
    """How a logit becomes a probability and a label; stored in the artifact's manifest.

    The probability is `sigmoid(logit / temperature + log_odds(prevalence) - log_odds(prior))`: the shift
    from the share of stalled clips in training to the share where the model is used (Saerens, Latinne and
    Decaestecker 2002, Neural Computation 14:21-41).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(default=1.0, gt=0)
    prior: float = Field(default=0.5, gt=0, lt=1)
    """Share of stalled clips the network was trained on."""
    prevalence: float = Field(default=0.5, gt=0, lt=1)
    """Share of stalled clips among those that are judged; the thresholds were chosen for this one."""
    low: float = Field(default=0.5, ge=0, le=1)
    """Below this probability a clip is flowing."""
    high: float = Field(default=0.5, ge=0, le=1)
    """From this probability on a clip is stalled, between the two it is uncertain; at 1 none is called stalled."""
    decide: float = Field(default=0.5, ge=0, le=1)
    """The one threshold for two-class measures and submissions."""

    @model_validator(mode="after")
    def _ordered(self) -> "DecisionRule":
        if not self.low <= self.high:
            raise ValueError(f"low = {self.low} must not exceed high = {self.high}")
        return self

    def probability(self, logit: float) -> float:
        """Probability that the clip is stalled, at this rule's prevalence."""
        return _sigmoid(logit / self.temperature + _log_odds(self.prevalence) - _log_odds(self.prior))

    def label(self, probability: float) -> Label:
        """Three-way verdict of a probability."""
        if self.high <= probability and self.high < 1:  # a probability of 1 may be a rounded one
            return "stalled"
        return "flowing" if probability < self.low else "uncertain"

    def at_prevalence(self, prevalence: float) -> "DecisionRule":
        """The same rule where another share of clips is stalled: the shift moves, the thresholds stay."""
        return self.model_validate({**self.model_dump(), "prevalence": prevalence})


def _log_odds(probability: float) -> float:
    return math.log(probability / (1.0 - probability))


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))

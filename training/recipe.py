"""Recipe: how a network is trained, as typed settings with named presets.

A preset is a starting point that was measured. What an option does has its row in the table of `python -m training
ablate`, but for the learning rate, which `compare` chooses, and `accumulate`, which changes the memory of a step alone.
"""

import difflib
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stream.errors import UserError
from stream.validation import first_error

Share = Annotated[float, Field(ge=0, le=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def variant(self, **changes: Any) -> Self:
        """A validated copy with some fields changed; a nested model's fields may be given as a mapping."""
        merged = self.model_dump()
        for name, value in changes.items():
            merged[name] = merged[name] | value if isinstance(value, dict) else value
        return type(self).model_validate(merged)


class Augmentation(_Frozen):
    """What is varied in training clips because it says nothing of stalled or flowing; 0 or false leaves it alone."""

    turns: bool = True
    """Quarter turns and mirrors: one of the square's eight symmetries."""
    reversal: bool = True
    """Time forwards or backwards."""
    warped: Share = 0.0
    """Share of clips that are turned and scaled a little, which blurs them as a resize does."""
    rotate_deg: float = Field(default=15.0, ge=0, le=45)
    """Largest angle of those."""
    scale: float = Field(default=0.15, ge=0, lt=1)
    """Largest change of size of those, as the logarithm of the factor."""
    gain: float = Field(default=0.35, ge=0, le=2)
    """Largest change of brightness, as the logarithm of the factor."""
    gamma: float = Field(default=0.25, ge=0, le=2)
    """Largest change of gamma, as the logarithm of the exponent."""
    noise: float = Field(default=5.0, ge=0, le=100)
    """Largest standard deviation of added noise, in grey levels at full brightness; it falls with its root."""
    noise_dashes: Share = 0.0
    """Largest share of that noise's variance that lies in short dashes along one of the axes, as a scan line's."""
    frames_lost: Share = 0.0
    """Largest share of a clip's frames that are replaced by the one before, as a recording that dropped them."""
    shrink_px: float = Field(default=0.0, ge=0, le=8)
    """Most that the inside of the outline loses all around, as by a thicker stroke; pixels of the crop. Its colour
    does not reach the network where the outside is black. Of clips without distances, or with their surroundings left
    in, nothing is taken."""


class Recipe(_Frozen):
    """How one network is trained."""

    batch: int = Field(default=32, ge=2, le=4096)
    """Clips in a step, over all processes."""
    accumulate: int = Field(default=1, ge=1, le=256)
    """Parts that a batch is cut into where memory is short; the gradients are summed."""
    stalled_share: float | None = Field(default=0.5, gt=0, lt=1)
    """Share of stalled clips in each batch: the network's prior, which its decision rule takes back. None takes the
    clips as they come, and the prior is theirs."""
    stalled_weight: float = Field(default=1.0, gt=0, le=1000)
    """Of stalled clips in the loss."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Highest, of AdamW."""
    weight_decay: float = Field(default=0.05, ge=0)
    """Of convolutions and the head; norms and biases have none."""
    warm_up: Share = 0.05
    """Share of the budget in which the rate rises from 0 in a straight line; then it falls as half a cosine."""
    ema_decay: float = Field(default=0.995, ge=0, lt=1)
    """The averaged weights keep this much of themselves at each step, less in the first steps."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Longer gradients are shortened to this."""
    augmentation: Augmentation = Augmentation()

    @property
    def stalled_in_batch(self) -> int | None:
        """Number of stalled clips in each batch, at least one of each class; None where they come as they come."""
        if self.stalled_share is None:
            return None
        return min(max(round(self.stalled_share * self.batch), 1), self.batch - 1)

    def prior(self, stalled: NDArray[np.bool_]) -> float:
        """Share of stalled clips that a network believes in after training on clips with the labels `[N]`."""
        count = self.stalled_in_batch
        share = float(np.mean(stalled)) if count is None else count / self.batch
        return share * self.stalled_weight / (share * self.stalled_weight + 1 - share)


RecipeName = Literal["plain", "full", "finetune", "debug"]

_FULL = Recipe(augmentation=Augmentation(warped=0.3, noise=8.0, noise_dashes=1.0, frames_lost=0.15, shrink_px=1.5))
RECIPES: dict[str, Recipe] = {
    "plain": Recipe(),
    "full": _FULL,
    "finetune": _FULL.variant(learning_rate=3e-4, warm_up=0.1),
    "debug": Recipe(batch=8, warm_up=0.2, ema_decay=0.9),
}
"""`full` is the one for use; `plain` is its baseline; `finetune` moves weights that were learnt elsewhere by
small steps; `debug` shows in seconds that all parts work."""


class Scale(_Frozen):
    """How much of it, where the user doesn't say."""

    clips: int
    """Generated ones to train on."""
    validation_clips: int
    minutes: float = 0.0
    """Of each network; or else:"""
    steps: int = 0


FULL_SCALE, DEBUG_SCALE = (
    Scale(clips=8000, validation_clips=2000, minutes=25.0),
    Scale(clips=64, validation_clips=64, steps=24),
)


def scale_of(name: RecipeName) -> Scale:
    """The scale of a preset: `debug` is 20 seconds of work on a slow core."""
    return DEBUG_SCALE if name == "debug" else FULL_SCALE


def changed(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """A recipe with parts changed, as a user writes them: `learning_rate=0.001`, `augmentation.noise=2`.

    Raises:
        UserError: there is no such part, or the value makes no sense.
    """
    values: dict[str, Any] = recipe.model_dump()
    for change in changes:
        name, sign, text = change.partition("=")
        *rooms, leaf = name.split(".")
        held = values
        for room in rooms:
            held = held.get(room, {}) if isinstance(held, dict) else {}
        if not sign or leaf not in held or isinstance(held[leaf], dict):
            known = {each: each for each in Recipe.model_fields if each != "augmentation"}
            known |= {each: f"augmentation.{each}" for each in Augmentation.model_fields}
            near = difflib.get_close_matches(leaf, known, n=1)
            what = f"did you mean {known[near[0]]}=...?" if near else f"there are {', '.join(known.values())}"
            raise UserError(f"--change {change}: no such part of a recipe; {what}")
        held[leaf] = None if text == "none" else text
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise UserError(f"--change: {first_error(error)}") from None

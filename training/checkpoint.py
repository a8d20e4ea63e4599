"""The checkpoint: a folder with the weights as safetensors and a card that says what they are.

model.safetensors: parameters and batch-norm statistics, float32; checkpoint.json: the CheckpointCard; run: what the
training leaves for TensorBoard, and goes on from while it isn't finished.
"""

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from safetensors.torch import load, save

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.files.outfile import unfinished
from stream.validation import first_error, other_schema
from stream.verdict import DecisionRule
from training.fields import differences
from training.measures import Evaluation
from training.measures.coverage import Limits
from training.networks import Network, NetworkConfig, build
from training.outfile import write_whole
from training.recipe import Recipe
from training.runs import GO_ON, is_open

WEIGHTS, CARD, RUN = "model.safetensors", "checkpoint.json", "run"
_OF_A_RUN = {RUN, WEIGHTS, *map(unfinished, (WEIGHTS, CARD))}
"""What a run leaves in its folder that was killed before its checkpoint was whole."""


class _Card(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)


class TrainingSummary(_Card):
    """How the weights came to be."""

    version: str
    """Of this package."""
    torch: str
    seed: int
    steps: int
    batch: int
    minutes: float
    precision: str
    loss: float
    """Mean over the last steps."""
    members: int = 1
    """Networks that it averages."""
    begun_from: str | None = None
    """Weights that it did not begin from by chance, in words."""
    projects: tuple[str, ...] = ()
    """Whose recorded clips it was trained on, and what it was begun from."""
    rule_projects: tuple[str, ...] = ()
    """Whose recorded clips its rule was chosen on, and that of what it was begun from."""
    generated: bool = False
    """The clips were generated."""
    recipe: Recipe | None = None
    """None in the first checkpoints, which don't say it."""
    validation: Evaluation | None = None
    """On clips that were kept from training; the rule was chosen on them, so they are a little too good."""
    limits: Limits | None = None
    """What the rule's `low` and `high` were chosen to keep; None where it is not recorded."""


class CheckpointCard(_Card):
    """What a checkpoint's weights are, and how their logits are to be read."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    network: NetworkConfig
    spec: ClipSpec
    rule: DecisionRule
    training: TrainingSummary
    dataset: str
    """What it was trained on, in words."""
    chosen_on: str | None = None
    """What its rule was chosen on, in words; None in the first checkpoints, whose `dataset` may say it."""
    weights_sha256: str = ""
    """Filled by `save_checkpoint`."""

    @model_validator(mode="after")
    def _network_takes_the_clips(self) -> "CheckpointCard":
        check_fit(self.network, self.spec)
        return self


def check_fit(network: NetworkConfig, spec: ClipSpec) -> None:
    """Refuses a network that does not take the clips that a spec makes.

    Raises:
        ValueError: naming both.
    """
    if (network.channels, network.frames, network.outputs) != (spec.channels, spec.frames, 1):
        raise ValueError(
            f"a network of {network.channels} channels, {network.frames} frames and {network.outputs} outputs does not "
            f"fit clips of {spec.channels} channels and {spec.frames} frames with one logit"
        )


def check_folder(folder: Path, network: NetworkConfig, spec: ClipSpec) -> None:
    """Refuses a folder that already holds something else than a checkpoint of this network and spec.

    Raises:
        UserError: naming the folder and the way out.
    """
    try:
        found = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise UserError(f"{folder} is no folder; give another place for the checkpoint") from None
    except OSError as error:
        raise UserError(f"{folder} can't be read ({error.strerror}); give another place for the checkpoint") from None
    if CARD in found:
        card = read_card(folder)
        if (card.network, card.spec) != (network, spec):
            changed = differences(_dumped(network=card.network, spec=card.spec), _dumped(network=network, spec=spec))
            raise UserError(
                f"{folder} holds a checkpoint of another network or clip spec ({changed}); give another folder"
            )
    elif found - _OF_A_RUN:
        raise UserError(f"{folder} is not empty and holds no {CARD}; give another folder")


def _dumped(**parts: BaseModel) -> JsonValue:
    return {name: each.model_dump(mode="json") for name, each in parts.items()}


def save_checkpoint(folder: Path, network: Network, card: CheckpointCard) -> CheckpointCard:
    """Writes or replaces a checkpoint, and returns its card with the weights' digest.

    Each file is there whole or not at all; of a crash between the two the digest tells.

    Raises:
        UserError: the folder holds something else, or can't be written.
    """
    check_folder(folder, card.network, card.spec)
    weights = save({name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()})
    card = card.model_copy(update={"weights_sha256": hashlib.sha256(weights).hexdigest()})
    way_out = {"otherwise": GO_ON} if is_open(folder / RUN) else {}
    write_whole(folder / WEIGHTS, weights, **way_out)
    write_whole(folder / CARD, card.model_dump_json(indent=2).encode() + b"\n", **way_out)
    return card


def load_checkpoint(folder: Path) -> tuple[Network, CheckpointCard]:
    """Reads a checkpoint; the network is in evaluation mode.

    Raises:
        UserError: a file is missing or unreadable, or the weights are not those of the card.
    """
    card = read_card(folder)
    try:
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise UserError(
            f"{folder / WEIGHTS} can't be read ({error.strerror}); train again or copy the folder"
        ) from None
    if hashlib.sha256(weights).hexdigest() != card.weights_sha256:
        mend = "its training goes on by --resume" if is_open(folder / RUN) else "copy the folder again"
        raise UserError(f"{folder / WEIGHTS} is not what {CARD} says (sha256 differs); {mend}")
    network = build(card.network)
    try:
        network.load_state_dict(load(weights))
    except RuntimeError as error:
        raise UserError(
            f"{folder / WEIGHTS} does not fit the network of {CARD}: {str(error).splitlines()[-1]}"
        ) from None
    return network.eval(), card


def read_card(folder: Path) -> CheckpointCard:
    """What a checkpoint says it is; its weights are not looked at.

    Raises:
        UserError: the card is missing, unreadable, or not of this version.
    """
    path = folder / CARD
    try:
        return CheckpointCard.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror}); a checkpoint is made by training fit") from None
    except ValidationError as error:
        if newer := other_schema(error):
            raise UserError(f"{path}: {newer}") from None
        raise UserError(f"{path} is no checkpoint card: {first_error(error)}; train again") from None

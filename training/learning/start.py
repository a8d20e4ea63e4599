"""Start: what networks begin from instead of chance; read once, and known to fit before any clip is made."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from stream.errors import UserError
from training.checkpoint import TrainingSummary, load_checkpoint
from training.learning.kinetics import load_pretrained
from training.networks import Network, SingleConfig, build
from training.sources import FitSets


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Weights, and what they have seen."""

    words: str
    weights: dict[str, Tensor]
    """All that does not stay as chance made it."""
    projects: tuple[str, ...] = ()
    """Whose recorded clips they were trained on."""
    rule_projects: tuple[str, ...] = ()
    """Whose recorded clips their rule was chosen on."""

    def give(self, network: Network) -> None:
        """Gives a new network these weights."""
        network.load_state_dict(self.weights, strict=False)

    def noted_in(self, summary: TrainingSummary) -> TrainingSummary:
        """The summary of a training that went on from here: it has seen what these weights had."""
        projects, rule_projects = (
            tuple(sorted({*before, *since}))
            for before, since in (
                (self.projects, summary.projects),
                (self.rule_projects, summary.rule_projects),
            )
        )
        return summary.model_copy(
            update={"begun_from": self.words, "projects": projects, "rule_projects": rule_projects}
        )

    def check_unknown(self, sets: FitSets) -> None:
        """Refuses to choose a rule on projects that these weights were trained on: it would promise too much.

        Raises:
            UserError: naming the projects.
        """
        if not sets.projects:  # generated meanwhile, and never the same
            return
        kept_apart = () if sets.validation is None else sets.validation.projects
        chosen_on = set(kept_apart) - set(sets.projects) if kept_apart else set(sets.projects)
        if known := sorted(chosen_on & set(self.projects)):
            without = " ".join(f"--without {project}" for project in known)
            raise UserError(
                f"--init: these weights were trained on clips of project {', '.join(known)}, and the rule would be "
                f"chosen on them; give {without}, or begin from other weights"
            )


def read_start(path: Path, network: SingleConfig) -> Start:
    """A folder is a checkpoint of ours, a file one of the published.

    Raises:
        UserError: it can't be read, or doesn't fit such a network.
    """
    if path.is_dir():
        return continue_from(path, network)
    if path.suffix == ".safetensors":
        raise UserError(f"--init {path}: a file of a checkpoint; give its folder, {path.parent}")
    new = build(network)
    loaded = load_pretrained(new, path)
    return Start(str(loaded), {name: each for name, each in new.state_dict().items() if name not in loaded.fresh})


def continue_from(path: Path, network: SingleConfig) -> Start:
    """The weights of a checkpoint of the same network.

    Raises:
        UserError: the checkpoint can't be read, or is of another network.
    """
    earlier, card = load_checkpoint(path)
    if card.network != network:
        raise UserError(
            f"--init {path} is a checkpoint of {card.network.architecture} with other settings, or an average of "
            "several; give one of the very network that is trained"
        )
    training = card.training
    before = f", itself begun from {training.begun_from}" if training.begun_from else ""
    words = f"{path.name} (weights {card.weights_sha256[:16]}, trained on {card.dataset}{before})"
    return Start(words, earlier.state_dict(), training.projects, training.rule_projects)

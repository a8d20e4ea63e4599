"""`python -m training calibrate`: replaces a checkpoint's rule by one for another prevalence or other promises."""

from stream.errors import UserError
from training import words
from training.calibrate import choose_rule
from training.checkpoint import load_checkpoint, save_checkpoint
from training.data.splits import check_both_classes
from training.learning.devices import placed
from training.measures import evaluate
from training.measures.needed import Basis
from training.orders import limits_of
from training.outfile import check_folder_writable
from training.progress import Bars
from training.scoring import score
from training.settings import CalibrateSettings
from training.sources import NamedSet, calibration_set


def run(settings: CalibrateSettings) -> int:
    """Replaces a checkpoint's rule by one that is chosen on these clips for another prevalence."""
    network, card = load_checkpoint(settings.checkpoint)
    if settings.data is None and not card.training.generated:
        raise UserError(
            f"--data is missing: {settings.checkpoint} was trained on recorded clips, so give such to choose on"
        )
    check_folder_writable(settings.checkpoint)
    network = placed(network, threads=settings.threads)
    limits = limits_of(settings, card)
    with Bars() as bars:
        chosen_on = calibration_set(settings, card, bars)
        _check_unknown(chosen_on)
        stalled = chosen_on.clips.stalled
        check_both_classes(stalled, chosen_on.name)
        basis = Basis.of(stalled, prevalence=settings.prevalence, limits=limits)
        for lack in basis.shortfalls():
            bars.say(words.never(lack, basis))
        logits = score(network, chosen_on.clips, progress=bars.clips(f"score {chosen_on.name}"))
    rule = choose_rule(logits, stalled, prior=card.rule.prior, prevalence=settings.prevalence, limits=limits)
    found = evaluate(logits, stalled, rule, projects=chosen_on.clips.facts.project_ids)
    seen = chosen_on.clips.projects if settings.data else ()
    training = card.training.model_copy(update={"validation": found, "limits": limits, "rule_projects": seen})
    changes = {"rule": rule, "training": training, "chosen_on": chosen_on.description}
    save_checkpoint(settings.checkpoint, network, card.model_copy(update=changes))
    bars.say(f"was {card.rule}")
    bars.say(f"is  {rule}, chosen on {chosen_on.description}; build the artifact again, for it holds the rule")
    for lack in basis.lacks(low=rule.low, high=rule.high):
        bars.say(words.never(lack, basis))
    return 0


def _check_unknown(chosen_on: NamedSet) -> None:
    """Refuses clips of projects that the network was trained on: a rule chosen on them would promise too much."""
    if known := chosen_on.seen.by_network:
        without = " ".join(f"--without {project}" for project in known)
        raise UserError(
            f"--data {chosen_on.name}: the network was trained on clips of project {', '.join(known)}, and a rule that "
            f"is chosen on them would promise too much; give {without}, or clips of other projects"
        )

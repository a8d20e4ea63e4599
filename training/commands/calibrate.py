"""`python -m training calibrate`: replaces a checkpoint's rule by one for another prevalence or other promises."""

from stream.errors import UserError
from training import words
from training.calibrate import choose_rule
from training.checkpoint import load_checkpoint, save_checkpoint
from training.data.splits import check_both_classes
from training.devices import placed
from training.measures import evaluate
from training.orders import limits_of
from training.progress import Bars
from training.scoring import score
from training.settings import CalibrateSettings
from training.sources import calibration_set


def run(settings: CalibrateSettings) -> int:
    """Replaces a checkpoint's rule by one that is chosen on these clips for another prevalence."""
    network, card = load_checkpoint(settings.checkpoint)
    if settings.data is None and not card.training.generated:
        raise UserError(
            f"--data is missing: {settings.checkpoint} was trained on recorded clips, so give such to choose on"
        )
    network = placed(network, threads=settings.threads)
    with Bars() as bars:
        chosen_on = calibration_set(settings, card, bars)
        check_both_classes(chosen_on.clips.stalled, chosen_on.name)
        logits = score(network, chosen_on.clips, progress=bars.clips(f"score {chosen_on.name}"))
    stalled, limits = chosen_on.clips.stalled, limits_of(settings, card)
    rule = choose_rule(logits, stalled, prior=card.rule.prior, prevalence=settings.prevalence, limits=limits)
    found = evaluate(logits, stalled, rule, projects=chosen_on.clips.facts.project_ids)
    seen = chosen_on.clips.projects if settings.data else ()
    training = card.training.model_copy(update={"validation": found, "limits": limits, "rule_projects": seen})
    save_checkpoint(settings.checkpoint, network, card.model_copy(update={"rule": rule, "training": training}))
    bars.say(f"was {card.rule}")
    bars.say(f"is  {rule}, chosen on {chosen_on.description}; build the artifact again, for it holds the rule")
    for line in words.not_promised(rule, clips=len(stalled), stalled=int(stalled.sum())):
        bars.say(line)
    return 0

"""`python -m training evaluate`: prints the measures of a checkpoint, and writes its page and its card."""

from training.card import write_card
from training.checkpoint import load_checkpoint
from training.data.splits import check_both_classes
from training.learning.devices import placed
from training.measures.study import study
from training.orders import limits_of
from training.outfile import check_writable, write_text
from training.page import Head, render_page
from training.progress import Bars
from training.report import print_json, print_table
from training.scoring import score
from training.settings import EvaluateSettings
from training.sources import evaluation_sets


def run(settings: EvaluateSettings) -> int:
    """Prints the measures of a checkpoint for each set of clips, and writes its page and its card."""
    for path in filter(None, (settings.out, settings.card)):
        check_writable(path)
    network, card = load_checkpoint(settings.checkpoint)
    limits = limits_of(settings, card)
    network, measured = placed(network, threads=settings.threads), []
    with Bars() as bars:
        for each in evaluation_sets(settings, card, bars):
            check_both_classes(each.clips.stalled, each.name)
            bars.say(f"{each.name}: {each.description}")
            logits = score(network, each.clips, progress=bars.clips(f"score {each.name}"))
            facts = each.clips.facts
            found = study(each.name, each.description, facts, logits, card.rule, limits, seen=each.seen)
            measured.append((found, each.clips))
    studies = [found for found, _ in measured]
    parameters = sum(each.numel() for each in network.parameters())
    if settings.as_json:
        print_json(studies)
    else:
        print_table(studies, card.rule)
    if settings.card:
        write_text(settings.card, write_card(card, studies, parameters=parameters))
    if settings.out:
        head = Head.of(card, settings.checkpoint, parameters=parameters)
        write_text(settings.out, render_page(head, measured))
    return 0

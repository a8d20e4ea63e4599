"""`python -m training predict`: writes the competition's submission."""

from training import words
from training.checkpoint import load_checkpoint
from training.data.prepare import open_intake, read_each
from training.kept_logits import KeptLogits
from training.learning.devices import placed
from training.outfile import check_writable
from training.progress import Bars
from training.scoring import score_each
from training.settings import PredictSettings
from training.sources import asked_for, videos
from training.submission import check_read, predict, write_probabilities, write_submission


def run(settings: PredictSettings) -> int:
    """Writes the competition's submission; what was scored before it ended is not scored again."""
    for path in filter(None, (settings.out, settings.probabilities)):
        check_writable(path)
    network, card = load_checkpoint(settings.checkpoint)
    network, asked, at = placed(network, threads=settings.threads), asked_for(settings), videos(settings)
    unread: dict[str, str] = {}
    with (
        Bars() as bars,
        KeptLogits(
            settings.out, of=f"weights {card.weights_sha256[:16]}, spec {card.spec.digest}, {settings.source}"
        ) as kept,
    ):
        left = [each for each in asked if each not in kept.found]
        with open_intake(at, card.spec, processes=settings.processes, fetches=settings.fetches) as intake:
            clips = read_each(intake, at, left, unread=unread, progress=bars.clips("predict"))
            for clip_id, logit in score_each(network, clips):
                kept.add(clip_id, logit)
        for clip_id, why in unread.items():
            bars.say(f"could not be read: {clip_id}: {why}")
        predictions = predict(asked, kept.found, card.rule)
        if settings.probabilities:
            write_probabilities(settings.probabilities, predictions)
        if not settings.unread_flowing:
            check_read(asked, unread)
        write_submission(settings.out, predictions)
        kept.drop()
    stalled = sum(each.stalled for each in predictions)
    for_whom = words.stated(card.rule.prevalence)
    bars.say(
        f"{stalled} of {len(predictions)} clips are called stalled, by a rule for {for_whom} stalled; {settings.out}"
    )
    return 0

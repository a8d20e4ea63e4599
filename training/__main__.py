"""`python -m training COMMAND`: the one place where parts are built and joined.

What a command doesn't use isn't imported: `synthesize` and `contact-sheet` run without torch.
"""
# ruff: noqa: PLC0415 - commands import only what they use

from stream.interrupts import end_in_order, end_silently

if __name__ == "__main__":
    end_silently()

import sys

from stream.cli import Command, main
from training.settings import (
    CalibrateSettings,
    ContactSheetSettings,
    EvaluateSettings,
    FitSettings,
    PredictSettings,
    SynthesizeSettings,
)


def synthesize(settings: SynthesizeSettings) -> int:
    """Writes a folder of synthetic clips."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    from training.synthetic.folder import synthesize

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("clips", total=settings.clips)
        synthesize(
            settings.out,
            clips=settings.clips,
            seed=settings.seed,
            stalled_share=settings.stalled_share,
            preset=settings.preset,
            bad=settings.bad,
            reencoded_share=settings.reencoded_share,
            processes=settings.processes,
            progress=lambda done: progress.update(task, completed=done),
        )
    console.print(f"wrote {settings.clips} clips ({settings.bad} of them bad), metadata and labels to {settings.out}")
    return 0


def contact_sheet(settings: ContactSheetSettings) -> int:
    """Writes a picture of several clips."""
    from training.synthetic.contact_sheet import write_contact_sheet

    shown = write_contact_sheet(
        settings.clips,
        settings.out,
        outcomes=settings.outcomes,
        rows=settings.rows,
        columns=settings.columns,
        width=settings.width,
    )
    print(f"{shown} clips shown in {settings.out}", file=sys.stderr)  # noqa: T201
    return 0


def fit(settings: FitSettings) -> int:
    """Trains a network, chooses its rule on clips kept apart, and writes both."""
    from importlib.metadata import version

    import torch

    from stream.clip.spec import ClipSpec
    from training.calibrate import choose_rule
    from training.checkpoint import CheckpointCard, TrainingSummary, check_folder, save_checkpoint
    from training.evaluate import score
    from training.loop import PRIOR, Budget, Plan, best_precision, train
    from training.measures import evaluate
    from training.measures.coverage import Limits
    from training.networks import PRESETS
    from training.progress import Bars
    from training.sources import fit_sets

    spec = ClipSpec.model_validate({})
    config = PRESETS[settings.network].variant(frames=spec.frames)
    check_folder(settings.out, config, spec)
    torch.set_num_threads(settings.threads)
    plan = Plan(
        budget=Budget(steps=settings.steps or 0, seconds=settings.minutes * 60),
        seed=settings.seed,
        precision=best_precision() if settings.precision == "auto" else settings.precision,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
    )
    with Bars() as bars:
        sets = fit_sets(settings, spec, bars)
        fitted = train(config, sets.training, plan, on_step=bars.training("train"))
        logits = score(fitted.network, sets.validation, progress=bars.clips("validate"))
    stalled = sets.validation.stalled
    limits = Limits(error=settings.error, missed=settings.missed)
    rule = choose_rule(logits, stalled, prior=PRIOR, prevalence=settings.prevalence, limits=limits)
    found = evaluate(logits, stalled, rule, projects=sets.validation.facts.project_ids)
    summary = TrainingSummary(
        version=version("stall-stream"),
        torch=torch.__version__,
        seed=plan.seed,
        steps=fitted.last.number,
        batch=plan.batch,
        minutes=round(fitted.minutes, 1),
        precision=plan.precision,
        loss=round(fitted.last.loss, 4),
        validation=found,
        limits=limits,
    )
    card = CheckpointCard(network=config, spec=spec, rule=rule, training=summary, dataset=sets.description)
    save_checkpoint(settings.out, fitted.network, card)
    bars.say(
        f"{summary.steps} steps in {summary.minutes} minutes; validation MCC {found.mcc.value:.3f} "
        f"({found.clips} clips, {found.prevalence:.1%} stalled; the thresholds were chosen on them); "
        f"checkpoint in {settings.out}"
    )
    return 0


def evaluate(settings: EvaluateSettings) -> int:
    """Prints the measures of a checkpoint for each set of clips, and writes its page and its card."""
    import torch

    from training.card import write_card
    from training.checkpoint import load_checkpoint
    from training.data.splits import check_both_classes
    from training.evaluate import score
    from training.measures.coverage import Limits
    from training.measures.study import study
    from training.outfile import check_writable, write_text
    from training.page import Head, render_page
    from training.progress import Bars
    from training.report import print_json, print_table
    from training.sources import evaluation_sets

    for path in filter(None, (settings.out, settings.card)):
        check_writable(path)
    network, card = load_checkpoint(settings.checkpoint)
    promised = card.training.limits or Limits()
    limits = promised.model_copy(update=settings.model_dump(include={"error", "missed"}, exclude_none=True))
    torch.set_num_threads(settings.threads)
    measured = []
    with Bars() as bars:
        for each in evaluation_sets(settings, card.spec, bars):
            check_both_classes(each.clips.stalled, each.name)
            logits = score(network, each.clips, progress=bars.clips(f"score {each.name}"))
            found = study(each.name, each.description, each.clips.facts, logits, card.rule, limits)
            measured.append((found, each.clips))
    studies = [found for found, _ in measured]
    parameters = sum(each.numel() for each in network.parameters())
    if settings.out:
        head = Head.of(card, settings.checkpoint, parameters=parameters)
        write_text(settings.out, render_page(head, measured))
    if settings.card:
        write_text(settings.card, write_card(card, studies, parameters=parameters))
    evaluations = {each.name: each.evaluation for each in studies}
    if settings.as_json:
        print_json(evaluations)
    else:
        print_table(evaluations, card.rule)
    return 0


def calibrate(settings: CalibrateSettings) -> int:
    """Replaces a checkpoint's rule by one that is chosen on these clips for another prevalence."""
    import torch

    from training.calibrate import choose_rule
    from training.checkpoint import load_checkpoint, save_checkpoint
    from training.evaluate import score
    from training.measures import evaluate
    from training.measures.coverage import Limits
    from training.progress import Bars
    from training.sources import calibration_set

    network, card = load_checkpoint(settings.checkpoint)
    torch.set_num_threads(settings.threads)
    with Bars() as bars:
        chosen_on = calibration_set(settings, card.spec, bars)
        logits = score(network, chosen_on.clips, progress=bars.clips(f"score {chosen_on.name}"))
    stalled, limits = chosen_on.clips.stalled, Limits(error=settings.error, missed=settings.missed)
    rule = choose_rule(logits, stalled, prior=card.rule.prior, prevalence=settings.prevalence, limits=limits)
    found = evaluate(logits, stalled, rule, projects=chosen_on.clips.facts.project_ids)
    training = card.training.model_copy(update={"validation": found, "limits": limits})
    save_checkpoint(settings.checkpoint, network, card.model_copy(update={"rule": rule, "training": training}))
    bars.say(f"was {card.rule}")
    bars.say(f"is  {rule}, chosen on {chosen_on.description}; build the artifact again, for it holds the rule")
    return 0


def predict(settings: PredictSettings) -> int:
    """Writes the competition's submission."""
    import numpy as np
    import torch

    from training.checkpoint import load_checkpoint
    from training.evaluate import score
    from training.outfile import check_writable
    from training.progress import Bars
    from training.sources import prediction_set
    from training.submission import predict, read_order, wanted, write_probabilities, write_submission

    for path in filter(None, (settings.out, settings.probabilities)):
        check_writable(path)
    order = read_order(settings.submission_format) if settings.submission_format else None
    network, card = load_checkpoint(settings.checkpoint)
    torch.set_num_threads(settings.threads)
    with Bars() as bars:
        found = prediction_set(settings, card.spec, bars)
        for clip_id, fault in found.unread.items():
            bars.say(f"could not be read: {clip_id}: {fault}")
        asked = wanted(found.clips.facts.clip_ids.tolist(), found.unread, order, unread_flowing=settings.unread_flowing)
        clips = found.clips.take(np.flatnonzero(np.isin(found.clips.facts.clip_ids, asked)))
        logits = score(network, clips, progress=bars.clips("predict"))
    predictions = predict(asked, dict(zip(clips.facts.clip_ids.tolist(), logits.tolist(), strict=True)), card.rule)
    write_submission(settings.out, predictions)
    if settings.probabilities:
        write_probabilities(settings.probabilities, predictions)
    bars.say(
        f"{sum(each.stalled for each in predictions)} of {len(predictions)} clips are called stalled; {settings.out}"
    )
    return 0


COMMANDS = {
    "synthesize": Command("write a folder of synthetic clips, with labels", SynthesizeSettings, synthesize),
    "fit": Command("train a network and choose its thresholds: a checkpoint", FitSettings, fit),
    "evaluate": Command("measure a checkpoint on clips it has not seen", EvaluateSettings, evaluate),
    "calibrate": Command("choose a checkpoint's thresholds again", CalibrateSettings, calibrate),
    "predict": Command("write the competition's submission", PredictSettings, predict),
    "contact-sheet": Command("show clips side by side in a picture", ContactSheetSettings, contact_sheet),
}

if __name__ == "__main__":
    end_in_order()
    sys.exit(main("python -m training", COMMANDS, sys.argv[1:]))

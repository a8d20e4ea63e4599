"""`python -m training COMMAND`: the one place where parts are built and joined.

What a command doesn't use isn't imported: `synthesize` and `contact-sheet` run without torch.
"""
# ruff: noqa: PLC0415 - commands import only what they use

from stream.interrupts import end_in_order, end_silently

if __name__ == "__main__":
    end_silently()

import sys

from stream.cli import Command, main
from training.settings import ContactSheetSettings, EvaluateSettings, FitSettings, ProbeSettings, SynthesizeSettings


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
    rule = choose_rule(logits, stalled, prior=PRIOR, prevalence=settings.prevalence, error=settings.error)
    found = evaluate(logits, stalled, rule)
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
    )
    card = CheckpointCard(network=config, spec=spec, rule=rule, training=summary, dataset=sets.description)
    save_checkpoint(settings.out, fitted.network, card)
    bars.say(
        f"{summary.steps} steps in {summary.minutes} minutes; validation MCC {found.mcc:.3f} ({found.clips} clips, "
        f"{found.prevalence:.1%} stalled; the thresholds were chosen on them); checkpoint in {settings.out}"
    )
    return 0


def evaluate(settings: EvaluateSettings) -> int:
    """Prints the measures of a checkpoint for each set of clips."""
    import torch

    from training.checkpoint import load_checkpoint
    from training.data.splits import check_both_classes
    from training.evaluate import score
    from training.measures import evaluate
    from training.progress import Bars
    from training.report import print_json, print_table
    from training.sources import evaluation_sets

    network, card = load_checkpoint(settings.checkpoint)
    torch.set_num_threads(settings.threads)
    found = {}
    with Bars() as bars:
        for name, clips in evaluation_sets(settings, card.spec, bars):
            check_both_classes(clips.stalled, name)
            logits = score(network, clips, progress=bars.clips(f"score {name}"))
            found[name] = evaluate(logits, clips.stalled, card.rule)
    if settings.as_json:
        print_json(found)
    else:
        print_table(found, card.rule)
    return 0


def probe(settings: ProbeSettings) -> int:
    """Prints what each probe gives for each preset, as a table in Markdown."""
    from functools import partial

    import torch

    from stream.clip.spec import ClipSpec
    from stream.errors import UserError
    from training.data.generated import generate
    from training.probes.files import file_sizes
    from training.probes.run import Source, markdown, probe
    from training.progress import Bars

    if settings.files > settings.clips:
        raise UserError(f"--files {settings.files}: more than --clips {settings.clips}; the files are of these clips")
    torch.set_num_threads(settings.threads)
    found = {}
    with Bars() as bars:
        for preset in settings.preset:
            cached = partial(
                generate,
                spec=ClipSpec(),
                cache=settings.cache.expanduser(),
                processes=settings.processes,
                progress=bars.clips(f"generate {preset}"),
            )
            written = partial(file_sizes, processes=settings.processes, progress=bars.clips(f"write {preset}"))
            found[preset] = probe(
                preset,
                Source(cached, written),
                clips=settings.clips,
                training_clips=settings.training_clips,
                files=settings.files,
                seed=settings.seed,
            )
    print(markdown(found))  # noqa: T201 - it is the command's output
    return 0


COMMANDS = {
    "synthesize": Command("write a folder of synthetic clips, with labels", SynthesizeSettings, synthesize),
    "fit": Command("train a network and choose its thresholds: a checkpoint", FitSettings, fit),
    "evaluate": Command("measure a checkpoint on clips it has not seen", EvaluateSettings, evaluate),
    "probe": Command("measure what else than its cells tells a generated clip's label", ProbeSettings, probe),
    "contact-sheet": Command("show clips side by side in a picture", ContactSheetSettings, contact_sheet),
}

if __name__ == "__main__":
    end_in_order()
    sys.exit(main("python -m training", COMMANDS, sys.argv[1:]))

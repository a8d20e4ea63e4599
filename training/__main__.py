"""`python -m training COMMAND`: the one place where parts are built and joined.

What a command doesn't use isn't imported: `synthesize` and `contact-sheet` run without torch.
"""
# ruff: noqa: PLC0415 - commands import only what they use

from stream.interrupts import end_in_order, end_silently

if __name__ == "__main__":
    end_silently()

import sys
from typing import TYPE_CHECKING

from stream.cli import Command, main
from training.settings import (
    AblateSettings,
    CalibrateSettings,
    CompareSettings,
    ContactSheetSettings,
    ContestSettings,
    EvaluateSettings,
    FitSettings,
    PredictSettings,
    PrepareSettings,
    ProbeSettings,
    SynthesizeSettings,
)

if TYPE_CHECKING:
    from training.checkpoint import CheckpointCard
    from training.contest import Entry
    from training.measures.coverage import Limits


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


def prepare(settings: PrepareSettings) -> int:
    """Reads recorded clips once and keeps them as a cache."""
    from rich.console import Console

    from training.data.cache import FAILURES
    from training.progress import Bars
    from training.sources import prepared
    from training.summary import show_contents

    try:
        with Bars() as bars:
            manifest = prepared(settings, bars)
    except (KeyboardInterrupt, SystemExit):
        bars.say(f"stopped; what was read is kept in {settings.out}, and the same command goes on from there")
        raise
    assert manifest.contents is not None
    show_contents(Console(), manifest.contents, failures=settings.out / FAILURES)
    return 0


def fit(settings: FitSettings) -> int:
    """Trains networks, chooses their rule on clips kept apart, and writes both as one checkpoint."""
    import torch

    from training import words
    from training.checkpoint import CARD, RUN, check_folder, save_checkpoint
    from training.devices import join_processes
    from training.fitting import fit, in_folds, joined, out_of_fold, planned, scores, seeds
    from training.orders import card_of, order_of, precision_of, run_of
    from training.progress import Bars
    from training.sources import fit_sets, spec_of
    from training.states import close_run, is_open, open_run

    order, count, run = order_of(settings, spec_of(settings)), settings.folds or settings.members, settings.out / RUN
    check_folder(settings.out, planned(order, count), order.spec)
    if settings.resume and (settings.out / CARD).exists() and not is_open(run):
        print(f"{settings.out} is finished; without --resume it is begun again", file=sys.stderr)  # noqa: T201
        return 0
    fabric = join_processes(precision_of(settings), threads=settings.threads)
    with Bars(shown=fabric.is_global_zero) as bars:
        with fabric.rank_zero_first():
            sets = fit_sets(settings, order.spec, bars)
        if fabric.is_global_zero:
            open_run(run, run_of(settings, order, sets, processes=fabric.world_size), resume=settings.resume)
        if settings.folds:
            tasks = in_folds(sets.training, order, count)
        else:
            tasks = seeds(sets.training, order, count, watched=sets.validation)
        members = [
            fit(order, task, fabric=fabric, folder=run, on_step=bars.training(task.name), say=bars.say)
            for task in tasks
        ]
        if not fabric.is_global_zero:
            return 0
        torch.set_num_threads(settings.threads)  # the other processes have nothing more to do
        network, device = joined(members, order), fabric.device
        if sets.validation is None:
            chosen_on = out_of_fold(members, order, bars.clips("validate"), device=device)
        else:
            chosen_on = scores(network, sets.validation, bars.clips("validate"), device=device)
    card = card_of(settings, order, members, chosen_on, sets)
    save_checkpoint(settings.out, network, card)
    close_run(run)
    found = card.training.validation
    assert found is not None
    bars.say(
        f"{card.training.steps} steps in {card.training.minutes} minutes; validation MCC {found.mcc.value:.3f} "
        f"({found.clips} clips, {found.prevalence:.1%} stalled; the thresholds were chosen on them); "
        f"checkpoint in {settings.out}"
    )
    for line in words.not_promised(card.rule, clips=found.clips, stalled=round(found.prevalence * found.clips)):
        bars.say(line)
    return 0


def evaluate(settings: EvaluateSettings) -> int:
    """Prints the measures of a checkpoint for each set of clips, and writes its page and its card."""
    from training.card import write_card
    from training.checkpoint import load_checkpoint
    from training.data.splits import check_both_classes
    from training.devices import placed
    from training.evaluate import score
    from training.measures.study import study
    from training.outfile import check_writable, write_text
    from training.page import Head, render_page
    from training.progress import Bars
    from training.report import print_json, print_table
    from training.sources import evaluation_sets

    for path in filter(None, (settings.out, settings.card)):
        check_writable(path)
    network, card = load_checkpoint(settings.checkpoint)
    limits = _limits(settings, card)
    network, measured = placed(network, threads=settings.threads), []
    with Bars() as bars:
        for each in evaluation_sets(settings, card, bars):
            check_both_classes(each.clips.stalled, each.name)
            bars.say(f"{each.name}: {each.description}")
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


def _limits(settings: EvaluateSettings | CalibrateSettings, card: "CheckpointCard") -> "Limits":
    """What the user says, and else what the checkpoint promises."""
    from training.measures.coverage import Limits

    promised = card.training.limits or Limits()
    return promised.model_copy(update=settings.model_dump(include={"error", "missed"}, exclude_none=True))


def calibrate(settings: CalibrateSettings) -> int:
    """Replaces a checkpoint's rule by one that is chosen on these clips for another prevalence."""
    from stream.errors import UserError
    from training import words
    from training.calibrate import choose_rule
    from training.checkpoint import load_checkpoint, save_checkpoint
    from training.data.splits import check_both_classes
    from training.devices import placed
    from training.evaluate import score
    from training.measures import evaluate
    from training.progress import Bars
    from training.sources import calibration_set

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
    stalled, limits = chosen_on.clips.stalled, _limits(settings, card)
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


def predict(settings: PredictSettings) -> int:
    """Writes the competition's submission; what was scored before it ended is not scored again."""
    from training.checkpoint import load_checkpoint
    from training.data.prepare import open_intake, read_each
    from training.devices import placed
    from training.evaluate import score_each
    from training.kept_logits import KeptLogits
    from training.outfile import check_writable
    from training.progress import Bars
    from training.sources import asked_for, videos
    from training.submission import check_read, predict, write_probabilities, write_submission

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
    bars.say(f"{stalled} of {len(predictions)} clips are called stalled; {settings.out}")
    return 0


def compare(settings: CompareSettings) -> int:
    """Trains several networks at equal cost, and writes the table."""
    from training.entries import compared
    from training.recipe import RECIPES, changed
    from training.sources import spec_of

    recipe = changed(RECIPES[settings.recipe], settings.change)
    return _hold(settings, list(compared(settings.networks, spec_of(settings), recipe)))


def ablate(settings: AblateSettings) -> int:
    """Trains one network with one thing changed at a time, and writes the table."""
    from training.entries import ablated
    from training.recipe import RECIPES, changed
    from training.sources import spec_of

    recipe = changed(RECIPES[settings.recipe], settings.change)
    other_specs = settings.data is None  # clips in a cache are cut already
    return _hold(settings, list(ablated(settings.network, spec_of(settings), recipe, other_specs=other_specs)))


def _hold(settings: ContestSettings, entries: "list[Entry]") -> int:
    from functools import partial

    import torch

    from training.contest import Contest, Rules
    from training.contest_clips import contest_splits
    from training.networks.cost import cost
    from training.orders import precision_of
    from training.outfile import write_text
    from training.progress import Bars
    from training.table import as_json, as_markdown

    rules = Rules(
        seeds=settings.seeds,
        cpu_s=60 * settings.minutes,
        precision=precision_of(settings),
        prevalence=settings.prevalence,
    )
    settings.out.mkdir(parents=True, exist_ok=True)
    with Bars() as bars:
        contest = Contest(
            contest_splits(settings, bars),
            rules,
            out=settings.out / "trials",
            jobs=settings.jobs,
            progress=partial(bars.clips, of="trainings"),
        )
        rows = contest.rows(entries)
    torch.set_num_threads(1)
    costs = [cost(row.entry.served, row.entry.spec) for row in rows]
    table = as_markdown(rows, costs, rules)
    write_text(settings.out / "table.md", table)
    write_text(settings.out / "table.jsonl", as_json(rows, costs))
    print(table)  # noqa: T201 - it is the command's output
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
    "prepare": Command("read recorded clips once and keep them for training", PrepareSettings, prepare),
    "fit": Command("train a network and choose its thresholds: a checkpoint", FitSettings, fit),
    "evaluate": Command("measure a checkpoint on clips it has not seen", EvaluateSettings, evaluate),
    "compare": Command("train several networks at equal cost: a table", CompareSettings, compare),
    "ablate": Command("train with one thing changed at a time: a table", AblateSettings, ablate),
    "calibrate": Command("choose a checkpoint's thresholds again", CalibrateSettings, calibrate),
    "predict": Command("write the competition's submission", PredictSettings, predict),
    "probe": Command("measure what else than its cells tells a generated clip's label", ProbeSettings, probe),
    "contact-sheet": Command("show clips side by side in a picture", ContactSheetSettings, contact_sheet),
}

if __name__ == "__main__":
    end_in_order()
    sys.exit(main("python -m training", COMMANDS, sys.argv[1:]))

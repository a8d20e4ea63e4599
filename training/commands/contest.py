"""`python -m training compare` and `ablate`: train the rows of a table for equally long, and write it."""

from functools import partial

import torch

from stream.processes.cpus import usable_cpus
from training.contest.clips import contest_splits
from training.contest.contest import Contest, Entry, Rules
from training.contest.entries import ablated, compared
from training.contest.table import as_json, as_markdown
from training.contest.trials import Length
from training.networks.cost import cost
from training.orders import precision_of
from training.outfile import check_folder_writable, write_text
from training.progress import Bars
from training.recipe import RECIPES, changed
from training.settings import AblateSettings, CompareSettings, ContestSettings
from training.sources import spec_of


def compare(settings: CompareSettings) -> int:
    """Trains several networks for equally long, and writes the table."""
    recipe = changed(RECIPES[settings.recipe], settings.change)
    return _hold(settings, list(compared(settings.networks, spec_of(settings), recipe, settings.rates)))


def ablate(settings: AblateSettings) -> int:
    """Trains one network with one thing changed at a time, and writes the table."""
    recipe = changed(RECIPES[settings.recipe], settings.change)
    other_specs = settings.data is None  # clips in a cache are cut already
    return _hold(settings, list(ablated(settings.network, spec_of(settings), recipe, other_specs=other_specs)))


def _hold(settings: ContestSettings, entries: list[Entry]) -> int:
    on_gpu = torch.cuda.is_available()
    rules = Rules(
        seeds=settings.seeds,
        length=Length(minutes=settings.minutes, passes=settings.passes),
        precision=precision_of(settings),
        device="cuda" if on_gpu else "cpu",
        prevalence=settings.prevalence,
    )
    check_folder_writable(settings.out)
    with Bars() as bars:
        contest = Contest(
            contest_splits(settings, bars),
            rules,
            out=settings.out / "trials",
            jobs=settings.jobs or (1 if on_gpu else usable_cpus()),
            progress=partial(bars.clips, of="trainings"),
        )
        rows = contest.rows(entries)
    torch.set_num_threads(1)
    costs = [cost(row.entry.served, row.entry.spec) for row in rows]
    table = as_markdown(rows, costs, rules)
    write_text(settings.out / "table.md", table)
    write_text(settings.out / "table.jsonl", as_json(rows, costs))
    print(table)
    return 0

"""`python -m training probe`: prints what each probe gives for each preset."""

from functools import partial

import torch

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from training.data.generated import generate
from training.probes.files import file_sizes
from training.probes.run import Material, markdown, probe
from training.progress import Bars
from training.settings import ProbeSettings


def run(settings: ProbeSettings) -> int:
    """Prints what each probe gives for each preset, as a table in Markdown."""
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
                Material(cached, written),
                clips=settings.clips,
                training_clips=settings.training_clips,
                files=settings.files,
                seed=settings.seed,
            )
    print(markdown(found))
    return 0

"""`python -m training COMMAND`: which commands there are."""

from stream.processes.interrupts import end_in_order, end_silently

if __name__ == "__main__":
    end_silently()

import sys

from stream.terminal.cli import Command, functions_of, main
from training.settings import (
    AblateSettings,
    CalibrateSettings,
    CompareSettings,
    ContactSheetSettings,
    EvaluateSettings,
    FitSettings,
    PredictSettings,
    PrepareSettings,
    ProbeSettings,
    SynthesizeSettings,
)

_of = functions_of("training.commands")

COMMANDS = {
    "synthesize": Command("write a folder of synthetic clips, with labels", SynthesizeSettings, _of("synthesize")),
    "prepare": Command("read recorded clips once and keep them for training", PrepareSettings, _of("prepare")),
    "fit": Command("train a network and choose its thresholds: a checkpoint", FitSettings, _of("fit")),
    "evaluate": Command("measure a checkpoint on clips it has not seen", EvaluateSettings, _of("evaluate")),
    "compare": Command("train several networks for equally long: a table", CompareSettings, _of("contest:compare")),
    "ablate": Command("train with one thing changed at a time: a table", AblateSettings, _of("contest:ablate")),
    "calibrate": Command("choose a checkpoint's thresholds again", CalibrateSettings, _of("calibrate")),
    "predict": Command("write the competition's submission", PredictSettings, _of("predict")),
    "probe": Command("measure what else than its cells tells a generated clip's label", ProbeSettings, _of("probe")),
    "contact-sheet": Command("show clips side by side in a picture", ContactSheetSettings, _of("contact_sheet")),
}

if __name__ == "__main__":
    end_in_order()
    sys.exit(main("python -m training", COMMANDS, sys.argv[1:]))

"""The commands, but that a reference to one clip is a defect for its worker.

python planted_skip.py CLIP_ID COMMAND...
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from stream.__main__ import COMMANDS
from stream.records import ClipReference, Source
from stream.scoring.scorer import Scorer
from stream.terminal.cli import main


def plant(clip_id: str) -> None:
    submit = Scorer.submit

    def submit_or_stumble(scorer: Scorer[Any], token: Any, reference: ClipReference, source: Source) -> None:
        if reference.clip_id == clip_id:
            raise ZeroDivisionError("a defect that this reference brings to light")
        submit(scorer, token, reference, source)

    Scorer.submit = submit_or_stumble  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    plant(sys.argv[1])
    sys.exit(main("python -m stream", COMMANDS, sys.argv[2:]))

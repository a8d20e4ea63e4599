"""`python -m training contact-sheet`: draws a picture of several clips."""

import sys

from training.settings import ContactSheetSettings
from training.synthetic.contact_sheet import write_contact_sheet


def run(settings: ContactSheetSettings) -> int:
    """Writes a picture of several clips."""
    shown = write_contact_sheet(
        settings.clips,
        settings.out,
        outcomes=settings.outcomes,
        rows=settings.rows,
        columns=settings.columns,
        width=settings.width,
    )
    print(f"{shown} clips shown in {settings.out}", file=sys.stderr)
    return 0

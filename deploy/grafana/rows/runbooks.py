"""The alerts' pages, where they are wanted at night."""

import re
from pathlib import Path

from deploy.grafana.panels import Page, Row

FOLDER = Path(__file__).resolve().parents[2] / "runbooks"


def runbooks() -> Row:
    """A panel for each page, folded away."""
    return Row("Runbooks", tuple(_page(path) for path in sorted(FOLDER.glob("*.md"))), folded=True)


def _page(path: Path) -> Page:
    """Without its heading, which is the panel's title, and without links to files that Grafana has not."""
    _, _, body = path.read_text().partition("\n\n")
    return Page(path.stem, re.sub(r"\[([^]]+)\]\([\w./#-]+\)", r"**\1**", body))

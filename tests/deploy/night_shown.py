"""The dashboard over a night with its incidents, which a real Prometheus holds, rules and alerts included.

`python -m tests.deploy.night_shown dashboard.png` writes its picture, by Chromium; with `--rows 3` of the first rows.
"""

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from deploy.grafana.dashboard import dashboard
from stream.local.ports import free_ports
from tests.deploy.browser import browser, screenshot
from tests.deploy.dashboard_page import WIDTH_PX, height_px, page
from tests.deploy.history import STEP_S, STEPS, Night
from tests.deploy.promql import MONITORING, rules, sent
from tests.deploy.servers import ask, prometheus
from tests.deploy.shown import Firing, Shown
from tests.system.commands import until

BEGIN_S = 1_764_021_600
"""At 22:00 UTC."""
END_S = BEGIN_S + (STEPS - 1) * STEP_S
PASSES = 4
"""Of the recording rules over the night: those that use others find them only in what an earlier pass has written."""


@contextmanager
def night(folder: Path) -> Iterator[str]:
    """The address of a Prometheus with the night; its files are in `folder`."""
    (folder / "night.om").write_text(Night(begin_s=BEGIN_S).text())
    (folder / "alerts.yml").write_text(yaml.safe_dump(_alerts_as_records()))
    (folder / "prometheus.yml").write_text("{}")
    data = folder / "data"
    _promtool("create-blocks-from", "openmetrics", folder / "night.om", data)
    for turn, file in enumerate([*[MONITORING / "recording.yml"] * PASSES, folder / "alerts.yml"]):
        made = folder / f"rules-{turn}"
        with _serving(folder) as url:
            span = (f"--start={BEGIN_S}", f"--end={END_S}", f"--eval-interval={STEP_S}s", f"--output-dir={made}")
            _promtool("create-blocks-from", "rules", f"--url={url}", *span, file)
        for block in made.iterdir():
            block.rename(data / block.name)
    with _serving(folder) as url:
        yield url


def _alerts_as_records() -> dict[str, Any]:
    """What Prometheus keeps of alerts that fire; promtool evaluates records alone, so each fires without its `for`."""
    records = [
        {
            "record": "ALERTS",
            "expr": f"({alert['expr']}) * 0 + 1",
            "labels": {**alert["labels"], "alertname": alert["alert"], "alertstate": "firing"},
        }
        for alert in rules("alerts.yml")
    ]
    return {"groups": [{"name": "alerts", "rules": records}]}


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    (port,) = free_ports("127.0.0.1", 1)
    with prometheus(folder / "prometheus.yml", port=port, data=folder / "data") as url:
        until(lambda: ask(url, "up", time=END_S) != [])
        yield url


def _promtool(*words: object) -> None:
    command = ["promtool", "tsdb", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True)
class NightShown:
    """The dashboard, and what was answered of the night."""

    dashboard: dict[str, Any]
    panels: list[Shown]
    alerts: list[Firing]

    def draw(self, program: str, picture: Path, *, rows: int | None = None) -> None:
        """Writes a browser's picture of the page, as a PNG of 256 colours, and the page beside it."""
        html = picture.with_suffix(".html")
        html.write_text(page(self.dashboard, self.panels, self.alerts))
        height = height_px(self.dashboard, rows=rows)
        screenshot(program, html, picture, width=WIDTH_PX, height=height)
        Image.open(picture).convert("RGB").quantize(256, Image.Quantize.FASTOCTREE).save(picture, optimize=True)


def look(url: str) -> NightShown:
    """Asks Prometheus for every panel that has queries."""
    told = dashboard()
    span = {"start": BEGIN_S, "end": END_S, "step": STEP_S}
    panels = [
        Shown(
            panel,
            [
                ask(url, sent(target["expr"]), **({"time": END_S} if target["instant"] else span))
                for target in panel["targets"]
            ],
        )
        for panel in told["panels"]
        if "targets" in panel
    ]
    (annotation,) = told["annotations"]["list"]
    fired = [
        Firing(series["metric"]["alertname"], begin, end)
        for series in ask(url, sent(annotation["target"]["expr"]), **span)
        for begin, end in _stretches([int(at) for at, _ in series["values"]])
    ]
    return NightShown(told, panels, fired)


def _stretches(moments: list[int]) -> Iterator[tuple[int, int]]:
    """From the first to the last of moments that follow each other by a step."""
    begin = moments[0]
    for here, after in zip(moments, [*moments[1:], None], strict=True):
        if after is None or after - here > STEP_S:
            yield begin, here
            begin = after or begin


def main() -> None:
    """Writes the picture that is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("picture", type=Path)
    parser.add_argument("--rows", type=int)
    asked = parser.parse_args()
    program = browser()
    if program is None:
        parser.error("there is no Chromium or Chrome here")
    with tempfile.TemporaryDirectory() as data, night(Path(data)) as url:
        look(url).draw(program, Path(data) / "seen.png", rows=asked.rows)
        shutil.copy(Path(data) / "seen.png", asked.picture)


if __name__ == "__main__":
    main()

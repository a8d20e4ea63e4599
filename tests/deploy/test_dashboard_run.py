"""Every panel returns data from a real Prometheus that holds a night with its incidents, and is drawn."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from stream.ports import free_ports
from tests.deploy.drawing import draw
from tests.deploy.history import STEP_S, STEPS, Night
from tests.deploy.promql import MONITORING
from tests.deploy.servers import ask, prometheus
from tests.deploy.test_dashboard import PANELS, expressions
from tests.system.commands import until

pytestmark = pytest.mark.ops

BEGIN_S = 1_764_000_000
END_S = BEGIN_S + (STEPS - 1) * STEP_S
PASSES = 4
"""Of the rules over the night: those that use others find them only in what an earlier pass has written."""


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prometheus' data."""
    folder = tmp_path_factory.mktemp("night")
    (folder / "night.om").write_text(Night(begin_s=BEGIN_S).text())
    data = folder / "data"
    _promtool("create-blocks-from", "openmetrics", folder / "night.om", data)
    (folder / "prometheus.yml").write_text("{}")
    (port,) = free_ports("127.0.0.1", 1)
    for turn in range(PASSES):
        made = folder / f"rules-{turn}"
        with prometheus(folder / "prometheus.yml", port=port, data=data) as url:
            until(lambda: ask(url, "up", time=END_S) != [])
            span = (f"--start={BEGIN_S}", f"--end={END_S}", f"--eval-interval={STEP_S}s", f"--output-dir={made}")
            _promtool("create-blocks-from", "rules", f"--url={url}", *span, MONITORING / "recording.yml")
        for block in made.iterdir():
            block.rename(data / block.name)
    return data


def _promtool(*words: object) -> None:
    command = ["promtool", "tsdb", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_every_panel_returns_data_and_is_drawn(night: Path, tmp_path: Path):
    (port,) = free_ports("127.0.0.1", 1)
    drawn: list[tuple[dict[str, Any], list[tuple[str, list[dict[str, Any]]]]]] = []
    with prometheus(night.parent / "prometheus.yml", port=port, data=night) as url:
        until(lambda: ask(url, "up", time=END_S) != [])
        for panel in PANELS:
            answers = []
            for target, expression in zip(panel["targets"], expressions(panel), strict=True):
                span = {"time": END_S} if target["instant"] else {"start": BEGIN_S, "end": END_S, "step": STEP_S}
                answer = ask(url, expression, **span)
                assert answer, f"{panel['title']}: nothing for {expression}"
                answers.append((target["legendFormat"], answer))
            drawn.append((panel, answers))
    draw(drawn, tmp_path / "dashboard.png")
    assert (tmp_path / "dashboard.png").stat().st_size > 100_000

"""Every panel returns data from a real Prometheus, filled by a real run and by a night of incidents, and is shown by a
browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from stream.local.ports import free_ports
from tests.deploy.browser import browser
from tests.deploy.dashboard_page import box_px
from tests.deploy.night_shown import NightShown, look, night
from tests.deploy.promql import MONITORING, sent
from tests.deploy.servers import ask, prometheus
from tests.deploy.test_dashboard import PANELS
from tests.system.commands import until
from tests.system.lab import Lab
from tests.system.load import small_clips

pytestmark = pytest.mark.ops


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NightShown]:
    with night(tmp_path_factory.mktemp("night")) as url:
        yield look(url)


@pytest.mark.timeout(300)
def test_every_panel_tells_of_the_night_and_its_incidents_call(shown: NightShown):
    for each in shown.panels:
        for target, answer in zip(each.panel["targets"], each.answers, strict=True):
            assert answer, f"{each.panel['title']}: nothing for {target['expr']}"
    assert {each.name for each in shown.alerts} == {"StallSloBurn", "StallLag", "StallDeadLetters", "StallTargetDown"}


def test_the_page_is_shown_by_a_browser(shown: NightShown, tmp_path: Path):
    program = browser()
    if program is None:
        pytest.skip("no Chromium or Chrome shows the dashboard")
    shown.draw(program, tmp_path / "dashboard.png")
    with Image.open(tmp_path / "dashboard.png") as picture:
        for each in shown.panels:
            colours = picture.crop(box_px(each.panel)).convert("RGB").getcolors(maxcolors=2**20)
            assert len(colours or ()) > 3, f"{each.panel['title']}: there is nothing to see"


@pytest.mark.timeout(240)
def test_every_panel_tells_of_a_real_run(kafka: str, tmp_path: Path):
    clips = small_clips(tmp_path / "clips")
    lab = Lab(kafka, clips, partitions=2)
    with lab.worker("--allow", clips) as worker:
        config = _config(tmp_path, target=worker.url.removeprefix("http://"))
        (port,) = free_ports("127.0.0.1", 1)
        with prometheus(config, port=port, data=tmp_path / "data") as url:
            asked = [sent(each["expr"]) for panel in PANELS for each in panel["targets"] if not _later(each["expr"])]
            until(lambda: ask(url, "stall_clips_total") != [])
            lab.send(*(path.as_uri() for path in (*clips.iterdir(), clips / "missing.mp4")))
            until(lambda: ask(url, f"sum(stall_clips_total) == {lab.sent} and sum(stall:lag_messages:sum) == 0") != [])
            until(lambda: ask(url, "stall:stalled:ratio1h") != [])  # of all, it is told last
            assert [expression for expression in asked if not ask(url, expression)] == []


def _later(expression: str) -> bool:
    """What a run of seconds can't have: alerts that fire, and a week without its last hour."""
    return "ALERTS" in expression or "mean7d" in expression


def _config(folder: Path, *, target: str) -> Path:
    """Scrapes a worker and runs the shipped rules, each second."""
    recording: dict[str, Any] = yaml.safe_load((MONITORING / "recording.yml").read_text())
    for group in recording["groups"]:
        group["interval"] = "1s"
    (folder / "recording.yml").write_text(yaml.safe_dump(recording))
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["recording.yml"],
        "scrape_configs": [{"job_name": "stall-workers", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    return folder / "prometheus.yml"

"""Rules and alerts as shipped: they name what workers expose, and each alert has a page whose commands exist."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import stream.__main__
import training.__main__
import trt_build.__main__
from stream.terminal.cli import main
from tests.deploy.promql import exposed_labels, recorded_labels, rules, unknown_names

RUNBOOKS = Path(__file__).resolve().parents[2] / "deploy" / "runbooks"
PROGRAMS = {
    "stream": stream.__main__.COMMANDS,
    "training": training.__main__.COMMANDS,
    "trt_build": trt_build.__main__.COMMANDS,
}
PAGES = pytest.mark.parametrize(
    "page", [RUNBOOKS.parent / "README.md", *sorted(RUNBOOKS.iterdir())], ids=lambda page: page.stem
)
ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}


@pytest.mark.parametrize("rule", [*rules("recording.yml"), *rules("alerts.yml")], ids=lambda rule: rule.get("record"))
def test_a_rule_names_what_workers_expose_or_rules_record(exposed: str, rule: dict[str, str]):
    known = {**exposed_labels(exposed), **recorded_labels()}
    assert not unknown_names(rule["expr"], known)


def test_names_that_nobody_exposes_are_found(exposed: str):
    known = exposed_labels(exposed)
    assert unknown_names("rate(stall_clip_total[5m])", known) == ["stall_clip_total"]
    assert unknown_names('stall_clips_total{result="x"}', known) == ["stall_clips_total{result}"]
    assert unknown_names("sum by (outcome, kind) (stall_clips_total)", known) == ["kind"]
    with pytest.raises(ValueError, match="parenthesis"):
        unknown_names("sum by (job) (stall_clips_total", known)


def test_the_promise_is_an_edge_of_the_buckets(exposed: str):
    assert 'stall_end_to_end_seconds_bucket{le="60.0",origin="appended"}' in exposed


def test_each_alert_has_its_page_and_says_how_urgent_it_is():
    assert {f"{name}.md" for name in ALERTS} == {page.name for page in RUNBOOKS.iterdir()}
    for name, alert in ALERTS.items():
        assert alert["annotations"]["runbook_url"] == f"https://stall.example/runbooks/{name}.md"
        assert alert["labels"]["severity"] in {"critical", "warning"}


def typed(page: Path) -> Iterator[tuple[str, list[str]]]:
    """The program and its words, for each command of ours on a page."""
    for block in page.read_text().split("```\n")[1::2]:
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:2] == ["python", "-m"]:
                yield words[2], words[3:]


@PAGES
def test_a_pages_commands_are_as_they_are_typed(page: Path, capsys: pytest.CaptureFixture[str]):
    commands = list(typed(page))
    for program, words in commands:
        harmless = {name: replace(command, run=lambda _: 0) for name, command in PROGRAMS[program].items()}
        default = "build" if program == "trt_build" else None
        assert main(f"python -m {program}", harmless, words, default=default) == 0, capsys.readouterr().err
    assert commands


@PAGES
def test_a_page_names_metrics_that_workers_expose(page: Path, exposed: str):
    for name in re.findall(r"stall_[a-z_]+", page.read_text()):
        assert name.rstrip("_") in exposed, name

"""The demo: a script of the commands that a user would type, which cleans up after itself whenever it ends."""

import re
import signal

import pytest

from tests.system.commands import adopting, running, until

DEMO = ("-m", "stream", "demo", "--clips", "8")


def test_the_demo_shows_each_command_and_what_came_of_it_and_leaves_nothing():
    with adopting() as left, running(*DEMO) as demo:
        demo.await_words(r"metrics: http://\S+/metrics, http://\S+/metrics", timeout_s=150)
        assert demo.process.wait(60) == 0
        assert left() == []
    typed = re.findall(r"^\$ (?:python -m )?(\w+ \S+)", demo.said, re.MULTILINE)
    assert [words for words in typed if not words.startswith("stream worker")] == [
        "stream kafka",
        "training synthesize",
        "stream topics",
        "stream produce",
        "kill -KILL",
        "stream audit",
        "stream report",
    ]
    assert sum(words == "stream worker" for words in typed) == 3
    for words in ("8 references, 8", "MCC", "prevalence", "clips/s", "p95", "as expected|for the reasons expected"):
        assert re.search(words, demo.said), words


MOMENTS = [
    r"\$ python -m stream kafka",
    r"\$ python -m training synthesize",
    pytest.param(r"\$ python -m stream topics", marks=pytest.mark.long),
    pytest.param(r"\$ python -m stream worker", marks=pytest.mark.long),
    pytest.param(r"\$ python -m stream produce", marks=pytest.mark.long),
    pytest.param(r"\$ kill -KILL", marks=pytest.mark.long),
    pytest.param(r"\$ python -m stream audit", marks=pytest.mark.long),
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupt_at_any_moment_ends_it_cleanly(moment: str):
    with adopting() as left, running(*DEMO) as demo:
        demo.await_words(moment, timeout_s=150)
        assert demo.end(signal.SIGINT) == 130
        assert left() == []
    assert "Traceback" not in demo.said


def test_a_demo_that_is_killed_leaves_nothing():
    with adopting() as left, running(*DEMO) as demo:
        demo.await_words(r"\$ python -m stream topics", timeout_s=150)
        assert demo.end(signal.SIGKILL) == -signal.SIGKILL
        until(lambda: left() == [], timeout_s=30)

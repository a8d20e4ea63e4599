"""`dlq show` on the real Kafka: all of them, or those that are asked for."""

import json
from subprocess import CompletedProcess

import pytest

from stream.errors import Reason
from tests.system.commands import run
from tests.system.doctored import Doctored, rejection


@pytest.fixture(scope="module")
def topics(kafka: str) -> Doctored:
    topics = Doctored(kafka)
    references = [topics.reference(offset) for offset in range(4)]
    topics.send(references)
    reasons = [Reason.NOT_FOUND, Reason.NO_OUTLINE] * 2
    topics.answer(*((each, rejection(each, reason)) for each, reason in zip(references, reasons, strict=True)))
    return topics


def show(topics: Doctored, *flags: object) -> str:
    return shown(topics, *flags).stdout


def shown(topics: Doctored, *flags: object) -> CompletedProcess[str]:
    at = ("--bootstrap", topics.kafka, "--dead-letters-topic", topics.letters)
    done = run("-m", "stream", "dlq", "show", *at, *flags)
    assert done.returncode == 0, done.stderr
    return done


def test_each_is_shown_in_full_with_the_command_that_tries_it_again(topics: Doctored):
    letters = show(topics).split("\n\n")
    assert len([each for each in letters if each.strip()]) == 4
    for said in (f"{topics.letters}[0]@1", "no_outline", "half of it", f"{topics.clips}[0]@1", "score /clips/0-1.mp4"):
        assert said in letters[1]


def test_those_that_are_asked_for_come_as_one_json_object_a_line(topics: Doctored):
    lines = show(topics, "--json", "--reason", "not_found").splitlines()
    assert [(json.loads(each)["clip_id"], json.loads(each)["offset"]) for each in lines] == [
        ("0-0.mp4", 0),
        ("0-2.mp4", 2),
    ]
    assert show(topics, "--clip-id", "another.mp4") == ""


def test_a_limit_shows_the_newest_and_says_how_many_there_are(topics: Doctored):
    some = shown(topics, "--json", "--limit", 2)
    assert [json.loads(each)["offset"] for each in some.stdout.splitlines()] == [2, 3]
    assert "the newest 2 of 4: a larger --limit shows more" in some.stderr
    limited = shown(topics, "--json", "--reason", "not_found", "--limit", 1)
    assert json.loads(limited.stdout)["offset"] == 2
    assert "the newest 1 of 2" in limited.stderr
    assert "newest" not in shown(topics, "--limit", 4).stderr

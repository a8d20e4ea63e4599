"""What a person is told besides the tables of tests/results/test_report.py, and where."""

import io
from collections.abc import Callable, Mapping
from typing import Any, get_args

import pytest

from stream.errors import Reason
from stream.records import FileSource, KafkaSource, Rejection, Source, Thresholds, Verdict
from stream.results.expectations import Expectations
from stream.results.ledger import Audit, Fault
from stream.results.report import Report
from stream.results.shown import Bar, show_audit, show_outcomes, show_report
from stream.terminal.console import Console
from tests.results.made_outcomes import made_verdict


def text_of(show: Callable[..., None], *shown: Any) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    show(console, *shown)
    return console.export_text()


def audit(*, pending: int = 0, unproven: int = 0, expired: int = 0, faults: Mapping[Fault, int] | None = None) -> Audit:
    examples: dict[Fault, tuple[str, ...]] = dict.fromkeys(faults or {}, ("clips[0]@7",))
    return Audit(
        references=9,
        outcomes=9,
        pending=pending,
        oldest_pending=("clips[1]@8 since noon, [b].mp4",) if pending else (),
        unproven=unproven,
        expired=expired,
        faults=faults or {},
        examples=examples,
    )


EVERY: Mapping[Fault, int] = {fault: count for count, fault in enumerate(get_args(Fault), start=1)}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (audit(), "each reference has exactly one outcome, in order, none invented: 9 references, 9 outcomes"),
        (audit(pending=2), "2 pending: 9 references, 9 outcomes; so far each in order, none twice, none invented"),
        (audit(expired=3), "3 outcomes are of references that the broker has deleted since"),
        (audit(unproven=2), "2 references have no outcome, and may have had one"),
        (audit(unproven=2), "the broker has deleted outcomes since\nnot proven: 9 references, 9 outcomes"),
        (
            audit(pending=2),
            "2 pending: without an outcome as yet; the oldest first\n    clips[1]@8 since noon, [b].mp4\n",
        ),
        (audit(pending=2), "    ... and 1 more\n2 pending: 9 references"),
        (audit(pending=2, faults=EVERY), "delivery is broken: 9 references, 9 outcomes"),
        (audit(pending=2, faults={"lost": 1}), "    clips[1]@8 since noon, [b].mp4"),
        (
            audit(faults={"late": 4}),
            "\n4 late, else each reference has exactly one outcome, in order: 9 references, 9 outcomes",
        ),
        (audit(pending=2, faults={"late": 4}), "2 pending, 4 late: 9 references, 9 outcomes; so far each in order"),
        (audit(unproven=2, faults={"late": 4}), "not proven, 4 late: 9 references"),
        (
            audit(unproven=1, expired=1),
            "1 outcome is of a reference that the broker has deleted since\n1 reference has no",
        ),
        *((audit(faults={fault: 1}), f"1 {fault.replace('_', ' ')}") for fault in EVERY),
        (audit(faults={"doubled": 2}), "    clips[0]@7\n    ... and 1 more"),
    ],
)
def test_an_audit_says_what_holds_or_each_thing_that_does_not(found: Audit, said: str):
    assert said in text_of(show_audit, found)


@pytest.mark.parametrize(
    "found",
    [
        audit(pending=1),
        audit(unproven=1),
        audit(pending=1, unproven=1),
        audit(faults=EVERY),
        audit(pending=1, faults=EVERY),
    ],
)
def test_nothing_is_called_proven_that_is_not(found: Audit):
    assert "exactly one" not in text_of(show_audit, found)


def test_late_outcomes_alone_are_not_called_a_loss():
    assert "broken" not in text_of(show_audit, audit(faults={"late": 9}))
    assert "broken" in text_of(show_audit, audit(faults={"late": 9, "lost": 1}))


@pytest.mark.parametrize(
    ("clip_id", "source", "named"),
    [
        ("a [red]1[/].mp4", FileSource(file="elsewhere"), "a [red]1[/].mp4"),
        ("", FileSource(file="elsewhere"), ""),
        (None, FileSource(file="/clips/[b].mp4"), "/clips/[b].mp4"),
        (None, KafkaSource(topic="clips", partition=2, offset=7), "clips[2]@7"),
    ],
)
def test_a_rejected_clip_is_named_by_its_id_or_else_by_where_it_stands(clip_id: str | None, source: Source, named: str):
    rejection = Rejection(schema=1, clip_id=clip_id, reason=Reason.DAMAGED, detail="[x] is no frame", source=source)
    (row,) = (line for line in text_of(show_outcomes, [rejection]).splitlines() if "damaged" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        named,
        "rejected",
        "",
        "",
        "damaged: [x] is no frame",
    ]


def verdict(clip_id: str, probability: float) -> Verdict:
    return made_verdict(
        clip_id=clip_id,
        verdict="uncertain",
        probability=probability,
        thresholds=Thresholds(low=0.1, high=0.9, decide=0.6, prevalence=0.3),
        source=FileSource(file="a"),
    )


def report(*verdicts: Verdict, known: Expectations, unexpected: int = 0) -> Report:
    return Report(
        audit=audit(),
        labels={"uncertain": len(verdicts)} if verdicts else {},
        confusion=None,
        prevalences=(0.3,),
        rejections={},
        unexpected=unexpected,
        sent_back=0,
        verdicts=verdicts,
        rejected=(),
        expectations=known,
        speed=None,
    )


@pytest.mark.parametrize(
    ("stalled", "probability", "told"),
    [
        (True, 0.6, ["stalled", "right"]),
        (True, 0.59, ["stalled", "wrong"]),
        (False, 0.59, ["flowing", "right"]),
        (False, 0.6, ["flowing", "wrong"]),
        (None, 0.6, ["unknown", ""]),
    ],
)
def test_a_verdict_is_right_or_wrong_by_the_artifacts_one_threshold(stalled: bool | None, probability: float, told):  # noqa: FBT001
    truths = {"other": True} if stalled is None else {"a": stalled}
    text = text_of(show_report, report(verdict("a", probability), known=Expectations(stalled=truths, rejections={})))
    (row,) = (line for line in text.splitlines() if "uncertain" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")][-2:] == told


def test_labels_of_other_clips_are_told_to_be_that():
    known = Expectations(stalled={"b.mp4": True, "c.mp4": False}, rejections={})
    text = text_of(show_report, report(verdict("a", 0.6), known=known))
    assert "none of the 2 labels is of a clip with a verdict: as b.mp4; verdicts are as a\n" in text
    assert "none of" not in text_of(show_report, report(known=known))
    assert "none of" not in text_of(show_report, report(verdict("a", 0.6), known=Expectations({}, {})))


@pytest.mark.parametrize(
    ("expected", "unexpected", "said"),
    [
        ({"a": Reason.DAMAGED}, 0, "rejected were those that were meant to be"),
        ({"a": Reason.DAMAGED}, 2, "2 clips ended otherwise than was expected of them"),
        ({"a": Reason.DAMAGED}, 1, "1 clip ended otherwise than was expected of them"),
        ({}, 0, ""),
    ],
)
def test_expected_rejections_are_confirmed_only_where_some_were_named(expected, unexpected: int, said: str):
    known = Expectations(stalled={}, rejections=expected)
    text = text_of(show_report, report(known=known, unexpected=unexpected))
    assert said in text
    assert ("meant to be" in text) == ("meant to be" in said)


def test_progress_goes_to_stderr_so_that_stdout_holds_nothing_but_results(capsys):
    with Bar("clips") as bar:
        bar.reach(3, 7)
        bar.advance(2)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "clips" in printed.err
    assert "5/7" in printed.err


ODD = ["[red]x:smile:.mp4", "root:x:0:0:r", ":x:[/]", "a\\[b]"]


@pytest.mark.parametrize("clip_id", ODD)
def test_a_name_is_shown_as_it_is(clip_id: str):
    rejection = Rejection(
        schema=1, clip_id=clip_id, reason=Reason.DAMAGED, detail=f"{clip_id} is torn", source=FileSource(file="x")
    )
    said = text_of(show_outcomes, [rejection, made_verdict(clip_id=clip_id)])
    assert said.count(clip_id) == 3

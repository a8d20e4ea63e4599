"""What a report counts, and what it says on the screen."""

import io
import json
import math

import pytest

from stream.errors import Reason, UserError
from stream.records import KafkaSource, Outcome, Partition, Record, Rejection, Verdict
from stream.results.audit import Topics
from stream.results.expectations import Expectations, read_expectations
from stream.results.ledger import Ledger
from stream.results.report import SHOWN, Collector, Report
from stream.results.shown import show_audit, show_outcomes, show_report
from stream.terminal.console import Console
from tests.results.made_outcomes import made_verdict

SOMEWHERE = KafkaSource(topic="clips", partition=0, offset=0)
NOTHING_KNOWN = Expectations(stalled={}, rejections={})
TOPICS = Topics(clips="clips", verdicts="verdicts", dead_letters="letters", group="workers")


def verdict(clip_id: str, probability: float) -> Verdict:
    return made_verdict(
        clip_id=clip_id,
        verdict="stalled" if probability >= 0.8 else "uncertain" if probability >= 0.2 else "flowing",
        probability=probability,
        source=SOMEWHERE,
    )


def rejection(clip_id: str | None, reason: Reason) -> Rejection:
    return Rejection(schema=1, clip_id=clip_id, reason=reason, detail="because [so]", source=SOMEWHERE)


def reported(
    outcomes,
    *,
    known: Expectations = NOTHING_KNOWN,
    appended_s=None,
    answered_s=None,
    pending=0,
    sent_back=(),
    within: range | None = None,
) -> Report:
    """A report of outcomes given for offsets 0, 1, 2, ... of one partition."""
    ledger = Ledger("clips", first_offsets={0: 0}, committed={}, within=None if within is None else {0: within})
    collector = Collector(TOPICS, ledger=ledger, expectations=known)
    for offset, outcome in enumerate(outcomes):
        ms = round(1000 * (answered_s[offset] if answered_s else 1))
        source = KafkaSource(topic="clips", partition=0, offset=offset)
        placed = outcome.model_copy(update={"source": source})
        if isinstance(placed, Verdict):
            value = placed.model_dump_json().encode()
            collector.outcome(Record(Partition("verdicts", 0), offset, b"k", value, source.headers(), ms))
        else:
            collector.outcome(Record(Partition("letters", 0), offset, b"k", b"?", placed.headers(), ms))
    for offset in range(len(outcomes) + pending):
        ms = round(1000 * appended_s[offset]) if appended_s else 0
        key: str | None = outcomes[offset].clip_id if offset < len(outcomes) else "k"
        headers = (SOMEWHERE.requeued_header(),) if offset in sent_back else ()
        record = Record(Partition("clips", 0), offset, None if key is None else key.encode(), b"{}", headers, ms)
        collector.reference(record)
    return collector.close()


def text_of(show, *args) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    show(console, *args)
    return console.export_text()


def test_verdicts_are_held_against_the_truth_at_the_artifacts_own_threshold():
    known = Expectations(stalled={"a": True, "b": True, "c": False, "d": False}, rejections={})
    clips = [("a", 0.9), ("b", 0.49), ("c", 0.51), ("d", 0.1), ("unlabelled", 0.9)]
    report = reported([verdict(*clip) for clip in clips], known=known)
    assert report.labels == {"stalled": 2, "uncertain": 2, "flowing": 1}
    assert report.confusion is not None
    assert (report.confusion.tp, report.confusion.fn, report.confusion.fp, report.confusion.tn) == (1, 1, 1, 1)
    assert report.prevalences == (0.05,)


def test_speed_is_from_append_to_outcome():
    report = reported([verdict("a", 0.1)] * 4, appended_s=[0, 1, 2, 3], answered_s=[0.5, 2, 4, 8])
    assert report.speed is not None
    assert (report.speed.span_s, report.speed.clips_per_s) == (8.0, 0.5)
    assert (report.speed.p50_s, report.speed.p95_s) == (1.0, 5.0)


def test_clocks_that_differ_give_no_negative_times():
    report = reported([verdict("a", 0.1)] * 2, appended_s=[5, 6], answered_s=[1, 2])
    assert report.speed is not None
    assert (report.speed.span_s, report.speed.p50_s, report.speed.p95_s) == (0.0, 0.0, 0.0)
    assert report.audit.complete


def test_a_rejection_that_was_expected_is_told_from_one_that_was_not():
    known = Expectations(stalled={}, rejections={"a": Reason.NOT_FOUND, "b": Reason.NOT_FOUND, "c": Reason.NOT_FOUND})
    outcomes = [
        rejection("a", Reason.NOT_FOUND),
        rejection("b", Reason.NO_OUTLINE),
        verdict("c", 0.1),
        rejection(None, Reason.BAD_REFERENCE),
    ]
    report = reported(outcomes, known=known)
    assert report.unexpected == 3
    assert report.rejections == {"not_found": 1, "no_outline": 1, "bad_reference": 1}
    assert reported(outcomes[:1], known=known).unexpected == 0


def test_a_part_of_the_references_is_reported_on_as_if_there_were_no_others():
    known = Expectations(stalled={"a": True, "b": False}, rejections={"c": Reason.NOT_FOUND})
    outcomes = [verdict("a", 0.9), rejection("c", Reason.DAMAGED), verdict("b", 0.1), rejection("c", Reason.NOT_FOUND)]
    part = reported(outcomes, known=known, within=range(2, 4), appended_s=[0, 1, 2, 3], answered_s=[9, 9, 4, 5])
    assert (part.labels, part.rejections, part.unexpected) == ({"flowing": 1}, {"not_found": 1}, 0)
    assert [each.clip_id for each in part.verdicts] == ["b"]
    assert [(each.clip_id, each.reason) for each in part.rejected] == [("c", Reason.NOT_FOUND)]
    assert part.confusion is not None
    assert part.confusion.total == 1
    assert part.audit.complete
    assert (part.audit.references, part.audit.outcomes) == (2, 2)
    assert part.speed is not None
    assert (part.speed.clips, part.speed.span_s) == (2, 3.0)


def test_of_a_clip_that_was_sent_back_both_outcomes_count_and_it_is_said():
    outcomes = [rejection("a", Reason.NOT_FOUND), verdict("b", 0.1), verdict("a", 0.9)]
    whole = reported(outcomes, sent_back=[2])
    assert (whole.rejections, whole.labels) == ({"not_found": 1}, {"flowing": 1, "stalled": 1})
    assert (whole.sent_back, whole.summary()["sent_back"]) == (1, 1)
    text = text_of(show_report, whole)
    assert "export has the latest of each clip; sent back by requeue: 1\n" in text
    since = reported(outcomes, sent_back=[2], within=range(2, 3))
    assert (since.rejections, since.labels, since.sent_back) == ({}, {"stalled": 1}, 1)
    before = reported(outcomes, sent_back=[2], within=range(2))
    assert (before.rejections, before.sent_back) == ({"not_found": 1}, 0)
    assert "sent back" not in text_of(show_report, before)


def test_a_small_run_is_shown_clip_by_clip():
    known = Expectations(stalled={"a [1].mp4": True, "b.mp4": False}, rejections={})
    outcomes = [verdict("a [1].mp4", 0.9), verdict("b.mp4", 0.9), rejection("x.mp4", Reason.NO_OUTLINE)]
    text = text_of(show_report, reported(outcomes, known=known))
    for said in ("a [1].mp4", "right", "wrong", "x.mp4", "no_outline", "because [so]", "MCC", "0.05", "p95"):
        assert said in text
    assert "each reference has exactly one outcome" in text
    (why,) = (line for line in text.splitlines() if "no_outline" in line)
    assert "x.mp4" in why


def test_a_large_run_is_summarised():
    outcomes: list[Outcome] = [verdict(f"{i}.mp4", 0.1) for i in range(SHOWN + 1)]
    outcomes += [rejection(f"r{i}.mp4", Reason.DAMAGED) for i in range(SHOWN + 1)]
    text = text_of(show_report, reported(outcomes))
    assert "17.mp4" not in text
    assert "51" in text
    assert "for one, r0.mp4" in text


def test_an_empty_topic_and_one_not_yet_answered_are_reported_as_such():
    assert "there are no references" in text_of(show_report, reported([]))
    assert reported([]).summary()["speed"] is None
    assert "2 pending" in text_of(show_report, reported([], pending=2))


def test_faults_are_listed_with_where_they_are():
    ledger = Ledger("clips", first_offsets={0: 0}, committed={0: 20})
    for offset in range(20):
        ledger.reference(Record(Partition("clips", 0), offset, None, None, (), 0))
    text = text_of(show_audit, ledger.close())
    assert "20 lost" in text
    assert "clips[0]@3" in text
    assert "and 10 more" in text
    assert "delivery is broken" in text


def test_the_summary_is_json_whatever_the_numbers_are():
    known = Expectations(stalled={"a": True}, rejections={})
    summary = json.loads(json.dumps(reported([verdict("a", 0.9)], known=known).summary(), allow_nan=False))
    assert summary["measures"] == {
        "clips": 1,
        "prevalence": 1.0,
        "mcc": 0.0,
        "sensitivity": 1.0,
        "specificity": None,
    }
    assert math.isclose(summary["speed"]["end_to_end_p50_s"], 1.0)


def test_outcomes_are_shown_as_a_table():
    text = text_of(show_outcomes, [verdict("a.mp4", 0.25), rejection(None, Reason.BAD_REFERENCE)])
    for said in ("a.mp4", "uncertain", "0.250", "clips[0]@0", "bad_reference"):
        assert said in text


def test_an_outcome_topic_that_holds_something_else_is_refused():
    headers = KafkaSource(topic="clips", partition=0, offset=0).headers()
    collector = Collector(
        TOPICS, ledger=Ledger("clips", first_offsets={0: 0}, committed={}), expectations=NOTHING_KNOWN
    )
    with pytest.raises(UserError, match=r"verdicts\[0\]@3 is no verdict"):
        collector.outcome(Record(Partition("verdicts", 0), 3, None, b"{}", headers, 0))
    with pytest.raises(UserError, match=r"letters\[0\]@3 is no dead letter"):
        collector.outcome(Record(Partition("letters", 0), 3, None, b"{}", headers, 0))


def test_labels_and_expected_rejections_are_read_from_csv(tmp_path):
    (tmp_path / "labels.csv").write_text("filename,stalled\na.mp4,1\nb.mp4,0\n")
    (tmp_path / "bad.csv").write_text("filename,expected_reason\nc.mp4,not_found\n")
    known = read_expectations(tmp_path / "labels.csv", tmp_path / "bad.csv")
    assert known == Expectations(stalled={"a.mp4": True, "b.mp4": False}, rejections={"c.mp4": Reason.NOT_FOUND})
    (tmp_path / "labels.csv").write_text("filename,stalled\na.mp4,yes\n")
    (tmp_path / "bad.csv").write_text("filename,expected_reason\nc.mp4,gone\n")
    with pytest.raises(UserError, match=r"labels\.csv:2: stalled = 'yes' must be 0 or 1"):
        read_expectations(tmp_path / "labels.csv", None)
    with pytest.raises(UserError, match=r"bad\.csv:2: 'gone' is no reason; there are bad_reference"):
        read_expectations(None, tmp_path / "bad.csv")

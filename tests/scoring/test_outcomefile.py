"""A file of outcomes: each file has one line whatever cut it short, and no two models are mixed in it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.errors import ClipFault, Reason, UserError
from stream.records import KafkaSource, Outcome, Thresholds
from stream.scoring.outcomefile import OutcomeFile
from stream.scoring.outcomes import Judge, reject
from stream.scoring.score import NamedClip
from stream.verdict import DecisionRule
from tests.results.made_outcomes import made_verdict

JUDGE = Judge(DecisionRule(low=0.2, high=0.8, prevalence=0.3), artifact="a" * 16, spec="b" * 16)


def named(*names: object) -> list[NamedClip]:
    return [NamedClip(str(name), f"/clips/{name}", f"/clips/{name}") for name in names]


def outcome(file: NamedClip, *, artifact: str = JUDGE.artifact) -> Outcome:
    if not file.clip_id[0].isdigit():
        return reject(ClipFault(Reason.BAD_REFERENCE, "no name"), clip_id=None, source=file.source)
    return made_verdict(
        clip_id=file.clip_id,
        verdict="stalled",
        probability=0.9,
        thresholds=Thresholds(low=0.2, high=0.8, decide=0.5, prevalence=0.3),
        roi=(0, 0, 9, 9),
        artifact=artifact,
        spec=JUDGE.spec,
        source=file.source,
    )


def score(path: Path, files: Sequence[NamedClip], *, stop_after: int = 1000, resume: bool = True) -> int:
    """A run that may end early; how many it judged."""
    with OutcomeFile(path, resume=resume) as kept:
        kept.require(JUDGE)
        left = list(kept.without_outcome(files))[:stop_after]
        for file in left:
            kept.add(outcome(file))
    return len(left)


NAMES = st.lists(st.sampled_from(["1.mp4", "2.mp4", "3.mp4", "bad.mp4", "\udcff.mp4"]), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(NAMES, st.integers(0, 8), st.data())
def test_cut_at_any_byte_it_is_gone_on_with_until_each_file_has_one_line(tmp_path, names, first, data):
    path, files = tmp_path / "out.jsonl", named(*names)
    path.unlink(missing_ok=True)
    score(path, files, stop_after=first)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)), label="bytes left")])
    left = path.read_bytes().count(b"\n")
    assert score(path, files) == len(files) - left
    assert path.read_text().splitlines() == [outcome(file).model_dump_json() for file in files]


def test_files_that_came_meanwhile_are_judged_wherever_they_lie(tmp_path):
    path = tmp_path / "out.jsonl"
    score(path, named("2.mp4", "bad.mp4"))
    with OutcomeFile(path, resume=True) as kept:
        assert kept.rejections == 1
        assert list(kept.without_outcome(named("1.mp4", "2.mp4", "bad.mp4", "3.mp4"))) == named("1.mp4", "3.mp4")


def test_a_file_that_exists_is_left_alone_unless_resumed(tmp_path):
    path = tmp_path / "out.jsonl"
    score(path, named("1.mp4"), resume=False)
    with pytest.raises(UserError, match=r"out\.jsonl exists: --resume goes on with it, or give another file by --out"):
        OutcomeFile(path, resume=False)
    path.write_bytes(b"")
    assert score(path, named("1.mp4"), resume=False) == 1, "an empty one holds nothing that could be lost"


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        (replace(JUDGE, artifact="c" * 16), "artifact cccccccccccccccc"),
        (replace(JUDGE, spec="c" * 16), "spec cccccccccccccccc"),
        (replace(JUDGE, rule=JUDGE.rule.at_prevalence(0.1)), "prevalence 0.1"),
    ],
)
def test_another_model_or_rule_is_not_mixed_in(tmp_path, judge, said):
    path = tmp_path / "out.jsonl"
    score(path, named("bad.mp4", "1.mp4"))
    with OutcomeFile(path, resume=True) as kept, pytest.raises(UserError) as refusal:
        kept.require(judge)
    assert "out.jsonl:2 was judged by artifact aaaaaaaaaaaaaaaa, spec bbbbbbbbbbbbbbbb" in str(refusal.value)
    assert said in str(refusal.value)
    assert "give another file by --out" in str(refusal.value)


OURS = outcome(named("1.mp4")[0]).model_dump_json().encode() + b"\n"
FROM_KAFKA = outcome(named("1.mp4")[0]).model_copy(update={"source": KafkaSource(topic="t", partition=0, offset=1)})


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"filename,stalled\n", 1),
        (b"text without an end", 1),
        (OURS + b"{}\n" + OURS, 2),
        (OURS + b"text without an end", 2),
        (FROM_KAFKA.model_dump_json().encode() + b"\n", 1),
    ],
)
def test_what_holds_something_else_is_named_by_its_line_and_stays(tmp_path, content, line):
    path = tmp_path / "precious.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"precious\.txt:{line} is no outcome of a file: give another file by --out"):
        OutcomeFile(path, resume=True)
    assert path.read_bytes() == content

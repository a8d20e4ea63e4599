"""`export` of real topics: a row a clip, in both formats, and what can't be written is said."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stream.records import Record
from tests.bare import run_without
from tests.system.commands import run
from tests.system.doctored import SENT_MS, Doctored, rejection, verdict


def export(topics: Doctored, *flags: object) -> list[dict[str, str]]:
    done = run("-m", "stream", "export", *topics.words[:-2], *flags)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


@pytest.fixture(scope="module")
def topics(kafka: str) -> Doctored:
    """Five references to four clips: b was rejected and, sent again, judged; d waits."""
    topics = Doctored(kafka)
    given = [topics.reference(place, clip_id=name) for place, name in enumerate(["a", "b", 'c, "the"\n3rd', "b", "d"])]
    topics.send(given)
    a, b, c, again, _ = given
    better = verdict(again).model_copy(update={"probability": 0.3, "extra": {"mouse": "7"}})
    taken = datetime(2026, 11, 25, 9, tzinfo=UTC)
    first = verdict(a).model_copy(update={"captured_at": taken, "project_id": "p"})
    topics.answer((a, first), (b, rejection(b)), (c, rejection(c, detail="gone")), (again, better))
    return topics


def test_each_clip_has_one_row_with_its_latest_outcome(topics: Doctored):
    a, b, c = export(topics)
    assert (a["clip_id"], a["outcome"], float(a["probability"]), a["reason"]) == ("a", "flowing", 0.1, "")
    assert (a["project_id"], a["captured_at"]) == ("p", "2026-11-25T09:00:00.000000+00:00")
    assert (a["roi_x0"], a["roi_y1"], a["artifact"], a["prevalence"]) == ("1", "40", "a" * 16, "0.05")
    assert (b["clip_id"], b["outcome"], b["probability"], b["extra"]) == ("b", "flowing", "0.3", '{"mouse": "7"}')
    assert (b["topic"], b["partition"], b["offset"]) == (topics.clips, "0", "3")
    assert (c["clip_id"], c["outcome"], c["probability"]) == ('c, "the"\n3rd', "rejected", "")
    assert (c["reason"], c["detail"]) == ("damaged", "gone")
    assert c["appended_at"] == datetime.fromtimestamp((SENT_MS + 2100) / 1000, UTC).isoformat(timespec="microseconds")


def test_the_range_is_of_references_so_an_earlier_outcome_counts_where_the_later_one_is_beyond(topics: Doctored):
    assert [row["outcome"] for row in export(topics, "--offsets", "0:1-2")] == ["rejected", "rejected"]
    third = datetime.fromtimestamp(SENT_MS / 1000 + 3, UTC).isoformat()
    assert [row["clip_id"] for row in export(topics, "--since", third)] == ["b"]
    assert [row["outcome"] for row in export(topics, "--until", third)] == ["flowing", "rejected", "rejected"]


def test_parquet_says_the_same_in_types(topics: Doctored, tmp_path: Path):
    assert export(topics, "--out", tmp_path / "t.csv") == export(topics, "--out", tmp_path / "t.parquet") == []
    with (tmp_path / "t.csv").open(newline="") as file:
        told = list(csv.DictReader(file))
    found = pl.read_parquet(tmp_path / "t.parquet").to_dicts()

    def text(value: Any) -> str:
        if isinstance(value, datetime):
            return value.isoformat(timespec="microseconds")
        return "" if value is None else str(value)

    assert [{name: text(value) for name, value in row.items()} for row in found] == told
    assert isinstance(found[0]["captured_at"], datetime)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.parquet"]


def test_a_record_that_is_no_outcome_ends_it_by_name_and_the_file_before_stays(kafka: str, tmp_path: Path):
    topics, out = Doctored(kafka), tmp_path / "t.csv"
    out.write_text("before")
    record = topics.reference(0)
    topics.append(topics.verdicts, Record(record.partition, 0, b"k", b"hello", record.source.headers(), SENT_MS))
    done = run("-m", "stream", "export", *topics.words[:-2], "--out", out)
    assert done.returncode == 2
    assert f"{topics.verdicts}[0]@0 is no verdict" in done.stderr.splitlines()[-1]
    assert (out.read_text(), [path.name for path in tmp_path.iterdir()]) == ("before", ["t.csv"])


@pytest.mark.parametrize(
    ("out", "absent", "said"),
    [
        ("nowhere/t.csv", {"torch"}, "can't write nowhere/t.csv (No such file or directory)"),
        ("t.parquet", {"polars"}, "--out t.parquet: Parquet takes polars: pip install '.[parquet]'"),
    ],
)
def test_what_cannot_be_written_is_said_before_kafka_is_asked(tmp_path: Path, out: str, absent: set[str], said: str):
    never = ("--bootstrap", "127.0.0.1:1", "--connect-timeout-s", "0.1")
    ended = run_without(absent, tmp_path, "-m", "stream", "export", *never, "--out", out)
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert said in ended.stderr

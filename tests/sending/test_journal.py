"""The journal: after any end it tells a prefix of what Kafka acknowledged, and never serves another input or topic."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.errors import UserError
from stream.records import ClipReference
from stream.sending.journal import Journal, Memory, Names, Owner, Rows, journal_beside

OWNER = Owner("clips", "id-1")
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def made(*names: object, uri: str = "s3://bucket/") -> list[ClipReference]:
    return [ClipReference(schema=1, clip_id=str(name), uri=f"{uri}{name}") for name in names]


def ids(references: Iterable[ClipReference]) -> list[str]:
    return [each.clip_id for each in references]


def send(path: Path, memory: Memory, source: Sequence[ClipReference], batches: Iterable[int]) -> int:
    """A run that ends after some acknowledgements; how many there were in it."""
    with Journal(path, OWNER, memory) as journal:
        left = list(journal.left(source))
        done = 0
        for batch in batches:
            more = min(batch, len(left) - done)
            if more:
                journal.acknowledged(more)
                done += more
    return done


BATCHES = st.lists(st.integers(1, 9), max_size=6)
MEMORIES = pytest.mark.parametrize("memory", [Rows, Names])


@MEMORIES
@in_one_folder
@given(st.integers(0, 30), BATCHES, BATCHES, st.data())
def test_cut_at_any_byte_it_is_a_prefix_of_what_was_acknowledged(tmp_path, memory, size, first, second, data):
    path = tmp_path / "journal"
    path.unlink(missing_ok=True)
    source = made(*range(size))
    acknowledged = send(path, memory(), source, first)
    acknowledged += send(path, memory(), source, second)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)), label="bytes left")])
    lost_entries = whole.count(b"\n") - path.read_bytes().count(b"\n")
    with Journal(path, OWNER, memory()) as journal:
        assert journal.count <= acknowledged
        assert lost_entries or journal.count == acknowledged
        assert list(journal.left(source)) == source[journal.count :]


@MEMORIES
def test_what_was_handed_out_and_not_acknowledged_is_handed_out_again(tmp_path, memory):
    path, source = tmp_path / "journal", made(*"abcde")
    assert send(path, memory(), source, [2]) == 2
    with Journal(path, OWNER, memory()) as journal:
        assert ids(journal.left(source)) == ["c", "d", "e"]
    assert send(path, memory(), source, [1]) == 1
    assert send(path, memory(), source, [9]) == 2
    with Journal(path, OWNER, memory()) as journal:
        assert (journal.count, list(journal.left(source))) == (5, [])


def test_a_file_may_grow_at_its_end(tmp_path):
    path = tmp_path / "journal"
    send(path, Rows(), made(*"ab"), [2])
    with Journal(path, OWNER, Rows()) as journal:
        assert ids(journal.left(made(*"abcd"))) == ["c", "d"]
        journal.acknowledged(1)
    with Journal(path, OWNER, Rows()) as journal:
        assert ids(journal.left(made(*"abcd"))) == ["d"]


def test_a_folder_may_grow_anywhere_and_shrink(tmp_path):
    path = tmp_path / "journal"
    send(path, Names(), made(*"bd"), [2])
    with Journal(path, OWNER, Names()) as journal:
        assert ids(journal.left(made(*"abc"))) == ["a", "c"]


@pytest.mark.parametrize(
    "other",
    [made(*"axc"), made(*"ba"), made(*"a"), [], made(*"abc", uri="/elsewhere/")],
    ids=["another row", "another order", "shorter", "empty", "another root"],
)
def test_another_file_is_refused_before_any_of_it_is_handed_out(tmp_path, other):
    path = tmp_path / "journal"
    send(path, Rows(), made(*"abc"), [2])
    with Journal(path, OWNER, Rows()) as journal, pytest.raises(UserError) as refusal:
        next(journal.left(other))
    said = f"journal {path} belongs to another input: its first 2 references are not those that were sent"
    assert said in str(refusal.value)
    assert "delete it or give another place by --journal" in str(refusal.value)


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        (replace(OWNER, topic="others"), "belongs to the topic 'clips'"),
        (replace(OWNER, topic_id="id-2"), "belongs to another topic 'clips', of another cluster or deleted since"),
        (replace(OWNER, folder="/clips"), "belongs to an input that is a file"),
    ],
)
def test_a_journal_of_another_topic_or_source_is_refused_and_stays(tmp_path, owner, said):
    path = tmp_path / "journal"
    send(path, Rows(), made(*"abc"), [2])
    before = path.read_bytes()
    with pytest.raises(UserError, match=f"{said}: to send all of this input, delete it or give another"):
        Journal(path, owner, Rows())
    assert path.read_bytes() == before


def test_a_journal_of_another_folder_is_refused(tmp_path):
    path = tmp_path / "journal"
    Journal(path, replace(OWNER, folder="/a"), Names()).__exit__(None, None, None)
    with pytest.raises(UserError, match="belongs to the folder /a: "):
        Journal(path, replace(OWNER, folder="/b"), Names())


HEADER = OWNER.to_line() + b"\n"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"filename,url\n1.mp4,s3://x\n", 1),
        (b"text without an end", 1),
        (b'{"stall-journal": 1, }\n', 1),
        (b'{"stall-journal": 1, "topic": "clips"}\n', 1),
        (HEADER + b"{}\n", 2),
        (HEADER + b"[]\n", 2),
        (HEADER + b'{"references": 2, "sha256": "a"}\n\x00\x00\n{"references": 3, "sha256": "a"}\n', 3),
        (HEADER + b'{"references": 2, "sha256": "a"}\n{"references": 2, "sha256": "a"}\n', 3),
        (HEADER + b'{"clip_ids": ["a"]}\n', 2),
    ],
)
def test_what_is_no_journal_is_named_by_its_line_and_stays(tmp_path, content, line):
    path = tmp_path / "precious.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f":{line} is no line of a journal: give another place by --journal"):
        Journal(path, OWNER, Rows())
    assert path.read_bytes() == content


def test_it_lies_beside_the_source_and_is_no_clip_of_a_folder(tmp_path, monkeypatch):
    (tmp_path / "clips").mkdir()
    monkeypatch.chdir(tmp_path / "clips")
    assert journal_beside(Path()) == tmp_path / "clips.journal"
    assert journal_beside(Path("../m.csv")) == tmp_path / "m.csv.journal"
    assert journal_beside(Path("/")) == Path("/root.journal")

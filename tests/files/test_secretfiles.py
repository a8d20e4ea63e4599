"""A folder of secrets as Kubernetes mounts it: what is ours is read, what is meant to be ours and isn't is named."""

from pathlib import Path

import pytest

from stream.errors import UserError
from stream.files.secretfiles import secret_texts


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """As the kubelet does it, so that all can be exchanged at once: links to links to files."""
    held = tmp_path / "..2026_11_27"
    held.mkdir()
    (held / "STALL_KAFKA_SASL_PLAIN_PASSWORD").write_text(" pass word\n")
    (held / "tls.crt").write_bytes(b"\xff\x00")
    (tmp_path / "..data").symlink_to(held.name)
    for file in held.iterdir():
        (tmp_path / file.name).symlink_to(f"..data/{file.name}")
    return tmp_path


def test_each_of_our_files_is_a_setting_and_nothing_else_is(mounted: Path):
    assert secret_texts(mounted, taken="STALL_KAFKA_") == {"STALL_KAFKA_SASL_PLAIN_PASSWORD": "pass word"}


def test_a_setting_that_is_not_taken_from_there_is_named(mounted: Path):
    (mounted / "STALL_GROUP").write_text("g")
    with pytest.raises(UserError, match=r"STALL_GROUP isn't taken from a folder.*only STALL_KAFKA_<NAME>"):
        secret_texts(mounted, taken="STALL_KAFKA_")


def test_a_file_that_is_no_text_is_named_and_not_shown(mounted: Path):
    (mounted / "STALL_KAFKA_SSL_PASSWORD").write_bytes(b"secret\xff")
    with pytest.raises(UserError, match="STALL_KAFKA_SSL_PASSWORD is not the text") as told:
        secret_texts(mounted, taken="STALL_KAFKA_")
    assert "secret" not in str(told.value).replace(str(mounted), "")


def test_a_folder_that_went_away_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"can't read the folder of secrets .*gone: No such file"):
        secret_texts(tmp_path / "gone", taken="STALL_KAFKA_")

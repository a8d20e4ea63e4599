"""What --allow takes, and what it says of what it doesn't take."""

from pathlib import Path

import pytest

from stream.errors import ClipFault, Reason, UserError
from stream.fetch import S3Access, SourceOptions, named_sources, open_sources
from tests.fetch.test_files import nobody

ELSEWHERE = SourceOptions(s3=S3Access(endpoint="http://127.0.0.1:1", unsigned=True))


def reasons(sources, uris: dict[str, str]) -> dict[str, str]:
    """By uri, the reason why it may not be read; 'may' where the store is asked, which is a dead one."""
    found = {}
    for uri in uris:
        try:
            sources[uri.partition(":")[0].lower()].store_of(uri)
        except ClipFault as fault:
            found[uri] = str(fault.reason)
        else:
            found[uri] = "may"
    return found


def test_each_kind_of_root_opens_what_lies_in_it_and_nothing_else(tmp_path: Path):
    roots = [str(tmp_path), "s3://whole", "S3://part/clips/", "https://host", "http://host:8080/clips"]
    uris = {
        "s3://whole/a": "may",
        "s3://part/clips/a": "may",
        "s3://part/clips": "may",
        "s3://part/a": "forbidden",
        "s3://part/clips-secret/a": "forbidden",
        "s3://part/CLIPS/a": "forbidden",
        "s3://part/x/../clips/a": "bad_reference",
        "s3://other/a": "forbidden",
        "https://host/a": "may",
        "HTTPS://HOST:443/a": "may",
        "https://host:8443/a": "forbidden",
        "https://host.evil/a": "forbidden",
        "https://sub.host/a": "forbidden",
        "http://host/a": "forbidden",
        "http://host:8080/clips/a": "may",
        "http://host:8080/clips-secret/a": "forbidden",
        "http://host:8080/a": "forbidden",
        "http://host:8080/clips%2Fa": "forbidden",
        "http://host:8080//clips/a": "forbidden",
        "http://host:8080/clips/../a": "bad_reference",
        "http://host:8080/clips/%2e%2E/a": "bad_reference",
        "http://host:8080/clips/%252e%252e/a": "bad_reference",
        f"http://host:8080/clips/%{'25' * 4000}2e": "bad_reference",
        "http://host:8080/clips/..%2Fa": "bad_reference",
        "http://host:8080/clips/..\\a": "bad_reference",
        "http://host:8080/clips/..;x/a": "bad_reference",
        "http://host@evil/a": "bad_reference",
        "http://host\\@evil/a": "bad_reference",
        "http://host#@evil/a": "bad_reference",
        "http://:word@host:8080/clips/a": "bad_reference",
    }
    sources = open_sources(roots, ELSEWHERE)
    assert sources.keys() == {"file", "s3", "http", "https"}
    assert reasons(sources, uris) == uris


@pytest.mark.parametrize(
    ("root", "rule"),
    [
        ("{}/none", "no such folder"),
        ("{}/file", "no such folder"),
        ("file://host/clips", "without a host"),
        ("ftp://host/clips", "ftp:// is unknown"),
        ("s3://", "s3://bucket/key"),
        ("s3:///clips", "s3://bucket/key"),
        ("s3://bucket?versionId=1", "%3F"),
        ("s3://bucket/clips#1", "%23"),
        ("s3://bucket/a/../b", "can't be read"),
        ("s3://bucket/100%", "%25"),
        ("s3://KEY:s3cr3t@bucket", "without user and password"),
        ("https://", "https://host"),
        ("https://host:port/", "https://host"),
        ("https://host:99999/", "https://host"),
        ("https://host/clips?sig=s3cr3t", "before it"),
        ("https://host/clips#1", "%23"),
        ("https://user:s3cr3t@host/clips", "without user and password"),
        ("https://host /clips", "https://host"),
    ],
)
def test_what_cannot_be_a_root_is_refused_in_one_line_without_its_secrets(tmp_path: Path, root: str, rule: str):
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as caught:
        open_sources([root.format(tmp_path)], ELSEWHERE)
    said = str(caught.value)
    assert said.startswith("--allow")
    assert rule in said
    assert "\n" not in said
    assert "s3cr3t" not in said


def test_a_folder_that_cannot_be_reached_is_refused_in_one_line(tmp_path: Path):
    (tmp_path / "clips").mkdir(mode=0o700)
    (tmp_path / "clips" / "below").mkdir()
    with nobody(), pytest.raises(UserError, match="no such folder that can be seen"):
        open_sources([f"{tmp_path}/clips/below"], SourceOptions())


def test_without_a_root_nothing_is_opened():
    with pytest.raises(UserError, match="--allow is missing"):
        open_sources([], SourceOptions())


@pytest.mark.parametrize("endpoint", ["127.0.0.1:8333", "http://user:s3cr3t@host", "ftp://host", "http://host?s3cr3t"])
def test_an_endpoint_that_cannot_be_is_refused_in_one_line(endpoint: str, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UserError, match="--s3-endpoint") as caught:
        open_sources(["s3://bucket"], SourceOptions(s3=S3Access(endpoint=endpoint)))
    assert "s3cr3t" not in str(caught.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(UserError, match="AWS_ENDPOINT_URL"):
        open_sources(["s3://bucket"], SourceOptions())


def test_what_a_user_names_is_allowed_and_nothing_beside_it(tmp_path: Path):
    (tmp_path / "a.mp4").write_bytes(b"a")
    (tmp_path / "b.mp4").write_bytes(b"b")
    named = [f"{tmp_path}/a.mp4", "s3://bucket/a.mp4", "https://host/a.mp4?sig=1", "ftp://host/a", "s3://", "https://"]
    sources = named_sources(named, ELSEWHERE)
    assert sources.keys() == {"file", "s3", "https"}
    assert sources["file"].read(f"{tmp_path}/a.mp4") == b"a"
    with pytest.raises(ClipFault) as caught:
        sources["file"].read(f"{tmp_path}/b.mp4")
    assert caught.value.reason is Reason.FORBIDDEN
    uris = {
        "s3://bucket/a.mp4": "may",
        "s3://bucket/b.mp4": "forbidden",
        "https://host/a.mp4": "may",
        "https://host/b.mp4": "forbidden",
        "https://host/": "forbidden",
    }
    assert reasons(sources, uris) == uris

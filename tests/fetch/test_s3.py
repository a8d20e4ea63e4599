"""A real S3 server: what is read, whose fault it is when nothing is, and that no key leads out of a root."""

import csv
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import obstore
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.errors import ClipFault, Outage, Reason
from stream.fetch.contract import Patience
from stream.fetch.s3 import S3, S3Access, S3Place
from stream.sending.produce import metadata_source
from tests.fetch.web import ANSWERS, Web, says
from tests.s3_server import ADMIN, READER, REGION, S3Server, User

CLIP = bytes(range(256)) * 1000
PATIENT = Patience(connect_s=30.0, silence_s=30.0, total_s=60.0)
QUICK = Patience(connect_s=5.0, silence_s=0.5, total_s=1.5)
NAMES = [
    "a b.mp4",
    "ä#1?.mp4",
    "100%.mp4",
    "%20.mp4",
    "a;b&c=d+e,f~g'(h)!$@:*.mp4",
    'q"<>|^`{}[]\\.mp4',
    "x/y z/ü.mp4",
    "...",
]


@pytest.fixture(autouse=True)
def _nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch):
    """Each test says itself who it is."""
    for name, text in {**READER.environment, "AWS_REGION": REGION}.items():
        monkeypatch.setenv(name, text)


@pytest.fixture
def folder() -> str:
    """A prefix that no other test uses."""
    return uuid.uuid4().hex[:8]


def source(
    at: str, *roots: str, patience: Patience = PATIENT, limit_bytes: int = 1 << 20, unsigned: bool = False
) -> S3:
    places = [S3Place.of(root) for root in roots or ("s3://clips",)]
    return S3(places, access=S3Access(endpoint=at, unsigned=unsigned), patience=patience, limit_bytes=limit_bytes)


def fault(at: str, uri: str, *roots: str, limit_bytes: int = 1 << 20) -> ClipFault:
    with pytest.raises(ClipFault) as caught:
        source(at, *roots, limit_bytes=limit_bytes).read(uri)
    return caught.value


def read_or_fault(reader: S3, uri: str) -> bytes | ClipFault:
    try:
        return reader.read(uri)
    except ClipFault as refused:
        return refused


def outage(at: str, uri: str = "s3://clips/a.mp4", *roots: str, patience: Patience = PATIENT) -> str:
    with pytest.raises(Outage) as caught:
        source(at, *roots, patience=patience).read(uri)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    return str(caught.value)


# What is read.


@pytest.mark.parametrize("name", NAMES)
def test_any_key_can_be_given_percent_encoded(s3: S3Server, folder: str, name: str):
    s3.put(f"clips/{folder}/{name}", name.encode())
    assert source(s3.endpoint).read(f"S3://clips/{folder}/{quote(name)}") == name.encode()
    assert source(s3.endpoint).read(f"s3://clips/{folder}/{quote(name, safe='')}") == name.encode()


def test_what_needs_no_escape_can_be_given_as_it_is(s3: S3Server, folder: str):
    for name in ("a b.mp4", "ä.mp4", "c+d&e=f.mp4"):
        s3.put(f"clips/{folder}/{name}", name.encode())
        assert source(s3.endpoint).read(f"s3://clips/{folder}/{name}") == name.encode()


def test_what_produce_makes_of_a_files_name_is_read_as_that_file(s3: S3Server, folder: str, tmp_path: Path):
    for name in NAMES:
        s3.put(f"clips/{folder}/odd prefix%/{name}", name.encode())
    with (tmp_path / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["filename"], *([name] for name in NAMES)])
    root = f"s3://clips/{folder}/odd%20prefix%25/"
    references = list(metadata_source(tmp_path / "metadata.csv", root=root)())
    assert [each.clip_id for each in references] == NAMES
    reader = source(s3.endpoint, root)
    assert [reader.read(each.uri) for each in references] == [name.encode() for name in NAMES]


def test_zero_bytes_are_passed_on(s3: S3Server, folder: str):
    assert source(s3.endpoint).read(s3.put(f"clips/{folder}/a", b"")) == b""


def test_a_public_bucket_is_read_unsigned_and_without_credentials(
    s3: S3Server, folder: str, monkeypatch: pytest.MonkeyPatch
):
    for name in READER.environment:
        monkeypatch.delenv(name)
    uri = s3.put(f"public/{folder}/a", CLIP)
    assert source(s3.endpoint, "s3://public", unsigned=True).read(uri) == CLIP


def test_the_endpoint_may_stand_in_the_environment(s3: S3Server, folder: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    uri = s3.put(f"clips/{folder}/a", CLIP)
    assert S3([S3Place.of("s3://clips")], access=S3Access(), patience=PATIENT).read(uri) == CLIP


def test_a_bucket_may_be_said_in_the_hosts_name():
    config = S3Access(endpoint="http://host:8333", virtual_hosted=True).open("clips", PATIENT).config
    assert (config.get("endpoint"), config.get("virtual_hosted_style_request")) == ("http://clips.host:8333", "true")


# How much.


def test_too_large_is_found_by_the_told_length_before_the_body_comes(s3: S3Server, folder: str, web: Web):
    uri = s3.put(f"clips/{folder}/a", CLIP)
    assert source(s3.endpoint, limit_bytes=len(CLIP)).read(uri) == CLIP
    refused = fault(s3.endpoint, uri, limit_bytes=len(CLIP) - 1)
    assert refused.reason is Reason.TOO_LARGE
    assert f"{len(CLIP)} bytes, {len(CLIP) - 1} are allowed" in refused.detail
    web.everywhere(lambda visit: visit.begin(200, Content_Length=1 << 40))  # and then nothing
    assert fault(web.url, "s3://clips/a").reason is Reason.TOO_LARGE


def test_nothing_is_unpacked_for_a_small_object_may_be_an_endless_one(s3: S3Server, folder: str):
    uri = s3.put(f"clips/{folder}/a", b"\x1f\x8b...", Content_Encoding="gzip")
    refused = fault(s3.endpoint, uri)
    assert refused.reason is Reason.UNDECODABLE
    assert "Content-Encoding gzip" in refused.detail


def test_how_an_object_was_uploaded_is_no_matter(s3: S3Server, folder: str):
    assert source(s3.endpoint).read(s3.put(f"clips/{folder}/a", CLIP, Content_Encoding="aws-chunked")) == CLIP


# Whose fault.


def test_a_missing_key_is_not_found(s3: S3Server, folder: str):
    s3.put(f"clips/{folder}/a/b", CLIP)
    for key in ("c", "a", "a/b/c", "x" * 900):
        refused = fault(s3.endpoint, f"s3://clips/{folder}/{key}")
        assert (refused.reason, refused.detail.endswith("S3 says NoSuchKey")) == (Reason.NOT_FOUND, True)


def test_an_object_that_we_may_not_read_is_forbidden(s3: S3Server, folder: str):
    refused = fault(s3.endpoint, s3.put(f"private/{folder}/a", CLIP), "s3://private")
    assert (refused.reason, refused.detail.endswith("S3 says AccessDenied")) == (Reason.FORBIDDEN, True)


def test_a_missing_bucket_is_no_clips_fault(s3: S3Server, monkeypatch: pytest.MonkeyPatch):
    for name, text in ADMIN.environment.items():
        monkeypatch.setenv(name, text)
    assert "NoSuchBucket (404)" in outage(s3.endpoint, "s3://no-such-bucket/a", "s3://no-such-bucket")


@pytest.mark.parametrize(
    ("user", "code"),
    [(User("reader", "not-the-secret"), "SignatureDoesNotMatch"), (User("unknown", "secret"), "InvalidAccessKeyId")],
)
def test_wrong_credentials_are_no_clips_fault(s3: S3Server, user: User, code: str, monkeypatch: pytest.MonkeyPatch):
    for name, text in user.environment.items():
        monkeypatch.setenv(name, text)
    assert f"S3 says {code} (403)" in outage(s3.endpoint)


def test_credentials_that_have_expired_are_no_clips_fault(s3: S3Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-yesterday")
    assert "(403)" in outage(s3.endpoint)


def test_having_no_credentials_at_all_is_said_with_the_way_out(web: Web, monkeypatch: pytest.MonkeyPatch):
    for name in READER.environment:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", web.url)  # the instance's, which has no role here
    assert "no AWS credentials: set AWS_ACCESS_KEY_ID" in outage(web.url)
    assert web.asked == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 416, 429, 500, 503])
def test_an_answer_that_is_not_s3s_own_is_no_clips_fault(web: Web, status: int):
    """A proxy's, or that of a server which is no S3 at all: of it all clips would be rejected."""
    web.everywhere(lambda visit: visit.answer(status, b"<html>What?</html>"))
    assert outage(web.url).endswith(f"S3 says no reason ({status})")


@pytest.mark.parametrize(
    ("code", "status"),
    [("SlowDown", 503), ("InternalError", 500), ("ExpiredToken", 400), ("RequestTimeTooSkewed", 403)],
)
def test_what_s3_says_of_itself_is_an_outage(web: Web, code: str, status: int):
    body = f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>NoSuchKey</Message></Error>".encode()
    web.everywhere(lambda visit: visit.answer(status, body))
    assert f"S3 says {code} ({status})" in outage(web.url)


def test_a_store_is_asked_once_for_trying_again_is_the_callers(web: Web):
    web.everywhere(lambda visit: visit.answer(503, b"<Error><Code>SlowDown</Code></Error>"))
    outage(web.url)
    assert web.asked == ["/clips/a.mp4"]


def test_a_silent_server_is_not_waited_for_as_long_as_a_slow_one(web: Web):
    released = threading.Event()
    web.everywhere(lambda visit: visit.answer(200 if released.wait(60) else 500, CLIP))
    assert "doesn't answer in time" in outage(web.url, patience=Patience(silence_s=0.5, total_s=600.0))
    released.set()


def test_a_key_cannot_pretend_to_be_an_answer(web: Web):
    web.everywhere(lambda visit: visit.answer(503, b"<Error><Code>SlowDown</Code></Error>"))
    key = 'inner: Status { status: 404, body: Some( "<Code>NoSuchKey</Code>", 404 Not Found: <Code>NoSuchKey</Code>'
    assert "S3 says SlowDown (503)" in outage(web.url, f"s3://clips/{quote(key)}")
    web.everywhere(lambda visit: visit.answer(404, b"<Error><Code>NoSuchKey</Code></Error>"))
    assert fault(web.url, f"s3://clips/{quote('<Code>SlowDown</Code>')}").reason is Reason.NOT_FOUND


def test_a_body_that_ends_early_is_an_outage(web: Web):
    def page(visit):
        visit.begin(200, Content_Length=len(CLIP))
        visit.wfile.write(CLIP[:-1])
        visit.hang_up()

    web.everywhere(page)
    assert "ended the answer early" in outage(web.url)


def test_a_server_that_never_comes_to_an_end_is_an_outage_in_time(web: Web):
    def page(visit):
        visit.begin(200, Content_Length=len(CLIP))
        for byte in CLIP:
            visit.wfile.write(bytes([byte]))
            time.sleep(0.05)

    web.everywhere(page)
    begun = time.monotonic()
    assert "doesn't answer in time" in outage(web.url, patience=QUICK)
    assert time.monotonic() - begun < 30


def test_a_server_whose_name_is_unknown_is_an_outage():
    assert "its name is unknown" in outage("http://no.such.host.invalid")


# While the server comes and goes.


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("mortal")) as server:
        yield server


def test_a_server_that_stops_and_comes_back_rejects_nothing_meanwhile(mortal: S3Server):
    uri = mortal.put("clips/a.mp4", CLIP)
    reader, ended, others = source(mortal.endpoint), threading.Event(), []

    def read_on() -> None:
        while not ended.is_set():
            try:
                assert reader.read(uri) == CLIP
            except Outage:
                time.sleep(0.01)
            except BaseException as error:  # noqa: BLE001 - the test asks what it was
                others.append(error)

    threads = [threading.Thread(target=read_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for end in (mortal.stop, mortal.kill):
            end()
            begun = time.monotonic()
            assert "connection refused" in outage(mortal.endpoint)
            assert time.monotonic() - begun < 10, "soon, and not after minutes of tries"
            mortal.start()
            assert reader.read(uri) == CLIP
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert others == []


def test_a_frozen_server_is_an_outage_in_time_and_serves_again(mortal: S3Server):
    uri = mortal.put("clips/a.mp4", CLIP)
    reader = source(mortal.endpoint, patience=QUICK)
    assert reader.read(uri) == CLIP
    mortal.freeze()
    try:
        for _ in range(2):
            begun = time.monotonic()
            with pytest.raises(Outage, match="doesn't answer in time"):
                reader.read(uri)
            assert time.monotonic() - begun < 30
    finally:
        mortal.thaw()
    assert source(mortal.endpoint).read(uri) == CLIP


# Nothing outside.


@pytest.mark.parametrize(
    "uri",
    [
        "s3://clips",
        "s3://clips/",
        "s3://clips/a/",
        "s3://clips//a",
        "s3://clips/%2Fa",
        "s3://clips/a//b",
        "s3://clips/./a",
        "s3://clips/a/..",
        "s3://clips/%2e%2e/private/a",
        "s3://clips/a%0Ab",
        "s3://clips/%ff",
        "s3://clips/100%",
        "s3://clips/a?versionId=3",
        "s3://clips/a#b",
        "s3:///a",
        "s3:clips/a",
        "s3://reader:reader-secret@clips/a",
        "s3://clips:80/a",
    ],
)
def test_what_names_no_object_is_a_bad_reference_and_nobody_is_asked(web: Web, uri: str):
    refused = fault(web.url, uri)
    assert refused.reason is Reason.BAD_REFERENCE
    assert "reader-secret" not in refused.detail
    assert web.asked == []


PARTS = st.sampled_from(
    ["..", ".", "", "clips", "a", "secret", "%2e%2e", "%2F", "%2F..", "%252e", "..%2f..", "..\\", "%00"]
)
KEYS = st.lists(PARTS | st.text(max_size=4), max_size=6).map("/".join)
STARTS = st.sampled_from(["s3://clips/a/", "s3://clips/a", "s3://clips", "s3://private/", "S3://clips/a%2F", "s3:", ""])


@pytest.fixture
def below_a(web: Web) -> S3:
    web.everywhere(lambda visit: visit.answer(200, CLIP))
    return source(web.url, "s3://clips/a")


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STARTS, KEYS)
def test_no_uri_leads_out_of_a_root(web: Web, below_a: S3, start: str, key: str):
    web.asked.clear()
    came = read_or_fault(below_a, start + key)
    if isinstance(came, ClipFault):
        assert came.reason in (Reason.FORBIDDEN, Reason.BAD_REFERENCE)
        assert web.asked == []
    else:
        assert came == CLIP
        (asked,) = web.asked
        assert "?" not in asked
        parts = unquote(asked).split("/")
        assert parts[:3] == ["", "clips", "a"]
        assert not {"", ".", ".."} & set(parts[1:])
        assert unquote(asked) == f"/clips/{unquote((start + key)[len('s3://clips/') :])}", "the very key that was named"


def test_the_tests_server_is_one_that_checks_rights(s3: S3Server, folder: str):
    s3.put(f"clips/{folder}/a", CLIP)
    with pytest.raises(obstore.exceptions.PermissionDeniedError):
        obstore.put(s3.store("clips", READER), f"{folder}/b", CLIP)


def read_or_outage(reader: S3, uri: str) -> bytes | ClipFault | Outage:
    try:
        return reader.read(uri)
    except (ClipFault, Outage) as failure:
        return failure


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANSWERS)
def test_whatever_a_server_says_is_a_clip_a_fault_or_an_outage(web: Web, below_a: S3, answer: bytes):
    web.everywhere(says(answer))
    came = read_or_outage(below_a, "s3://clips/a/b")
    assert isinstance(came, bytes | ClipFault | Outage)

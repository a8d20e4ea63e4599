"""Web servers, well and badly behaved: what is read, whose fault it is when nothing is, and where nobody is led."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.errors import ClipFault, Outage, Reason
from stream.fetch.contract import Patience
from stream.fetch.http import REDIRECTS, Http, WebPlace
from tests.fetch.web import ANSWERS, Visit, Web, says

CLIP = bytes(range(256)) * 1000
QUICK = Patience(connect_s=5.0, silence_s=0.5, total_s=1.5)
PATIENT = Patience(connect_s=30.0, silence_s=30.0, total_s=60.0)
SECRET = "?X-Amz-Signature=s3cr3t"


def source(*roots: str, patience: Patience = PATIENT, limit_bytes: int = 1 << 20) -> Http:
    return Http([WebPlace.of(root) for root in roots], patience=patience, limit_bytes=limit_bytes)


def outage(web: Web, uri: str, *, patience: Patience = PATIENT) -> str:
    with pytest.raises(Outage) as caught:
        source(web.url, patience=patience).read(uri + SECRET)
    assert "s3cr3t" not in str(caught.value)
    return str(caught.value)


def fault(uri: str, *roots: str, limit_bytes: int = 1 << 20) -> ClipFault:
    with pytest.raises(ClipFault) as caught:
        source(*roots, limit_bytes=limit_bytes).read(uri + SECRET)
    assert "s3cr3t" not in str(caught.value)
    return caught.value


# What is asked for.


def test_a_uri_is_asked_for_as_it_is_and_what_it_lacks_is_escaped_once(web: Web):
    web.everywhere(lambda visit: visit.answer(200, CLIP))
    for given_as, sent_as in (
        ("/a%20b%2520%C3%A4.mp4", "/a%20b%2520%C3%A4.mp4"),
        ("/a bä[1].mp4", "/a%20b%C3%A4%5B1%5D.mp4"),
        ("/a//b/;x=1/c+d", "/a//b/;x=1/c+d"),
        ("/a?X-Amz-Credential=k%2Fv&sig=a+b/c~d%3D%3D=&e", "/a?X-Amz-Credential=k%2Fv&sig=a+b/c~d%3D%3D=&e"),
        ("", "/"),
        ("?a=/../b", "/?a=/../b"),
    ):
        assert source(web.url).read(web.url + given_as) == CLIP
        assert web.asked.pop() == sent_as


def test_nothing_is_unpacked_for_a_small_answer_may_be_an_endless_one(web: Web):
    uri = web.at("/a", lambda visit: visit.answer(200, b"\x1f\x8b...", Content_Encoding="gzip"))
    refused = fault(uri, web.url)
    assert refused.reason is Reason.UNDECODABLE
    assert "Content-Encoding gzip" in refused.detail
    plain = web.at("/b", lambda visit: visit.answer(200, CLIP, Content_Encoding="identity"))
    assert source(web.url).read(plain) == CLIP


def test_many_threads_share_a_source_and_connections_are_kept(web: Web):
    seen = set()

    def page(visit: Visit) -> None:
        seen.add(visit.client_address)
        visit.answer(200, visit.path.encode())

    web.everywhere(page)
    shared = source(web.url)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(shared.read, (f"{web.url}/{number}" for number in range(200))))
    assert answers == [f"/{number}".encode() for number in range(200)]
    assert len(seen) <= 16


# How much.


def test_too_large_is_found_by_the_told_length_before_the_body_comes(web: Web):
    uri = web.at("/a", lambda visit: visit.begin(200, Content_Length=len(CLIP)))  # and then nothing
    refused = fault(uri, web.url, limit_bytes=len(CLIP) - 1)
    assert refused.reason is Reason.TOO_LARGE
    assert f"{len(CLIP)} bytes, {len(CLIP) - 1} are allowed" in refused.detail


def endless(visit: Visit) -> None:
    visit.begin(200, Transfer_Encoding="chunked")
    while True:
        visit.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def test_a_body_without_an_end_is_too_large(web: Web):
    assert fault(web.at("/a", endless), web.url).reason is Reason.TOO_LARGE


def test_a_body_without_a_told_length_is_read_to_its_end(web: Web):
    def chunked(visit: Visit) -> None:
        visit.begin(200, Transfer_Encoding="chunked")
        for start in range(0, len(CLIP), 1000):
            visit.wfile.write(b"3e8\r\n" + CLIP[start : start + 1000] + b"\r\n")
        visit.wfile.write(b"0\r\n\r\n")

    def until_closed(visit: Visit) -> None:
        visit.begin(200)
        visit.wfile.write(CLIP)
        visit.hang_up()

    for page in (chunked, until_closed):
        assert source(web.url, limit_bytes=len(CLIP)).read(web.at("/a", page)) == CLIP
        assert fault(f"{web.url}/a", web.url, limit_bytes=len(CLIP) - 1).reason is Reason.TOO_LARGE


# Whose fault.


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, Reason.NOT_FOUND),
        (410, Reason.NOT_FOUND),
        (401, Reason.FORBIDDEN),
        (403, Reason.FORBIDDEN),
        (451, Reason.FORBIDDEN),
        (400, Reason.BAD_REFERENCE),
        (414, Reason.BAD_REFERENCE),
        (416, Reason.BAD_REFERENCE),
    ],
)
def test_an_answer_about_the_clip_is_the_clips_fault(web: Web, status: int, reason: Reason):
    refused = fault(web.status("/a", status), web.url)
    assert refused.reason is reason
    assert refused.detail.startswith(f"{web.url}/a: the server says {status}")


@pytest.mark.parametrize(
    "status", [202, 204, 206, 304, 300, 301, 407, 408, 421, 425, 429, 500, 502, 503, 504, 507, 599]
)
def test_an_answer_about_the_server_is_an_outage(web: Web, status: int):
    assert f"the server says {status}" in outage(web, web.status("/a", status))


def ends_early(visit: Visit) -> None:
    visit.begin(200, Content_Length=len(CLIP))
    visit.wfile.write(CLIP[:-1])
    visit.hang_up()


def ends_early_in_chunks(visit: Visit) -> None:
    visit.begin(200, Transfer_Encoding="chunked")
    visit.wfile.write(b"3e8\r\n" + CLIP[:1000] + b"\r\n")
    visit.hang_up()


def drops_the_connection(visit: Visit) -> None:
    visit.hang_up()


def talks_nonsense(visit: Visit) -> None:
    visit.wfile.write(b"\x16\x03\x01 what?\r\n\r\n")
    visit.hang_up()


def resets_midway(visit: Visit) -> None:
    visit.begin(200)
    visit.wfile.write(CLIP)
    visit.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    visit.wfile.close()
    visit.rfile.close()
    visit.connection.close()


@pytest.mark.parametrize(
    "page", [ends_early, ends_early_in_chunks, drops_the_connection, talks_nonsense, resets_midway]
)
def test_an_answer_that_is_cut_or_none_is_an_outage(web: Web, page):
    assert "/a: " in outage(web, web.at("/a", page))


def test_a_server_that_refuses_connections_or_is_unknown_is_an_outage():
    with Web() as web:
        url = web.url
    for site in (url, "http://no.such.host.invalid", "http://a..b"):
        with pytest.raises(Outage):
            source(site).read(f"{site}/a.mp4")


def waits(visit: Visit) -> None:
    time.sleep(60)


def waits_midway(visit: Visit) -> None:
    visit.begin(200, Content_Length=len(CLIP))
    visit.wfile.write(CLIP[:1000])
    time.sleep(60)


def drips(visit: Visit) -> None:
    visit.begin(200, Content_Length=len(CLIP))
    for byte in CLIP:
        visit.wfile.write(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize("page", [waits, waits_midway, drips])
def test_a_server_that_is_silent_or_never_comes_to_an_end_is_an_outage_in_time(web: Web, page):
    begun = time.monotonic()
    outage(web, web.at("/a", page), patience=QUICK)
    assert time.monotonic() - begun < 30


def test_a_port_that_takes_connections_and_says_nothing_is_an_outage_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        site = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Outage, match="timed out"):
            source(site, patience=QUICK).read(f"{site}/a")


def test_a_server_without_the_tls_that_was_asked_for_is_an_outage(web: Web):
    site = web.url.replace("http:", "https:")
    with pytest.raises(Outage):
        source(site).read(f"{site}/a")


# Redirects.


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_inside_the_roots_is_followed_query_and_all(web: Web, status: int):
    web.put("/store/a%20b", CLIP)
    uri = web.status("/a", status, Location="/store/a%20b?sig=%2F+#part")
    assert source(web.url).read(uri) == CLIP
    assert web.asked == ["/a", "/store/a%20b?sig=%2F+"]


def test_a_redirect_to_elsewhere_is_forbidden_and_nobody_goes_there(web: Web):
    with Web() as elsewhere:
        secret = elsewhere.put("/secret", CLIP)
        away = web.url.replace("127.0.0.1", "user:s3cr3t@127.0.0.1")
        targets = [f"{secret}?s3cr3t", "//localhost/x", "file:///etc/passwd", f"{away}/clips/b"]
        for target in (*targets, "/clips/%2e%2e/b", "/b", "../b"):
            refused = fault(web.status("/clips/a", 302, Location=target), f"{web.url}/clips")
            assert refused.reason is Reason.FORBIDDEN
            assert "outside" in refused.detail
        assert elsewhere.asked == []
        assert {path.partition("?")[0] for path in web.asked} == {"/clips/a"}


def test_each_hop_is_checked(web: Web):
    with Web() as elsewhere:
        web.status("/clips/b", 302, Location=f"{elsewhere.url}/c")
        uri = web.status("/clips/a", 302, Location="b")
        assert fault(uri, f"{web.url}/clips").reason is Reason.FORBIDDEN
        assert elsewhere.asked == []
        elsewhere.put("/c", CLIP)
        assert source(f"{web.url}/clips", elsewhere.url).read(uri) == CLIP


def test_a_redirect_to_no_address_is_an_outage(web: Web):
    assert "no address" in outage(web, web.status("/a", 302, Location="//["))


def test_a_redirect_without_an_end_is_an_outage(web: Web):
    assert f"more than {REDIRECTS} redirects" in outage(web, web.status("/a", 302, Location="/a"))
    assert len(web.asked) == 1 + REDIRECTS


# Nothing outside.


def read_or_fault(reader: Http, uri: str) -> bytes | ClipFault:
    try:
        return reader.read(uri)
    except ClipFault as refused:
        return refused


PARTS = st.sampled_from(
    ["..", ".", "", "clips", "secret", "%2e%2e", "%2E.", "%252e%252e", "..%2f", "..;", "..\\", "%5c..", "a b", "?", "#"]
)
PATHS = st.lists(PARTS | st.text(max_size=4), max_size=6).map("/".join)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["", "/clips", "/clips/", "/clips%2f", "/clips-"]), PATHS)
def test_no_uri_leads_out_of_a_root(web: Web, start: str, path: str):
    web.everywhere(lambda visit: visit.answer(200, CLIP))
    web.asked.clear()
    came = read_or_fault(source(f"{web.url}/clips/"), web.url + start + path)
    if isinstance(came, ClipFault):
        assert came.reason in (Reason.FORBIDDEN, Reason.BAD_REFERENCE)
        assert web.asked == []
    else:
        assert came == CLIP
        (asked,) = web.asked
        way = asked.partition("?")[0]
        assert way == "/clips" or way.startswith("/clips/")
        assert ".." not in unescaped(way).replace("\\", "/").replace(";", "/").split("/")


def unescaped(text: str) -> str:
    """As a server would see it that undoes escapes again and again."""
    for _ in range(5):
        text = text.replace("%25", "%").replace("%2e", ".").replace("%2E", ".")
        text = text.replace("%2f", "/").replace("%2F", "/").replace("%5c", "\\").replace("%5C", "\\")
    return text


@given(st.text(min_size=1, max_size=20).filter(lambda name: name.isprintable() and name not in {".", ".."}))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_can_be_given_percent_encoded(web: Web, name: str):
    web.everywhere(lambda visit: visit.answer(200, visit.path.encode()))
    came = read_or_fault(source(web.url), f"{web.url}/{quote(name, safe='')}")
    if isinstance(came, ClipFault):
        assert "slashes" in came.detail, "some server might take it for a way up"
    else:
        assert came.decode() == f"/{quote(name, safe='')}"


def test_threads_that_wait_hold_up_no_others(web: Web):
    gate = threading.Event()

    def slow(visit: Visit) -> None:
        gate.wait(30)
        visit.answer(200, b"slow")

    web.at("/slow", slow)
    web.put("/quick", b"quick")
    shared = source(web.url)
    with ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(shared.read, f"{web.url}/slow") for _ in range(18)]
        assert threads.submit(shared.read, f"{web.url}/quick").result(30) == b"quick"
        gate.set()
        assert {each.result(30) for each in waiting} == {b"slow"}


def read_or_outage(reader: Http, uri: str) -> bytes | ClipFault | Outage:
    try:
        return reader.read(uri)
    except (ClipFault, Outage) as failure:
        return failure


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANSWERS)
def test_whatever_a_server_says_is_a_clip_a_fault_or_an_outage(web: Web, answer: bytes):
    web.everywhere(says(answer))
    came = read_or_outage(source(web.url, patience=QUICK), f"{web.url}/a")
    assert isinstance(came, bytes | ClipFault | Outage)

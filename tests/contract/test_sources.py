"""What all sources of clips promise, whatever store they speak to: the same suite for files, S3 and the web."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from stream.errors import ClipFault, Outage, Reason
from stream.fetch import S3Access, Source, SourceOptions, open_sources
from stream.local.ports import free_ports
from tests.fetch.web import TLS, Web
from tests.s3_server import READER, REGION, S3Server

CLIP = bytes(range(256)) * 4096


class Place:
    """A store with a root in it, `clips`."""

    def __init__(self, root: str, put: Callable[[str, bytes], None], options: SourceOptions) -> None:
        self.root = root
        self.base = root.rpartition("/")[0]
        self._put = put
        self._options = options

    def put(self, name: str, data: bytes = CLIP) -> str:
        """Its uri; `name` is relative to the root."""
        self._put(f"clips/{name}", data)
        return f"{self.root}/{quote(name)}"

    def put_outside(self, name: str) -> str:
        self._put(name, CLIP)
        return f"{self.base}/{quote(name)}"

    def source(self, *, limit_bytes: int = 1 << 24) -> Source:
        options = SourceOptions(s3=self._options.s3, limit_bytes=limit_bytes)
        (source,) = open_sources([self.root], options).values()
        return source


class Folder(Place):
    def __init__(self, folder: Path) -> None:
        def put(name: str, data: bytes) -> None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)

        super().__init__(f"file://{folder}/clips", put, SourceOptions())
        self._folder = folder
        (folder / "clips").mkdir()

    def dead(self) -> Source:
        source = self.source()
        (self._folder / "clips").rename(self._folder / "unmounted")
        return source


class Bucket(Place):
    def __init__(self, server: S3Server, folder: str) -> None:
        options = SourceOptions(s3=S3Access(endpoint=server.endpoint))
        super().__init__(f"s3://clips/{folder}/clips", self._upload, options)
        self._server, self._key = server, folder

    def _upload(self, name: str, data: bytes) -> None:
        self._server.put(f"clips/{self._key}/{name}", data)

    def dead(self) -> Source:
        (port,) = free_ports("127.0.0.1", 1)
        options = SourceOptions(s3=S3Access(endpoint=f"http://127.0.0.1:{port}"))
        return open_sources([self.root], options)["s3"]


class Site(Place):
    def __init__(self, web: Web) -> None:
        super().__init__(f"{web.url}/clips", self._serve, SourceOptions())
        self._web = web

    def _serve(self, name: str, data: bytes) -> None:
        self._web.put(f"/{quote(name)}", data)

    def dead(self) -> Source:
        source = self.source()
        self._web.close()
        return source


@pytest.fixture(params=["folder", "bucket", "site"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Folder | Bucket | Site]:
    match request.param:
        case "folder":
            yield Folder(tmp_path)
        case "bucket":
            for name, text in {**READER.environment, "AWS_REGION": REGION}.items():
                monkeypatch.setenv(name, text)
            yield Bucket(request.getfixturevalue("s3"), uuid.uuid4().hex[:8])
        case _:
            with Web() as web:
                yield Site(web)


def fault(source: Source, uri: str) -> ClipFault:
    with pytest.raises(ClipFault) as caught:
        source.read(uri)
    return caught.value


def test_a_clip_is_read_whole(place: Place):
    assert place.source().read(place.put("a.mp4")) == CLIP


@pytest.mark.parametrize("name", ["a b.mp4", "ä#1?.mp4", "100%.mp4", "%20.mp4", "x/y z.mp4", "a;b&c=d+e,f.mp4"])
def test_any_name_can_be_given_percent_encoded(place: Place, name: str):
    assert place.source().read(place.put(name, name.encode())) == name.encode()


def test_zero_bytes_are_passed_on(place: Place):
    assert place.source().read(place.put("empty.mp4", b"")) == b""


def test_the_schemes_case_is_no_matter(place: Place):
    scheme, rest = place.put("a.mp4").split(":", 1)
    assert place.source().read(f"{scheme.upper()}:{rest}") == CLIP


@pytest.mark.parametrize("kind", ["site", "bucket"])
def test_a_certificate_is_trusted_only_if_its_authority_is(kind: str, monkeypatch: pytest.MonkeyPatch):
    with Web(tls=True) as web:
        web.put("/clips/a.mp4", CLIP)
        uri = f"{web.url}/clips/a.mp4" if kind == "site" else "s3://clips/a.mp4"
        options = SourceOptions(s3=S3Access(endpoint=web.url, unsigned=True))
        with pytest.raises(Outage, match=r"certificate"):
            open_sources([uri], options)[uri.partition(":")[0]].read(uri)
        monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "authority.pem"))
        assert open_sources([uri], options)[uri.partition(":")[0]].read(uri) == CLIP


def test_a_missing_clip_is_not_found(place: Place):
    place.put("a.mp4")
    assert fault(place.source(), f"{place.root}/b.mp4").reason is Reason.NOT_FOUND


def test_outside_of_the_root_is_refused_though_it_is_there(place: Place):
    source = place.source()
    for uri in (place.put_outside("secret.mp4"), place.put_outside("clips-secret/a.mp4"), f"{place.base}/"):
        assert fault(source, uri).reason is Reason.FORBIDDEN
    for climb in ("..", "%2e%2e", "a/../..", "%2E%2E"):
        refused = fault(source, f"{place.root}/{climb}/secret.mp4")
        assert refused.reason in (Reason.FORBIDDEN, Reason.BAD_REFERENCE)


def test_more_than_the_limit_is_too_large(place: Place):
    uri = place.put("a.mp4")
    assert place.source(limit_bytes=len(CLIP)).read(uri) == CLIP
    refused = fault(place.source(limit_bytes=len(CLIP) - 1), uri)
    assert refused.reason is Reason.TOO_LARGE
    assert f"{len(CLIP)} bytes, {len(CLIP) - 1} are allowed" in refused.detail


def test_a_store_that_is_gone_is_an_outage(place: Folder | Bucket | Site):
    uri = place.put("a.mp4")
    with pytest.raises(Outage):
        place.dead().read(uri)


def test_clips_of_a_root_lie_in_one_store_and_asking_for_it_asks_nobody(place: Folder | Bucket | Site):
    uris = [place.put("a.mp4"), place.put("b/c d.mp4"), f"{place.root}/missing.mp4"]
    source = place.dead()
    (store,) = {source.store_of(uri) for uri in uris}
    assert store
    assert store in f"file://{place.root}"


def test_a_detail_says_which_clip_it_speaks_of(place: Place):
    uri = f"{place.root}/missing.mp4"
    assert fault(place.source(), uri).detail.startswith(uri.removeprefix("file://"))


def test_many_threads_read_at_once(place: Place):
    uris = [place.put(f"{number}.mp4", bytes([number]) * 100_000) for number in range(20)]
    source = place.source()
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(source.read, uris * 5)) == [bytes([number]) * 100_000 for number in range(20)] * 5

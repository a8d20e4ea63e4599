"""Files are read inside the roots and nowhere else, and each way to fail has its name."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.errors import ClipFault, Outage, Reason
from stream.fetch import Files
from stream.fetch.files import path_of

CLIP = b"the bytes of a clip"
LIMIT = 64 << 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a clip, beside a folder that is none."""
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(CLIP)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    return folder


def fault(root: Path, uri: object, *, limit_bytes: int = LIMIT) -> ClipFault:
    with pytest.raises(ClipFault) as caught:
        Files([root], limit_bytes=limit_bytes).read(str(uri))
    return caught.value


@pytest.mark.parametrize("name", ["a b.mp4", "ä#1?.mp4", "100%.mp4", "%20.mp4", "line\nbreak.mp4", "a;b&c=d.mp4"])
def test_any_name_can_be_given_as_a_path_or_percent_encoded(root: Path, name: str):
    (root / name).write_bytes(name.encode())
    for uri in (f"{root}/{name}", f"file://{quote(f'{root}/{name}')}", f"file://localhost{quote(f'{root}/{name}')}"):
        assert Files([root]).read(uri) == name.encode()


def test_no_clips_name_is_kept_by_the_interpreter(root: Path, monkeypatch: pytest.MonkeyPatch):
    """Names that are never met again would fill its table of names, and memory grows with each new table."""
    files = Files([root])

    def never(name: str) -> str:
        pytest.fail(f"{name} is interned")

    monkeypatch.setattr(sys, "intern", never)
    uri = f"{root}/a.mp4"
    assert files.read(uri) == CLIP
    assert files.store_of(uri) == str(root)


def test_a_name_that_is_no_text_can_be_given_percent_encoded(root: Path):
    name = os.fsencode(root) + b"/\xff.mp4"
    Path(os.fsdecode(name)).write_bytes(CLIP)
    assert Files([root]).read(f"FILE://{quote(name)}") == CLIP


@pytest.mark.parametrize(
    "uri", ["file://host/a.mp4", "file:a.mp4", "file:///a.mp4?x=1", "file:///a.mp4#t=1", "file:///a%00.mp4", "/a\0b"]
)
def test_what_names_no_file_is_a_bad_reference(uri: str):
    with pytest.raises(ClipFault) as caught:
        path_of(uri)
    assert caught.value.reason is Reason.BAD_REFERENCE


def test_zero_bytes_are_passed_on(root: Path):
    (root / "empty.mp4").touch()
    assert Files([root]).read(f"{root}/empty.mp4") == b""


def test_a_missing_file_is_not_found(root: Path):
    for name in ("b.mp4", "no/such/folder.mp4", "a.mp4/below", "x" * 300):
        assert fault(root, root / name).reason is Reason.NOT_FOUND


def test_outside_is_forbidden_and_nobody_learns_what_exists_there(root: Path):
    uris = [f"{root}/../outside/secret", f"{root}/../outside/nothing", f"file://{root}/%2e%2e/outside/secret"]
    for uri in (*uris, "/etc/passwd", "/", f"{root}-not/a.mp4", root.parent):
        found = fault(root, uri)
        assert found.reason is Reason.FORBIDDEN
        assert found.detail.endswith(": outside of the folders that clips may be read from")


def test_a_link_out_of_the_root_is_forbidden_and_one_inside_is_not(root: Path):
    (root / "out").symlink_to(root.parent / "outside")
    (root / "out.mp4").symlink_to(root.parent / "outside" / "secret")
    (root / "in.mp4").symlink_to(root / "a.mp4")
    assert fault(root, root / "out" / "secret").reason is Reason.FORBIDDEN
    assert fault(root, root / "out.mp4").reason is Reason.FORBIDDEN
    assert Files([root]).read(f"{root}/in.mp4") == CLIP


def test_a_loop_of_links_is_forbidden(root: Path):
    (root / "loop").symlink_to(root / "loop")
    assert fault(root, root / "loop").reason is Reason.FORBIDDEN


def test_a_root_may_be_given_by_a_link(root: Path):
    link = root.parent / "link"
    link.symlink_to(root)
    assert Files([link]).read(f"{link}/a.mp4") == CLIP
    assert Files([link]).read(f"{root}/a.mp4") == CLIP


def test_a_single_file_may_be_a_root_and_opens_nothing_else(root: Path):
    (root / "b.mp4").touch()
    assert Files([root / "a.mp4"]).read(f"{root}/a.mp4") == CLIP
    assert fault(root / "a.mp4", root / "b.mp4").reason is Reason.FORBIDDEN
    assert fault(root / "c.mp4", root / "c.mp4").reason is Reason.NOT_FOUND


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["..", ".", "", "outside", "clips", "secret", "out", "a.mp4", "%2e%2e", "%2F"])))
def test_no_path_leads_out(root: Path, parts: list[str]):
    if not (root / "out").is_symlink():
        (root / "out").symlink_to("../outside")
    for uri in ("/".join([str(root), *parts]), "/".join([f"file://{root}", *parts])):
        try:
            assert Files([root]).read(uri) == CLIP
        except ClipFault as refused:
            assert refused.reason in (Reason.FORBIDDEN, Reason.NOT_FOUND, Reason.UNDECODABLE)  # noqa: PT017


def test_what_is_no_file_of_bytes_is_undecodable_at_once(root: Path):
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "s"))
        for path in (root, root / "pipe", root / "s"):
            assert fault(root, path).reason is Reason.UNDECODABLE
    assert "a folder" in fault(root, root).detail
    assert "a pipe" in fault(root, root / "pipe").detail
    assert "a device" in fault(Path("/dev"), "/dev/zero").detail


def test_too_large_is_found_before_anything_is_read(root: Path):
    with (root / "big.mp4").open("wb") as file:
        file.truncate(LIMIT + 1)
    assert fault(root, root / "big.mp4").reason is Reason.TOO_LARGE
    assert Files([root], limit_bytes=len(CLIP)).read(f"{root}/a.mp4") == CLIP
    refused = fault(root, root / "a.mp4", limit_bytes=len(CLIP) - 1)
    assert f"{len(CLIP)} bytes, {len(CLIP) - 1} are allowed" in refused.detail


@contextmanager
def nobody() -> Iterator[None]:
    """Root may read everything, so for a while this process isn't root."""
    itself = os.geteuid()
    if itself == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(itself)


def test_a_file_that_this_user_may_not_read_is_forbidden(root: Path):
    (root / "a.mp4").chmod(0)
    with nobody():
        assert fault(root, root / "a.mp4").reason is Reason.FORBIDDEN


def test_a_store_that_fails_is_an_outage():
    with pytest.raises(Outage, match="Input/output error"):
        Files([Path("/proc")]).read("/proc/self/mem")


def test_a_file_that_is_still_being_written_is_an_outage():
    with pytest.raises(Outage, match="length changed"):  # its length is said to be 0
        Files([Path("/proc")]).read("/proc/version")


def test_a_root_that_went_away_is_an_outage_and_no_missing_clip(root: Path):
    files = Files([root])
    root.rename(root.parent / "unmounted")
    with pytest.raises(Outage, match=r"No such file.*below"):
        files.read(f"{root}/a.mp4")


def test_each_root_is_a_store_of_its_own_by_whatever_name_it_is_asked_for_and_single_files_are_one(root: Path):
    (root / "mount").mkdir()
    (root.parent / "link").symlink_to(root)
    single = root.parent / "outside" / "secret"
    files = Files([root.parent / "link", root / "mount", single])
    root.rename(root.parent / "unmounted")  # the name of a store is asked of no file system
    for uri, store in (
        (f"{root}/a.mp4", root),
        (f"file://{root}/b/../a%20b.mp4", root),
        (f"{root.parent}/link/b/c.mp4", root),
        (f"{root}/mount/a.mp4", root / "mount"),
        (f"{single}", "files"),
        ("/elsewhere/a.mp4", "files"),
    ):
        assert files.store_of(uri) == str(store)


def test_no_descriptor_is_left_open(root: Path):
    os.mkfifo(root / "pipe")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("a.mp4", "none", "pipe", "."):
        with suppress(ClipFault):
            Files([root], limit_bytes=5).read(f"{root}/{name}")
    assert len(list(Path("/proc/self/fd").iterdir())) == before

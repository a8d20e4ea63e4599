"""Readers under fire: what a clip does to its reader stays its own affair."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from mmap import mmap
from pathlib import Path

import numpy as np
import psutil
import pytest

from stream.clip import Clip, ClipSpec, read_clip
from stream.errors import ClipFault, Reason
from stream.readers import Readers, ReadRequest, child
from tests.clip.scenes import encode, outlined

SPEC = ClipSpec(frames=2, size=16)
MIB = 1 << 20
PATIENCE_S = 60
HERE = str(Path(__file__).parent)


def planted_readers(
    *, processes: int = 2, deadline_s: float = 20.0, restarted: Callable[[], None] = lambda: None
) -> Readers:
    return Readers(
        SPEC,
        processes=processes,
        deadline_s=deadline_s,
        memory_limit_bytes=128 * MIB,
        work="planted:obey",
        restarted=restarted,
    )


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with planted_readers() as pool:
        yield pool


def read(pool: Readers, data: bytes) -> Clip:
    return pool.submit(ReadRequest(data)).result(PATIENCE_S)


def fault(pool: Readers, data: bytes) -> ClipFault:
    with pytest.raises(ClipFault) as caught:
        read(pool, data)
    return caught.value


def family(pool: Readers) -> tuple[psutil.Process, list[psutil.Process]]:
    """The pool's fork server and readers."""
    server = psutil.Process(pool._server._process.pid)
    while len(readers := server.children()) < pool.size:
        time.sleep(0.001)
    return server, readers


def is_echo(clip: Clip, data: bytes) -> bool:
    return np.array_equal(clip.pixels, np.resize(np.frombuffer(data, np.uint8), SPEC.shape))


def test_a_request_arrives_whole_and_so_does_its_clip(readers: Readers):
    request = ReadRequest(os.urandom(3_000_000), roi=(5, 6, 70, 80), num_frames=33)
    clip = readers.submit(request).result(PATIENCE_S)
    assert is_echo(clip, request.data)
    assert clip.pixels.shape == SPEC.shape
    assert (clip.roi, clip.frames) == ((5, 6, 70, 80), 33)
    assert clip.quality.ring
    assert clip.quality.mean_grey == 100.5


def test_the_clips_own_fault_passes_through(readers: Readers):
    refused = fault(readers, "refuse nothing orange, grüße".encode())
    assert (refused.reason, refused.detail) == (Reason.NO_OUTLINE, "nothing orange, grüße")


def test_a_long_detail_is_cut(readers: Readers):
    assert 1000 < len(fault(readers, b"refuse " + b"x" * 100_000).detail) < 5000


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"abort", "died of signal 6 (Aborted)"),
        (b"segfault", "died of signal 11 (Segmentation fault)"),
        (b"kill 40", "died of signal 40 (Real-time signal 6)"),
        (b"exit 3", "ended with exit code 3"),
        (b"stumble over a box", "raised TypeError: over a box"),
        (b"swell", "raised MemoryError: Unable to allocate 16.0 MiB"),
        (b"garble 1", "sent a reply of 1 bytes and was killed"),
        (b"garble 4000", "sent a reply with a wrong header and was killed"),
        (b"garble 100000", "sent a reply with a wrong header and was killed"),
    ],
)
def test_a_clip_that_kills_two_readers_is_rejected_and_says_how(readers: Readers, data: bytes, cause: str):
    before = readers.restarts
    died = fault(readers, data)
    assert died.reason is Reason.READER_CRASHED
    assert died.detail.count(cause) == 2
    assert readers.restarts == before + 2
    assert is_echo(read(readers, b"the next clip"), b"the next clip")


def test_a_reader_that_speaks_unasked_is_replaced_before_it_harms_a_clip(readers: Readers):
    before = readers.restarts
    assert is_echo(read(readers, b"babble"), b"babble")
    while readers.restarts == before:
        time.sleep(0.001)
    assert is_echo(read(readers, b"the next clip"), b"the next clip")


def test_a_reader_that_hangs_beyond_signals_is_killed_at_its_deadline():
    with planted_readers(deadline_s=1.0) as pool:
        neighbour = pool.submit(ReadRequest(b"sleep 0.2"))
        started = time.monotonic()
        late = fault(pool, b"spin")
        assert late.reason is Reason.READER_TIMEOUT
        assert "took more than 1 s and was killed" in late.detail
        assert time.monotonic() - started >= 2.0
        assert is_echo(neighbour.result(0), b"sleep 0.2")


def test_neighbours_of_a_crash_are_unharmed(readers: Readers):
    futures: dict[bytes, Future[Clip]] = {}
    for number in range(60):
        word = (b"clip", b"abort", b"clip", b"refuse", b"exit 1")[number % 5]
        data = word + b" %d" % number if word != b"exit 1" else b"exit %d" % (number + 1)
        while not readers.free:
            time.sleep(0.001)
        futures[data] = readers.submit(ReadRequest(data))
    wait(futures.values(), PATIENCE_S)
    for data, future in futures.items():
        if data.startswith(b"clip"):
            assert is_echo(future.result(0), data)
        else:
            assert isinstance(future.exception(0), ClipFault)
    assert readers.free == readers.size == 2


def test_a_suspect_is_tried_again_while_no_other_reader_works(readers: Readers, tmp_path: Path):
    at_work = b"work_in %s" % os.fsencode(tmp_path)
    others = [readers.submit(ReadRequest(at_work))]
    suspect = readers.submit(ReadRequest(b"die_once %s" % os.fsencode(tmp_path)))
    others += [readers.submit(ReadRequest(at_work)) for _ in range(3)]
    assert suspect.result(PATIENCE_S).frames == 52
    assert all(other.result(PATIENCE_S).frames == 52 for other in others)


def test_free_counts_the_clips_that_need_not_wait(readers: Readers):
    assert readers.free == 2
    first = readers.submit(ReadRequest(b"sleep 0.3"))
    assert readers.free == 1
    rest = [readers.submit(ReadRequest(b"sleep 0.1")) for _ in range(3)]
    assert readers.free == 0
    wait([first, *rest], PATIENCE_S)
    assert readers.free == 2


def test_a_video_over_the_limit_is_refused_before_it_is_copied():
    with Readers(SPEC, processes=1, clip_limit_bytes=1000, work="planted:obey") as pool:
        assert fault(pool, b"x" * 1001).reason is Reason.TOO_LARGE
        assert is_echo(read(pool, b"x" * 1000), b"x")


def test_no_reader_sees_the_environment_and_each_is_killed_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STALL_KAFKA_SASL_PLAIN_PASSWORD", "secret")
    with planted_readers() as pool:
        server, children = family(pool)
        for process in (server, *children):
            assert Path(f"/proc/{process.pid}/environ").read_bytes() == b""
        assert server.num_threads() == 1
        read(pool, b"a clip")
        deadline = time.monotonic() + PATIENCE_S
        for process in children:  # the one that read nothing may be just starting
            while Path(f"/proc/{process.pid}/oom_score_adj").read_text() != "1000\n":
                assert time.monotonic() < deadline
                time.sleep(0.01)


def test_neither_descriptors_nor_processes_pile_up():
    itself = psutil.Process()
    before = itself.num_fds(), len(itself.children(recursive=True))
    told: list[None] = []
    with planted_readers(restarted=lambda: told.append(None)) as pool:
        read(pool, b"a clip")
        open_fds = itself.num_fds()
        for number in range(200):
            pool.submit(ReadRequest(b"abort" if number % 4 == 0 else b"clip")).exception(PATIENCE_S)
        assert pool.restarts == len(told) == 100
        assert itself.num_fds() <= open_fds
        server, children = family(pool)
        assert len(children) == 2
        assert not any(process.status() == psutil.STATUS_ZOMBIE for process in children)
        assert server.num_fds() < 16
    assert (itself.num_fds(), len(itself.children(recursive=True))) == before


def test_close_waits_for_no_clip_and_cancels_them_all():
    pool = planted_readers()
    futures = [pool.submit(ReadRequest(b"spin")) for _ in range(5)]
    time.sleep(0.1)
    started = time.monotonic()
    pool.close()
    pool.close()
    assert time.monotonic() - started < 15  # a clip may take 20 s
    for future in futures:
        with pytest.raises(CancelledError):
            future.result(0)
    with pytest.raises(RuntimeError, match="ended"):
        pool.submit(ReadRequest(b"clip"))


def test_a_pool_says_for_how_long_it_lives_and_what_ended_it_even_while_it_has_nothing_to_do():
    with planted_readers() as pool:
        assert pool.live() is None
        server, _ = family(pool)
        server.kill()
        while pool.live() is None:
            time.sleep(0.001)
        assert "forked from has ended" in str(pool.live())


def test_a_dead_fork_server_fails_every_clip_and_nothing_waits():
    with planted_readers() as pool:
        futures = [pool.submit(ReadRequest(b"spin")) for _ in range(5)]
        server, orphans = family(pool)
        server.kill()
        for future in futures:
            with pytest.raises(RuntimeError, match="forked from has ended"):
                future.result(PATIENCE_S)
        with pytest.raises(RuntimeError, match="ended"):
            pool.submit(ReadRequest(b"clip"))
        assert not psutil.wait_procs(orphans, PATIENCE_S)[1]


def test_readers_that_cannot_live_end_the_pool_and_do_not_fork_forever():
    with planted_readers(processes=1) as pool:
        server, _ = family(pool)
        while pool._open:
            for child in server.children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        with pytest.raises(RuntimeError, match="ended"):
            pool.submit(ReadRequest(b"clip"))
        assert pool.restarts == 11


def test_a_work_function_that_is_not_there_fails_the_start():
    before = psutil.Process().children()
    with pytest.raises(RuntimeError, match="standard error says why"):
        Readers(SPEC, processes=1, work="planted:nothing")
    assert psutil.Process().children() == before


SCRIPT = """
import sys, time
sys.path.insert(0, {here!r})
from stream.clip import ClipSpec
from stream.readers import ReadRequest, Readers
with Readers(ClipSpec(), processes=2, work="planted:obey") as pool:
    futures = [pool.submit(ReadRequest(data)) for data in ({first!r}, b"sleep 1")]
    print("ready", flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print(futures[1].result().frames, pool.restarts, flush=True)
"""


def start_script(first: bytes) -> tuple["subprocess.Popen[str]", list[psutil.Process]]:
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(here=HERE, first=first)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert script.stdout
    assert script.stdout.readline() == "ready\n"
    while len(processes := psutil.Process(script.pid).children(recursive=True)) < 3:
        time.sleep(0.001)
    return script, processes


def test_readers_go_when_their_parent_is_killed():
    script, processes = start_script(b"spin")
    script.kill()
    script.communicate(timeout=PATIENCE_S)
    assert not psutil.wait_procs(processes, PATIENCE_S)[1]


def test_a_reader_whose_parent_died_before_it_took_an_answer_ends_without_a_word():
    parents, readers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    readers.send(b"an answer")
    parents.close()
    with readers, mmap(-1, 1) as slot:
        child.serve(readers, slot, SPEC, read_clip)


def test_an_interrupt_of_the_whole_group_leaves_the_clips_to_the_parent():
    script, processes = start_script(b"clip")
    os.killpg(script.pid, signal.SIGINT)
    assert script.communicate(timeout=PATIENCE_S)[0] == "52 0\n"
    assert not psutil.wait_procs(processes, PATIENCE_S)[1]


def assert_read_alike(video: bytes, *, num_frames: int) -> None:
    spec = ClipSpec()
    here = read_clip(video, spec)
    with Readers(spec, processes=1) as pool:
        there = pool.submit(ReadRequest(video, num_frames=num_frames)).result(PATIENCE_S)
        assert np.array_equal(here.pixels, there.pixels)
        assert (here.roi, here.frames, here.quality) == (there.roi, there.frames, there.quality)
        with pytest.raises(ClipFault) as caught:
            pool.submit(ReadRequest(video, num_frames=num_frames - 1)).result(PATIENCE_S)
        assert caught.value.reason is Reason.DAMAGED


def test_a_reader_reads_what_read_clip_reads():
    assert_read_alike(encode(outlined(7, frames=20).frames), num_frames=20)


def test_a_reader_reads_what_read_clip_reads_of_a_real_clip(real_clip: bytes):
    assert_read_alike(real_clip, num_frames=52)

"""A reader: a process that takes one video after the other from its slot and puts the crop there."""

import ctypes
import os
import resource
import signal
import socket
import traceback
from contextlib import suppress
from mmap import mmap
from pathlib import Path
from typing import Protocol

import numpy as np

from stream.clip import Box, Clip, ClipSpec
from stream.errors import ClipFault, Reason
from stream.readers import wire

PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Work(Protocol):
    """What a reader does with a video; `stream.clip.read_clip` outside of tests."""

    def __call__(self, data: bytes, spec: ClipSpec, *, roi: Box | None, num_frames: int | None) -> Clip:
        """A clip, or ClipFault raised; anything else that is raised ends the reader."""


def restrict(*, memory_limit_bytes: int, parent: int) -> None:
    """Makes this process harmless: bounded memory, no core file, first to be killed, and gone with its parent.

    Args:
        memory_limit_bytes: address space that clips may take beyond what is mapped already.
        parent: id of the process that must be alive for this one to be.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(1)  # it died before the line above took hold
    mapped_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = mapped_bytes + memory_limit_bytes
    _, inherited = resource.getrlimit(resource.RLIMIT_AS)
    if inherited == resource.RLIM_INFINITY or limit < inherited:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):  # a sandbox may forbid it, and all else still holds
        Path("/proc/self/oom_score_adj").write_text("1000")


def serve(requests: socket.socket, slot: mmap, spec: ClipSpec, work: Work) -> None:
    """Answers requests until the parent closes its end, or until `work` raises what it should not."""
    while message := _next(requests):
        number, request = wire.unpack_request(message, slot)
        try:
            reply = _answer(number, request, slot, spec, work)
        except Exception as error:  # noqa: BLE001 - whatever a video brought about, its rejection should name it
            traceback.print_exc()
            last_words = ClipFault(Reason.READER_CRASHED, f"raised {type(error).__name__}: {error}")
            requests.send(wire.pack_fault(number, last_words))
            raise SystemExit(1) from None
        with suppress(BrokenPipeError):  # a parent that was killed wants no answer, and the next recv tells
            requests.send(reply)


def _next(requests: socket.socket) -> bytes:
    """Empty once the parent is gone; the kernel says so by an error where it died before it took our last answer."""
    try:
        return requests.recv(wire.MAX_MESSAGE_BYTES)
    except ConnectionResetError:
        return b""


def _answer(number: int, request: wire.ReadRequest, slot: mmap, spec: ClipSpec, work: Work) -> bytes:
    try:
        clip = work(request.data, spec, roi=request.roi, num_frames=request.num_frames)
    except ClipFault as fault:
        return wire.pack_fault(number, fault)
    if clip.pixels.shape != spec.shape or clip.pixels.dtype != np.uint8:
        raise TypeError(f"read {clip.pixels.dtype} {clip.pixels.shape} where {spec.shape} of uint8 was due")
    slot[: clip.pixels.nbytes] = np.ascontiguousarray(clip.pixels).data
    return wire.pack_clip(number, clip)

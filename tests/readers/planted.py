"""What hostile videos do to their reader, without the videos: the bytes say what to do."""

import contextlib
import ctypes
import os
import signal
import socket
import threading
import time
from pathlib import Path

import numpy as np

from stream.clip import Box, Clip, ClipSpec, Quality
from stream.errors import ClipFault, Reason


def obey(data: bytes, spec: ClipSpec, *, roi: Box | None, num_frames: int | None) -> Clip:
    """Does what the first word says; whatever comes back shows what came in."""
    word, _, rest = data.partition(b" ")
    if word in DEEDS:
        DEEDS[word](rest.decode())
    pixels = np.resize(np.frombuffer(data, np.uint8), spec.shape)
    return Clip(pixels, roi or (1, 2, 3, 4), num_frames or 52, Quality(ring=True, mean_grey=100.5))


def refuse(detail: str) -> None:
    raise ClipFault(Reason.NO_OUTLINE, detail)


def stumble(text: str) -> None:
    raise TypeError(text)


def spin(_: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
    while True:
        pass


def swell(_: str) -> None:
    blocks = []
    while True:
        blocks.append(np.ones(1 << 24, np.uint8))


def garble(reply: str) -> None:
    """Finds the reader's socket, as code that came in by a video could, and writes to it."""
    for descriptor in range(3, 20):
        with contextlib.suppress(OSError):
            socket.socket(fileno=os.dup(descriptor)).send(b"x" * int(reply))
    time.sleep(3600)


def work_in(folder: str) -> None:
    """Shows in `folder`, for a while, that a reader is at work."""
    mine = Path(folder, str(os.getpid()))
    mine.touch()
    time.sleep(0.3)
    mine.unlink()


def die_once(folder: str) -> None:
    """The second time it lives, if no other reader is at work."""
    died = Path(folder, "died")
    if not died.exists():
        died.touch()
        os.abort()
    if len(list(Path(folder).iterdir())) > 1:
        os.abort()


DEEDS = {
    b"abort": lambda _: os.abort(),
    b"segfault": lambda _: ctypes.string_at(0),
    b"exit": lambda code: os._exit(int(code)),
    b"sleep": lambda seconds: time.sleep(float(seconds)),
    b"kill": lambda number: os.kill(os.getpid(), int(number)),
    b"babble": lambda _: threading.Timer(0.1, garble, ["1"]).start(),
    b"refuse": refuse,
    b"stumble": stumble,
    b"spin": spin,
    b"swell": swell,
    b"garble": garble,
    b"work_in": work_in,
    b"die_once": die_once,
}

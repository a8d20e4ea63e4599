"""The process that readers are forked from: it loads the libraries once, forks in milliseconds and reports deaths.

Both sides stand here: `ForkServer` is the parent's, `main` runs in the process. A reader goes by the number it
was ordered under, and only its own parent kills it, so no process id is ever taken for another's.
"""

import gc
import importlib
import json
import mmap
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass

from stream.clip import ClipSpec, prepare
from stream.readers import child

_START, _KILL, _READY, _ENDED = range(4)
_NOTE = struct.Struct("<BIi")  # what it is about, the reader's number, its exit code (negative: a signal's)
_START_TIMEOUT_S = 60
_END_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """What all readers of a pool have in common; crosses as JSON."""

    work: str
    """`module:function`, of type `child.Work`."""
    spec_json: str
    slot_bytes: int
    memory_limit_bytes: int


class ForkServer:
    """The parent's side."""

    def __init__(self, settings: ReaderSettings) -> None:
        """Starts the process and waits until it has loaded the libraries.

        Its environment is empty from the start: emptied later, it would still stand in /proc. Its session is its
        own: Ctrl-C in a terminal is for the parent, whose clips may still have to be finished.
        """
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = (  # numpy's threads, which a fork would lose, must be forbidden before its import
            "import json, os, sys; sys.path[:] = json.loads(sys.argv[1]); os.environ['OPENBLAS_NUM_THREADS'] = '1'; "
            "from stream.readers.forkserver import main; main(int(sys.argv[2]), sys.argv[3])"
        )
        arguments = [json.dumps(sys.path), str(theirs.fileno()), json.dumps(asdict(settings))]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                env={},
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            self._control.settimeout(_START_TIMEOUT_S)
            self._receive()
            self._control.settimeout(None)
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """Readable when a reader has ended."""
        return self._control.fileno()

    def start(self, number: int, requests: socket.socket, slot: int) -> None:
        """Orders a reader. Its end of the socket and its slot's descriptor may be closed afterwards."""
        socket.send_fds(self._control, [_NOTE.pack(_START, number, 0)], [requests.fileno(), slot])

    def kill(self, number: int) -> None:
        """Orders a reader's end; `ended` tells when that is done."""
        self._control.send(_NOTE.pack(_KILL, number, 0))

    def ended(self) -> tuple[int, int]:
        """Waits for a reader's end: its number and exit code, negative for the signal that ended it."""
        _, number, code = self._receive()
        return number, code

    def close(self) -> None:
        """Ends the process and all readers; nothing is left, and nothing is waited for long."""
        self._control.close()
        try:
            self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # readers go with it, see child.restrict
            self._process.wait()

    def _receive(self) -> tuple[int, int, int]:
        message = self._control.recv(_NOTE.size)
        if not message:
            raise RuntimeError("the process that clip readers are forked from has ended; standard error says why")
        about, number, code = _NOTE.unpack(message)
        return about, number, code


def main(control_fd: int, settings_json: str) -> None:
    """Serves until the parent closes its end. Returns in each forked reader, too, when that has done its work."""
    for name in (signal.SIGINT, signal.SIGTERM):  # sent to whole groups and units: the parent knows what they mean
        signal.signal(name, signal.SIG_IGN)
    settings = ReaderSettings(**json.loads(settings_json))
    spec = ClipSpec.model_validate_json(settings.spec_json)
    module, _, function = settings.work.partition(":")
    prepare()
    work: child.Work = getattr(importlib.import_module(module), function)
    gc.freeze()  # a collection in a reader would write to, and so copy, the pages that all share
    server_id = os.getpid()
    descriptors = _serve(socket.socket(fileno=control_fd))
    if descriptors:
        requests_fd, slot_fd = descriptors
        slot = mmap.mmap(slot_fd, settings.slot_bytes)
        child.restrict(memory_limit_bytes=settings.memory_limit_bytes, parent=server_id)
        child.serve(socket.socket(fileno=requests_fd), slot, spec, work)


def _serve(control: socket.socket) -> list[int] | None:
    """Forks and kills as ordered. Returns None at the end; in each forked reader its two descriptors."""
    control.set_inheritable(False)
    with suppress(BrokenPipeError):  # a parent that was interrupted meanwhile is gone, which the next read tells
        control.send(_NOTE.pack(_READY, 0, 0))
    ids: dict[int, int] = {}
    with control, selectors.PollSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not control:
                    selector.unregister(key.fileobj)
                    os.close(key.fd)
                    _report(control, key.data, ids.pop(key.data))
                    continue
                message, descriptors, _, _ = socket.recv_fds(control, _NOTE.size, 2)
                if not message:
                    _end(ids.values())
                    return None
                about, number, _ = _NOTE.unpack(message)
                if about == _START:
                    ids[number] = os.fork()
                    if ids[number] == 0:
                        return descriptors
                    selector.register(os.pidfd_open(ids[number]), selectors.EVENT_READ, number)
                    for descriptor in descriptors:
                        os.close(descriptor)
                elif number in ids:  # else it has ended by itself, and that is reported
                    os.kill(ids[number], signal.SIGKILL)


def _report(control: socket.socket, number: int, process_id: int) -> None:
    _, status = os.waitpid(process_id, 0)
    with suppress(BrokenPipeError):  # the parent is gone; the next message says so
        control.send(_NOTE.pack(_ENDED, number, os.waitstatus_to_exitcode(status)))


def _end(process_ids: Collection[int]) -> None:
    for process_id in process_ids:
        os.kill(process_id, signal.SIGKILL)
    for process_id in process_ids:
        os.waitpid(process_id, 0)

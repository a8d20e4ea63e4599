"""Memory that a reader shares with its parent: a video's bytes go in, the crop comes out."""

import fcntl
import mmap
import os


def create_slot(size: int) -> tuple[int, mmap.mmap]:
    """Makes a slot of `size` bytes that only memory backs; pages cost nothing until they are written.

    It has no name in /dev/shm (which is 64 MB small in a container), and it is sealed: a reader that cut it
    short would kill its parent by SIGBUS.

    Returns:
        The file descriptor, to be handed to the reader and closed, and the parent's mapping.
    """
    descriptor = os.memfd_create("clip", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return descriptor, mmap.mmap(descriptor, size)

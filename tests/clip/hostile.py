"""Files that no microscope writes, and what may be said of each."""

import struct

from stream.errors import Reason
from tests.clip.boxes import TABLES, find, patched, with_index_first, with_sps_of_size
from tests.clip.scenes import Scene, encode


def hostile(good: bytes, scene: Scene) -> dict[str, tuple[bytes, set[Reason]]]:
    """Files that hurt a careless reader, and what may be said of each."""
    early = find(good, b"mdat")[0] + 10_000
    undecodable, too_large, damaged = {Reason.UNDECODABLE}, {Reason.TOO_LARGE}, {Reason.DAMAGED}
    return {
        "zero bytes": (b"", undecodable),
        "text": (b"This is no video.\n" * 100, undecodable),
        "m3u8": (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n", undecodable),
        "ffconcat": (b"ffconcat version 1.0\nfile /etc/passwd\n", undecodable),
        "sdp": (b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", undecodable),
        "png": (b"\x89PNG\r\n\x1a\n" + bytes(1000), undecodable),
        "truncated": (good[: len(good) // 2], undecodable),
        "truncated, index first": (with_index_first(good)[: len(good) // 2], undecodable),
        "index bomb": (patched(good, (*TABLES, b"stsz"), 4, struct.pack(">II", 9, 85_000_000)), too_large),
        "8192x8192": (with_sps_of_size(good, 8192, 8192), too_large),
        "audio alone": (_sound_alone(good), undecodable),
        "two tracks": (encode(scene.frames, tracks=2), undecodable),
        "fragmented": (encode(scene.frames, movflags="frag_keyframe+empty_moov"), undecodable),
        "mpeg4": (encode(scene.frames, codec="mpeg4"), undecodable),
        "corrupt payload": (good[:early] + bytes(1000) + good[early + 1000 :], damaged),
    }


def _sound_alone(good: bytes) -> bytes:
    return patched(good, (b"moov", b"trak", b"mdia", b"hdlr"), 8, b"soun")

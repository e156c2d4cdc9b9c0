"""Whether a packet shows an image: VP8 and VP9 streams may hold some that only help to decode others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream


def is_shown(packet: Packet[VideoStream], codec: str) -> bool:
    """Whether a player shows the image of a packet, by the packet alone: it is not cut away by an edit list, and not
    hidden by its own header. `codec` is libav's canonical name."""
    if packet.is_discard:
        return False
    if codec == "vp8":
        return _vp8(bytes(memoryview(packet)[:1]))
    if codec == "vp9":
        return _vp9(bytes(packet))
    return True


def may_hide(codec: str) -> bool:
    """Whether packets of a codec may show nothing, so that counting packets is not counting images."""
    return codec in ("vp8", "vp9")


def _vp8(head: bytes) -> bool:
    """RFC 6386, 9.1: bit 4 of the first byte is show_frame."""
    return not head or bool(head[0] & 0x10)


def _vp9(data: bytes) -> bool:
    """Whether any frame of a packet is shown; several of them are a superframe (VP9 bitstream, annex B)."""
    return any(_vp9_frame(frame) for frame in _vp9_frames(data)) if data else True


def _vp9_frames(data: bytes) -> list[bytes]:
    marker = data[-1]
    if marker & 0xE0 != 0xC0:
        return [data]
    count, width = (marker & 7) + 1, ((marker >> 3) & 3) + 1
    size = 2 + count * width
    if len(data) < size or data[-size] != marker:
        return [data]
    frames, at = [], 0
    for number in range(count):
        index = len(data) - size + 1 + number * width
        length = int.from_bytes(data[index : index + width], "little")
        frames.append(data[at : at + length])
        at += length
    return [frame for frame in frames if frame]


def _vp9_frame(frame: bytes) -> bool:
    """VP9 bitstream, 6.2: show_existing_frame, or show_frame, of the uncompressed header."""
    head = int.from_bytes(frame[:2].ljust(2, bytes(1)), "big")
    bits = f"{head:016b}"
    at = 2  # frame_marker
    profile = int(bits[at]) + 2 * int(bits[at + 1])
    at += 3 if profile == 3 else 2  # a reserved bit follows profile 3
    if bits[at] == "1":
        return True  # show_existing_frame
    return bits[at + 2] == "1"  # after frame_type

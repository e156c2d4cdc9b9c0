"""The few facts of an H.264 stream that joining needs: NAL units, parameter sets, the avcC record.

Names and layouts are those of ITU-T H.264 (clauses 7.3 and E.1) and ISO/IEC 14496-15 (clause 5.3.3).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

IDR: Final = 5
SPS: Final = 7
PPS: Final = 8
_WITH_CHROMA: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_WITH_AVCC_TAIL: Final = frozenset({100, 110, 122, 144, 244})
_EXTENDED_SAR: Final = 255
BASELINE: Final = 66
PROFILES: Final = {BASELINE: "baseline", 77: "main", 100: "high"}
"""The profiles that x264 encodes 4:2:0 samples of 8 bits in, by `profile_idc`."""


class _Bits:
    """Reads a NAL unit's payload bit by bit, past its emulation prevention bytes."""

    def __init__(self, nal: bytes) -> None:
        payload = nal[1:].replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def bits(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("the parameter set ends too early")
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.bits(1) == 1

    def unsigned(self) -> int:
        zeros = 0
        while not self.flag():
            zeros += 1
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        code = self.unsigned()
        return (code + 1) // 2 if code % 2 else -(code // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpsFacts:
    """What joining needs of a sequence parameter set. `reorder` is `None` where the stream does not say."""

    profile: int
    id: int
    references: int
    progressive: bool
    reorder: int | None


def read_sps(nal: bytes) -> SpsFacts:
    """Read a sequence parameter set. Raises `ValueError` for one that ends too early."""
    bits = _Bits(nal)
    profile = bits.bits(8)
    bits.bits(16)  # constraint flags, level
    sps_id = bits.unsigned()
    if profile in _WITH_CHROMA:
        _skip_chroma(bits)
    bits.unsigned()  # log2_max_frame_num
    _skip_order_count(bits)
    references = bits.unsigned()
    bits.flag()  # gaps_in_frame_num
    bits.unsigned()  # width
    bits.unsigned()  # height
    progressive = bits.flag()
    if not progressive:
        bits.flag()  # mb_adaptive_frame_field
    bits.flag()  # direct_8x8_inference
    if bits.flag():
        for _ in range(4):
            bits.unsigned()  # cropping
    reorder = _read_reorder(bits) if bits.flag() else None
    return SpsFacts(
        profile=profile, id=sps_id, references=references, progressive=progressive, reorder=reorder
    )


def _skip_chroma(bits: _Bits) -> None:
    chroma = bits.unsigned()
    if chroma == 3:
        bits.flag()  # separate_colour_plane
    bits.unsigned()  # bit_depth_luma
    bits.unsigned()  # bit_depth_chroma
    bits.flag()  # qpprime_y_zero_transform_bypass
    if bits.flag():
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order_count(bits: _Bits) -> None:
    kind = bits.unsigned()
    if kind == 0:
        bits.unsigned()
    elif kind == 1:
        bits.flag()
        bits.signed()
        bits.signed()
        for _ in range(bits.unsigned()):
            bits.signed()


def _read_reorder(bits: _Bits) -> int | None:
    """Read `max_num_reorder_frames` at the end of the VUI, if it is there."""
    if bits.flag() and bits.bits(8) == _EXTENDED_SAR:
        bits.bits(32)
    if bits.flag():
        bits.flag()  # overscan
    if bits.flag():
        bits.bits(4)  # video_format, full range
        if bits.flag():
            bits.bits(24)  # colour
    if bits.flag():
        bits.unsigned()  # chroma location
        bits.unsigned()
    if bits.flag():
        bits.bits(65)  # timing
    nal_hrd, vcl_hrd = (_skip_hrd(bits) for _ in range(2))
    if nal_hrd or vcl_hrd:
        bits.flag()  # low_delay_hrd
    bits.flag()  # pic_struct_present
    if not bits.flag():
        return None
    bits.flag()  # motion_vectors_over_pic_boundaries
    for _ in range(4):
        bits.unsigned()
    return bits.unsigned()


def _skip_hrd(bits: _Bits) -> bool:
    if not bits.flag():
        return False
    schedules = bits.unsigned() + 1
    bits.bits(8)
    for _ in range(schedules):
        bits.unsigned()
        bits.unsigned()
        bits.flag()
    bits.bits(20)
    return True


def pps_ids(nal: bytes) -> tuple[int, int]:
    """An image parameter set's own id and that of its sequence parameter set."""
    bits = _Bits(nal)
    return bits.unsigned(), bits.unsigned()


@dataclass(frozen=True, slots=True, kw_only=True)
class AvcC:
    """An AVCDecoderConfigurationRecord: what an mp4 says about its H.264 stream.

    `tail` is what follows the parameter sets (chroma format and bit depth of the High profiles), as it is.
    """

    profile: int
    compatibility: int
    level: int
    length_size: int
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    tail: bytes

    @classmethod
    def read(cls, record: bytes) -> AvcC:
        """Read a record. Raises `ValueError` if it is not one."""
        try:
            if record[0] != 1:
                raise ValueError("not an avcC record")
            sps, position = _read_sets(record, 6, record[5] & 31)
            pps, position = _read_sets(record, position + 1, record[position])
        except (IndexError, struct.error) as error:
            raise ValueError("the avcC record ends too early") from error
        return cls(
            profile=record[1],
            compatibility=record[2],
            level=record[3],
            length_size=(record[4] & 3) + 1,
            sps=sps,
            pps=pps,
            tail=record[position:],
        )

    def write(self) -> bytes:
        """The record as bytes."""
        kind = (1, self.profile, self.compatibility, self.level)
        head = bytes([*kind, 252 | (self.length_size - 1), 224 | len(self.sps)])
        sps = b"".join(struct.pack(">H", len(nal)) + nal for nal in self.sps)
        pps = b"".join(struct.pack(">H", len(nal)) + nal for nal in self.pps)
        return head + sps + bytes([len(self.pps)]) + pps + self.tail

    def with_sets(self, nals: Iterable[bytes]) -> AvcC:
        """The record of a stream that also uses these parameter sets: level and profile cover all of them."""
        record = self
        for nal in nals:
            if nal[0] & 31 == PPS:
                record = replace(record, pps=(*record.pps, nal))
            elif nal[0] & 31 == SPS:
                record = replace(
                    record,
                    sps=(*record.sps, nal),
                    profile=max(record.profile, nal[1]),
                    compatibility=record.compatibility & nal[2],
                    level=max(record.level, nal[3]),
                )
        if record.profile in _WITH_AVCC_TAIL and not record.tail:
            record = replace(record, tail=bytes([252 | 1, 248, 248, 0]))  # 4:2:0, 8 bits, no SPS extension
        return record

    def free_id(self) -> int:
        """The lowest id that neither a sequence nor an image parameter set uses. Raises `ValueError`."""
        used = {read_sps(nal).id for nal in self.sps}
        for nal in self.pps:
            used.update(pps_ids(nal))
        free = [number for number in range(1, 32) if number not in used]
        if not free:
            raise ValueError("no parameter set id is free")
        return free[0]


def _read_sets(record: bytes, position: int, count: int) -> tuple[tuple[bytes, ...], int]:
    sets = []
    for _ in range(count):
        (size,) = struct.unpack_from(">H", record, position)
        position += 2
        if size == 0 or position + size > len(record):
            raise ValueError("the avcC record ends too early")
        sets.append(record[position : position + size])
        position += size
    return tuple(sets), position


def split_lengths(sample: bytes, length_size: int) -> Iterator[bytes]:
    """The NAL units of an mp4 sample. Raises `ValueError` when the lengths do not add up."""
    position = 0
    while position < len(sample):
        start = position + length_size
        end = start + int.from_bytes(sample[position:start], "big")
        if end > len(sample) or start >= end:
            raise ValueError("the NAL units do not fill the sample")
        yield sample[start:end]
        position = end


def split_start_codes(stream: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream."""
    position = stream.find(b"\x00\x00\x01")
    while position >= 0:
        start = position + 3
        position = stream.find(b"\x00\x00\x01", start)
        nal = stream[start : position if position >= 0 else len(stream)].rstrip(b"\x00")
        if nal:
            yield nal


def join_lengths(nals: Iterable[bytes], length_size: int) -> bytes:
    """An mp4 sample made of NAL units."""
    return b"".join(len(nal).to_bytes(length_size, "big") + nal for nal in nals)

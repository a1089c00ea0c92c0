"""Checks whether the end of a recording's file is missing, by the sizes that its container states.

FFmpeg and PyAV expose these sizes only in part, so they are read here. A file without its index fails to open, and in a
plain MP4 the index (`Stream.index_entries`) lists samples beyond the end of the file. But of a fragmented MP4 that is
cut within the header of a fragment, FFmpeg just reads one fragment less, Matroska's clusters and AVI's chunks are
listed up to the cut, and durations do not help: AVI's is estimated from the rest of the file, and others start from
another zero or belong to a longer sound track.
"""

from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def is_cut_off(path: Path) -> bool:
    """Return whether an MP4/MOV, Matroska/WebM or AVI file is shorter than it states; False for other kinds.

    ISO/IEC 14496-12 (boxes), RFC 8794 and RFC 9559 (EBML, Matroska) and RIFF state the size of each top-level part.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
            return _boxes_end(file, size) > size
        if head[:4] == _EBML:
            return _segment_lost(file, size)
        if head[:4] == b"RIFF":
            return 8 + int.from_bytes(head[4:8], "little") > size
    return False


def _boxes_end(file: BinaryIO, size: int) -> int:
    end = 0
    seen: set[bytes] = set()
    while end < size:
        file.seek(end)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length == 0:  # to the end of the file
            return size
        if len(header) < 8 or length < 8:  # other data after the last box, if the recording is complete
            return size if {b"moov", b"mdat"} <= seen else size + 1
        seen.add(header[4:8])
        end += length
    return end


def _segment_lost(file: BinaryIO, size: int) -> bool:
    """Return whether the Segment or one of its elements exceeds the file, or zeros are in place of elements."""
    file.seek(len(_EBML))
    file.seek(_variable_size(file) or 0, 1)
    if file.read(len(_SEGMENT)) != _SEGMENT:
        return False
    length = _variable_size(file)
    end = size if length is None else file.tell() + length
    while file.tell() < min(end, size):
        first = file.read(1)[0]
        if first == 0:
            return True
        file.seek(8 - first.bit_length(), 1)
        child = _variable_size(file)
        if child is None:  # a live recording: its last elements state no size
            return False
        file.seek(child, 1)
    return end > size or file.tell() > size


def _variable_size(file: BinaryIO) -> int | None:
    """Read an EBML variable-size integer; None for "unknown" (all ones) and at the end of the file."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    value = int.from_bytes(first + rest, "big") & ((1 << 7 * length) - 1)
    return None if len(rest) < length - 1 or value == (1 << 7 * length) - 1 else value

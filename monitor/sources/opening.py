"""From an address to the source that reads it."""

from pathlib import Path

from monitor.domain.address import IMAGE_SUFFIXES, SourceAddress, SourceKind
from monitor.domain.clock import Clock
from monitor.domain.ports import Source
from monitor.sources.images import ImageSource
from monitor.sources.opencv import OpenCvSource


def make_source(source_id: str, address: SourceAddress, clock: Clock, decode_threads: int = 1) -> Source:
    """Return the source for an address; nothing is opened yet."""
    if address.kind is SourceKind.FILE:
        path = Path(address.value)
        if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
            return ImageSource(source_id, path)
    return OpenCvSource(source_id, address, clock, decode_threads)

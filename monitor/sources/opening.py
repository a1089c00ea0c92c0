"""Makes the source for an address."""

from collections.abc import Callable
from pathlib import Path

from monitor.config.capture import CaptureSettings
from monitor.domain.address import IMAGE_SUFFIXES, SourceAddress, SourceKind
from monitor.domain.clock import Clock
from monitor.domain.ports import Source
from monitor.sources.images import ImageSource
from monitor.sources.opencv import OpenCvSource
from monitor.sources.played import PlayedFile
from monitor.sources.stream import StreamSource


def make_source(source_id: str, address: SourceAddress, clock: Clock, decode_threads: int = 1) -> Source:
    """Return the source for an address; nothing is opened yet."""
    if address.kind is SourceKind.FILE:
        path = Path(address.value)
        if _is_folder(path) or path.suffix.lower() in IMAGE_SUFFIXES:
            return ImageSource(source_id, path)
    if address.kind is SourceKind.STREAM:
        return StreamSource(source_id, address, clock)
    return OpenCvSource(source_id, address, clock, decode_threads)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # the file source reports the fault
        return False


def make_camera_source(
    source_id: str, address: SourceAddress, settings: CaptureSettings, clock: Clock, pause: Callable[[float], object]
) -> Source:
    """Return the source for a live camera; a file is played at its own rate, waiting with `pause`."""
    if address.kind is SourceKind.FILE:
        return PlayedFile(lambda: make_source(source_id, address, clock), clock, pause, loop=settings.loop)
    if address.kind is SourceKind.STREAM:
        return StreamSource(source_id, address, clock, settings.open_timeout_s, settings.read_timeout_s)
    return OpenCvSource(source_id, address, clock, settings=settings)

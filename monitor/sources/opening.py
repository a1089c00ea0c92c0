"""Makes the source for an address."""

from collections.abc import Callable
from pathlib import Path

from monitor.config.camera import CameraSettings
from monitor.domain.address import IMAGE_SUFFIXES, SourceAddress, SourceKind
from monitor.domain.clock import Clock
from monitor.domain.ports import Source
from monitor.sources.camera_reader import CameraReader
from monitor.sources.images import ImageSource
from monitor.sources.packets import PacketTap
from monitor.sources.played import PlayedFile
from monitor.sources.recording import RecordingSource
from monitor.sources.webcam import WebcamSource

#: Pictures per second of a camera that gives single pictures only, where every frame is to be analysed.
_POLL_FPS = 5.0


def make_recording(
    source_id: str,
    address: SourceAddress,
    decode_threads: int = 1,
    track: int | None = None,
    tap: PacketTap | None = None,
    clock: Clock | None = None,
) -> RecordingSource | ImageSource:
    """Return the source for a video file, an image, or a folder of images; nothing is opened yet.

    A `tap` receives the packets of a video file as they are read, by `clock`.
    """
    path = Path(address.value)
    if _is_folder(path) or path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource(source_id, path)
    return RecordingSource(source_id, address, decode_threads, track, tap, clock)


def make_camera_source(
    source_id: str,
    camera: CameraSettings,
    clock: Clock,
    pause: Callable[[float], object],
    tap: PacketTap | None = None,
) -> Source:
    """Return the source for a live camera; a file is played at its own rate, waiting with `pause`.

    A `tap` receives the packets of a stream or video file; other sources have none.
    """
    address, settings = camera.source, camera.capture
    match address.kind:
        case SourceKind.FILE:

            def make() -> RecordingSource | ImageSource:
                return make_recording(source_id, address, track=settings.stream, tap=tap, clock=clock)

            return PlayedFile(make, clock, pause, loop=settings.loop, tap=tap)
        case SourceKind.STREAM:
            poll_fps = _POLL_FPS if camera.detect_fps == "auto" else camera.detect_fps
            return CameraReader(source_id, address, clock, settings, poll_fps, pause, tap)
        case SourceKind.WEBCAM:
            return WebcamSource(source_id, address, clock, settings)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # the file source reports the fault
        return False

"""Clips that play as cameras: a recording at another size and rate, encoded as cameras do."""

from fractions import Fraction
from pathlib import Path

from monitor.domain.errors import SourceError
from monitor.pipeline.pace import Pace
from monitor.sources.files import check_file

#: A keyframe every two seconds and no B-frames, as network cameras send it.
_KEYFRAME_S = 2
_OPTIONS = {"preset": "veryfast", "crf": "23", "bf": "0", "profile": "main"}


def make_clip(recording: Path, clip: Path, width_px: int, height_px: int, fps: int) -> int:
    """Write an H.264 clip of a recording and return how many frames it has; raises `SourceError`.

    The rate is lowered by dropping frames, and never raised.
    """
    check_file(recording)
    import av
    from av.error import FFmpegError
    from av.video.stream import VideoStream

    try:
        with av.open(str(recording)) as source, av.open(str(clip), "w") as target:
            stream = target.add_stream("libx264", rate=fps, options={**_OPTIONS, "g": str(_KEYFRAME_S * fps)})
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
            stream.codec_context.time_base = Fraction(1, fps)
            pace, count = Pace(fps), 0
            for frame in source.decode(video=0):
                if frame.time is None or not pace.due(frame.time):
                    continue
                picture = frame.reformat(width_px, height_px, "yuv420p")
                picture.pts, picture.time_base = count, Fraction(1, fps)
                target.mux(stream.encode(picture))
                count += 1
            target.mux(stream.encode(None))
    except IndexError as error:
        raise SourceError(f"{recording}: no clip can be made of it: it contains no video") from error
    except (FFmpegError, OSError) as error:
        raise SourceError(f"{recording}: no clip can be made of it: {error.strerror}") from error
    return count

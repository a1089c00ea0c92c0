"""The facts about a source, derived from the times and sizes of its packets (pure)."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import median
from urllib.parse import urlsplit

import numpy as np

from monitor.config.capture import CaptureSettings
from monitor.domain.address import SourceAddress, SourceKind

#: Frames that a source had buffered before the connection arrive all at once. The measurement begins with the first
#: frame that arrives after a wait longer than this share of the frame interval.
_WAITED = 0.5

#: An interval between two frames that differs by more than this share from the usual one is irregular; with more
#: irregular ones than `_IRREGULAR_SHARE` the rate is variable, and missing frames cannot be counted.
_IRREGULAR, _IRREGULAR_SHARE = 0.25, 0.1


@dataclass(frozen=True, slots=True)
class Arrival:
    """The arrival of an encoded frame.

    `arrived_s` is monotonic; `media_s` is its presentation time and `order_s` its decoding time by the source's own
    clock, None if it has no usable one.
    """

    arrived_s: float
    media_s: float | None
    order_s: float | None
    key: bool
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the frames of a source arrived. Values that only a live source has are None for a recording.

    `fps` is measured: by arrival when live, otherwise by the recording's clock. `jitter_ms` is the standard deviation
    of arrival against the source's clock, `worst_gap_ms` the longest time without a frame; `drift_percent` is how much
    faster (+) or slower (-) the source's clock runs than the local clock. `missing` frames left a gap in the source's
    clock; `at_once` frames had been buffered and arrived without a wait. The keyframe interval is the longest measured;
    not exact if it may be longer than the measurement.
    """

    frames: int
    watched_s: float
    fps: float | None
    variable_rate: bool
    missing: int
    bitrate_kbps: float | None
    b_frames: bool
    keyframe_interval_s: float | None
    keyframe_interval_exact: bool
    at_once: int = 0
    jitter_ms: float | None = None
    worst_gap_ms: float | None = None
    drift_percent: float | None = None


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """The plan of a measurement.

    `seconds` is the time to watch, or of a recording to read; `inference_fps` the pictures per second to analyse;
    `capture` how the source is opened; `poll_fps` how many pictures per second are asked for where a camera gives
    single ones only.
    """

    seconds: float = 10.0
    inference_fps: float = 2.0
    poll_fps: float = 5.0
    capture: CaptureSettings = field(default_factory=CaptureSettings)


class Link(StrEnum):
    """How frames reach the program, according to the source's address."""

    FILE = "file"
    DEVICE = "device"
    THIS_COMPUTER = "this_computer"
    NETWORK = "network"


def link_of(address: SourceAddress) -> Link:
    """Return the link of an address; a host name other than localhost counts as network."""
    match address.kind:
        case SourceKind.FILE:
            return Link.FILE
        case SourceKind.WEBCAM:
            return Link.DEVICE
    host = urlsplit(address.value).hostname or ""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost" or host.endswith(".localhost")  # RFC 6761
    return Link.THIS_COMPUTER if here else Link.NETWORK


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """The facts about a source.

    `decode_ms` and `convert_ms` are CPU milliseconds a frame on one thread: decoding, and making a BGR picture of it.
    `first_frame_s` counts from the start of opening. `corrupt` frames could not be decoded in full. `broke_off` is why
    a live source ended too early, `cut_off` whether the end of a recording is missing. `repairs` is what of a
    recording's clock was replaced, in words. `tracks` are the (width, height) of all video tracks, `track` is the one
    examined.
    """

    kind: SourceKind
    link: Link
    container: str
    codec: str
    profile: str | None
    width_px: int
    height_px: int
    pixel_format: str | None
    nominal_fps: float | None
    delivery: Delivery
    open_s: float
    first_frame_s: float
    decoded: int
    corrupt: int
    decode_ms: float | None
    convert_ms: float | None
    rotation_deg: int = 0
    interlaced: bool = False
    audio: str | None = None
    length_s: float | None = None
    broke_off: str | None = None
    cut_off: bool = False
    repairs: str | None = None
    tracks: tuple[tuple[int, int], ...] = ()
    track: int = 0

    @property
    def live(self) -> bool:
        """Whether it is a camera or a stream."""
        return self.kind is not SourceKind.FILE


def delivery_of(arrivals: Sequence[Arrival], ended_s: float, *, live: bool) -> Delivery:
    """Return the facts about the arrivals; `ended_s` is the end of the measurement, on the clock of `arrived_s`."""
    media = _filled([arrival.media_s for arrival in arrivals])
    shown = _complete(arrivals, media)
    steps = [later - earlier for earlier, later in pairwise(shown)]
    step_s = median(steps) if steps else None
    irregular = sum(abs(step - step_s) > _IRREGULAR * step_s for step in steps) if step_s else 0
    variable = bool(steps) and irregular > _IRREGULAR_SHARE * len(steps)
    missing = sum(round(step / step_s) - 1 for step in steps if step > 1.6 * step_s) if step_s and not variable else 0
    media_span_s = shown[-1] - shown[0] if len(shown) > 1 else 0.0
    interval_s, exact = _keyframe_interval(arrivals, media)
    watched = _waited_for(arrivals, step_s) if live else []
    span_s = watched[-1].arrived_s - watched[0].arrived_s if len(watched) > 1 else media_span_s
    steps_counted = len(watched) - 1 if len(watched) > 1 else len(steps)
    bits = 8 * sum(arrival.size_bytes for arrival in (watched if len(watched) > 1 else arrivals)[1:])
    return Delivery(
        frames=len(arrivals),
        watched_s=ended_s - arrivals[0].arrived_s if live and arrivals else media_span_s + (step_s or 0.0),
        fps=steps_counted / span_s if span_s > 0 else None,
        variable_rate=variable,
        missing=missing,
        bitrate_kbps=bits / span_s / 1000 if span_s > 0 and bits else None,
        b_frames=any(b < a for a, b in pairwise(time_s for time_s in media if time_s is not None)),
        keyframe_interval_s=interval_s,
        keyframe_interval_exact=exact,
        at_once=len(arrivals) - len(watched) if live else 0,
        jitter_ms=_jitter_ms(watched),
        worst_gap_ms=_worst_gap_ms(watched, ended_s),
        drift_percent=_drift_percent(watched),
    )


def _filled(times: Sequence[float | None]) -> list[float | None]:
    """Return the times, with a missing time of the first frame estimated from the next ones."""
    filled = list(times)
    if len(filled) > 2 and filled[0] is None and filled[1] is not None and filled[2] is not None:
        filled[0] = filled[1] - abs(filled[2] - filled[1])
    return filled


def _complete(arrivals: Sequence[Arrival], media: Sequence[float | None]) -> list[float]:
    """Return the presentation times in order, up to the last time before which no frame can be missing.

    A frame is decoded before it is shown: after the decoding time of the last frame, earlier frames may still arrive.
    """
    known = sorted(time_s for time_s in media if time_s is not None)
    decoded_s = arrivals[-1].order_s if arrivals else None
    return [time_s for time_s in known if time_s <= decoded_s + 1e-6] if decoded_s is not None else known


def _waited_for(arrivals: Sequence[Arrival], step_s: float | None) -> list[Arrival]:
    """Return the arrivals from the first that came after a wait; none if all came at once."""
    least_s = _WAITED * step_s if step_s else 0.005
    for index, (earlier, later) in enumerate(pairwise(arrivals)):
        if later.arrived_s - earlier.arrived_s > least_s:
            return list(arrivals[index + 1 :])
    return []


def _keyframe_interval(arrivals: Sequence[Arrival], media: Sequence[float | None]) -> tuple[float | None, bool]:
    """Return the longest time between keyframes in seconds, and whether both keyframes were received."""
    known = all(time_s is not None for time_s in media)
    times = [a.arrived_s if not known else time_s or 0.0 for a, time_s in zip(arrivals, media, strict=True)]
    keys = [time_s for arrival, time_s in zip(arrivals, times, strict=True) if arrival.key]
    if not times:
        return None, False
    longest_s = max((later - earlier for earlier, later in pairwise(keys)), default=0.0)
    open_s = max(times) - (keys[-1] if keys else times[0])
    if open_s > longest_s:
        return open_s, False
    return (longest_s, True) if longest_s > 0 else (None, False)


def _clocks(watched: Sequence[Arrival]) -> tuple[np.ndarray, np.ndarray] | None:
    known = [(arrival.arrived_s, arrival.order_s) for arrival in watched if arrival.order_s is not None]
    if len(known) < 10:
        return None
    arrived, media = np.array(known, np.float64).T
    return (arrived - arrived[0], media - media[0]) if media[-1] > media[0] else None


def _jitter_ms(watched: Sequence[Arrival]) -> float | None:
    clocks = _clocks(watched)
    if clocks is not None:
        arrived, media = clocks
        slope, offset = np.polyfit(media, arrived, 1)
        return float(1000 * np.std(arrived - slope * media - offset))
    gaps = [later.arrived_s - earlier.arrived_s for earlier, later in pairwise(watched)]
    return float(1000 * np.std(gaps)) if len(gaps) > 1 else None


def _worst_gap_ms(watched: Sequence[Arrival], ended_s: float) -> float | None:
    if not watched:
        return None
    times = [arrival.arrived_s for arrival in watched] + [ended_s]
    return 1000 * max(later - earlier for earlier, later in pairwise(times))


def _drift_percent(watched: Sequence[Arrival]) -> float | None:
    """Return the drift if it exceeds the jitter (three standard errors of the fitted slope), else 0."""
    clocks = _clocks(watched)
    if clocks is None:
        return None
    arrived, media = clocks
    slope, offset = np.polyfit(arrived, media, 1)
    left = media - slope * arrived - offset
    error = float(np.sqrt(np.sum(left**2) / (len(arrived) - 2) / np.sum((arrived - arrived.mean()) ** 2)))
    drift = float(slope) - 1
    return 100 * drift if abs(drift) > 3 * error else 0.0

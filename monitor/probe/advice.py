"""Advice about a source, derived from its measurements (pure).

Every limit below comes from the program itself (the rules, the detector or the goals of the live monitor), names its
source, or is marked as an estimate: chosen, not measured on cameras. A source without problems gets no advice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from monitor.config.rules import RulesSettings
from monitor.domain.address import SourceKind
from monitor.probe.delivery import Link, StreamFacts
from monitor.probe.scene import SceneFacts
from monitor.rules.quality import GOOD_FACE_PX

#: The detector's smallest anchors, in px of its input: of bare faces below 12 px it finds 28 %, from 12 to 16 px 68 %
#: (`docs/recipes.md`). The whole picture is shrunk to the input, so more pixels in the camera do not help here.
MODEL_FACE_PX = 12.0

#: Share of faces under a limit from which the camera's position is wrong, not just a few people far away.
MANY_FACES, SOME_FACES = 0.5, 0.2

#: Sharpness (`monitor.rules.quality`) below which the detector misses every third face and more (`docs/judging.md`).
SOFT = 120.0

#: Side-to-side detail per unit of top-to-bottom detail, in the median: 0.9 to 1.0 on the sample's faces as they are or
#: out of focus, 0.66 when smeared sideways by a fifth of their height; single faces overlap widely (0.35 to 0.82,
#: against 0.64 to 1.07). So it is a hint, and given only together with `SOFT`.
SMEARED = 0.7

#: Mean grey level of the picture, and share of it burnt out. An estimate: the sample has a mean of 127 and 1 %
#: burnt out, and at 40 most of a picture lies where sensors amplify noise.
DARK, BRIGHT, BURNT_SHARE = 40.0, 215.0, 0.25

#: A face is backlit if it is darker than this and less than half as bright as the picture. An estimate; both are
#: required so that dark skin in even light does not count; 95 % of the sample's faces are above 75.
BACKLIT_LUMA, BACKLIT_RATIO = 60.0, 0.5

#: Standard deviation of grey levels under which a lit picture has too little contrast. An estimate: the sample has 70.
VEILED = 20.0

#: Share of identical pictures that the noise of a live camera makes impossible, and the shortest time for the check.
FROZEN_SHARE, FROZEN_S = 0.9, 3.0

#: Share of black pictures from which it is not just a lamp that is switched off.
BLACK_SHARE = 0.5

#: Encoded frames damaged or absent: 1 in 1,000 smears a picture once a minute at 15 frames a second.
DAMAGE_SHARE, DAMAGE_SERIOUS = 0.001, 0.02

#: One inference counts for at most 0.5 s of evidence (`docs/judging.md`): in a longer gap nobody is checked.
GAP_S = 0.5

#: A verdict should come within 150 ms of capture; jitter of a third of that uses up the reserve.
JITTER_MS = 50.0

#: Live clocks agree to 0.01 %. From 2 % on, the source is a file sent at its own pace, or what it sends piles up on
#: the way: at 2 % the picture is a second older after 50 s.
DRIFT_PERCENT = 2.0

#: A new connection shows nothing before the next keyframe, and a verdict should come within 3 s of a start.
KEYFRAME_S, KEYFRAME_SERIOUS_S = 2.5, 5.0

#: From start to first verdict the program itself needs up to 3 s; a camera should not need more.
FIRST_FRAME_S = 4.0

#: Frames per second: under 5 a person who walks past is analysed only a few times; above 30 there is no benefit.
FEW_FPS, MANY_FPS = 5.0, 31.0

#: Frames per second under which a person who walks past is seen once at most.
UNUSABLE_FPS = 0.5

#: A rate below this share of the stated one means that the camera (long exposure) or the network drops frames.
RATE_SHARE = 0.8

#: Of one core. Eight cameras on two cores leave a quarter of a core to each, detection included.
DECODE_LOAD, DECODE_SERIOUS = 0.15, 0.5

#: Codecs that compress better than H.264 and cost more to decode.
COSTLY_CODECS = ("hevc", "vp9", "av1", "vvc")

#: Raw pixel formats, as OpenCV names them: a USB 2 cable carries about 35 MB/s, 1280 x 720 at 10 a second takes 18.
RAW_FORMATS = ("YUYV", "YUY2", "UYVY", "NV12", "RGB3", "BGR3")


#: What to do about a source that breaks off, by its link.
_BROKE_OFF = {
    Link.NETWORK: "Check the camera's power and network connection, and how many viewers it allows at once.",
    Link.THIS_COMPUTER: "Check the program on this computer that serves the stream.",
    Link.DEVICE: "Check the camera's USB plug and cable, and that no other program uses it.",
    Link.FILE: "Copy the recording again from where it was made.",
}

#: ... about damaged frames.
_DAMAGED = {
    Link.NETWORK: "Lower the bitrate, update the camera's firmware, and use a cable if the camera is on Wi-Fi.",
    Link.THIS_COMPUTER: "Check the program on this computer that serves the stream, and its own source.",
    Link.DEVICE: "Use another USB cable or port, without a hub in between.",
    Link.FILE: "Copy the recording again from where it was made.",
}

#: ... about frames that are missing.
_MISSING = {
    Link.NETWORK: "Lower the camera's frame rate or bitrate until it keeps up; check the load of network and recorder.",
    Link.THIS_COMPUTER: "Lower the frame rate of the program that serves the stream; check this computer's load.",
    Link.DEVICE: "Lower the camera's frame rate or size; check this computer's load.",
    Link.FILE: "Lower the frame rate or bitrate of the recorder until it keeps up.",
}

#: ... about frames that arrive late or unevenly, which only happens with a live source.
_UNEVEN = {
    Link.NETWORK: "Set a constant bitrate (CBR), check the load of network and recorder, and use a cable if the"
    " camera is on Wi-Fi.",
    Link.THIS_COMPUTER: "Check this computer's load and the program on it that serves the stream.",
    Link.DEVICE: "Plug the camera into a USB port of its own, without a hub, and check this computer's load.",
}


class Severity(StrEnum):
    """The severity of advice: verdicts fail, verdicts get worse, or for information."""

    SERIOUS = "serious"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Advice:
    """What was found, why it matters for mask detection, and what to change; `code` identifies the rule for scripts."""

    code: str
    severity: Severity
    found: str
    why: str
    change: str


def advise(
    stream: StreamFacts, scene: SceneFacts, rules: RulesSettings, model_height_px: int | None = None
) -> list[Advice]:
    """Return advice, the most serious first; `model_height_px` is the height of the detector's input if known."""
    found = [*_signal(stream, scene), *_light(scene), *_faces(stream, scene, rules, model_height_px)]
    found += [*_timing(stream), *_cost(stream, scene, rules)]
    return sorted(found, key=lambda advice: list(Severity).index(advice.severity))


def _signal(stream: StreamFacts, scene: SceneFacts) -> Iterator[Advice]:
    """Check that there is a complete, changing picture."""
    if stream.broke_off:
        yield Advice(
            "broke_off",
            Severity.SERIOUS,
            f"The source broke off: {stream.broke_off}.",
            "While it is gone nobody is checked, and visits in progress are split in two.",
            _BROKE_OFF[stream.link],
        )
    if stream.cut_off:
        yield Advice(
            "cut_off",
            Severity.WARNING,
            "The end of the file is missing: it is shorter than its header states.",
            "People who came after that point are not in the recording.",
            "Copy the recording again, and let the recorder close the file first.",
        )
    if scene.black_share >= BLACK_SHARE:
        yield Advice(
            "black",
            Severity.SERIOUS,
            f"{_percent(scene.black_share)} of the pictures are black.",
            "Nobody can be seen.",
            "Remove the lens cap, switch on the light or the infrared lamp, and check the recorder's input.",
        )
    elif stream.live and scene.watched_s >= FROZEN_S and scene.still_s >= FROZEN_SHARE * scene.watched_s:
        yield Advice(
            "frozen",
            Severity.SERIOUS,
            f"For {scene.still_s:.1f} s not a single pixel changed.",
            "A real camera always has some noise: this is an old picture, repeated.",
            "Restart the camera, and any recorder or converter between it and the monitor.",
        )
    frames = stream.delivery.frames
    share = stream.corrupt / max(1, frames)
    if share > DAMAGE_SHARE:
        yield Advice(
            "corrupt",
            Severity.SERIOUS if share > DAMAGE_SERIOUS else Severity.WARNING,
            f"{stream.corrupt} of {frames} frames could not be decoded completely.",
            "Smears cover the picture until the next keyframe; they hide faces, or are mistaken for faces.",
            _DAMAGED[stream.link],
        )
    missing = stream.delivery.missing
    if missing > DAMAGE_SHARE * frames:
        yield Advice(
            "missing_frames",
            Severity.WARNING,
            f"{missing} {_frames(missing)} missing among the {frames} received.",
            "People jump from place to place, and one person may be counted as two.",
            _MISSING[stream.link],
        )
    if stream.repairs is not None:
        yield Advice(
            "times_replaced",
            Severity.WARNING,
            f"The times of its frames cannot be true: {stream.repairs}.",
            "Durations of visits and incidents, and their times in the report, are as good as these assumptions.",
            "Record in a container that stores times (MP4, Matroska), and do not join files by copying bytes.",
        )
    if len(stream.tracks) > 1:
        listed = ", ".join(f"{number}: {width} x {height}" for number, (width, height) in enumerate(stream.tracks))
        yield Advice(
            "several_tracks",
            Severity.NOTE,
            f"The source has {len(stream.tracks)} video tracks ({listed}); track {stream.track} is used.",
            "One camera is one track; the others are not analysed.",
            "To use another one, set its number as capture.stream.",
        )
    if stream.interlaced:
        yield Advice(
            "interlaced",
            Severity.WARNING,
            "The picture is interlaced.",
            "Every other line is computed from the lines around it, so moving faces lose half of their detail.",
            "Switch the camera or encoder to a progressive format (720p, 1080p; not 1080i, PAL, NTSC).",
        )


def _light(scene: SceneFacts) -> Iterator[Advice]:
    """Check the light."""
    if scene.luma is None or scene.contrast is None or scene.black_share >= BLACK_SHARE:
        return
    backlit = (
        scene.face_luma is not None and scene.face_luma < BACKLIT_LUMA and scene.face_luma < BACKLIT_RATIO * scene.luma
    )
    if backlit:
        yield Advice(
            "backlight",
            Severity.WARNING,
            f"Faces are dark ({scene.face_luma:.0f} of 255) in a bright picture ({scene.luma:.0f}).",
            "Against the light, a mask and a bare chin look alike.",
            "Turn the camera away from doors and windows, light faces from its side, or switch on WDR or BLC.",
        )
    if scene.luma < DARK:
        yield Advice(
            "dark",
            Severity.WARNING,
            f"The picture is dark: mean {scene.luma:.0f} of 255.",
            "In the dark the camera exposes longer and amplifies: faces are blurred and noisy.",
            "Add light on the faces: 300 lux, which EN 12464-1 requires at a reception desk, is plenty.",
        )
    elif scene.luma > BRIGHT or (scene.burnt_share or 0.0) > BURNT_SHARE:
        yield Advice(
            "bright",
            Severity.WARNING,
            f"The picture is too bright: mean {scene.luma:.0f} of 255, {_percent(scene.burnt_share or 0)} burnt out.",
            "A white mask cannot be distinguished from a pale face.",
            "Lower the exposure, and keep lamps, sky and sun out of the picture.",
        )
    elif scene.contrast < VEILED:
        yield Advice(
            "veiled",
            Severity.WARNING,
            f"The picture has hardly any contrast: {scene.contrast:.0f} grey levels around {scene.luma:.0f}.",
            "A mask is recognised by its edge.",
            "Clean the lens and dome, keep lamps from shining into the lens, and reset contrast and gamma.",
        )


def _faces(
    stream: StreamFacts, scene: SceneFacts, rules: RulesSettings, model_height_px: int | None
) -> Iterator[Advice]:
    """Check the size and sharpness of faces."""
    if scene.face_height_px is None or scene.large_enough_share is None:
        if scene.pictures and scene.black_share < BLACK_SHARE:
            yield Advice(
                "no_face",
                Severity.NOTE,
                f"No face was found in {scene.pictures} pictures.",
                "Size, light and sharpness of faces could not be measured.",
                "Run this again while somebody stands and walks where people will pass.",
            )
        return
    height_px, small_share = scene.face_height_px, 1 - scene.large_enough_share
    shrunk_px = height_px * model_height_px / stream.height_px if model_height_px else None
    closer = "Move the camera closer, zoom in, or crop the view to where people pass"
    if small_share > SOME_FACES:
        more = "" if stream.height_px >= 720 else "; or raise its resolution to 1280 x 720"
        most = small_share > MANY_FACES
        found = f"Faces are {height_px:.0f} px high (median)" if most else "Some faces are small"
        yield Advice(
            "faces_too_small",
            Severity.SERIOUS if most else Severity.WARNING,
            f"{found}: {_percent(small_share)} are under {rules.min_face_px:g} px.",
            f"Under {rules.min_face_px:g} px there is no verdict: these people stay unknown.",
            f"{closer}{_times(height_px, GOOD_FACE_PX)}{more}.",
        )
    elif (scene.in_full_share or 0.0) < MANY_FACES:
        yield Advice(
            "faces_small",
            Severity.NOTE,
            f"Faces are {height_px:.0f} px high (median); they have full weight from {GOOD_FACE_PX:g} px.",
            "Verdicts take longer, and people who pass quickly may stay unknown.",
            f"{closer}{_times(height_px, GOOD_FACE_PX)}.",
        )
    if shrunk_px is not None and shrunk_px < MODEL_FACE_PX and small_share <= MANY_FACES:
        yield Advice(
            "faces_shrunk",
            Severity.WARNING,
            f"Shrunk to the detector's input ({model_height_px} px high), faces are {shrunk_px:.0f} px high (median).",
            f"Under {MODEL_FACE_PX:g} px many are not found at all, whatever the camera's resolution.",
            f"{closer}; or use a model with a larger input (detector.model).",
        )
    if scene.face_sharpness is not None and scene.face_sharpness < SOFT:
        smeared = scene.face_across is not None and scene.face_across < SMEARED
        yield Advice(
            "motion_blur" if smeared else "blurred",
            Severity.WARNING,
            f"Faces are blurred{', mostly from side to side' if smeared else ''}: sharpness {scene.face_sharpness:.0f},"
            f" at least {SOFT:.0f} recommended.",
            "Blurred faces are missed, or have little weight.",
            "Set the shutter to 1/100 s or faster, and add light for it."
            if smeared
            else "Focus on where people pass, clean the lens, and raise the bitrate if the picture shows blocks.",
        )


def _timing(stream: StreamFacts) -> Iterator[Advice]:
    """Check the rate, the regularity and the delay of frames."""
    delivery, fps = stream.delivery, stream.delivery.fps
    if fps is None:
        frames = "1 frame" if delivery.frames == 1 else f"{delivery.frames} frames"
        yield Advice(
            "rate_unknown",
            Severity.SERIOUS,
            f"The frame rate could not be measured: {frames} in {delivery.watched_s:.1f} s.",
            "A person is judged by several frames in a row; with fewer, everybody stays unknown.",
            "Probe for longer (--seconds), or check that the source sends frames all the time.",
        )
    elif fps < FEW_FPS:
        yield Advice(
            "few_frames",
            Severity.SERIOUS if fps < UNUSABLE_FPS else Severity.WARNING,
            f"Only {fps:.1f} frames per second arrive." if fps >= 1 else f"A frame arrives only every {1 / fps:.1f} s.",
            "A person who walks past is detected only a few times, and may be mistaken for somebody else.",
            "Set the camera to 10 to 15 frames a second.",
        )
    raw = stream.kind is SourceKind.WEBCAM and stream.pixel_format in RAW_FORMATS
    stated = stream.nominal_fps
    if stream.live and fps is not None and stated is not None and fps < RATE_SHARE * stated:
        yield Advice(
            "slower_than_stated",
            Severity.WARNING,
            f"{fps:.1f} frames per second arrive; the camera states {stated:g}.",
            "Either it exposes for longer than a frame lasts, which blurs, or frames are lost on the way.",
            f"Ask the camera for Motion JPEG with capture: {{fourcc: MJPG}}; {stream.pixel_format} is uncompressed,"
            " and the cable is full."
            if raw
            else "Add light or fix the shutter; if that does not help, lower resolution, rate or bitrate.",
        )
    if stream.live and delivery.worst_gap_ms is not None and delivery.worst_gap_ms > 1000 * max(GAP_S, 2 / (fps or 25)):
        yield Advice(
            "gaps",
            Severity.WARNING,
            f"No frame arrived for {delivery.worst_gap_ms / 1000:.1f} s.",
            f"An inference counts for {GAP_S:g} s at most: after that nobody is checked.",
            _UNEVEN[stream.link],
        )
    elif stream.live and delivery.jitter_ms is not None and delivery.jitter_ms > JITTER_MS:
        yield Advice(
            "jitter",
            Severity.WARNING,
            f"Frames are uneven: {delivery.jitter_ms:.0f} ms of jitter, {delivery.worst_gap_ms or 0:.0f} ms worst.",
            "The live picture stutters, and verdicts are late by as much.",
            _UNEVEN[stream.link],
        )
    if delivery.drift_percent is not None and abs(delivery.drift_percent) > DRIFT_PERCENT:
        slow = delivery.drift_percent < 0
        yield Advice(
            "drift",
            Severity.WARNING,
            f"The source's clock runs {abs(delivery.drift_percent):.1f} % {'slow' if slow else 'fast'}.",
            "Frames pile up on the way, and the picture gets older and older."
            if slow
            else "It sends faster than real time, as a file does, or is catching up after a delay.",
            "Lower its bitrate or frame rate until it keeps up."
            if slow
            else "Check that the address is the live stream and not a recording.",
        )
    interval_s = delivery.keyframe_interval_s
    if stream.live and interval_s is not None and interval_s > KEYFRAME_S:
        least = "" if delivery.keyframe_interval_exact else " or more"
        yield Advice(
            "keyframes",
            Severity.WARNING if interval_s > KEYFRAME_SERIOUS_S else Severity.NOTE,
            f"A keyframe arrives every {interval_s:.1f} s{least}.",
            "After a start, a lost connection or a damaged frame there is no picture for that long.",
            f"Set the keyframe interval (GOP, I-frame interval) to 1 to 2 s{_gop(fps)}.",
        )
    if stream.live and stream.first_frame_s > FIRST_FRAME_S:
        yield Advice(
            "slow_start",
            Severity.NOTE,
            f"The first picture arrived after {stream.first_frame_s:.1f} s.",
            "Every reconnection leaves a gap of that length.",
            "Set the keyframe interval to 1 s, and check how many viewers the camera serves.",
        )


def _cost(stream: StreamFacts, scene: SceneFacts, rules: RulesSettings) -> Iterator[Advice]:
    """Check for unnecessary load on the computer and the network."""
    fps = stream.delivery.fps or 0.0
    load = (stream.decode_ms or 0.0) * fps / 1000
    if stream.live and load > DECODE_LOAD:
        yield Advice(
            "decode_cost",
            Severity.WARNING if load > DECODE_SERIOUS else Severity.NOTE,
            f"Decoding takes {stream.decode_ms:.1f} ms a frame, {_percent(load)} of a core at {fps:.0f} frames a second"
            f" ({stream.width_px} x {stream.height_px}, {stream.codec}).",
            "That time is not available for inference, for this camera and all others.",
            f"{_lighter(stream, scene, rules)}; or lower the rate to 10 to 15 frames a second.",
        )
    elif stream.live and stream.codec in COSTLY_CODECS:
        yield Advice(
            "costly_codec",
            Severity.NOTE,
            f"The stream is {stream.codec.upper()}.",
            "It saves bandwidth, but costs more to decode than H.264, and fewer browsers and players support it.",
            "Choose H.264 where the network can carry it.",
        )
    if stream.live and fps > MANY_FPS:
        yield Advice(
            "many_frames",
            Severity.NOTE,
            f"{fps:.0f} frames per second arrive.",
            "All of them have to be decoded, and far fewer are analysed.",
            "10 to 15 frames a second are enough.",
        )
    if stream.live and stream.delivery.b_frames:
        yield Advice(
            "b_frames",
            Severity.NOTE,
            "The stream has B-frames.",
            "Each delays the picture by a frame or more.",
            "Choose the Baseline or Main profile without B-frames, or a low-latency setting.",
        )
    if stream.live and stream.audio:
        yield Advice(
            "audio",
            Severity.NOTE,
            f"The stream carries sound ({stream.audio}).",
            "It is never used, takes bandwidth, and recording conversations may be illegal.",
            "Switch off the microphone in the camera.",
        )


def _lighter(stream: StreamFacts, scene: SceneFacts, rules: RulesSettings) -> str:
    """Return advice on a smaller picture, in which the smaller faces still have full weight."""
    heights = scene.face_heights_px
    if stream.codec in COSTLY_CODECS:
        return "Choose H.264, or the camera's smaller second stream (sub-stream)"
    if heights:
        shrink = min(1.0, GOOD_FACE_PX / heights[len(heights) // 10])
        if shrink < 0.75:
            width = max(640, round(stream.width_px * shrink / 16) * 16)
            return (
                f"Use the camera's smaller second stream (sub-stream): a width of {width} px is enough for these faces"
            )
        return "Keep the size, which the faces need; choose the Baseline profile or a lower bitrate"
    return "Use the camera's smaller second stream (sub-stream), if faces stay large enough in it"


def _times(height_px: float, target_px: float) -> str:
    return f", until faces are {max(1.1, target_px / max(1.0, height_px)):.1f} times as large"


def _gop(fps: float | None) -> str:
    return f": {round(fps)} to {round(2 * fps)} frames" if fps else ""


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _frames(count: int) -> str:
    return "frame is" if count == 1 else "frames are"

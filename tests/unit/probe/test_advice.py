from dataclasses import replace

import pytest

from monitor.config.rules import RulesSettings
from monitor.domain.address import SourceKind
from monitor.probe.advice import Advice, Severity, advise
from monitor.probe.delivery import Delivery, Link, StreamFacts
from monitor.probe.scene import SceneFacts

RULES = RulesSettings(min_face_px=24)

DELIVERY = Delivery(
    frames=150,
    watched_s=10.0,
    fps=15.0,
    variable_rate=False,
    missing=0,
    bitrate_kbps=2000.0,
    b_frames=False,
    keyframe_interval_s=1.0,
    keyframe_interval_exact=True,
    at_once=0,
    jitter_ms=3.0,
    worst_gap_ms=80.0,
    drift_percent=0.0,
)
CAMERA = StreamFacts(
    kind=SourceKind.STREAM,
    link=Link.NETWORK,
    container="RTSP over TCP",
    codec="h264",
    profile="Main",
    width_px=1280,
    height_px=720,
    pixel_format="yuv420p",
    nominal_fps=15.0,
    delivery=DELIVERY,
    open_s=0.5,
    first_frame_s=0.9,
    decoded=150,
    corrupt=0,
    decode_ms=2.0,
    convert_ms=0.5,
)
SCENE = SceneFacts(
    pictures=20,
    luma=120.0,
    contrast=55.0,
    burnt_share=0.01,
    black_share=0.0,
    still_s=0.0,
    watched_s=9.5,
    pictures_with_faces=18,
    faces=30,
    face_heights_px=tuple(float(height) for height in range(70, 100)),
    face_height_px=85.0,
    large_enough_share=1.0,
    in_full_share=1.0,
    usable_share=0.95,
    face_luma=110.0,
    face_sharpness=500.0,
    face_across=0.9,
)
NOBODY = replace(
    SCENE,
    pictures_with_faces=0,
    faces=0,
    face_heights_px=(),
    face_height_px=None,
    large_enough_share=None,
    in_full_share=None,
    usable_share=None,
    face_luma=None,
    face_sharpness=None,
    face_across=None,
)
RECORDING = replace(
    CAMERA,
    kind=SourceKind.FILE,
    link=Link.FILE,
    delivery=replace(DELIVERY, jitter_ms=None, worst_gap_ms=None, drift_percent=None),
)
WEBCAM = replace(CAMERA, kind=SourceKind.WEBCAM, link=Link.DEVICE, pixel_format="YUYV")


def camera(**changes) -> StreamFacts:
    return replace(CAMERA, **changes)


def delivering(**changes) -> StreamFacts:
    return replace(CAMERA, delivery=replace(DELIVERY, **changes))


def scene(**changes) -> SceneFacts:
    return replace(SCENE, **changes)


def sized(height_px: float, **changes) -> SceneFacts:
    """A scene in which all faces have the same height."""
    shares = {"large_enough_share": float(height_px >= 24), "in_full_share": float(height_px >= 60)}
    return scene(face_height_px=height_px, face_heights_px=(height_px,) * 30, **(shares | changes))


def advised(stream=CAMERA, seen=SCENE, model_height_px=256) -> dict[str, Advice]:
    found = advise(stream, seen, RULES, model_height_px)
    assert len({advice.code for advice in found}) == len(found), "each rule speaks once"
    return {advice.code: advice for advice in found}


@pytest.mark.parametrize("stream", [CAMERA, RECORDING, WEBCAM], ids=["stream", "recording", "webcam"])
def test_a_good_camera_gets_no_advice(stream):
    assert advised(stream) == {}


RULES_AND_WHAT_BREAKS_THEM = [
    ("broke_off", camera(broke_off="no frame arrived for 5 s"), SCENE, Severity.SERIOUS),
    ("broke_off", replace(RECORDING, broke_off="it is damaged"), SCENE, Severity.SERIOUS),
    ("cut_off", replace(RECORDING, cut_off=True), SCENE, Severity.WARNING),
    ("black", CAMERA, replace(NOBODY, black_share=1.0, luma=0.0, contrast=0.0), Severity.SERIOUS),
    ("frozen", CAMERA, scene(still_s=9.5), Severity.SERIOUS),
    ("corrupt", camera(corrupt=1), SCENE, Severity.WARNING),
    ("corrupt", camera(corrupt=10), SCENE, Severity.SERIOUS),
    ("missing_frames", delivering(missing=2), SCENE, Severity.WARNING),
    ("interlaced", camera(interlaced=True), SCENE, Severity.WARNING),
    ("backlight", CAMERA, scene(luma=150.0, face_luma=45.0), Severity.WARNING),
    ("dark", CAMERA, scene(luma=30.0, face_luma=30.0), Severity.WARNING),
    ("bright", CAMERA, scene(luma=225.0), Severity.WARNING),
    ("bright", CAMERA, scene(burnt_share=0.4), Severity.WARNING),
    ("veiled", CAMERA, scene(contrast=12.0), Severity.WARNING),
    ("no_face", CAMERA, NOBODY, Severity.NOTE),
    ("faces_too_small", CAMERA, sized(14.0), Severity.SERIOUS),
    ("faces_too_small", CAMERA, scene(large_enough_share=0.7), Severity.WARNING),
    ("faces_small", CAMERA, sized(40.0), Severity.NOTE),
    ("faces_shrunk", camera(height_px=2160, width_px=3840), sized(90.0), Severity.WARNING),
    ("blurred", CAMERA, scene(face_sharpness=60.0), Severity.WARNING),
    ("motion_blur", CAMERA, scene(face_sharpness=60.0, face_across=0.5), Severity.WARNING),
    ("few_frames", replace(delivering(fps=3.0), nominal_fps=3.0), SCENE, Severity.WARNING),
    ("slower_than_stated", camera(nominal_fps=25.0), SCENE, Severity.WARNING),
    ("gaps", delivering(worst_gap_ms=1200.0), SCENE, Severity.WARNING),
    ("jitter", delivering(jitter_ms=70.0), SCENE, Severity.WARNING),
    ("drift", delivering(drift_percent=-5.0), SCENE, Severity.WARNING),
    ("drift", delivering(drift_percent=30.0), SCENE, Severity.WARNING),
    ("keyframes", delivering(keyframe_interval_s=4.0), SCENE, Severity.NOTE),
    ("keyframes", delivering(keyframe_interval_s=9.0, keyframe_interval_exact=False), SCENE, Severity.WARNING),
    ("slow_start", camera(first_frame_s=6.0), SCENE, Severity.NOTE),
    ("decode_cost", camera(decode_ms=15.0), SCENE, Severity.NOTE),
    ("decode_cost", camera(decode_ms=45.0), SCENE, Severity.WARNING),
    ("costly_codec", camera(codec="hevc"), SCENE, Severity.NOTE),
    ("many_frames", replace(delivering(fps=60.0), nominal_fps=60.0), SCENE, Severity.NOTE),
    ("b_frames", delivering(b_frames=True), SCENE, Severity.NOTE),
    ("audio", camera(audio="aac"), SCENE, Severity.NOTE),
]


@pytest.mark.parametrize(
    ("code", "stream", "seen", "severity"),
    RULES_AND_WHAT_BREAKS_THEM,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(RULES_AND_WHAT_BREAKS_THEM)],
)
def test_each_fault_gets_its_own_advice_and_no_other(code, stream, seen, severity):
    found = advised(stream, seen)
    assert list(found) == [code]
    advice = found[code]
    assert advice.severity is severity
    for words in (advice.found, advice.why, advice.change):
        assert words.endswith(".")
        assert words[0].isupper() or words[0].isdigit()
        assert "None" not in words
        assert "nan" not in words


@pytest.mark.parametrize(
    ("stream", "seen"),
    [
        (replace(RECORDING, delivery=replace(RECORDING.delivery, b_frames=True, keyframe_interval_s=20.0)), SCENE),
        (replace(RECORDING, audio="aac", codec="hevc", decode_ms=60.0, first_frame_s=9.0), SCENE),
        (RECORDING, scene(still_s=9.5)),
    ],
    ids=["keyframes", "cost", "still"],
)
def test_a_recording_is_not_blamed_for_what_matters_only_live(stream, seen):
    assert advised(stream, seen) == {}


def test_the_most_serious_comes_first():
    stream = replace(delivering(b_frames=True, missing=9), broke_off="no frame arrived for 5 s", audio="aac")
    severities = [advice.severity for advice in advise(stream, NOBODY, RULES)]
    assert severities == sorted(severities, key=list(Severity).index)
    assert set(severities) == set(Severity)


def test_small_faces_are_told_how_much_larger_they_should_be():
    advice = advised(seen=sized(15.0))["faces_too_small"]
    assert "15 px high" in advice.found
    assert "under 24 px" in advice.found
    assert "4.0 times as large" in advice.change
    assert "resolution" not in advice.change, "more pixels do not help where there are enough"
    assert "1280 x 720" in advised(camera(width_px=640, height_px=480), sized(15.0))["faces_too_small"].change


def test_the_limits_are_the_cameras_own_rules():
    strict = RulesSettings(min_face_px=90)
    seen = scene(large_enough_share=0.1, in_full_share=0.0)
    assert "under 90 px" in advise(CAMERA, seen, strict)[0].found


def test_without_a_known_input_nothing_is_said_of_the_models_sight():
    assert advised(camera(height_px=2160, width_px=3840), sized(90.0), model_height_px=None) == {}


def test_dark_pictures_of_nobody_are_still_dark():
    assert set(advised(seen=replace(NOBODY, luma=20.0))) == {"dark", "no_face"}


def test_dark_skin_in_even_light_is_not_backlight():
    assert advised(seen=scene(luma=100.0, face_luma=55.0)) == {}


def test_a_raw_webcam_is_told_of_mjpg():
    slow = replace(WEBCAM, nominal_fps=30.0)
    assert "capture: {fourcc: MJPG}" in advised(slow)["slower_than_stated"].change
    assert "MJPG" not in advised(replace(slow, pixel_format="MJPG"))["slower_than_stated"].change


@pytest.mark.parametrize(
    ("link", "kind", "words"),
    [
        (Link.NETWORK, SourceKind.STREAM, "if the camera is on Wi-Fi"),
        (Link.THIS_COMPUTER, SourceKind.STREAM, "this computer"),
        (Link.DEVICE, SourceKind.WEBCAM, "USB"),
        (Link.FILE, SourceKind.FILE, "Copy the recording again"),
    ],
)
def test_the_remedy_fits_the_way_that_frames_come(link, kind, words):
    """No cable helps a stream of this computer, a webcam or a file."""
    stream = replace(CAMERA, link=link, kind=kind, broke_off="it stopped", corrupt=9)
    uneven = replace(DELIVERY, worst_gap_ms=1500.0, jitter_ms=90.0, missing=9)
    found = advised(replace(stream, delivery=uneven))
    found |= advised(replace(stream, delivery=replace(DELIVERY, jitter_ms=90.0)))
    assert {"broke_off", "corrupt", "missing_frames"} <= set(found)
    assert {"gaps", "jitter"} & set(found) == ({"gaps", "jitter"} if kind is not SourceKind.FILE else set())
    changes = [advice.change for advice in found.values()]
    assert any(words in change for change in changes)
    assert any("Wi-Fi" in change for change in changes) is (link is Link.NETWORK)


def test_a_costly_stream_may_shrink_as_far_as_its_faces_allow():
    large = camera(width_px=3840, height_px=2160, decode_ms=30.0)
    assert "width of 960 px" in advised(large, sized(240.0))["decode_cost"].change
    assert "Keep the size" in advised(camera(decode_ms=30.0), sized(61.0))["decode_cost"].change
    assert "sub-stream" in advised(camera(decode_ms=30.0), NOBODY)["decode_cost"].change
    assert "H.264" in advised(camera(decode_ms=30.0, codec="hevc"))["decode_cost"].change


def test_a_gap_shorter_than_two_frames_of_a_slow_camera_is_none():
    stream = replace(delivering(fps=1.0, worst_gap_ms=1100.0), nominal_fps=1.0)
    assert set(advised(stream)) == {"few_frames"}


def test_one_damaged_frame_in_a_long_watch_is_nothing():
    assert advised(replace(delivering(frames=2000), corrupt=1)) == {}

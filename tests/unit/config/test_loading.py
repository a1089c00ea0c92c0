import re
import time
from urllib.parse import quote

import pytest
from pydantic import BaseModel

from monitor.config.camera import CameraSettings
from monitor.config.detector import Backend, Precision
from monitor.config.fingerprint import as_yaml, fingerprint, plain
from monitor.config.loading import load_settings
from monitor.config.settings import Settings
from monitor.domain.detection import MaskState
from monitor.domain.errors import ConfigError

SECRET = "hunter2"


@pytest.fixture
def load(tmp_path):
    def load_text(text, **environment):
        path = tmp_path / "config.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_settings(path, environment)

    return load_text


@pytest.fixture
def faults(load, tmp_path):
    """Give the lines of the error, without the file's name: ["3: rules.dwell_s: ..."]."""

    def lines_of(text, **environment):
        with pytest.raises(ConfigError) as caught:
            load(text, **environment)
        prefix = f"{tmp_path / 'config.yaml'}:"
        lines = str(caught.value).split("\n")
        assert all(line.startswith(prefix) for line in lines), lines
        return [line.removeprefix(prefix) for line in lines]

    return lines_of


# --- what is read ---------------------------------------------------------------------------------------------------


def test_an_empty_file_gives_the_defaults(load):
    settings = load("")
    assert settings.rules == Settings().rules
    assert settings.cameras == {}


@pytest.mark.parametrize("text", ["# nothing\n", "---\n", "\ufeffrules: {}\n", "{}\n"])
def test_files_that_say_nothing(load, text):
    assert load(text).rules == Settings().rules


def test_values_arrive(load):
    settings = load(
        "detector: {backend: litert, precision: int8, threads: 3,\n"
        "           labels: {chin: incorrect}, thresholds: {incorrect: 0.7}}\n"
        "rules:\n  dwell_s: 2.5\n"
        "cameras:\n  Eingang Süd:\n    source: 0\n"
    )
    assert settings.detector.backend is Backend.LITERT
    assert settings.detector.precision is Precision.INT8
    assert settings.detector.threads == 3
    assert settings.detector.labels == {"chin": MaskState.INCORRECT}
    assert settings.detector.thresholds == {MaskState.INCORRECT: 0.7}
    assert settings.rules.dwell_s == 2.5
    assert settings.cameras["Eingang Süd"].source.value == "0"


def test_relative_paths_count_from_the_files_folder(load, tmp_path):
    settings = load(
        "detector: {model: models/x}\noutput: {folder: out}\n"
        "cameras:\n  a: {source: day.mp4}\n  b: {source: /data/day.mp4}\n"
        "  c: {source: 'rtsp://h//s'}\n  d: {source: 1}\n"
    )
    assert settings.detector.model == tmp_path / "models/x"
    assert settings.output.folder == tmp_path / "out"
    assert settings.cameras["a"].source.value == str(tmp_path / "day.mp4")
    assert settings.cameras["b"].source.value == "/data/day.mp4"
    assert settings.cameras["c"].source.value == "rtsp://h//s"
    assert settings.cameras["d"].source.value == "1"


def test_settings_cannot_change_once_loaded(load):
    settings = load("")
    with pytest.raises(ValueError, match="frozen"):
        settings.rules.dwell_s = 3


# --- environment ----------------------------------------------------------------------------------------------------


def test_environment_variables_are_put_in(load):
    settings = load("cameras: {a: {source: 'rtsp://v:${PW_1}@h/${PATH_}'}}", PW_1="a$b", PATH_="s")
    assert settings.cameras["a"].source.value == "rtsp://v:a%24b@h/s"


@pytest.mark.parametrize("password", ["p#s/s@w?rd%1", "[x]", "%41", "a:b", "ü $ä"])
def test_a_password_may_contain_any_character(load, password):
    """In a variable within the address, or in keys of its own."""
    within = load("cameras: {a: {source: 'rtsp://admin:${PW}@h/s'}}", PW=password)
    beside = load("cameras: {a: {source: 'rtsp://h/s', user: admin, password: '${PW}'}}", PW=password)
    both = load("cameras: {a: {source: 'rtsp://${LOGIN}@h/s'}}", LOGIN=f"admin:{password}")
    for settings in (within, beside, both):
        address = settings.cameras["a"].source.value
        assert address == f"rtsp://admin:{quote(password, safe='')}@h/s"
        assert password not in repr(settings)
        assert password not in as_yaml(plain(settings))


@pytest.mark.parametrize("text", ["rtsp://h/${X}", "rtsp://h/a?k=${X}", "${X}"])
def test_a_variable_elsewhere_is_put_in_as_it_is(load, text):
    value = "rtsp://u:p@h/y" if text == "${X}" else "a/b?c=d"
    assert load(f"cameras: {{a: {{source: '{text}'}}}}", X=value).cameras["a"].source.value == text.replace(
        "${X}", value
    )


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        ("source: 'rtsp://h/a', password: x", "password: needs user as well"),
        ("source: a.mp4, user: x, password: y", "only for an RTSP or HTTP(S) URL"),
        ("source: 'rtsp://u:p@h/a', user: x, password: y", "contains a user already"),
        ("source: 'rtsp://h/a', user: x, password: 1234", "expected text; put it in quotes"),
        ("source: 'rtsp://u:p#hunter2@h/a'", "the password contains '#'"),
    ],
)
def test_wrong_logins_are_named(faults, camera, words):
    (fault,) = faults(f"cameras: {{a: {{{camera}}}}}")
    assert words in fault
    assert SECRET not in fault


def test_the_file_of_certificates_counts_from_the_configuration(load):
    settings = load("capture: {tls_ca: ca.pem}\ncameras: {a: {source: 'rtsps://h/a'}}")
    assert settings.cameras["a"].capture.tls_ca == settings.capture.tls_ca
    assert settings.capture.tls_ca.is_absolute()


def test_zones_are_polygons_of_shares(load):
    camera = load("cameras: {a: {source: 0, zones: {door: [[0, 0], [1, 0], [0.5, 1]]}}}").cameras["a"]
    assert [(zone.name, zone.corners) for zone in camera.polygons()] == [("door", ((0, 0), (1, 0), (0.5, 1)))]


@pytest.mark.parametrize(
    ("corners", "words"),
    [
        ("[[0, 0], [1, 0]]", "at least 3"),
        ("[[0, 0], [1, 0], [640, 1]]", "; corners are fractions of width and height (0 to 1), not 640; divide by the "),
        ("[[0, 0], [1, 0], [640, 480]]", "not 640; divide by the picture's size"),
        ("[[0, 0], [1, 0], [-0.5, 1]]", "(0 to 1), not -0.5"),
        ("[[0, 0], [1, 0], [.nan, 1]]", "(0 to 1), not nan"),
        ("[[0, 0], [1, 0], [a, 1]]", "expected a list of corners [x, y]"),
        ("[[0, 0], [1, 0], [1]]", "expected a list of corners [x, y]"),
        ("5", "expected a list of corners [x, y]"),
        ("[[0, 0], [0.5, 0.5], [1, 1]]", "on one line"),
        ("[[0.1, 0.3], [0.2, 0.3], [0.7, 0.3], [0.1, 0.3]]", "on one line"),
        ("[[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]", "on one line"),
    ],
)
def test_a_zone_that_is_none_is_refused(faults, corners, words):
    (fault,) = faults(f"cameras: {{a: {{source: 0, zones: {{door: {corners}}}}}}}")
    assert fault.startswith("1: cameras.a.zones.door: found ")
    assert words in fault


def test_a_variable_may_stand_for_a_number(load):
    assert load("rules: {dwell_s: '${D}'}", D="2.5").rules.dwell_s == 2.5


def test_what_a_variable_holds_is_not_looked_into_again(load):
    assert load("cameras: {a: {source: 'rtsp://h/${A}'}}", A="${B}", B="x").cameras["a"].source.value == "rtsp://h/${B}"


@pytest.mark.parametrize(("written", "read"), [("a$$b", "a$b"), ("a$b", "a$b"), ("$${A}", "${A}"), ("${1}", "${1}")])
def test_dollar_signs(load, written, read):
    assert load(f"cameras: {{a: {{source: 'rtsp://h/{written}'}}}}").cameras["a"].source.value == f"rtsp://h/{read}"


def test_a_missing_variable_is_named_with_its_line(faults):
    found = faults("cameras:\n  a:\n    source: rtsp://v:${NO_SUCH}@h/s\n")
    assert len(found) == 1
    assert found[0].startswith("3: ")
    assert "NO_SUCH" in found[0]


def test_an_empty_variable_is_not_a_missing_one(load):
    assert load("cameras: {a: {source: 'rtsp://v:${E}@h/s'}}", E="").cameras["a"].source.value == "rtsp://v:@h/s"


def test_the_process_environment_is_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("MONITOR_TEST_DWELL", "7")
    path = tmp_path / "c.yaml"
    path.write_text("rules: {dwell_s: '${MONITOR_TEST_DWELL}'}")
    assert load_settings(path).rules.dwell_s == 7


# --- inheritance ----------------------------------------------------------------------------------------------------


def test_a_camera_overrides_key_by_key(load):
    settings = load(
        "rules: {dwell_s: 3, grace_s: 4}\noverlay: {scores: false}\n"
        "cameras:\n  a: {source: 0, rules: {dwell_s: 0.5}}\n  b: {source: 1}\n"
    )
    a, b = settings.cameras["a"], settings.cameras["b"]
    assert (a.rules.dwell_s, a.rules.grace_s, a.overlay.scores) == (0.5, 4, False)
    assert (b.rules.dwell_s, b.rules.grace_s, b.overlay.scores) == (3, 4, False)
    assert settings.rules.dwell_s == 3


def test_all_three_sections_are_inherited(load):
    camera = load(
        "rules: {dwell_s: 3}\ntracking: {confirm_hits: 7}\noverlay: {banner: false}\ncameras: {a: {source: 0}}"
    )
    a = camera.cameras["a"]
    assert (a.rules.dwell_s, a.tracking.confirm_hits, a.overlay.banner) == (3, 7, False)


def test_an_inherited_fault_is_named_once_where_it_stands(faults):
    found = faults("rules:\n  dwell_s: -1\ncameras:\n  a: {source: 0}\n  b: {source: 1}\n")
    assert len(found) == 1
    assert found[0].startswith("2: rules.dwell_s: found -1;")


def test_an_inherited_fault_is_named_once_beside_an_override_of_another_key(faults):
    found = faults("rules: {dwell_s: -1}\ncameras:\n  a:\n    source: 0\n    rules: {grace_s: 1}\n")
    assert len(found) == 1
    assert found[0].startswith("1: rules.dwell_s:")


def test_an_inherited_unknown_key_is_named_once(faults):
    found = faults("rules: {dwel_s: 1}\ncameras:\n  a: {source: 0, rules: {grace_s: 1}}\n  b: {source: 1}\n")
    assert len(found) == 1
    assert found[0].startswith("1: rules.dwel_s: unknown key")


@pytest.mark.parametrize(
    ("key", "words"), [("decide_score", "false_alarm_rate"), ("good_face_px", "calibration"), ("switch_share", "false")]
)
def test_a_setting_that_is_gone_is_refused_with_what_there_is_instead(faults, key, words):
    for place in (f"rules: {{{key}: 0.7}}", f"cameras: {{a: {{source: 0, rules: {{{key}: 0.7}}}}}}"):
        (found,) = faults(place + "\n")
        assert f"rules.{key}: no longer a setting" in found
        assert words in found


def test_a_camera_may_override_a_faulty_value_but_the_fault_is_still_named(faults):
    found = faults("rules: {dwell_s: -1}\ncameras:\n  a: {source: 0, rules: {dwell_s: 1}}\n")
    assert [line.split(":")[0] for line in found] == ["1"]


def test_a_fault_of_a_camera_is_named_at_the_camera(faults):
    found = faults("rules: {dwell_s: 1}\ncameras:\n  a:\n    source: 0\n    rules:\n      dwell_s: -1\n")
    assert len(found) == 1
    assert found[0].startswith("6: cameras.a.rules.dwell_s: found -1;")


def test_faults_on_both_levels_are_both_named(faults):
    found = faults("rules: {dwell_s: -1}\ncameras:\n  a:\n    source: 0\n    rules: {dwell_s: -2}\n")
    assert [line[:2] for line in found] == ["1:", "5:"]


def test_a_section_of_a_camera_that_is_no_mapping(faults):
    found = faults("rules: {dwell_s: 1}\ncameras:\n  a: {source: 0, rules: 5}\n")
    assert len(found) == 1
    assert found[0].startswith("3: cameras.a.rules: found 5;")


# --- webcams ---------------------------------------------------------------------------------------------------------


def test_a_webcam_may_be_set_up_at_the_camera_or_for_all(load):
    settings = load(
        "capture: {width: 1280, height: 720, fourcc: MJPG}\n"
        "cameras:\n  a: {source: 0}\n  b: {source: /dev/video3, capture: {fps: 15, width: 640, height: 480}}\n"
        "  c: {source: 'rtsp://h/s'}\n  d: {source: x.mp4, capture: {loop: true}}\n"
    )
    asked = {
        name: (camera.capture.width, camera.capture.height, camera.capture.fps, camera.capture.fourcc)
        for name, camera in settings.cameras.items()
    }
    assert asked == {
        "a": (1280, 720, None, "MJPG"),
        "b": (640, 480, 15, "MJPG"),
        "c": (None, None, None, None),
        "d": (None, None, None, None),
    }


def test_only_a_webcam_can_be_set_up(faults):
    found = faults(
        "cameras:\n  a:\n    source: rtsp://h/s\n    capture: {fps: 15, loop: false}\n"
        "  b:\n    source: x.mp4\n    capture:\n      width: 640\n      height: 480\n"
    )
    words = "only for a webcam; configure a network camera on its own pages"
    assert [(fault[:2], fault.partition("; ")[2]) for fault in found] == [
        ("4:", f"fps: {words}"),
        ("7:", f"width, height: {words}"),
    ]


@pytest.mark.parametrize(
    ("capture", "words"),
    [
        ("{width: 640}", "width and height belong together"),
        ("{width: 0, height: 480}", "greater than or equal to 16"),
        ("{fps: 0}", "greater than 0"),
        ("{fourcc: MPEG4}", "expected four letters or digits, such as MJPG or YUYV"),
    ],
)
def test_what_no_webcam_can_be_asked_for(faults, capture, words):
    for text in (
        f"capture: {capture}\ncameras: {{a: {{source: 0}}}}",
        f"cameras: {{a: {{source: 0, capture: {capture}}}}}",
    ):
        (fault,) = faults(text)
        assert words in fault


# --- faults ---------------------------------------------------------------------------------------------------------


def test_every_fault_is_named_at_once_in_the_order_of_lines(faults):
    found = faults(
        "rules:\n"
        "  dwell_s: -1\n"
        "  switch_share: 2\n"
        "detector:\n"
        "  backend: tpu\n"
        "  thresholds: {with_mask: 1.5}\n"
        "cameras:\n"
        "  a:\n"
        "    source: rtsp://${NOT_SET}@h/s\n"
        "  b:\n"
        "    rules: {}\n"
        "extra: 1\n"
    )
    assert [int(line.split(":")[0]) for line in found] == [2, 3, 5, 6, 9, 10, 12]
    expected = (
        "rules.dwell_s",
        "rules.switch_share",
        "detector.backend",
        "detector.thresholds.with_mask",
        "NOT_SET",
        "cameras.b.source: missing",
        "extra: unknown key",
    )
    for line, key in zip(found, expected, strict=True):
        assert key in line


def test_a_fault_says_what_was_found_and_what_is_allowed(faults):
    assert faults("rules:\n  dwell_s: 4000\n") == [
        "2: rules.dwell_s: found 4000; input should be less than or equal to 3600"
    ]
    (fault,) = faults("detector: {backend: tpu}")
    assert "found 'tpu'" in fault
    assert all(name in fault for name in ("auto", "litert", "savedmodel"))


def test_a_choice_between_types_is_one_fault_under_its_own_key(faults):
    (fault,) = faults("detector: {threads: many}")
    assert fault.startswith("1: detector.threads: found 'many';")
    assert "auto" in fault


def test_allowed_keys_are_shown_as_they_are_written(faults):
    (fault,) = faults("detector: {thresholds: {unknown: 0.5}}")
    assert "<" not in fault
    assert "without_mask" in fault


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("rulez: {}", "rulez", "rules"),
        ("rules: {dwel_s: 1}", "rules.dwel_s", "dwell_s"),
        ("cameras: {a: {source: 0, sorce: 1}}", "cameras.a.sorce", "source"),
        ("cameras: {a: {source: 0, rules: {gracs_s: 1}}}", "cameras.a.rules.gracs_s", "grace_s"),
        ("detector: {modell: x}", "detector.modell", "model"),
    ],
)
def test_an_unknown_key_comes_with_a_hint_and_the_allowed_ones(faults, text, key, hint):
    (fault,) = faults(text)
    assert fault.startswith(f"1: {key}: unknown key; did you mean '{hint}'? allowed: ")
    assert hint in fault.split("allowed: ")[1].split(", ")


def test_an_unknown_key_like_no_other_gets_no_hint(faults):
    (fault,) = faults("xylophone: 1")
    assert "did you mean" not in fault
    assert (
        "allowed: cameras, capture, clips, detector, health, journal, kiosk, output, overlay, retention, rules, "
        "tracking" in fault
    )


def test_a_detector_cannot_be_overridden_by_a_camera(faults):
    (fault,) = faults("cameras: {a: {source: 0, detector: {}}}")
    assert "cameras.a.detector: unknown key" in fault


def test_a_key_that_stands_twice(faults):
    found = faults("rules:\n  dwell_s: 1\n  grace_s: 2\n  dwell_s: 3\n")
    assert found == ["4: rules.dwell_s: is defined twice"]


def test_a_section_and_a_camera_that_stand_twice(faults):
    found = faults("cameras:\n  a: {source: 0}\n  a: {source: 1}\nrules: {}\nrules: {}\n")
    assert found == ["3: cameras.a: is defined twice", "5: rules: is defined twice"]


@pytest.mark.parametrize(
    "value", ["''", "true", "1.5", "[0]", "{a: 1}", "null", '"a\\0b"'], ids=lambda value: value.replace("\\0", "NUL")
)
def test_what_cannot_be_a_source(faults, value):
    (fault,) = faults(f"cameras:\n  a:\n    source: {value}\n")
    assert fault.startswith("3: cameras.a.source: found ")
    assert "expected a webcam index" in fault


def test_a_source_url_that_is_broken_is_a_fault_with_its_line(faults):
    (fault,) = faults("cameras:\n  a:\n    source: 'rtsp://[::1'\n")
    assert fault.startswith("3: cameras.a.source:")


def test_a_camera_without_a_source(faults):
    assert faults("cameras:\n  a: {}\n") == ["2: cameras.a.source: missing"]


@pytest.mark.parametrize("name", ["../up", "a/b", "..", ".hidden", "-x", "a\\b", "a" * 65, "x\ny", " "])
def test_camera_names_that_cannot_be_folders(load, name):
    text = as_yaml({"cameras": {name: {"source": 0}}})
    with pytest.raises(ConfigError, match="cameras"):
        load(text)


@pytest.mark.parametrize("name", ["entrance", "Ward 3", "café-1", "会议室", "Вход", "0", "a" * 64, "x.y_z"])
def test_camera_names_of_any_script(load, name):
    assert list(load(as_yaml({"cameras": {name: {"source": 0}}})).cameras) == [name]


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf"])
def test_numbers_that_are_none(faults, number):
    (fault,) = faults(f"rules: {{dwell_s: {number}}}")
    assert fault.startswith("1: rules.dwell_s: found ")


@pytest.mark.parametrize("text", ["- a\n", "just words\n", "7\n", "rules\n"])
def test_a_file_that_is_no_mapping(faults, text):
    (fault,) = faults(text)
    assert fault.startswith("1: ")
    assert "cameras:" in fault


def test_a_section_with_all_its_lines_commented_out_is_as_good_as_absent(load):
    settings = load("rules:\n  # dwell_s: 1\ncameras:\n  # a: {source: 0}\n")
    assert settings.rules == Settings().rules
    assert settings.cameras == {}


def keys_of(model, *above):
    """Give every key of the configuration as YAML's nested keys, a camera's among them."""
    for name, field in model.model_fields.items():
        yield (*above, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys_of(field.annotation, *above, name)
        elif name == "cameras":
            yield from [(name, "a/b"), (name, "a"), *keys_of(CameraSettings, name, "a")]


@pytest.mark.parametrize("value", ["a.b/c", "", 5, -5, [], [1], [[0]], {"": 1}, {"x": {"y": [1]}}, True])
def test_no_fault_needs_knowledge_of_python(faults, value):
    for key in keys_of(Settings):
        nested = {"cameras": {"a": {"source": 0}}} if key[:2] == ("cameras", "a") else {}
        inner = nested
        for part in key[:-1]:
            inner = inner.setdefault(part, {})
        inner[key[-1]] = value
        try:
            found = faults(as_yaml(nested))
        except pytest.fail.Exception:
            continue  # the value is a right one for this key
        for fault in found:
            words = fault.partition("; ")[2]
            assert not re.search(r"class|dictionary|tuple|instance|Settings|pattern|\^", words, re.IGNORECASE), fault


def test_a_name_that_no_camera_can_have_is_explained(faults):
    (fault,) = faults("cameras: {a/b: {source: 0}}")
    assert fault == (
        "1: cameras.a/b: found 'a/b'; a name has up to 64 letters, digits, spaces, dots and dashes, "
        "and begins with a letter or digit"
    )


def test_a_long_value_is_shortened(faults):
    (fault,) = faults(f"rules: {{dwell_s: {'x' * 5000}}}")
    assert len(fault) < 300


# --- keys with old names --------------------------------------------------------------------------------------------


def test_an_old_key_is_read_with_a_warning_that_names_the_new_one(load, tmp_path, caplog):
    settings = load("web:\n  names: [desk.example]\njournal: {log_keep: 7}\noverlay: {words: false, scores: false}\n")
    assert settings.web.allowed_hosts == ("desk.example",)
    assert settings.journal.log_backups == 7
    assert (settings.overlay.labels, settings.overlay.scores) == (False, False)
    path = tmp_path / "config.yaml"
    assert [message.partition(";")[0] for message in caplog.messages] == [
        f"{path}:2: web.names is now called web.allowed_hosts",
        f"{path}:3: journal.log_keep is now called journal.log_backups",
        f"{path}:4: overlay.words is now called overlay.labels",
    ]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_an_old_key_is_read_in_a_camera_too(load, caplog):
    settings = load(
        "overlay: {labels: true}\ncameras:\n  a:\n    source: 0\n    overlay: {words: false}\n  b: {source: 1}\n"
    )
    assert [camera.overlay.labels for camera in settings.cameras.values()] == [False, True]
    (message,) = caplog.messages
    assert ":5: cameras.a.overlay.words is now called cameras.a.overlay.labels;" in message


def test_a_new_key_gives_no_warning(load, caplog):
    load("overlay: {labels: false}\nweb: {allowed_hosts: [a]}\njournal: {log_backups: 3}\n")
    assert caplog.messages == []


def test_both_names_of_a_key_are_a_fault(faults):
    found = faults("overlay:\n  words: false\n  labels: true\n")
    assert found == ["2: overlay.words: is the old name of overlay.labels, which is set too; remove it"]


def test_a_fault_under_an_old_key_has_its_line_and_no_secret(faults):
    found = faults("web:\n  port: 1\n  names: ['${PW}/x']\noverlay: 5\n", PW=SECRET)
    assert [fault.partition(";")[0] for fault in found] == [
        "3: web.allowed_hosts.0: found a value from the environment",
        "4: overlay: found 5",
    ]


# --- YAML -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rules: {dwell_s: 1\n", 2),
        ("rules:\n  a: b: c\n", 2),
        ("rules:\n\tdwell_s: 1\n", 2),
        ("rules: *nobody\n", 1),
        ("rules: {}\n---\nrules: {}\n", 2),
        ("a: 'open\n", 2),
        ("rules: {dwell_s: !!python/object:os.system 1}", 1),
    ],
)
def test_broken_yaml_names_its_line(faults, text, line):
    (fault,) = faults(text)
    assert fault.startswith(f"{line}: ")
    assert "not valid YAML" in fault


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\x00",
        b"rules: {dwell_s: \x07}",
        b"rules:\x00",
        b"rules: {dwell_s: 2020-13-45}",
        b"[" * 1000,
        b"? [a, b]\n: 1\n",
        b"? {a: b}\n: 1\n",
        b"rules: {{dwell_s}}\n",
        b"cameras: {a: {source: {{ url }}}}\n",
    ],
    ids=["utf-16", "bell", "nul", "no-such-day", "deep", "list-as-key", "map-as-key", "template", "template-2"],
)
def test_bytes_that_are_no_configuration_are_refused_in_one_line(load, text):
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert "config.yaml" in str(caught.value)
    assert len(str(caught.value).split("\n")) <= 2


def test_a_date_that_does_not_exist_is_named_with_its_line(faults):
    (fault,) = faults("rules:\n  dwell_s: 2020-13-45\n")
    assert fault.startswith("2: ")


def test_aliases_and_merge_keys(load):
    settings = load(
        "rules: &strict {dwell_s: 0.5, grace_s: 1}\n"
        "cameras:\n  a: {source: 0, rules: {<<: *strict, grace_s: 2}}\n  b: {source: 1, rules: *strict}\n"
    )
    assert (settings.cameras["a"].rules.dwell_s, settings.cameras["a"].rules.grace_s) == (0.5, 2)
    assert (settings.cameras["b"].rules.dwell_s, settings.cameras["b"].rules.grace_s) == (0.5, 1)


def test_what_stands_beside_a_merge_key_wins_wherever_it_stands(load):
    settings = load("rules: &r {dwell_s: 0.5}\ncameras:\n  a: {source: 0, rules: {dwell_s: 2, <<: *r}}\n")
    assert settings.cameras["a"].rules.dwell_s == 2


def test_an_alias_of_a_mapping_with_a_merge_key(load):
    settings = load(
        "cameras:\n"
        "  a: {source: 0, rules: &r {dwell_s: 1}}\n"
        "  b: {source: 1, rules: &s {<<: *r, dwell_s: 2}}\n"
        "  c: {source: 2, rules: *s}\n"
    )
    assert settings.cameras["c"].rules.dwell_s == 2


def test_several_merged_mappings(load):
    settings = load(
        "cameras:\n"
        "  a: {source: 0, rules: &r {dwell_s: 1}}\n"
        "  b: {source: 1, rules: &s {dwell_s: 2, grace_s: 3}}\n"
        "  c: {source: 2, rules: {<<: [*r, *s]}}\n"
    )
    assert (settings.cameras["c"].rules.dwell_s, settings.cameras["c"].rules.grace_s) == (1, 3)


@pytest.mark.parametrize(
    "text",
    [
        "cameras:\n  a: &a {source: 0, rules: *a}\n",
        "cameras: &c {a: *c}\n",
        "detector: &d {labels: [*d]}\n",
        "&r [*r]\n",
    ],
)
def test_an_alias_that_contains_itself_is_refused(load, text):
    with pytest.raises(ConfigError, match="alias contains itself"):
        load(text)


def bomb(first: str, each: str) -> str:
    """Return a document in which each of eight values repeats the one before nine times."""
    lines = [f"x0: &x0 {first}"]
    for level in range(1, 9):
        lines.append(f"x{level}: &x{level} " + each.replace("ALIASES", ", ".join([f"*x{level - 1}"] * 9)))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("first", "each"), [("[lol]", "[ALIASES]"), ("{a: 1, b: 2}", "{<<: [ALIASES]}"), ("lol", "{k: [ALIASES]}")]
)
def test_aliases_that_multiply_are_refused_at_once(load, first, each):
    started = time.monotonic()
    with pytest.raises(ConfigError, match=r"config\.yaml:\d+: .*more than 100000 values"):
        load(bomb(first, each))
    assert time.monotonic() - started < 10


def test_a_mapping_merged_into_itself_ends(load):
    with pytest.raises(ConfigError):
        load("cameras:\n  a: &a {rules: {}, <<: *a}\n")


def test_keys_that_yaml_reads_as_other_types_stay_words(load):
    settings = load("cameras:\n  1: {source: 0}\n  yes: {source: 1}\n  null: {source: 2}\n  1.50: {source: 3}\n")
    assert list(settings.cameras) == ["1", "yes", "null", "1.50"]


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match=r"no such file; .*config\.yaml"):
        load_settings(tmp_path / "none.yaml", {})


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="is a folder"):
        load_settings(tmp_path, {})


def test_a_file_too_large_to_be_a_configuration(load):
    with pytest.raises(ConfigError, match="larger than"):
        load(b"#" * ((1 << 20) + 1))
    assert load(b"#" * (1 << 20)).cameras == {}


def test_a_file_that_cannot_be_read(tmp_path):
    path = tmp_path / "c.yaml"
    path.symlink_to(path)  # a circle, which the system refuses to follow for everybody, root too
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(path, {})


# --- secrets --------------------------------------------------------------------------------------------------------

URLS = (
    f"rtsp://viewer:{SECRET}@192.0.2.17/s",
    f"http://192.0.2.17/s?user=v&password={SECRET}",
)


@pytest.mark.parametrize("url", URLS)
def test_secrets_are_in_no_print_of_the_settings(load, url):
    settings = load(f"cameras: {{a: {{source: '{url}'}}}}")
    camera = settings.cameras["a"]
    shown = (
        repr(settings),
        str(settings),
        repr(camera),
        repr(camera.source),
        repr(settings.model_dump()),
        settings.model_dump_json(),
        as_yaml(plain(settings)),
    )
    for text in shown:
        assert SECRET not in text


def test_a_scheme_that_no_source_reads_is_refused_without_its_secret(faults):
    (fault,) = faults(f"cameras:\n  a:\n    source: 'rtmp://v:{SECRET}@192.0.2.17/s'\n")
    assert fault.startswith("3: cameras.a.source: ")
    assert SECRET not in fault


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "text",
    [
        "cameras: {a: {source: ['URL']}}",
        "cameras: {a: 'URL'}",
        "cameras: 'URL'",
        "'URL'",
        "- 'URL'",
        "rules: {dwell_s: 'URL'}",
        "cameras: {a: {source: 'URL', rules: {dwell_s: -1}}}",
        "cameras: {a: {source: 'URL', sorce: 'URL'}}",
        "cameras: {'URL': {source: 0}}",
        "'URL': 0",
        "rules: {'URL': 0}",
        "cameras: {a: {source: 0}, a: 'URL'}",
        "{'URL': 1, 'URL': 2}",
        "detector: {labels: {'URL': 'URL'}}",
    ],
)
def test_secrets_are_in_no_fault(load, text, url):
    with pytest.raises(ConfigError) as caught:
        load(text.replace("URL", url))
    assert SECRET not in str(caught.value)


def test_a_secret_from_the_environment_is_in_no_fault(load):
    with pytest.raises(ConfigError) as caught:
        load("cameras: {a: {source: ['rtsp://v:${PW}@h/s']}}", PW=SECRET)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "rules: {dwell_s: '${PW}'}",
        "detector: {threads: '${PW}'}",
        "detector: {backend: 'x${PW}'}",
        "web: {tls_key: '${PW}'}",
        "web: {trusted_proxies: ['${PW}']}",
        "cameras: {a: {source: '${PW}://h'}}",
        "cameras: {a: {source: ['${PW}']}}",
        "cameras: ['${PW}']",
        "cameras: {a: '${PW}'}",
        "'${PW}'",
        "['${PW}']",
        "rules: &r {dwell_s: '${PW}'}\ncameras: {a: {source: 0, rules: *r}}",
    ],
)
def test_nothing_from_the_environment_is_in_a_fault(load, text):
    with pytest.raises(ConfigError, match="found a value from the environment") as caught:
        load(text, PW=SECRET)
    assert SECRET not in str(caught.value)


def test_what_stands_in_the_file_is_shown_beside_what_comes_from_the_environment(faults):
    found = faults("rules: {dwell_s: -1}\ncameras: {a: {source: 'rtsp://v:${PW}@h/s'}}", PW=SECRET)
    assert found[0].startswith("1: rules.dwell_s: found -1;")


# --- fingerprints ---------------------------------------------------------------------------------------------------


def test_a_fingerprint_does_not_depend_on_the_order_of_keys():
    assert fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == fingerprint({"b": {"d": 3, "c": 2}, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert len(fingerprint({})) == 64


def test_plain_settings_load_again_as_they_were(load):
    first = load("rules: {dwell_s: 2}\ncameras: {会议室: {source: 0, rules: {grace_s: 9}}}\n")
    again = load(as_yaml(plain(first)))
    assert again == first


def test_the_shipped_configuration_is_right_and_shows_the_defaults():
    from pathlib import Path

    path = Path(__file__).parents[3] / "config.yaml"
    shipped, defaults = load_settings(path, {}), Settings()
    for section in ("tracking", "rules", "overlay", "clips", "journal"):
        assert getattr(shipped, section) == getattr(defaults, section)
    assert shipped.detector.model == path.parent / defaults.detector.model
    own = {"model": defaults.detector.model, "thresholds": {}}  # the shipped thresholds suit the shipped model
    assert shipped.detector.model_copy(update=own) == defaults.detector


def test_every_key_has_a_title_and_one_sentence():
    sections = [Settings, CameraSettings, *(field.annotation for field in Settings.model_fields.values())]
    sections += [field.annotation for section in sections[2:] if is_section(section) for field in fields_of(section)]
    for section in filter(is_section, sections):
        for name, field in section.model_fields.items():
            assert field.title, f"{section.__name__}.{name}"
            assert re.fullmatch(r"[A-Z].*[A-Za-z0-9)]\.", field.description or ""), f"{section.__name__}.{name}"


def is_section(annotation):
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def fields_of(section):
    return section.model_fields.values()

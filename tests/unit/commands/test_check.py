import json

import pytest
from typer.testing import CliRunner

from monitor.cli import app
from monitor.commands.check import check
from monitor.domain.errors import ConfigError
from tests.conftest import PROJECT, SAMPLE

MODEL = f"detector: {{model: {PROJECT / 'models' / 'ssd-mobilenet-v2-fpnlite-416x256'}}}\n"
CAMERA = f"cameras: {{door: {{source: {SAMPLE}}}}}\n"


@pytest.fixture
def checked(tmp_path, capsys):
    """Check a text, and give what is said on standard error."""

    def check_text(text):
        path = tmp_path / "config.yaml"
        path.write_text(text)
        check(path, as_json=True)
        told = capsys.readouterr()
        assert json.loads(told.out)
        return told.err

    return check_text


def test_where_all_is_there_nothing_is_said(checked):
    assert checked(MODEL + CAMERA + "kiosk: {camera: door}\n") == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("detector: {model: nowhere}\n", "detector.model: FOLDER/nowhere: no such folder"),
        ("", "detector.model: FOLDER/models/ssd-mobilenet-v2-fpnlite-416x256: no such folder"),
        (MODEL + CAMERA + "kiosk: {camera: attic}\n", "kiosk.camera: there is no camera 'attic'; there are: door"),
        (MODEL + "kiosk: {camera: attic}\n", "there are: none"),
        (MODEL + "kiosk: {texts: words.yaml}\n", "FOLDER/words.yaml: no such file"),
        (MODEL + "kiosk: {language: tlh}\n", "kiosk.language: no texts for 'tlh'"),
        (MODEL + "web: {tls_certificate: a.pem, tls_key: .}\n", "web.tls_certificate: FOLDER/a.pem: cannot be read"),
        (MODEL + "web: {tls_certificate: a.pem, tls_key: .}\n", "web.tls_key: FOLDER: cannot be read"),
    ],
)
def test_what_is_named_has_to_be_there(checked, tmp_path, text, words):
    with pytest.raises(ConfigError) as caught:
        checked(text)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{tmp_path / 'config.yaml'}: ") for line in lines)
    assert [line for line in lines if words.replace("FOLDER", str(tmp_path)) in line]
    assert "--config" not in str(caught.value)


def test_every_fault_is_told_at_once(checked):
    with pytest.raises(ConfigError) as caught:
        checked("detector: {model: nowhere}\nkiosk: {camera: attic, texts: no.yaml}\n")
    assert len(str(caught.value).splitlines()) == 3


def test_faults_of_every_kind_are_told_at_once(checked, tmp_path):
    """Values, keys, models, texts and certificates, of which the first ones alone keep the file from loading."""
    with pytest.raises(ConfigError) as caught:
        checked(
            "detector: {model: nowhere}\nrules: {dwell_s: -1}\nodd: 1\nkiosk: {texts: no.yaml, camera: attic}\n"
            "web: {tls_certificate: a.pem, tls_key: .}\ncameras: {door: {source: 0}}\n"
        )
    lines = str(caught.value).splitlines()
    assert all(line.startswith(str(tmp_path / "config.yaml")) for line in lines)
    keys = ("rules.dwell_s", "odd", "detector.model", "kiosk.camera", "no.yaml", "tls_certificate", "tls_key")
    assert [sum(f"{key}: " in line for line in lines) for key in keys] == [1] * len(keys), lines
    assert len(lines) == len(keys)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("detector: {model: nowhere, threads: -1}\n" + CAMERA, 1),
        (MODEL + "cameras: {door: {sorce: 0}, hall: {source: 0}}\nkiosk: {camera: door}\n", 2),
        (MODEL + "cameras: [1]\nkiosk: {camera: door}\n", 1),
        ("detector: {model: '${NO_SUCH_VARIABLE}'}\n" + CAMERA, 1),
        ("[1]\n", 1),
    ],
)
def test_what_is_wrong_is_not_told_again_as_missing(checked, text, faults):
    with pytest.raises(ConfigError) as caught:
        checked(text)
    assert len(str(caught.value).splitlines()) == faults, str(caught.value)


def test_what_may_come_later_is_warned_of(checked, tmp_path):
    told = checked(MODEL + "cameras: {a: {source: later.mp4}, b: {source: 'rtsp://192.0.2.1/s'}, c: {source: .}}\n")
    assert told.splitlines() == [
        f"warning: {tmp_path / 'config.yaml'}: cameras.a.source: {tmp_path / 'later.mp4'}: does not exist at the moment"
    ]
    assert "there is no camera yet" in checked(MODEL)


def test_the_file_is_named_as_for_other_commands(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MODEL + CAMERA)
    for arguments in ([path], ["-c", path], ["--config", path]):
        done = CliRunner().invoke(app, ["check", "--json", *map(str, arguments)])
        assert (done.exit_code, str(SAMPLE) in done.stdout) == (0, True)
    assert CliRunner().invoke(app, ["check", str(path), "-c", str(path)]).exit_code == 2

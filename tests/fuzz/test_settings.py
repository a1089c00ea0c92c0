"""Texts that people write: the configuration and a model's folder."""

import contextlib
from pathlib import Path

from monitor.config.detector import DetectorSettings
from monitor.config.loading import load_settings
from monitor.detectors.folder import load_model_folder
from monitor.detectors.label_map import read_labels
from monitor.detectors.pipeline_config import pipeline_preprocessing
from monitor.domain.errors import ConfigError, ModelError
from tests.conftest import PROJECT
from tests.fuzz.mutations import attack
from tests.tflite import LABEL_MAP

MODEL = PROJECT / "models" / "ssd-mobilenet-v2-fpnlite-416x256"

YAML = [
    b"&a [*a]",
    b"*x",
    b"<<: *y",
    b"!!python/object:os.system {}",
    b"!!set {a}",
    b"!!timestamp 2020-99-99",
    b"!!timestamp x",
    b"!!bool x",
    b"!!int x",
    b"!!float",
    b"!!binary \xc3\x28",
    b"? [a]\n: b",
    b"- " * 200,
    b"{" * 400,
    b"[" * 2000,
    b"\t",
    b"---\n",
    b"rtsp://u:p@h:99999/",
    b"null",
    b"a: &b {c: &d [1, 2]}\n",
    b"'",
    b"|\n",
]

#: Ten names for ten times as much each: written out, ten billion words.
BOMB = b"a0: &a0 [w, w, w, w, w, w, w, w, w, w]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (number, number, b", ".join([b"*a%d" % (number - 1)] * 10)) for number in range(1, 10)
)
#: As many keys, by merging.
MERGES = b"m0: &m0 {a: 1, b: 2, c: 3}\n" + b"".join(
    b"m%d: &m%d {<<: [%s]}\n" % (number, number, b", ".join([b"*m%d" % (number - 1)] * 10)) for number in range(1, 10)
)
#: Values that do not fit their type.
TYPES = [b"name: !!%s" % value for value in (b"timestamp x", b"bool x", b"int x", b"float x", b"timestamp 2020-99-99")]


def test_configurations(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    cameras = b"cameras:\n  door: {source: 0, rules: {dwell_s: 1}}\n  yard:\n    source: rtsp://u:${P}@h/1\n"

    def check(data: bytes) -> None:
        file.write_bytes(data)
        with contextlib.suppress(ConfigError):
            load_settings(file, {"P": "secret", "HOME": "/"})

    attack(
        [(PROJECT / "config.yaml").read_bytes(), cameras, cameras + BOMB, MERGES + cameras, *TYPES],
        check,
        tmp_path,
        150,
        YAML,
    )


def test_label_maps(tmp_path: Path) -> None:
    file = tmp_path / "label_map.pbtxt"
    many = b'item { id: 7 name: "a\\u00e9" display_name: "b" keypoints { id: 1 label: "x" } frequency: RARE }'
    tokens = [b"item {", b"}", b"id:", b"name:", b"<", b">", b"\\", b'"\\x', b"[a.b/c]: 1", b"item {" * 200, b"#"]

    def check(data: bytes) -> None:
        file.write_bytes(data)
        with contextlib.suppress(ModelError):
            read_labels(file)

    deep = b"item { keypoints {" * 5000
    attack([LABEL_MAP.encode(), many, deep], check, tmp_path, 800, tokens)


def test_descriptions_of_models(tmp_path: Path) -> None:
    (tmp_path / "label_map.pbtxt").write_text(LABEL_MAP)
    (tmp_path / "model.tflite").write_bytes(b"")
    manifest = (MODEL / "model.yaml").read_bytes()
    stated = b"name: x\npreprocessing: {mean: [1, 2, 3], std: [1, 1, 1]}\nsha256: {model.tflite: %s}\n" % (b"0" * 64)

    def check(data: bytes) -> None:
        (tmp_path / "model.yaml").write_bytes(data)
        with contextlib.suppress(ModelError):
            load_model_folder(tmp_path, DetectorSettings(model=tmp_path))

    bombs = [BOMB + b"%s: *a9\n" % key for key in (b"name", b"preprocessing", b"states", b"measured", b"sha256")]
    attack([manifest, stated, *bombs, MERGES + stated, *TYPES], check, tmp_path, 300, YAML)


def test_pipelines(tmp_path: Path) -> None:
    def check(data: bytes) -> None:
        (tmp_path / "pipeline.config").write_bytes(data)
        with contextlib.suppress(ModelError):
            pipeline_preprocessing(tmp_path)

    tokens = [b"model {", b"ssd {", b"}", b"type:", b"{" * 500, b"model { ssd { " * 100, b"[x.y]: 1"]
    deep = b"x {" * 5000
    attack([(MODEL / "pipeline.config").read_bytes(), deep], check, tmp_path, 150, tokens)

"""The preprocessing and the resizer of a TFOD2 `pipeline.config`, read without the TFOD2 library."""

import functools
from pathlib import Path
from typing import Any

from monitor.detectors.fitting import Resize, Resizing
from monitor.detectors.preprocessing import SCALINGS, Preprocessing, Scaling
from monitor.domain.errors import ModelError

PIPELINE = "pipeline.config"

_SCHEMA = """
name: "pipeline.proto" syntax: "proto2"
message_type {
  name: "Pipeline"
  field { name: "model" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".Model" }
}
message_type {
  name: "Model"
  field { name: "ssd" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".Meta" }
  field { name: "center_net" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".Meta" }
}
message_type {
  name: "Meta"
  field { name: "feature_extractor" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".Extractor" }
  field { name: "image_resizer" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".Resizer" }
}
message_type {
  name: "Resizer"
  field {
    name: "keep_aspect_ratio_resizer" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".KeepAspectRatio"
  }
}
message_type {
  name: "KeepAspectRatio"
  field { name: "min_dimension" number: 1 label: LABEL_OPTIONAL type: TYPE_INT32 default_value: "600" }
  field { name: "max_dimension" number: 2 label: LABEL_OPTIONAL type: TYPE_INT32 default_value: "1024" }
  field { name: "pad_to_max_dimension" number: 4 label: LABEL_OPTIONAL type: TYPE_BOOL }
  field { name: "per_channel_pad_value" number: 6 label: LABEL_REPEATED type: TYPE_FLOAT }
}
message_type {
  name: "Extractor"
  field { name: "type" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
}
"""

#: What `preprocess` of each SSD feature extractor does, in the Object Detection API 2.8.0: `object_detection/models/`
#: `ssd_*_feature_extractor.py`, under the names of `object_detection/builders/model_builder.py`; and the type that
#: `monitor.training.lean` adds, which inherits it.
_SSD = {
    "minus_one_to_one": [
        *(f"ssd_mobilenet_{kind}_keras" for kind in ("v1", "v1_fpn", "v2", "v2_fpn", "v2_lean_fpn")),
        *(f"ssd_mobilenet_{kind}" for kind in ("v1", "v1_fpn", "v1_ppn", "v2", "v2_fpn", "v2_mnasfpn")),
        *(f"ssd_mobilenet_{kind}" for kind in ("v3_large", "v3_small", "edgetpu")),
        *(f"ssd_mobiledet_{kind}" for kind in ("cpu", "dsp", "edgetpu", "gpu")),
        "ssd_inception_v2",
        "ssd_inception_v3",
        "embedded_ssd_mobilenet_v1",
        "ssd_pnasnet",
        "ssd_spaghettinet",
    ],
    "channel_means": [
        f"ssd_resnet{depth}_v1_{kind}" for depth in (50, 101, 152) for kind in ("fpn_keras", "fpn", "ppn")
    ],
    "imagenet": [f"ssd_efficientnet-b{size}_bifpn_keras" for size in range(8)],
}

_SCALING_NAMES = {extractor: name for name, extractors in _SSD.items() for extractor in extractors}


def pipeline_preprocessing(folder: Path) -> Preprocessing | None:
    """Return what the model in a folder with a `pipeline.config` takes when it is exported to TFLite.

    None if there is no such file, or its feature extractor is unknown; raises `ModelError` if it cannot be read.
    CenterNet is exported with its preprocessing in the graph (`export_tflite_graph_lib_tf2.CenterNetModule`), so it
    takes pixels, whatever its extractor.
    """
    path = folder / PIPELINE
    if not path.is_file():
        return None
    model = _parsed(path).model
    if model.HasField("center_net"):
        return Preprocessing(SCALINGS["pixels"], f"{PIPELINE}: CenterNet")
    extractor = model.ssd.feature_extractor.type
    scaling = ssd_scaling(extractor)
    return None if scaling is None else Preprocessing(scaling, f"{PIPELINE}: {extractor}")


def pipeline_resizing(folder: Path) -> Resizing | None:
    """Return how the model in a folder with a `pipeline.config` takes pictures at its input's size.

    None if there is no such file; raises `ModelError` if it cannot be read, or names a resizer whose pictures have
    another size than the input.
    """
    path = folder / PIPELINE
    if not path.is_file():
        return None
    model = _parsed(path).model
    resizer = (model.center_net if model.HasField("center_net") else model.ssd).image_resizer
    if not resizer.HasField("keep_aspect_ratio_resizer"):
        return Resizing(Resize.STRETCH)
    keeping = resizer.keep_aspect_ratio_resizer
    if not keeping.pad_to_max_dimension or keeping.min_dimension != keeping.max_dimension:
        raise ModelError(
            f"{path}: its keep_aspect_ratio_resizer needs pad_to_max_dimension and equal min_dimension and "
            "max_dimension, so that pictures get the size of the input; or state 'resize: fit' or 'resize: stretch' "
            "in model.yaml"
        )
    values = list(keeping.per_channel_pad_value) or [0.0, 0.0, 0.0]
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        raise ModelError(f"{path}: its per_channel_pad_value {values} is not three values from 0 to 255")
    red, green, blue = (round(value) for value in values)
    return Resizing(Resize.FIT_TOP_LEFT, (red, green, blue))


def ssd_scaling(extractor: str) -> Scaling | None:
    """Return what an SSD with this type of feature extractor takes, or None if the type is unknown."""
    name = _SCALING_NAMES.get(extractor)
    return None if name is None else SCALINGS[name]


def _parsed(path: Path) -> Any:
    from google.protobuf import text_format

    try:
        text = path.read_text("utf-8-sig")
        return text_format.Parse(text, _pipeline_class()(), allow_unknown_extension=True, allow_unknown_field=True)
    except (OSError, ValueError, RecursionError, text_format.ParseError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{path}: cannot be read as a TFOD2 pipeline; copy it again: {reason}") from error


@functools.cache
def _pipeline_class() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

    file = text_format.Parse(_SCHEMA, descriptor_pb2.FileDescriptorProto())
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Pipeline"))

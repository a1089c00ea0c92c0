"""A narrower MobileNet V2 for TFOD2's FPNLite: the blocks' inner layers at two thirds of their width.

The inner layers (`*_expand`, followed by the 3x3 convolution and the projection) take nearly all the time of an
inference, and two thirds of their channels carry most of the information; the layers between blocks keep their width,
so that pretrained weights fit after the choice of channels (`monitor.training.prune`). Widths are multiples of 16, the
number of channels that XNNPACK's 3x3 kernels compute at once with AVX-512.
"""

from __future__ import annotations

from typing import Any

#: For `type` in a pipeline's `feature_extractor`.
LEAN_TYPE = "ssd_mobilenet_v2_lean_fpn_keras"

#: Filters by layer; layers that are not named have as many as in MobileNet V2.
LEAN_WIDTHS: dict[str, int] = (
    {"Conv1": 16, "block_1_expand": 64, "block_2_expand": 96, "block_3_expand": 96}
    | {f"block_{number}_expand": 128 for number in (4, 5, 6)}
    | {f"block_{number}_expand": 256 for number in (7, 8, 9, 10)}
    | {"block_11_expand": 384, "block_12_expand": 384, "block_13_expand": 432}
    | {f"block_{number}_expand": 640 for number in (14, 15, 16)}
    | {"Conv_1": 384}
)


def register() -> None:
    """Register `LEAN_TYPE` for pipelines; may be called more than once. TFOD2 must be importable."""
    from object_detection.builders import model_builder
    from object_detection.models import ssd_mobilenet_v2_fpn_keras_feature_extractor as full
    from object_detection.models.keras_models import mobilenet_v2

    extractors = model_builder.SSD_KERAS_FEATURE_EXTRACTOR_CLASS_MAP
    if LEAN_TYPE in extractors:
        return

    class LeanLayers(mobilenet_v2._LayersOverride):  # type: ignore[misc]
        """TFOD2's layers for Keras' MobileNet V2, with the widths above."""

        def Conv2D(self, filters: int, **kwargs: Any) -> Any:  # noqa: N802 - Keras' name
            width = LEAN_WIDTHS.get(kwargs["name"], filters)
            self._conv_defs = [full.model_utils.ConvDefs(conv_name="Conv_1", filters=width)]
            return super().Conv2D(width, **kwargs)

    class LeanExtractor(full.SSDMobileNetV2FpnKerasFeatureExtractor):  # type: ignore[misc]
        """TFOD2's extractor with the narrower backbone."""

        def build(self, input_shape: Any) -> None:
            widest = mobilenet_v2._LayersOverride
            mobilenet_v2._LayersOverride = LeanLayers
            try:
                super().build(input_shape)
            finally:
                mobilenet_v2._LayersOverride = widest

    extractors[LEAN_TYPE] = LeanExtractor

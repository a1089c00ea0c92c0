"""What analyses a camera's frames: the same parts live and in a replay."""

from monitor.config.camera import CameraSettings
from monitor.pipeline.analyzer import Analyzer
from monitor.rules.judge import Judge
from monitor.tracking.bytetrack import ByteTracker


def make_analyzer(name: str, camera: CameraSettings, series: str = "") -> Analyzer:
    """Return the analyzer of one camera or recording; `series` goes into the ids of its incidents."""
    judge = Judge(name, camera.rules, series, camera.provenance())
    return Analyzer(lambda: ByteTracker(camera.tracking), judge, camera.tracking.lost_after_s, camera.polygons())

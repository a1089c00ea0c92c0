"""ByteTrack (Zhang et al., ECCV 2022) from the `trackers` package."""

from collections.abc import Sequence

import numpy as np

from monitor.config.tracking import TrackingSettings
from monitor.domain.detection import Detection, Observation


class ByteTracker:
    """Tracks one camera's people. The same detections and times always give the same numbers."""

    def __init__(self, settings: TrackingSettings) -> None:
        from trackers import ByteTrackTracker

        self._tracker = ByteTrackTracker(
            track_activation_threshold=settings.start_score,
            high_conf_det_threshold=settings.start_score,
            minimum_consecutive_frames=settings.confirm_hits,
            minimum_iou_threshold=settings.match_iou,
        )

    def update(self, detections: Sequence[Detection], time_s: float, lost_after_s: float) -> list[Observation]:
        """Return the detections that belong to confirmed people, numbered from 1; see the port.

        Boxes are in pixels of the frame, times in seconds. Faces are matched by position and movement only: a person
        who puts a mask on keeps the number.
        """
        from supervision import Detections

        self._tracker.maximum_time_without_update = lost_after_s
        boxes = [(d.box.x1_px, d.box.y1_px, d.box.x2_px, d.box.y2_px) for d in detections]
        tracked = self._tracker.update(
            Detections(
                xyxy=np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
                confidence=np.asarray([d.score for d in detections], dtype=np.float32),
                data={"index": np.arange(len(detections))},
            ),
            timestamp=time_s,
        )
        if len(tracked) == 0:
            return []
        pairs = zip(tracked.tracker_id.tolist(), tracked.data["index"].tolist(), strict=True)
        return [Observation(track_id + 1, detections[index]) for track_id, index in sorted(pairs) if track_id >= 0]

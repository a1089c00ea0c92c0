"""Boxes in pixels."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in pixels of the full picture; x grows to the right, y downward."""

    x1_px: float
    y1_px: float
    x2_px: float
    y2_px: float

    @classmethod
    def from_normalised(
        cls, ymin: float, xmin: float, ymax: float, xmax: float, width_px: int, height_px: int
    ) -> "Box":
        """Build a box from TFOD2's order and scale: `[ymin, xmin, ymax, xmax]`, each 0..1 of its own side, clipped."""
        return cls(xmin * width_px, ymin * height_px, xmax * width_px, ymax * height_px).clipped(width_px, height_px)

    @property
    def width_px(self) -> float:
        """Width in pixels."""
        return self.x2_px - self.x1_px

    @property
    def height_px(self) -> float:
        """Height in pixels."""
        return self.y2_px - self.y1_px

    @property
    def area_px2(self) -> float:
        """Area in square pixels; 0 for an empty box."""
        return max(0.0, self.width_px) * max(0.0, self.height_px)

    def clipped(self, width_px: int, height_px: int) -> "Box":
        """Return the part of the box that lies inside a picture of this size (possibly empty)."""
        return Box(
            min(max(self.x1_px, 0.0), width_px),
            min(max(self.y1_px, 0.0), height_px),
            min(max(self.x2_px, 0.0), width_px),
            min(max(self.y2_px, 0.0), height_px),
        )

    def intersection_px2(self, other: "Box") -> float:
        """Return the shared area in square pixels."""
        width = min(self.x2_px, other.x2_px) - max(self.x1_px, other.x1_px)
        height = min(self.y2_px, other.y2_px) - max(self.y1_px, other.y1_px)
        return max(0.0, width) * max(0.0, height)

    def iou(self, other: "Box") -> float:
        """Return intersection over union, 0..1."""
        shared = self.intersection_px2(other)
        union = self.area_px2 + other.area_px2 - shared
        return shared / union if union > 0 else 0.0

    def padded(self, fraction: float) -> "Box":
        """Return the box grown on every side by a fraction of its own width and height."""
        dx, dy = self.width_px * fraction, self.height_px * fraction
        return Box(self.x1_px - dx, self.y1_px - dy, self.x2_px + dx, self.y2_px + dy)

    def moved(self, x_px: float, y_px: float) -> "Box":
        """Return the box moved to the right and down by these distances."""
        return Box(self.x1_px + x_px, self.y1_px + y_px, self.x2_px + x_px, self.y2_px + y_px)

    def between(self, other: "Box", part: float) -> "Box":
        """Return the box on the way to another one, of which `part` (0..1) is done."""
        return Box(
            self.x1_px + part * (other.x1_px - self.x1_px),
            self.y1_px + part * (other.y1_px - self.y1_px),
            self.x2_px + part * (other.x2_px - self.x2_px),
            self.y2_px + part * (other.y2_px - self.y2_px),
        )

    def scaled(self, factor: float) -> "Box":
        """Return the box in a picture scaled by a factor."""
        return Box(self.x1_px * factor, self.y1_px * factor, self.x2_px * factor, self.y2_px * factor)

    def mirrored(self, width_px: int) -> "Box":
        """Return the box in the mirrored picture of this width."""
        return Box(width_px - self.x2_px, self.y1_px, width_px - self.x1_px, self.y2_px)

    def as_ints(self) -> tuple[int, int, int, int]:
        """Return (x1, y1, x2, y2) rounded to whole pixels."""
        return round(self.x1_px), round(self.y1_px), round(self.x2_px), round(self.y2_px)

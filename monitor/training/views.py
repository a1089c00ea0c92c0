"""Training views: small pictures made from the annotated ones by cutting, stretching, tiling and pasting.

A detector that runs fully convolutionally over a 512 x 352 input learns equally well from 320 x 320 cuts of it, at half
the cost per step. Cutting once, when the records are written, adds no cost to training, and rare states can appear as
often as common ones. Every view depends only on the seed and its number.

Boxes here are float32 (N, 4), pixels `x1, y1, x2, y2`; classes int64 (N,), 1-based; weights float32 (N,), where 0 marks
a face that the loss ignores (cut off by the view's edge, or too small).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.domain.detection import MaskState
from monitor.training.dressing import dressed
from monitor.training.masks import masked, read_template
from monitor.training.pictures import read

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Source:
    """An annotated picture to cut from; its boxes are of the upright picture.

    The loss ignores the boxes `ignored` (I, 4). `landmarks` has those of a face (`monitor/training/masks.py`) by its
    index.
    """

    path: Path
    boxes: Floats
    classes: Ints
    ignored: Floats = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    landmarks: Mapping[int, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """A training picture: `image` BGR uint8 (H, W, 3), with its boxes, classes and weights."""

    image: Pixels
    boxes: Floats
    classes: Ints
    weights: Floats


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """The settings of views. The defaults are those of recipes 2 to 7 (docs/recipes.md)."""

    size_px: int = 320
    #: The detector's input, width and height: sources are stretched to about this size.
    frame_px: tuple[int, int] = (512, 352)
    #: Frame scales drawn log-uniformly; a smaller scale than covers the view is not drawn.
    scale: tuple[float, float] = (0.6, 2.2)
    #: Standard deviation of the logarithm of a stretch of width against height.
    aspect_sigma: float = 0.12
    #: Shares of views that keep the source's own proportions, that show a whole source, and that tile four views.
    keep_aspect: float = 0.3
    whole: float = 0.12
    mosaic: float = 0.25
    #: Share of views with faces pasted in, and of views softened, as a cheap camera would.
    paste: float = 0.3
    soften: float = 0.2
    #: Share of views that lose detail as stored video does: to a smaller size and back, or through a coarse JPEG.
    degrade: float = 0.0
    #: Share of views, and separately of pasted faces, with other light: gamma, contrast, a colour cast, or no colour.
    tint: float = 0.0
    #: Pasted faces are rotated by up to this many degrees in either direction.
    turn_deg: float = 0.0
    #: Share of pasted faces composed of two, most of them with a mask worn incorrectly
    #: (`monitor/training/dressing.py`).
    dressed: float = 0.0
    #: Share of cut views in which the face in the centre gets a height drawn log-uniformly from `zoom_px`.
    zoom: float = 0.0
    zoom_px: tuple[float, float] = (10.0, 310.0)
    #: Share of cut views of a source without faces.
    negatives: float = 0.0
    #: Share of bare faces with known landmarks, in cut views and pasted, on which a mask of `mask_templates` is drawn.
    masked: float = 0.0
    mask_templates: tuple[Path, ...] = ()
    #: Share of views with motion blur.
    motion: float = 0.0
    #: Shares of views centred on a face of each class, in the order of their ids; the rest are centred on any face.
    class_share: tuple[float, ...] = (0.4, 0.3, 0.3)


#: A face with a smaller visible share than the first is ignored by the loss; below the second it is removed.
VISIBLE_TO_LEARN, VISIBLE_TO_IGNORE = 0.6, 0.2

#: A source is not enlarged beyond this side for one face.
_MOST_STRETCHED_PX = 6000

#: In faces smaller than this (square root of the area in pixels) no mask is recognisable; the loss ignores them.
LEAST_FACE_PX = 6.0

#: The smallest faces that are composed of two, so that the parts stay recognisable.
LEAST_DRESSED_PX = 20.0


class ViewMaker:
    """Makes views of a list of sources. `make(number)` gives the same view for the same seed, in any order."""

    def __init__(
        self, sources: Sequence[Source], settings: ViewSettings, seed: int, states: Sequence[MaskState]
    ) -> None:
        """`states` are the classes' states, in the order of their ids."""
        self._sources = sources
        self._settings = settings
        self._seed = seed
        self._class_of = {state: number for number, state in enumerate(states, 1)}
        count = len(settings.class_share)
        self._faces: list[list[tuple[int, int]]] = [[] for _ in range(count)]
        self._empty = [source for source in sources if not len(source.boxes) and not len(source.ignored)]
        self._templates = [read_template(path) for path in settings.mask_templates]
        for index, source in enumerate(sources):
            for face, label in enumerate(source.classes):
                self._faces[int(label) - 1].append((index, face))
        self._shares = np.array(
            [share if faces else 0.0 for share, faces in zip(settings.class_share, self._faces, strict=True)]
        )

    def make(self, number: int) -> View:
        """Return view `number` of this seed: `size_px` x `size_px`, BGR."""
        rng = np.random.default_rng((self._seed, number))
        settings = self._settings
        size = settings.size_px
        kind = rng.random()
        if kind < settings.mosaic:
            view = self._mosaic(rng, size)
        else:
            view = self._cut(rng, size, size, whole=kind < settings.mosaic + settings.whole)
        if rng.random() < settings.paste:
            view = self._paste(rng, view)
        if settings.motion and rng.random() < settings.motion:
            view = View(_moved(rng, view.image), view.boxes, view.classes, view.weights)
        if rng.random() < settings.soften:
            view = View(_soften(rng, view.image), view.boxes, view.classes, view.weights)
        if rng.random() < settings.degrade:
            view = View(_degrade(rng, view.image), view.boxes, view.classes, view.weights)
        if rng.random() < settings.tint:
            view = View(_tinted(rng, view.image), view.boxes, view.classes, view.weights)
        return view

    def _mosaic(self, rng: np.random.Generator, size: int) -> View:
        """Return four cuts around a random point."""
        x, y = (int(value) for value in rng.integers(size * 3 // 10, size * 7 // 10, 2))
        parts: list[View] = []
        canvas = np.empty((size, size, 3), np.uint8)
        for x1, y1, x2, y2 in ((0, 0, x, y), (x, 0, size, y), (0, y, x, size), (x, y, size, size)):
            part = self._cut(rng, x2 - x1, y2 - y1, whole=rng.random() < self._settings.whole)
            canvas[y1:y2, x1:x2] = part.image
            parts.append(
                View(part.image, part.boxes + np.array([x1, y1, x1, y1], np.float32), part.classes, part.weights)
            )
        return View(
            canvas,
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.classes for part in parts]),
            np.concatenate([part.weights for part in parts]),
        )

    def _pick(self, rng: np.random.Generator) -> tuple[Source, int | None]:
        """Return a source, and the face on which to centre the view (None for a picture without faces)."""
        total = float(self._shares.sum())
        if total <= 0 or rng.random() >= min(total, 0.97):
            source = self._sources[int(rng.integers(len(self._sources)))]
            return source, int(rng.integers(len(source.boxes))) if len(source.boxes) else None
        faces = self._faces[int(rng.choice(len(self._shares), p=self._shares / total))]
        index, face = faces[int(rng.integers(len(faces)))]
        return self._sources[index], face

    def _cut(self, rng: np.random.Generator, width: int, height: int, whole: bool) -> View:
        """Return a view of `width` x `height` cut from a stretched source, around a face if it has one."""
        settings = self._settings
        if self._empty and settings.negatives and rng.random() < settings.negatives:
            source, face = self._empty[int(rng.integers(len(self._empty)))], None
        else:
            source, face = self._pick(rng)
        image, classes = self._with_mask(rng, source, face)
        rows, columns = image.shape[:2]
        wide, high = self._stretched(rng, columns, rows, width, height, whole)
        if face is not None and not whole and settings.zoom and rng.random() < settings.zoom:
            drawn = float(np.exp(rng.uniform(*np.log(settings.zoom_px))))
            scale = max(drawn / float(source.boxes[face, 3] - source.boxes[face, 1]), width / columns, height / rows)
            if max(columns, rows) * scale < _MOST_STRETCHED_PX:
                wide, high = max(round(columns * scale), width), max(round(rows * scale), height)
        sx, sy = wide / columns, high / rows
        boxes = source.boxes * np.array([sx, sy, sx, sy], np.float32)
        left = _offset(rng, wide, width, None if face is None else (boxes[face, 0], boxes[face, 2]))
        top = _offset(rng, high, height, None if face is None else (boxes[face, 1], boxes[face, 3]))
        x1, y1 = left / sx, top / sy
        moved = np.array([[sx, 0.0, -x1 * sx], [0.0, sy, -y1 * sy]], np.float32)
        shrinking = max(sx, sy) < 0.6
        if shrinking:  # area sampling keeps small faces that bilinear sampling would alias away
            cut = cv2.resize(image, (wide, high), interpolation=cv2.INTER_AREA)[top : top + height, left : left + width]
        else:
            cut = cv2.warpAffine(image, moved, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        boxes = boxes - np.array([left, top, left, top], np.float32)
        ignored = source.ignored * np.array([sx, sy, sx, sy], np.float32)
        ignored = ignored - np.array([left, top, left, top], np.float32)
        return _clipped(np.ascontiguousarray(cut, np.uint8), boxes, classes, ignored)

    def _with_mask(self, rng: np.random.Generator, source: Source, face: int | None) -> tuple[Pixels, Ints]:
        """Return the picture and classes of a source; the bare face may get a mask drawn on it."""
        image, share = _read(source.path), self._settings.masked
        if face is None or face not in source.landmarks or not self._templates or rng.random() >= share:
            return image, source.classes
        template = self._templates[int(rng.integers(len(self._templates)))]
        wears = MaskState.WITH_MASK if rng.random() < 0.45 else MaskState.INCORRECT
        if wears not in self._class_of:
            return image, source.classes
        image = masked(rng, image, source.landmarks[face], template, below_nose=wears is MaskState.INCORRECT)
        classes = source.classes.copy()
        classes[face] = self._class_of[wears]
        return image, classes

    def _stretched(
        self, rng: np.random.Generator, columns: int, rows: int, width: int, height: int, whole: bool
    ) -> tuple[int, int]:
        """Return the width and height in pixels that the source is stretched to, at least the view's."""
        settings = self._settings
        if whole:
            return width, height
        low, high = settings.scale
        scale = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        across, down = settings.frame_px[0] * scale, settings.frame_px[1] * scale
        if rng.random() < settings.keep_aspect:
            side = np.sqrt(across * down / (columns * rows))
            across, down = columns * side, rows * side
        stretch = float(np.exp(rng.normal(0.0, settings.aspect_sigma) / 2))
        across, down = across * stretch, down / stretch
        enough = max(width / across, height / down, 1.0)
        return max(round(across * enough), width), max(round(down * enough), height)

    def _paste(self, rng: np.random.Generator, view: View) -> View:
        """Paste up to three faces, of rare classes more often, with soft edges where there is no other face."""
        image = view.image.copy()
        boxes, classes, weights = list(view.boxes), list(view.classes), list(view.weights)
        for _ in range(int(rng.integers(1, 4))):
            chosen = self._face_to_paste(rng)
            if chosen is None:
                continue
            picture, others, face, label = chosen
            piece, box = _face_with_surroundings(rng, picture, others, face)
            if piece is None:
                continue
            if self._settings.turn_deg:
                piece, box = _turned(piece, box, float(rng.uniform(-1, 1)) * self._settings.turn_deg)
            if self._settings.tint and rng.random() < self._settings.tint:
                piece = _tinted(rng, piece)
            rows, columns = piece.shape[:2]
            if rows >= image.shape[0] or columns >= image.shape[1]:
                continue
            x, y = int(rng.integers(image.shape[1] - columns)), int(rng.integers(image.shape[0] - rows))
            area = np.array([x, y, x + columns, y + rows], np.float32)
            if any(_overlap(area, other) > 0 for other in boxes):
                continue
            _blend(image, piece, x, y)
            boxes.append(box + np.array([x, y, x, y], np.float32))
            classes.append(label)
            weights.append(np.float32(1.0))
        return View(
            image,
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(classes, np.int64),
            np.array(weights, np.float32),
        )

    def _face_to_paste(self, rng: np.random.Generator) -> tuple[Pixels, Floats, int, np.int64] | None:
        """Return a picture, its boxes, the index of a face in it and its class; None if no face was picked."""
        if self._settings.dressed and rng.random() < self._settings.dressed:
            return self._dressed(rng)
        source, face = self._pick(rng)
        if face is None:
            return None
        image, classes = self._with_mask(rng, source, face)
        return image, source.boxes, face, classes[face]

    def _dressed(self, rng: np.random.Generator) -> tuple[Pixels, Floats, int, np.int64] | None:
        """Return a bare face with another's lower part: half incorrect, a quarter with, a quarter without mask."""
        kind = rng.random()
        wears = MaskState.WITHOUT_MASK if kind > 0.75 else MaskState.WITH_MASK
        becomes = MaskState.INCORRECT if kind < 0.5 else wears
        bare, given = self._large_face(rng, MaskState.WITHOUT_MASK), self._large_face(rng, wears)
        if bare is None or given is None or becomes not in self._class_of:
            return None
        (source, face), (giver, other) = bare, given
        below = becomes is MaskState.INCORRECT
        picture = dressed(rng, _read(source.path), source.boxes[face], _read(giver.path), giver.boxes[other], below)
        return picture, source.boxes, face, np.int64(self._class_of[becomes])

    def _large_face(self, rng: np.random.Generator, state: MaskState) -> tuple[Source, int] | None:
        """Return a face in this state that is large enough, None if 20 draws found none."""
        faces = self._faces[self._class_of[state] - 1] if state in self._class_of else []
        for _ in range(20 if faces else 0):
            index, face = faces[int(rng.integers(len(faces)))]
            x1, y1, x2, y2 = self._sources[index].boxes[face]
            if (x2 - x1) * (y2 - y1) >= LEAST_DRESSED_PX**2:
                return self._sources[index], face
        return None


@lru_cache(maxsize=2048)
def _read(path: Path) -> Pixels:
    """Return the picture, upright, BGR; the whole data set is cached in memory."""
    return read(path)


def _offset(rng: np.random.Generator, length: int, window: int, face: tuple[float, float] | None) -> int:
    """Return where the window starts along one side, so that it contains the face if possible."""
    low, high = 0, length - window
    if face is not None:
        first, last = int(np.floor(min(face[0], face[1] - window))), int(np.ceil(max(face[0], face[1] - window)))
        if face[1] - face[0] <= window:
            first, last = int(np.ceil(face[1] - window)), int(np.floor(face[0]))
        low, high = min(max(low, first), high), max(min(high, last), low)
    return int(rng.integers(low, high + 1)) if high > low else low


def _clipped(image: Pixels, boxes: Floats, classes: Ints, ignored: Floats) -> View:
    """Return a view with boxes clipped to the image; those mostly outside it get weight 0 or are removed.

    What is ignored gets weight 0, whatever its class.
    """
    first = np.concatenate([np.ones(len(boxes), bool), np.zeros(len(ignored), bool)])
    boxes, classes = np.concatenate([boxes, ignored]), np.concatenate([classes, np.ones(len(ignored), np.int64)])
    height, width = image.shape[:2]
    limit = np.array([width, height, width, height], np.float32)
    inside = np.clip(boxes, 0.0, limit).astype(np.float32)
    full = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    seen = np.prod(np.maximum(inside[:, 2:] - inside[:, :2], 0.0), axis=1)
    share = seen / np.maximum(full, 1e-6)
    keep = (share > VISIBLE_TO_IGNORE) & (seen > 4.0)
    learn = first & (share >= VISIBLE_TO_LEARN) & (np.sqrt(seen) >= LEAST_FACE_PX)
    return View(image, inside[keep], classes[keep], learn[keep].astype(np.float32))


def _face_with_surroundings(
    rng: np.random.Generator, image: Pixels, boxes: Floats, face: int
) -> tuple[Pixels | None, Floats]:
    """Return a face with a margin of a third of its size, resized and sometimes mirrored, and its box in the cut."""
    x1, y1, x2, y2 = boxes[face]
    margin_x, margin_y = 0.35 * (x2 - x1), 0.35 * (y2 - y1)
    left, top = int(max(x1 - margin_x, 0)), int(max(y1 - margin_y, 0))
    right, bottom = int(min(x2 + margin_x, image.shape[1])), int(min(y2 + margin_y, image.shape[0]))
    side = float(np.sqrt((x2 - x1) * (y2 - y1)))
    scale = float(np.exp(rng.uniform(np.log(12.0), np.log(160.0)))) / side
    scale = min(scale, 1.8)  # a face enlarged further is more blurred than in any camera
    if side * scale < LEAST_FACE_PX:
        return None, boxes[face]
    stretch = float(np.exp(rng.normal(0.0, 0.15) / 2))
    sx, sy = scale * stretch, scale / stretch
    columns, rows = max(int((right - left) * sx), 2), max(int((bottom - top) * sy), 2)
    piece = cv2.resize(
        image[top:bottom, left:right], (columns, rows), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    box = np.array([(x1 - left) * sx, (y1 - top) * sy, (x2 - left) * sx, (y2 - top) * sy], np.float32)
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
        box = np.array([columns - box[2], box[1], columns - box[0], box[3]], np.float32)
    return np.ascontiguousarray(piece, np.uint8), box


def _turned(piece: Pixels, box: Floats, degrees: float) -> tuple[Pixels, Floats]:
    """Return the piece rotated about the face's centre, and the box of the rotated face, assumed to be an ellipse."""
    x1, y1, x2, y2 = (float(side) for side in box)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    rows, columns = piece.shape[:2]
    moved = cv2.getRotationMatrix2D((x, y), degrees, 1.0)
    turned = cv2.warpAffine(piece, moved, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    across = np.hypot((x2 - x1) * cosine, (y2 - y1) * sine) / 2
    down = np.hypot((x2 - x1) * sine, (y2 - y1) * cosine) / 2
    return np.asarray(turned, np.uint8), np.array([x - across, y - down, x + across, y + down], np.float32)


def _blend(image: Pixels, piece: Pixels, x: int, y: int) -> None:
    """Paste the piece into the image, in place, fading out over its outer fifth."""
    rows, columns = piece.shape[:2]
    down, across = (np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5) / (0.2 * n) for n in (rows, columns))
    mask = np.clip(np.minimum.outer(down, across), 0.0, 1.0)[..., None]
    under = image[y : y + rows, x : x + columns]
    under[:] = (mask * piece + (1.0 - mask) * under).astype(np.uint8)


def _overlap(one: Floats, other: Floats) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return float(max(width, 0.0) * max(height, 0.0))


def _soften(rng: np.random.Generator, image: Pixels) -> Pixels:
    """Return the image with the blur and sensor noise of a cheap camera."""
    soft = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.2)))
    noisy = soft + rng.normal(0.0, rng.uniform(0.0, 8.0), soft.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def _moved(rng: np.random.Generator, image: Pixels) -> Pixels:
    """Return the image with the blur of a movement of 3 to 11 pixels in any direction."""
    length = int(rng.integers(3, 12))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0
    centre = ((length - 1) / 2, (length - 1) / 2)
    kernel = np.asarray(cv2.warpAffine(kernel, cv2.getRotationMatrix2D(centre, rng.uniform(0, 180), 1.0), kernel.shape))
    return np.asarray(cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1e-6)), np.uint8)


def _degrade(rng: np.random.Generator, image: Pixels) -> Pixels:
    """Return the image with the detail of a smaller recording or of strong compression."""
    if rng.random() < 0.5:
        rows, columns = image.shape[:2]
        share = float(rng.uniform(0.45, 0.9))
        small = cv2.resize(image, (int(columns * share), int(rows * share)), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)
    coarse = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 70))])[1]
    return np.asarray(cv2.imdecode(coarse, cv2.IMREAD_COLOR), np.uint8)


def _tinted(rng: np.random.Generator, image: Pixels) -> Pixels:
    """Return the image with other gamma and contrast, and a colour cast or, in one of five cases, no colour."""
    if rng.random() < 0.2:
        image = np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)
        cast = np.ones(3)
    else:
        cast = np.exp(rng.normal(0.0, 0.1, 3))
    gamma, contrast = np.exp(rng.normal(0.0, 0.3)), np.exp(rng.normal(0.0, 0.2))
    levels = (np.arange(256) / 255.0) ** gamma
    table = np.clip((0.5 + (levels[:, None] - 0.5) * contrast) * cast * 255.0, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[None]), np.uint8)

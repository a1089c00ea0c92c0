"""The kiosk window: shows the verdict and handles keys, on the main thread."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2

from monitor.config.kiosk import KioskSettings
from monitor.domain.clock import Clock
from monitor.domain.errors import OutputError
from monitor.domain.frame import Image
from monitor.domain.health import CameraStatus
from monitor.outputs.kiosk.display import XScreen, opened_display, quieten_qt
from monitor.outputs.kiosk.draw import Screen, View
from monitor.outputs.kiosk.sound import Chime
from monitor.outputs.kiosk.texts import Wording, find_language, load_texts
from monitor.rules.kiosk import Ruling, rule
from monitor.sources.encoding import encode_picture
from monitor.storage.files import finish, make_folder, partial, writing

TITLE = "Mask Monitor"

#: The size of the window before and after full screen.
_WINDOW_PX = (1280, 720)

#: Milliseconds that the loop waits for keys before it checks for a new status.
_TICK_MS = 33

#: Seconds that the reply to a key press is shown.
_NOTICE_S = 2.0

#: Seconds after which a window manager has made the window full screen, or there is no window manager.
_FULLSCREEN_S = 1.0

#: Seconds after which a window that is not painted is opened again, and the most openings.
_PAINTED_S, _MOST_OPENINGS = 1.0, 5

#: Where the painted colour is checked, in pixels from the window's corner, and the tolerance in grey levels.
_CORNER_PX, _SAME_COLOUR = 3, 12

_log = logging.getLogger(__name__)


class KioskWindow:
    """One camera's verdict on a screen.

    `read` returns the camera's newest status and must not block. Screens are saved under `save_folder` as `kiosk-<UTC
    time>.png`. Raises `ConfigError` if the language or the file of texts is wrong.
    """

    def __init__(
        self,
        settings: KioskSettings,
        read: Callable[[], CameraStatus | None],
        clock: Clock,
        save_folder: Path,
        stop: threading.Event,
    ) -> None:
        texts = load_texts(settings.texts)
        first = find_language(texts, settings.language)
        others = [wording for wording in texts.values() if wording is not first]
        self._languages = [first, *others]
        self._settings = settings
        self._read = read
        self._clock = clock
        self._save_folder = save_folder
        self._stop = stop
        self._screen = Screen(settings.mirror)
        self._chime = Chime(clock.monotonic_s) if settings.sound else None
        self._ruling: Ruling | None = None
        self._notice, self._notice_until_s = "", 0.0
        self._fullscreen = False
        self._fullscreen_since_s = 0.0
        self._display: XScreen | None = None
        self._openings, self._opened_s, self._painted = 0, 0.0, False
        self._shown: object = None

    @property
    def _wording(self) -> Wording:
        return self._languages[0]

    def run(self) -> None:
        """Show the window until q or Esc is pressed, it is closed, or `stop` is set; call on the main thread.

        Raises `OutputError` if no window can be opened.
        """
        with opened_display() as self._display:
            quieten_qt()
            try:
                self._open()
                self._loop()
            finally:
                if self._chime is not None:
                    self._chime.close()
                _close()

    def _open(self) -> None:
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        self._openings += 1
        self._opened_s, self._shown = self._clock.monotonic_s(), None
        cv2.resizeWindow(TITLE, *_WINDOW_PX)
        if self._settings.fullscreen:
            self._set_fullscreen(True)

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._refresh()
            key = cv2.waitKey(_TICK_MS)
            if not _is_open():
                return
            if key >= 0 and not self._handle_key(key & 0xFF):
                return
            if not self._painted:
                self._painted = self._is_painted()

    def _is_painted(self) -> bool:
        """Return whether the window has been painted, and open it again if it stays black.

        On a busy machine OpenCV's Qt (5.15.19 in the wheel of 5.0.0.93) fails to notice in 6 of 40 starts that its
        window is on the screen, and never paints it; a window opened later is painted.
        """
        if self._display is None:
            return True
        left, top, _, _ = cv2.getWindowImageRect(TITLE)
        seen = self._display.colour_at(left + _CORNER_PX, top + _CORNER_PX)
        drawn = self._screen.colour_at(_CORNER_PX, _CORNER_PX)
        if seen is None or max(abs(a - b) for a, b in zip(seen, drawn, strict=True)) <= _SAME_COLOUR:
            return True
        if self._clock.monotonic_s() - self._opened_s < _PAINTED_S:
            return False
        if self._openings == _MOST_OPENINGS:
            _log.warning("the window does not show its picture; check whether another window covers it")
            return True
        _close()
        self._open()
        return False

    def _refresh(self) -> None:
        """Draw and show the screen if its content has changed."""
        now_s = self._clock.monotonic_s()
        view = self._view(now_s)
        width, height = self._size(now_s)
        shown = (_content(view), self._wording, width, height)
        if shown != self._shown:
            cv2.imshow(TITLE, self._screen.draw(view, self._wording, width, height))
            self._shown = shown

    def _view(self, now_s: float) -> View:
        """Return the view of the camera's newest status, with the verdict at this moment."""
        status = self._read()
        ruling = rule(status, now_s, self._ruling)
        self._announce(ruling)
        self._ruling = ruling
        if self._notice and now_s >= self._notice_until_s:
            self._notice = ""
        analysis = None if status is None else status.analysis
        return View(
            ruling=ruling,
            analysis=analysis,
            camera="" if status is None else status.camera,
            age_s=0.0 if analysis is None else now_s - analysis.frame.time_s,
            notice=self._notice,
        )

    def _announce(self, ruling: Ruling) -> None:
        if self._chime is None:
            return
        if self._ruling is not None and ruling.verdict is not self._ruling.verdict:
            self._chime.verdict(ruling.verdict)
        self._chime.tick()

    def _handle_key(self, key: int) -> bool:
        """Handle a key; return False if it closes the window."""
        match chr(key).lower():
            case "q" | "\x1b":
                return False
            case "f":
                self._set_fullscreen(not self._fullscreen)
            case "l":
                self._languages.append(self._languages.pop(0))
                self._show_notice(self._wording.name)
            case "s":
                self._save()
        return True

    def _show_notice(self, notice: str) -> None:
        self._notice, self._notice_until_s = notice, self._clock.monotonic_s() + _NOTICE_S

    def _save(self) -> None:
        """Save the screen with the faces of other people hidden; a failure is shown and logged."""
        now_s = self._clock.monotonic_s()
        view = replace(self._view(now_s), notice="", private=True)
        screen = self._screen.draw(view, self._wording, *self._size(now_s))
        self._shown = None
        try:
            path = save_screen(screen, self._save_folder, f"kiosk-{self._clock.utc_now():%Y%m%dT%H%M%SZ}")
        except OutputError as error:
            _log.warning("%s", error)
            self._show_notice(self._wording.not_saved)
        else:
            _log.info("screen saved: %s", path)
            self._show_notice(self._wording.saved)

    def _set_fullscreen(self, fullscreen: bool) -> None:
        self._fullscreen, self._fullscreen_since_s = fullscreen, self._clock.monotonic_s()
        cv2.setWindowProperty(
            TITLE, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN if fullscreen else cv2.WINDOW_NORMAL
        )
        if not fullscreen:
            cv2.resizeWindow(TITLE, *_WINDOW_PX)

    def _size(self, now_s: float) -> tuple[int, int]:
        """Return the width and height of the window's content in pixels.

        Without a window manager, as on a machine that runs only the kiosk, the request for full screen has no effect,
        so the window is resized to the screen.
        """
        _, _, width, height = cv2.getWindowImageRect(TITLE)
        waited_s = now_s - self._fullscreen_since_s
        if self._fullscreen and (width, height) == _WINDOW_PX and waited_s >= _FULLSCREEN_S:
            if self._display is not None and self._display.size_px != _WINDOW_PX:
                cv2.resizeWindow(TITLE, *self._display.size_px)
                cv2.moveWindow(TITLE, 0, 0)
            self._fullscreen_since_s = float("inf")  # resized once
        return max(1, width), max(1, height)


def _is_open() -> bool:
    try:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:  # OpenCV's Qt raises this after its last window has been closed
        return False


def _close() -> None:
    if _is_open():
        cv2.destroyAllWindows()
        cv2.waitKey(1)  # lets Qt remove the window from the screen


def save_screen(screen: Image, folder: Path, name: str) -> Path:
    """Write a screen (H x W x 3, uint8, BGR) as PNG under an unused name and return its path; raises `OutputError`."""
    make_folder(folder)
    path, number = folder / f"{name}.png", 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.png"
    data = encode_picture(screen, ".png", [cv2.IMWRITE_PNG_COMPRESSION, 1])  # low compression, since the window waits
    with writing(path):
        partial(path).write_bytes(data)
    finish(path)
    return path


def _content(view: View) -> tuple[object, ...]:
    """Return everything that a screen depends on; the age in whole seconds."""
    frame = None if view.analysis is None else (view.analysis.frame.index, view.analysis.frame.time_s)
    return view.ruling.verdict, view.ruling.face, frame, int(view.age_s), view.camera, view.notice

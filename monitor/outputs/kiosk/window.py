"""The window at the entrance: shows the verdict, listens to keys; lives on the main thread."""

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
from monitor.storage.files import finish, make_folder, partial, writing

TITLE = "Mask Monitor"

#: The window that full screen starts from and returns to.
_WINDOW_PX = (1280, 720)

#: How long the loop listens for keys before it looks for something new.
_TICK_MS = 33

#: How long a message to whoever pressed a key stays.
_NOTICE_S = 2.0

#: A window manager has put the window on the whole screen by then, or there is none.
_FULLSCREEN_S = 1.0

#: A window that is not painted after so long is opened anew, up to so many times.
_PAINTED_S, _MOST_OPENINGS = 1.0, 5

#: Where the verdict's colour is looked for, from the window's corner, and how exact it has to be.
_CORNER_PX, _SAME_COLOUR = 3, 12

_log = logging.getLogger(__name__)


class KioskWindow:
    """One camera's verdict on a screen.

    `read` gives the camera's newest status and must return at once. Screens are saved under `save_folder` as
    `kiosk-<UTC time>.png`. Raises `ConfigError` where the language or the file of texts is wrong.
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

        Raises `OutputError` where no window can be opened.
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
            if key >= 0 and not self._obey(key & 0xFF):
                return
            if not self._painted:
                self._painted = self._is_painted()

    def _is_painted(self) -> bool:
        """Look whether the window has come up, and open it anew where it stays black.

        On a busy machine OpenCV's Qt (5.15.19 in the wheel of 5.0.0.93) misses in 6 of 40 starts that its window has
        been put on the screen, and then never paints in it; in one opened later it does.
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
            _log.warning("the window does not show what was drawn in it; is another one in front of it?")
            return True
        _close()
        self._open()
        return False

    def _refresh(self) -> None:
        """Draw and show the screen where it would differ from the one that is there."""
        now_s = self._clock.monotonic_s()
        view = self._look(now_s)
        width, height = self._size(now_s)
        shown = (_looks(view), self._wording, width, height)
        if shown != self._shown:
            cv2.imshow(TITLE, self._screen.draw(view, self._wording, width, height))
            self._shown = shown

    def _look(self, now_s: float) -> View:
        """Ask how the camera is doing and rule on it."""
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

    def _obey(self, key: int) -> bool:
        """Do what a key asks for; return False where it asks to end."""
        match chr(key).lower():
            case "q" | "\x1b":
                return False
            case "f":
                self._set_fullscreen(not self._fullscreen)
            case "l":
                self._languages.append(self._languages.pop(0))
                self._tell(self._wording.name)
            case "s":
                self._save()
        return True

    def _tell(self, notice: str) -> None:
        self._notice, self._notice_until_s = notice, self._clock.monotonic_s() + _NOTICE_S

    def _save(self) -> None:
        """Write the screen as it is, but for the faces that are nobody's business; a failure is shown and logged."""
        now_s = self._clock.monotonic_s()
        view = replace(self._look(now_s), notice="", private=True)
        screen = self._screen.draw(view, self._wording, *self._size(now_s))
        self._shown = None
        try:
            path = save_screen(screen, self._save_folder, f"kiosk-{self._clock.utc_now():%Y%m%dT%H%M%SZ}")
        except OutputError as error:
            _log.warning("%s", error)
            self._tell(self._wording.not_saved)
        else:
            _log.info("screen saved: %s", path)
            self._tell(self._wording.saved)

    def _set_fullscreen(self, fullscreen: bool) -> None:
        self._fullscreen, self._fullscreen_since_s = fullscreen, self._clock.monotonic_s()
        cv2.setWindowProperty(
            TITLE, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN if fullscreen else cv2.WINDOW_NORMAL
        )
        if not fullscreen:
            cv2.resizeWindow(TITLE, *_WINDOW_PX)

    def _size(self, now_s: float) -> tuple[int, int]:
        """Return the width and height of what the window shows.

        Without a window manager, as on a machine that starts nothing but the kiosk, nobody answers the request for full
        screen, and the window is made as large as the screen.
        """
        _, _, width, height = cv2.getWindowImageRect(TITLE)
        waited_s = now_s - self._fullscreen_since_s
        if self._fullscreen and (width, height) == _WINDOW_PX and waited_s >= _FULLSCREEN_S:
            if self._display is not None and self._display.size_px != _WINDOW_PX:
                cv2.resizeWindow(TITLE, *self._display.size_px)
                cv2.moveWindow(TITLE, 0, 0)
            self._fullscreen_since_s = float("inf")  # asked once
        return max(1, width), max(1, height)


def _is_open() -> bool:
    try:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:  # with its last window OpenCV's Qt is gone, and says so in this way
        return False


def _close() -> None:
    if _is_open():
        cv2.destroyAllWindows()
        cv2.waitKey(1)  # lets Qt take the window off the screen


def save_screen(screen: Image, folder: Path, name: str) -> Path:
    """Write a screen as PNG under a name that is not taken yet and return its path; raises `OutputError`."""
    make_folder(folder)
    path, number = folder / f"{name}.png", 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.png"
    _, data = cv2.imencode(".png", screen, [cv2.IMWRITE_PNG_COMPRESSION, 1])  # the window waits
    with writing(path):
        partial(path).write_bytes(data.tobytes())
    finish(path)
    return path


def _looks(view: View) -> tuple[object, ...]:
    """Return all that a screen depends on; the age counts by whole seconds."""
    frame = None if view.analysis is None else (view.analysis.frame.index, view.analysis.frame.time_s)
    return view.ruling.verdict, view.ruling.face, frame, int(view.age_s), view.camera, view.notice

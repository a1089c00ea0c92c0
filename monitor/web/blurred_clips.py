"""Copies of clips in which everybody but one person is blurred, made when they are first asked for."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

from monitor.domain.errors import OutputError
from monitor.evidence.blurred_clip import make_blurred
from monitor.pipeline.process import give_way
from monitor.storage.clip_folder import ClipFolder

_log = logging.getLogger(__name__)

#: Copies that may wait; each takes seconds to minutes.
_WAITING = 50


class CopyState(StrEnum):
    """Whether a blurred copy can be played."""

    READY = "ready"
    NOT_MADE = "not_made"
    PREPARING = "preparing"
    FAILED = "failed"


class BusyError(Exception):
    """Too many copies are waiting."""


class _StoppingError(Exception):
    pass


class BlurredClips:
    """Makes one copy after the other, on a thread with a lower priority than the cameras'; safe to use from any."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "blurred-clips", initializer=give_way)
        self._lock = threading.Lock()
        self._states: dict[tuple[str, str, int], CopyState] = {}
        self._closing = False

    def state(self, folder: ClipFolder, name: str, track_id: int) -> CopyState:
        """Return whether the copy of a clip that shows one person can be played."""
        if folder.blurred(name, track_id).exists():
            return CopyState.READY
        with self._lock:
            return self._states.get(_key(folder, name, track_id), CopyState.NOT_MADE)

    def ask(self, folder: ClipFolder, name: str, track_id: int) -> CopyState:
        """Have a copy made, unless there is one; a failed one is tried again. Raises `BusyError`."""
        if (state := self.state(folder, name, track_id)) in (CopyState.READY, CopyState.PREPARING):
            return state
        with self._lock:
            if sum(each is CopyState.PREPARING for each in self._states.values()) >= _WAITING:
                raise BusyError
            self._states[_key(folder, name, track_id)] = CopyState.PREPARING
        self._pool.submit(self._make, folder, name, track_id)
        return CopyState.PREPARING

    def close(self) -> None:
        """Give up the copy that is being made, and end the thread."""
        self._closing = True
        self._pool.shutdown(cancel_futures=True)

    def _make(self, folder: ClipFolder, name: str, track_id: int) -> None:
        state = CopyState.FAILED
        try:
            make_blurred(folder, name, track_id, self._go_on)
            state = CopyState.NOT_MADE  # the file itself says that it is ready
        except OutputError as error:
            _log.error("a clip cannot be blurred: %s", error)
        except _StoppingError:
            pass
        except Exception:  # noqa: BLE001 - shown to whoever asked
            _log.exception("%s: this clip cannot be blurred, unexpected error", name)
        finally:
            with self._lock:
                if state is CopyState.FAILED:
                    self._states[_key(folder, name, track_id)] = state
                else:
                    self._states.pop(_key(folder, name, track_id), None)

    def _go_on(self) -> None:
        if self._closing:
            raise _StoppingError


def _key(folder: ClipFolder, name: str, track_id: int) -> tuple[str, str, int]:
    return str(folder.folder), name, track_id

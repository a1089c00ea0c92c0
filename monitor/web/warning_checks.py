"""Checks regularly for warnings, and sends changes to every page."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from monitor.domain.account import Account
from monitor.domain.errors import ModelError
from monitor.evidence.retention import WORDS, Step
from monitor.storage.disk import Disk, disk_of
from monitor.web.hub import Viewer
from monitor.web.model import Model
from monitor.web.schemas import WarningOut
from monitor.web.services import Services
from monitor.web.values import without_folders
from monitor.web.warnings import WarningCode, Warnings

_log = logging.getLogger(__name__)

_EVERY_S = 10.0
_PUSH_EVERY_S = 1.0

#: The free share of the disk below which there is soon no space for the journal, pictures and videos.
LEAST_FREE_SHARE = 0.05


def check_clips(warnings: Warnings, fault: str | None, short: Sequence[str]) -> None:
    """Set or clear the warnings of clips: `fault` says why none can be recorded, those of `short` begin too late."""
    if fault is None:
        warnings.clear(WarningCode.CLIPS_FAIL)
    else:
        text = f"Videos of incidents cannot be recorded: {without_folders(fault)}. Incidents themselves still are."
        warnings.set(WarningCode.CLIPS_FAIL, text, names_cameras=True)
    if not short:
        warnings.clear(WarningCode.CLIPS_SHORT)
    else:
        text = (
            f"Videos begin later than clips.pre_s, since these cameras send too much: {', '.join(short)}. "
            "Lower their bit rate or the time between two keyframes."
        )
        warnings.set(WarningCode.CLIPS_SHORT, text, names_cameras=True)


def check(
    warnings: Warnings,
    folder: Path,
    model: Model,
    step: Step = Step.NONE,
    disk_of_folder: Callable[[Path], Disk | None] = disk_of,
) -> None:
    """Set or clear the warnings of a full disk, of its consequences and of a changed model; may wait for the disk."""
    for code, text in (
        (WarningCode.DISK_NEARLY_FULL, _disk_text(disk_of_folder(folder))),
        (WarningCode.EVIDENCE_REDUCED, _step_text(step)),
        (WarningCode.MODEL_CHANGED, _model_text(model)),
    ):
        if text is None:
            warnings.clear(code)
        else:
            warnings.set(code, text)


async def watch_warnings(services: Services) -> None:
    """Check every ten seconds, and send every page changed warnings within a second, until cancelled."""
    sent: dict[Viewer, dict[str, Any]] = {}
    checked_s = float("-inf")
    while True:
        if services.clock.monotonic_s() - checked_s >= _EVERY_S:
            checked_s = services.clock.monotonic_s()
            try:
                if (clips := services.monitor.clips) is not None:
                    check_clips(services.warnings, clips.fault, clips.short())
                step = services.monitor.storage().step
                await asyncio.to_thread(check, services.warnings, services.folder, services.model(), step)
            except Exception:  # noqa: BLE001 - other warnings must still be sent
                _log.exception("the checks for warnings failed")
        messages = {viewer: _message(services.warnings, viewer.account) for viewer in services.hub.viewers}
        for viewer, message in messages.items():
            if sent.get(viewer) != message:
                viewer.send(message)
        sent = messages
        await asyncio.sleep(_PUSH_EVERY_S)


def _message(warnings: Warnings, account: Account) -> dict[str, Any]:
    active = [WarningOut.of(each).model_dump(mode="json") for each in warnings.visible_to(account)]
    return {"type": "warnings", "warnings": active}


def _disk_text(disk: Disk | None) -> str | None:
    if disk is None or 1 - disk.used_share >= LEAST_FREE_SHARE:
        return None
    free = f"{disk.free_mb / 1024:.1f} GB" if disk.free_mb >= 1024 else f"{disk.free_mb:.0f} MB"
    return f"The disk is nearly full: {free} ({100 * (1 - disk.used_share):.1f} %) free. Delete files or add space."


def _step_text(step: Step) -> str | None:
    return None if step is Step.NONE else f"Because the disk is nearly full, {WORDS[step]}. Add space."


def _model_text(model: Model) -> str | None:
    if model.file is None:
        return None
    try:
        changed = model.has_changed()
    except ModelError:
        return f"The model file {model.file.name} can no longer be read. Restore it before the next restart."
    if not changed:
        return None
    return (
        f"The model file {model.file.name} has changed since it was loaded. "
        "Reload the configuration or restart the monitor to use the new one."
    )

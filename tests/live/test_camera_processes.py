"""The processes that read cameras: one that is killed is replaced, and harms no other camera."""

import os
import signal
from pathlib import Path

from monitor.domain.cause import Cause
from monitor.domain.event import CameraLost
from monitor.domain.health import Condition
from scripts.bench.memory import children
from tests.live.servers import HttpCamera
from tests.live.watch import camera, until, watching


def readers() -> dict[str, list[str]]:
    """Return the processes that are forked for cameras, and those that read one."""
    return {
        pid: children(pid) for pid in children("self") if b"camera_reading" in Path(f"/proc/{pid}/cmdline").read_bytes()
    }


def kill(*pids: str) -> None:
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)


def test_a_process_that_is_killed_is_a_fault_of_its_camera_and_replaced(tmp_path: Path) -> None:
    with HttpCamera() as door, HttpCamera() as hall:
        with watching({"door": camera(door.url)}, tmp_path) as watch:
            watch.wait("door", Condition.LIVE)
            ((first, (reader,)),) = readers().items()
            watch.live.apply({"door": camera(door.url), "hall": camera(hall.url)}, None)
            watch.wait("hall", Condition.LIVE)
            kill(reader)
            watch.wait("door", Condition.LOST, Cause.UNDECODABLE)
            assert "the process that reads it has ended" in watch.status("door").health.detail
            watch.wait("door", Condition.LIVE)
            assert not watch.told(CameraLost, source="hall")
            kill(first, *readers()[first])
            watch.wait("door", Condition.LOST, Cause.UNDECODABLE)
            watch.wait("door", Condition.LIVE)
            watch.wait("hall", Condition.LIVE)
            assert first not in readers()
        until(lambda: not any(readers().values()), "a reader is left")

"""`monitor run --follow`: a changed configuration file is a wish of its own, without a signal."""

import re
import time
from pathlib import Path

from tests.live.running import Run, complete, played
from tests.live.watch import until

REFUSED = "refused, the old one stays in effect"
#: Longer than from one look at the file to the next.
LOOKED_AGAIN_S = 2.5


class Following(Run):
    """A monitor that follows its configuration file."""

    def __init__(self, folder: Path, cameras: dict) -> None:
        super().__init__(folder, cameras, "run", "--follow", "--config", "config.yaml", command=None)

    def configure(self, cameras: dict) -> None:
        """Put a whole file in the old one's place at once: one that is half written would be refused as such."""
        placed, self.config = self.config, self.config.with_suffix(".new")
        super().configure(cameras)
        self.config = self.config.replace(placed)

    def refuses(self, times: int) -> None:
        """Wait until so many files have been refused, and people are judged for longer than it takes to look again."""
        self.wait(REFUSED, times=times)
        refused_s, newest = time.monotonic(), self.newest_visit()
        until(lambda: time.monotonic() - refused_s > LOOKED_AGAIN_S and self.newest_visit() > newest, lambda: self.said)
        assert self.said.count(REFUSED) == times, "a file is refused once, not at every look"

    def newest_visit(self) -> int:
        return max((number for (number,) in self.ask("SELECT id FROM visits")), default=0)

    def times_opened(self) -> dict[str, int]:
        return dict(self.ask("SELECT source_id, count(*) FROM source_events WHERE kind = 'opened' GROUP BY 1"))

    def ended(self) -> list[str]:
        return [source for (source,) in self.ask("SELECT source_id FROM source_events WHERE kind = 'ended'")]


def test_a_changed_file_is_loaded_and_a_broken_one_refused(
    runs: list[Run], sample: Path, clip: Path, tmp_path: Path
) -> None:
    run = Following(tmp_path, {"door": played(sample)})
    runs.append(run)
    run.wait("door: live")
    run.configure({"door": played(sample), "hall": played(clip)})
    run.wait("reloaded: 2 camera")
    run.wait("hall: live")
    assert REFUSED not in run.said
    run.config.write_text("cameras:\n  door: {source: [}\n", "utf-8")
    run.refuses(times=1)
    assert re.search(r"config\.yaml:2: ", run.said), "the fault is named with its line"
    run.config.unlink()
    run.refuses(times=2)
    assert run.ended() == []
    run.configure({"door": played(sample)})
    run.wait("reloaded: 1 camera")
    until(lambda: run.ended() == ["hall"], run.ended)
    assert "Traceback" not in run.said
    assert run.stop() < 3.5
    assert run.process.returncode == 0
    complete(run)
    assert run.times_opened() == {"door": 1, "hall": 1}, "nothing happens to a camera that stays the same"

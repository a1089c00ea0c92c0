import pytest

from monitor.bench.live import Window
from monitor.bench.web import Watched, fall, figures, linked
from monitor.domain.health import CameraStatus, Condition, Health


def status(camera: str) -> CameraStatus:
    return CameraStatus(
        camera=camera,
        health=Health(Condition.LIVE, 0.0),
        analysis=None,
        fps=10.0,
        analysed_fps=4.0,
        wanted_fps=4.0,
        given_fps=None,
        frames=0,
        analysed=0,
        drops={},
        latency_ms={},
        latency_counts=(),
        latency_sum_s=0.0,
    )


def window(looks: int, seconds: float = 10.0, **stages_s: float) -> Window:
    cameras = [status("door"), status("gate")]
    return Window(
        wall_s=seconds,
        cpu_s=seconds / 2,
        stages_s=stages_s,
        before=cameras,
        after=cameras,
        latencies_s={"door": [0.05] * (looks // 2), "gate": [0.1] * (looks - looks // 2)},
        memory_mb=[100.0, 120.0],
    )


def viewer(door: int, gate: int, age_ms: float) -> dict:
    return {
        "seconds": 10.0,
        "cpu_s": 0.1,
        "ages_ms": [age_ms] * (door + gate),
        "incidents_ms": [2 * age_ms] * 2,
        "pictures": {"door": door, "gate": gate},
        "stale": 0,
        "repeated": 0,
        "bytes": 10_000 * (door + gate),
    }


def test_each_stretch_is_held_against_those_around_it():
    # The machine gets slower all the while; what happens in between costs a tenth each time.
    alone, beside = [window(100), window(80), window(60)], [window(81), window(63)]
    assert fall(alone, beside) == 0.9


def test_figures_of_what_viewers_cost_and_get():
    watched = Watched(
        window(80, pictures=0.08, web=0.04), encoded=80, viewers=[viewer(40, 40, 100), viewer(40, 20, 300)]
    )
    values = figures([window(80), window(80)], [watched])
    assert values["analyses_per_s"] == {"without": 8.0, "with": 8.0, "ratio": 1.0}
    assert values["pictures_per_s_per_tile"] == {"least": 2.0, "median": 4.0, "most": 4.0}
    assert values["picture_age_ms"]["p50"] == 100
    assert values["picture_age_ms"]["p95"] == 300
    assert values["pictures"]["sent"] == 140
    assert values["pictures"]["kb_each"] == 10.0
    assert values["cpu_ms_per_picture"] == {"pictures": 1.0, "web": pytest.approx(0.29)}
    assert values["cpu_cores"] == {"without": 0.5, "with": 0.5, "viewers": 0.02}


def test_a_viewer_who_got_nothing_of_a_camera_is_seen():
    watched = Watched(window(80), encoded=40, viewers=[viewer(40, 0, 100)])
    assert figures([window(80), window(80)], [watched])["pictures_per_s_per_tile"]["least"] == 0


def test_what_a_page_loads():
    page = (
        b'<link href="/static/app.css"><a href="/incidents"></a><script type="module" src="/static/desk.js"></script>'
    )
    script = (
        b'import { el } from "./core.js";\nimport "/static/live.js"; const far = new URL("https://x.invalid/y.js");'
    )
    style = b"@font-face { src: url(face.woff2) } a { background: url(data:image/png;base64,xx) }"
    assert linked(page, "/") == ["/static/app.css", "/static/desk.js"]
    assert linked(script, "/static/desk.js") == ["/static/core.js", "/static/live.js"]
    assert linked(style, "/static/app.css") == ["/static/face.woff2"]

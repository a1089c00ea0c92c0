import subprocess
import sys

import numpy as np
import pytest

from monitor.outputs.kiosk.lettering import BOLD, MEDIUM, OpenCvLettering, PillowLettering, fit, put_lines
from monitor.outputs.kiosk.texts import load_texts
from monitor.outputs.style import BLACK
from monitor.rules.kiosk import Verdict
from tests.conftest import PROJECT

LETTERINGS = [OpenCvLettering(), PillowLettering()]
ARABIC = load_texts()["ar"]


def page(lettering, text, size=40, left=20, height=100, width=600):
    canvas = np.full((height, width, 3), 255, np.uint8)
    lettering.put(canvas, text, (left, height // 2), size, BLACK, BOLD)
    return canvas[:, :, 0] < 128


def ink_columns(shown):
    columns = np.flatnonzero(shown.any(axis=0))
    return (int(columns[0]), int(columns[-1])) if columns.size else None


@pytest.mark.parametrize("lettering", LETTERINGS)
@pytest.mark.parametrize("text", ["Welcome 12", "x"])
def test_text_takes_the_width_that_was_measured(lettering, text):
    first, last = ink_columns(page(lettering, text))
    assert first >= 16
    assert last <= 24 + lettering.width_px(text, 40, BOLD)
    assert last - first >= 0.7 * lettering.width_px(text, 40, BOLD)


@pytest.mark.parametrize("lettering", LETTERINGS)
@pytest.mark.parametrize("left", [-300, -20, 590, 5000])
def test_what_lies_outside_is_cut_off(lettering, left):
    assert page(lettering, "Welcome", left=left).shape == (100, 600)


@pytest.mark.parametrize("lettering", LETTERINGS)
def test_text_stands_on_its_middle_line(lettering):
    rows = np.flatnonzero(page(lettering, "HI").any(axis=1))
    assert abs((rows[0] + rows[-1]) / 2 - 50) <= 4


def test_arabic_runs_from_right_to_left():
    # A lone alef is a narrow stroke: the first letter of a text stands at its right end.
    lettering = PillowLettering()
    shown = page(lettering, "ا" + "س" * 5)
    last = ink_columns(shown)[1]
    tall = np.flatnonzero(shown[:46].any(axis=0))
    assert last - tall[-1] <= 8


def test_arabic_letters_are_joined():
    lettering = PillowLettering()
    joined, apart = lettering.width_px("سسسس", 40, BOLD), lettering.width_px("س", 40, BOLD)
    assert joined < 3.5 * apart
    gaps = ~page(lettering, "سسسس").any(axis=0)
    first, last = ink_columns(page(lettering, "سسسس"))
    assert not gaps[first:last].any()


def test_the_font_has_every_letter_of_arabic():
    nothing = page(PillowLettering(), "\U0010fffd")  # what the font draws for what it has not
    texts = [ARABIC.saved, ARABIC.not_saved, ARABIC.old, ARABIC.name]
    texts += [text for verdict in Verdict for text in (ARABIC.of(verdict).headline, ARABIC.of(verdict).line)]
    for letter in sorted(set("".join(texts)) - {" "}):
        assert (page(PillowLettering(), letter) != nothing).any(), letter


def test_a_bold_headline_is_bolder_in_chinese_too():
    lettering = OpenCvLettering()
    bold, once = np.full((2, 100, 300, 3), 255, np.uint8)
    lettering.put(bold, "请进", (20, 50), 60, BLACK, BOLD)
    lettering.put(once, "请进", (20, 50), 60, BLACK, MEDIUM)
    assert (bold < 128).sum() > 1.2 * (once < 128).sum()


@pytest.mark.parametrize("lettering", LETTERINGS)
@pytest.mark.parametrize("width", [1, 40, 300, 5000])
def test_a_fitted_text_is_no_wider_than_asked(lettering, width):
    setting = fit(lettering, "Please put on a mask", width, 60, BOLD)
    assert 1 <= setting.size <= 60
    assert " ".join(setting.lines) == "Please put on a mask"
    if setting.size > 1:
        assert all(lettering.width_px(line, setting.size, BOLD) <= width for line in setting.lines)


def test_a_text_is_broken_only_where_it_gains():
    lettering = OpenCvLettering()
    assert fit(lettering, "Cover nose and mouth", 5000, 60, BOLD).lines == ("Cover nose and mouth",)
    assert len(fit(lettering, "Cover nose and mouth", 400, 60, BOLD).lines) == 2
    assert fit(lettering, "Cover nose and mouth", 400, 60, BOLD, most_lines=1).lines == ("Cover nose and mouth",)
    assert len(fit(lettering, "Unbreakable", 50, 60, BOLD).lines) == 1


def test_lines_stand_below_each_other_and_in_the_middle():
    canvas = np.full((200, 600, 3), 255, np.uint8)
    lettering = OpenCvLettering()
    setting = fit(lettering, "HHHHH HHHHH", 300, 60, BOLD)
    put_lines(canvas, lettering, setting, 300, 20, BLACK, BOLD)
    shown = canvas[:, :, 0] < 128
    first, last = ink_columns(shown)
    assert abs((first + last) / 2 - 300) <= 6
    rows = np.flatnonzero(shown.any(axis=1))
    assert rows[0] >= 20
    assert rows[-1] < 20 + setting.height_px


def test_other_languages_do_without_pillow():
    code = """
import sys
from monitor.outputs.kiosk.lettering import BOLD, lettering_for
lettering_for("ltr").width_px("Welcome", 40, BOLD)
sys.exit(any(name.split(".")[0] in {"PIL", "bidi", "arabic_reshaper"} for name in sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0

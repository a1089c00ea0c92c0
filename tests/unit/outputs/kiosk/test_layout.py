import pytest

from monitor.outputs.kiosk.layout import lay_out

SCREENS = [(1280, 720), (1920, 1080), (3840, 2160), (1080, 1920), (2160, 3840), (1024, 768), (800, 480), (480, 800)]
SCREENS += [(3440, 1440), (1280, 1024), (1000, 1000)]
PICTURES = [(1280, 720), (640, 480), (720, 1280), (1000, 1000), (2560, 1080)]
ODD = [(1, 1), (2, 1), (1, 2), (7, 5), (40, 3), (3, 40), (100, 1000)]


@pytest.mark.parametrize("screen", SCREENS, ids=str)
@pytest.mark.parametrize("picture", PICTURES, ids=str)
def test_everything_is_on_the_screen_and_apart(screen, picture):
    layout = lay_out(*screen, *picture)
    areas = [layout.picture, layout.sign, layout.words]
    for area in areas:
        assert area.left >= 0
        assert area.top >= 0
        assert area.right <= screen[0]
        assert area.bottom <= screen[1]
    for number, one in enumerate(areas):
        for other in areas[number + 1 :]:
            beside = one.right <= other.left or other.right <= one.left
            assert beside or one.bottom <= other.top or other.bottom <= one.top
    assert layout.words.height >= layout.headline_px + layout.line_px


@pytest.mark.parametrize("screen", SCREENS, ids=str)
@pytest.mark.parametrize("picture", PICTURES, ids=str)
def test_the_picture_keeps_its_proportions(screen, picture):
    area = lay_out(*screen, *picture).picture
    assert area.width / area.height == pytest.approx(picture[0] / picture[1], rel=0.01)


@pytest.mark.parametrize("screen", SCREENS, ids=str)
def test_picture_sign_and_headline_are_large(screen):
    layout = lay_out(*screen, 1280, 720)
    assert layout.picture.width * layout.picture.height >= 0.24 * screen[0] * screen[1]
    assert layout.sign.width >= 0.25 * min(screen)
    assert layout.headline_px >= 0.08 * min(screen)


def test_a_high_screen_is_a_column():
    layout = lay_out(1080, 1920, 1280, 720)
    assert layout.picture.bottom <= layout.sign.top
    assert layout.sign.bottom <= layout.words.top


@pytest.mark.parametrize("screen", ODD, ids=str)
@pytest.mark.parametrize("picture", PICTURES + ODD, ids=str)
def test_no_size_is_impossible(screen, picture):
    layout = lay_out(*screen, *picture)
    for area in (layout.picture, layout.sign, layout.words):
        assert min(area.width, area.height) >= 1
        assert min(area.left, area.top) >= 0

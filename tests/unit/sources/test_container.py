import pytest

from monitor.sources.container import is_cut_off


def box(kind, payload):
    return (8 + len(payload)).to_bytes(4, "big") + kind + payload


def large_box(kind, payload):
    return (1).to_bytes(4, "big") + kind + (16 + len(payload)).to_bytes(8, "big") + payload


FTYP, MOOV, MDAT = box(b"ftyp", b"isom" + b"\0" * 12), box(b"moov", b"m" * 300), box(b"mdat", b"d" * 1000)
EBML = b"\x1a\x45\xdf\xa3" + b"\x84" + b"head"
SEGMENT = b"\x18\x53\x80\x67"
VOID = b"\xec\x43\xe5" + b"s" * 997  # an element of 997 bytes: 1000 with its head
WHOLE = {
    "mp4": FTYP + MOOV + MDAT,
    "mp4-index-last": FTYP + MDAT + MOOV,
    "mp4-64-bit": FTYP + large_box(b"mdat", b"d" * 1000) + MOOV,
    "mov": box(b"wide", b"") + MDAT + MOOV,
    "mkv": EBML + SEGMENT + b"\x43\xe8" + VOID,
    "mkv-long-size": EBML + SEGMENT + b"\x01\0\0\0\0\0\x03\xe8" + VOID,
    "avi": b"RIFF" + (1004).to_bytes(4, "little") + b"AVI " + b"a" * 1000,
}


@pytest.fixture
def cut_off(tmp_path):
    def ask(data):
        path = tmp_path / "video"
        path.write_bytes(data)
        return is_cut_off(path)

    return ask


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_file_is_whole(cut_off, kind):
    assert not cut_off(WHOLE[kind])


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("lost", [1, 7, 100, 250])
def test_a_file_that_lost_its_tail_is_cut_off(cut_off, kind, lost):
    assert cut_off(WHOLE[kind][:-lost])


@pytest.mark.parametrize("kept", [*range(9, 25), *range(28, 40)])  # between lie zero bytes, which may be padding
def test_a_file_cut_within_its_first_boxes(cut_off, kept):
    data = WHOLE["mp4"][:kept]
    assert cut_off(data) == (kept != len(FTYP))


def test_a_last_box_that_runs_to_the_end_of_the_file_is_whole(cut_off):
    assert not cut_off(FTYP + MOOV + b"\0\0\0\0mdat" + b"d" * 77)


def test_a_live_matroska_of_unstated_size_is_whole(cut_off):
    assert not cut_off(EBML + SEGMENT + b"\x01" + b"\xff" * 7 + VOID)
    assert not cut_off(EBML + SEGMENT + b"\xff" + VOID)


def test_bytes_after_the_end_are_no_loss(cut_off):
    assert not cut_off(WHOLE["mkv"] + b"more")
    assert not cut_off(WHOLE["avi"] + b"more")
    assert not cut_off(WHOLE["mp4"] + b"\0" * 64)
    assert not cut_off(WHOLE["mp4"] + b"xyz")
    assert not cut_off(WHOLE["mp4-index-last"] + b"\0\0\0\x03more")


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\x47" + b"\0" * 187, b"just words, no video at all", b"\x1a\x45\xdf\xa3", EBML]
)
def test_of_other_files_nothing_is_said(cut_off, data):
    assert not cut_off(data)


def test_whatever_the_bytes_there_is_an_answer(cut_off):
    import numpy as np

    rng = np.random.default_rng(9)
    for _ in range(150):
        start = list(WHOLE.values())[rng.integers(len(WHOLE))][: rng.integers(0, 60)]
        assert cut_off(start + rng.bytes(rng.integers(0, 200))) in (True, False)

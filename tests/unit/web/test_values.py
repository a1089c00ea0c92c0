import pytest

from monitor.web.values import without_folders


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/srv/films of today/gate.mp4: pictures arrive 2.6 s late", "gate.mp4: pictures arrive 2.6 s late"),
        ("cannot record: /mnt/disk/journal.db: disk full", "cannot record: journal.db: disk full"),
        ("rtsp://***@192.0.2.1/a/b: refused; see http://h/x/y", "rtsp://***@192.0.2.1/a/b: refused; see http://h/x/y"),
        ("2.3 of 4 analyses per second", "2.3 of 4 analyses per second"),
        ("frames/s", "frames/s"),
    ],
)
def test_viewers_see_names_of_files_and_no_folders(said: str, shown: str):
    assert without_folders(said) == shown

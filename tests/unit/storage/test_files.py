import errno
import stat
import sys

import pytest
from sqlalchemy.engine import make_url

from monitor.domain.errors import JournalError, OutputError
from monitor.storage.database import open_database, reason, sqlite_url
from monitor.storage.files import finish, make_folder, partial, refuse_overwriting, writing


def test_a_folder_is_made_with_its_parents_and_left_empty(tmp_path):
    folder = tmp_path / "a" / "b"
    make_folder(folder)
    make_folder(folder)
    assert list(folder.iterdir()) == []


def test_what_is_in_a_folder_stays(tmp_path):
    (tmp_path / "old").write_text("kept")
    make_folder(tmp_path)
    assert (tmp_path / "old").read_text() == "kept"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_new_folder_is_closed_to_other_users_and_an_older_one_stays_as_it_is(tmp_path):
    older = tmp_path / "older"
    older.mkdir(mode=0o755)
    before = older.stat().st_mode
    for folder in (older, tmp_path / "new", tmp_path / "parent" / "new"):
        make_folder(folder)
    assert older.stat().st_mode == before
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "parent" / "new").stat().st_mode) == 0o700


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="file"):
            make_folder(path)


def test_results_are_partial_until_they_are_finished(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    assert partial(path).parent == path.parent
    assert partial(path).suffix == ".html"
    assert partial(path) != path
    partial(path).write_text("new")
    assert path.read_text() == "old"
    finish(path)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_finishing_what_was_never_written_keeps_the_old(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(OutputError, match=r"report\.html"):
        finish(path)
    assert path.read_text() == "old"


def test_refusals_of_the_system_name_the_file(tmp_path):
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written: No space left"), writing(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_other_errors_pass(tmp_path):
    with pytest.raises(KeyError), writing(tmp_path / "a.txt"):
        raise KeyError("bug")


def test_a_result_never_takes_the_place_of_its_source(tmp_path):
    source, other = tmp_path / "annotated.mp4", tmp_path / "other.mp4"
    source.touch()
    other.touch()
    link = tmp_path / "link.mp4"
    link.symlink_to(source)
    refuse_overwriting(source, [other, tmp_path / "new.mp4"])
    for result in (source, link):
        with pytest.raises(OutputError, match="is the source itself"):
            refuse_overwriting(source, [other, result])


def test_a_source_that_is_no_file_is_in_nobodys_way(tmp_path):
    (tmp_path / "r").touch()
    refuse_overwriting(tmp_path / "gone.mp4", [tmp_path / "r"])


@pytest.mark.parametrize("name", ["what?.mp4", "50%20.mp4", "a#b", "a b", "会议室", "c:d@e", "a&b=c"])
def test_a_database_stands_where_it_was_put_whatever_the_name(tmp_path, name):
    path = tmp_path / name / "journal.db"
    assert sqlite_url(path).database == str(path)
    assert make_url(sqlite_url(path)).database == str(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file is not a database", "move the file away"),
        ("database disk image is malformed", "move the file away"),
        ("Can't locate revision identified by '0099'", "newer version"),
        ("unable to open\n database file", "unable to open database file"),
    ],
)
def test_what_a_database_refused_is_one_line(text, words):
    assert words in reason(Exception(text))
    assert "\n" not in reason(Exception(text))


@pytest.mark.parametrize(
    ("url", "words"),
    [("postgresql+psycopg://", "psycopg.*requirements.txt"), ("oracle+none://", "oracle.none"), ("", "parse")],
)
def test_an_address_without_a_driver_is_refused_in_one_line(monkeypatch, url, words):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(JournalError, match=rf"^journal: .*{words}") as caught:
        open_database(url)
    assert "\n" not in str(caught.value)

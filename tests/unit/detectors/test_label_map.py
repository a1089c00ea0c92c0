import re
from pathlib import Path

import pytest

from monitor.detectors.label_map import Label, read_label_map, read_labels
from monitor.domain.errors import ModelError


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "label_map.pbtxt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_label_map(path)

    return read_text


def test_a_label_map(read):
    text = "item {\n  id: 1\n  name: 'with_mask'\n}\nitem {\n  id: 2\n  name: \"without_mask\"\n}\n"
    assert read(text) == {1: "with_mask", 2: "without_mask"}


@pytest.mark.parametrize(
    "text",
    [
        "item{id:1 name:'a'}",
        "item { name: 'a' id: 1 }",
        "item: { id: 1, name: 'a' }",
        "item { id: 1; name: 'a'; }",
        "# the labels\nitem { # one\n id: 1 # its number\n name: 'a' }\n# end",
        "item {\r\n\tid: 1\r\n\tname: 'a'\r\n}\r\n",
        "item { id: 1 display_name: 'a' }",
        "item { id: 1 name: 'a' display_name: 'b' }",
        "item { id: 1 name: 'a' keypoints { id: 5 label: 'nose' } }",
        "item { keypoints < id: 5 label: 'nose' > id: 1 name: 'a' ancestor_ids: [3, 4] }",
        "item { id: 0x1 name: 'a' }",
        "item { id: 0 name: 'background' } item { id: 1 name: 'a' }",
        "item { id: 0 name: '/m/0bg' display_name: 'background' } item { id: 1 name: 'a' }",
        "item { name: 'background' } item { id: 1 name: 'a' }",  # an id that is left out is 0
        "item { id: 1 name: 'a' frequency: COMMON }",
    ],
)
def test_ways_to_write_one_item(read, text):
    assert read(text) == {1: "a"}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("'it\\'s'", "it's"),
        ('"a \\"b\\""', 'a "b"'),
        ("'a\\\\b'", "a\\b"),
        ("'{ not } # a : brace'", "{ not } # a : brace"),
        ("'口罩'", "口罩"),
        ("'caf\\303\\251'", "café"),  # how protobuf itself writes it
        ("'caf\\xc3\\xa9'", "café"),
        ("'caf\\u00e9'", "café"),
        ("'a\\tb\\n'", "a\tb\n"),
        ("'with'\n  \"_mask\"", "with_mask"),
    ],
)
def test_names(read, written, name):
    assert read(f"item {{ id: 1 name: {written} }}") == {1: name}


def test_accents_are_composed(read):
    """An e with a combining accent is the letter that looks the same."""
    assert read("item { id: 1 name: 'masque_porte\u0301' }") == {1: "masque_port\u00e9"}


def test_display_names_are_further_names(tmp_path):
    path = tmp_path / "label_map.pbtxt"
    path.write_text(
        "item { id: 1 name: '/m/1' display_name: 'mask' } item { id: 2 name: 'a' display_name: 'a' }"
        "item { id: 3 display_name: 'mask' }"
    )
    assert read_labels(path) == {1: Label(("/m/1", "mask")), 2: Label(("a",)), 3: Label(("mask",))}


def test_ids_need_no_order_and_may_leave_gaps(read):
    assert read("item { id: 7 name: 'a' } item { id: 2 name: 'b' }") == {7: "a", 2: "b"}


def test_a_byte_order_mark_is_passed_over(read):
    assert read("\ufeffitem { id: 1 name: 'a' }") == {1: "a"}


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("item { id: 1 name: 'a' }\nitem { id: 1 name: 'b' }", 2),
        ("item { id: 1 name: 'a' }\nitem { id: 2 name: 'a' }", 2),
        ("\nitem { id: 0 name: 'a' }", 1),
        ("item { id: -3 name: 'a' }", 1),
        ("item { id: -3 name: 'background' }", 1),
        ("item { id: 1 name: '' }", 1),
        ("item { id: 1 }", 1),
        ("item { name: 'a' }", 1),
        ("item { }", 1),
    ],
)
def test_an_item_that_is_wrong_is_named(read, tmp_path, text, item):
    with pytest.raises(ModelError, match=re.escape(f"{tmp_path / 'label_map.pbtxt'}: item {item}")):
        read(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("item { id: 1.5 name: 'a' }", 1),
        ("item { id: '1' name: 'a' }", 1),
        ("item { id: 1 name: 2 }", 1),
        ("item { id: 1 name: a }", 1),
        ("item { id: 9999999999 name: 'a' }", 1),
        ("# x\n\nitem { id: 1 name: 'a' }\nitems { id: 2 name: 'b' }", 4),
        ("item { id: 1 name: 'a' }\n}", 2),
        ("item { id: 1 name: 'a' } { id: 2 name: 'b' }", 1),
        ("item { id: 1\n  name: 'a\n}", 2),
        ("item { id: 1 name: @ }", 1),
        ('{"1": "a"}', 1),
        ("item { id: 1 id: 2 name: 'a' }", 1),
    ],
)
def test_what_is_wrong_is_named_with_its_line(read, tmp_path, text, line):
    with pytest.raises(ModelError, match=re.escape(f"{tmp_path / 'label_map.pbtxt'}:{line}: ")):
        read(text)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "item { id: 0 name: 'background' }"])
def test_a_file_without_items(read, text):
    with pytest.raises(ModelError, match="contains no item"):
        read(text)


@pytest.mark.parametrize("text", ["item {", "item { id: 1 name: 'a'", "item { id: 1 name: 'a' } item { id: 2"])
def test_a_file_that_is_cut_off(read, text):
    with pytest.raises(ModelError, match="not a label map: ") as caught:
        read(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe\x00\x01", b"\x89PNG\r\n", b"\0" * 20, b"item { id: 1 name: '\xe9' }", b"item { id: 1 name: '\\351' }"],
)
def test_a_file_that_is_no_text(read, data):
    with pytest.raises(ModelError, match=r"label_map\.pbtxt"):
        read(data)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ModelError, match="no such file"):
        read_label_map(tmp_path / "label_map.pbtxt")


def test_a_folder_in_its_place(tmp_path):
    with pytest.raises(ModelError, match=re.escape(str(tmp_path))):
        read_label_map(tmp_path)


def test_the_maps_of_the_bundled_models_are_read():
    maps = sorted((Path(__file__).parents[3] / "models").glob("*/label_map.pbtxt"))
    assert maps
    for path in maps:
        assert set(read_label_map(path)) >= {1, 2}

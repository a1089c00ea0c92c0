import pytest

from monitor.domain.errors import ConfigError
from monitor.outputs.kiosk.texts import BUILT_IN, find_language, load_texts
from monitor.rules.kiosk import Verdict

BLOCK = """
tlh:
  name: Klingon
  direction: ltr
  go: {headline: yIghoS, line: a}
  put_on: {headline: b, line: c}
  cover: {headline: d, line: e}
  wait: {headline: f, line: g}
  idle: {headline: h, line: i}
  starting: {headline: j, line: k}
  out_of_order: {headline: l, line: m}
  old: "{seconds} s"
  saved: n
  not_saved: o
"""


def written(folder, text):
    path = folder / "texts.yaml"
    path.write_text(text, "utf-8")
    return path


def refusal(folder, text):
    with pytest.raises(ConfigError) as caught:
        load_texts(written(folder, text))
    return str(caught.value).replace(str(folder), "").splitlines()


def test_the_languages_that_were_promised():
    texts = load_texts()
    assert {"en", "es", "fr", "de", "zh", "ar"} <= set(texts)
    assert [code for code, wording in texts.items() if wording.direction == "rtl"] == ["ar"]


@pytest.mark.parametrize("code", load_texts())
def test_every_language_says_something_of_its_own_for_every_verdict(code):
    wording = load_texts()[code]
    headlines = {wording.of(verdict).headline for verdict in Verdict}
    assert len(headlines) == len(Verdict)


def test_a_language_can_be_added(tmp_path):
    texts = load_texts(written(tmp_path, BLOCK))
    assert texts["tlh"].go.headline == "yIghoS"
    assert texts["en"] == load_texts()["en"]


def test_single_words_can_be_replaced(tmp_path):
    texts = load_texts(written(tmp_path, "en:\n  go: {headline: Hello}\n"))
    before = load_texts()["en"]
    assert texts["en"].go.headline == "Hello"
    assert texts["en"].go.line == before.go.line
    assert texts["en"].cover == before.cover


def test_a_new_language_has_to_be_complete(tmp_path):
    lines = refusal(tmp_path, BLOCK.replace("  cover: {headline: d, line: e}\n", "").replace(", line: g", ""))
    assert lines == [
        "/texts.yaml:2: tlh.cover: missing; every language needs every text",
        "/texts.yaml:7: tlh.wait.line: missing; every language needs every text",
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("headline: yIghoS", f"headline: {'x' * 33}", "tlh.go.headline: string should have at most 32 characters"),
        ("line: a", f"line: {'x' * 65}", "tlh.go.line: string should have at most 64 characters"),
        ("line: a", "line: ''", "tlh.go.line: string should have at least 1 character"),
        ("line: a", 'line: "a\\nb"', "tlh.go.line: expected one line of text"),
        ("line: a", "line: 5", "tlh.go.line: input should be a valid string"),
        ("direction: ltr", "direction: up", "tlh.direction: input should be 'ltr' or 'rtl'"),
        ('"{seconds} s"', "long ago", "tlh.old: expected {seconds} exactly once"),
        ('"{seconds} s"', '"{seconds} {x}"', "tlh.old: expected {seconds} exactly once"),
        ("saved: n", "saved: n\n  green: x", "tlh.green: unknown key; allowed: name, direction, go"),
        ("saved: n", "saved: n\n  saved: n", "tlh.saved: is defined twice"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path, old, new, words):
    line = refusal(tmp_path, BLOCK.replace(old, new, 1))[0]
    assert line.startswith("/texts.yaml:"), line
    assert words in line


@pytest.mark.parametrize("text", ["", "[]", "words", "en: 5", "en: [1]"])
def test_what_is_no_texts_is_refused(tmp_path, text):
    assert refusal(tmp_path, text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load_texts(tmp_path / "none.yaml")


def test_an_unknown_language_names_those_there_are():
    with pytest.raises(ConfigError, match=r"no texts for 'xx'; there are: en, es, fr, de, zh, ar"):
        find_language(load_texts(), "xx")


def test_the_built_in_texts_need_no_environment():
    assert "$" not in BUILT_IN.read_text("utf-8")

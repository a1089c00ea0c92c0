import csv
import io

import pytest

from monitor.domain.visit import Outcome
from monitor.web.csv_export import as_csv


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_text_is_a_formula(sign: str):
    (_, row) = read(as_csv(["camera"], [{"camera": f"{sign}HYPERLINK(0)"}]))
    assert row == [f"'{sign}HYPERLINK(0)"]


def test_numbers_and_plain_text_stay():
    rows = [{"a": -1.5, "b": "a-b=c", "c": None, "d": Outcome.UNKNOWN, "e": True}]
    assert read(as_csv(list("abcde"), rows))[1] == ["-1.5", "a-b=c", "", "unknown", "True"]


def test_commas_quotes_and_lines_are_quoted_by_the_rule():
    text = as_csv(["a", "b"], [{"a": 'one, "two"', "b": "three\nfour"}])
    assert text == 'a,b\r\n"one, ""two""","three\nfour"\r\n'


def test_an_empty_table_has_its_header():
    assert as_csv(["a", "b"], []) == "a,b\r\n"

import re

import pytest

from tests.conftest import PROJECT

TEXT = (PROJECT / "docs" / "security.md").read_text("utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[^`]+)`", TEXT)))


@pytest.mark.parametrize("path", TESTS)
def test_a_test_that_the_threat_model_names_is_there(path: str):
    assert "\ndef test_" in (PROJECT / path).read_text("utf-8")


def test_what_each_can_reach_is_held_by_a_test():
    tables = [table for table in TEXT.split("\n\n") if table.startswith("| reaches")]
    rows = [line for table in tables for line in table.splitlines()[2:]]
    assert len(rows) > 20
    assert [row for row in rows if "`tests/" not in row] == []

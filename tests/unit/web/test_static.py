"""The static files, as text."""

import re

import pytest

from monitor.web.paths import STATIC

#: A literal that begins with a slash, and what stands before it: `api` and `post` add the base path themselves.
_ABSOLUTE = re.compile(r"(?:\b(?:api|post)\()?[\"'`(]/(?![/*>])[\w$]")


@pytest.mark.parametrize("file", sorted(STATIC.glob("*.*s")), ids=lambda file: file.name)
def test_no_script_or_style_sheet_names_a_path_from_the_root_of_the_host(file):
    wrong = [found for found in _ABSOLUTE.findall(file.read_text()) if not found.startswith(("api(", "post("))]
    assert not wrong


def test_such_paths_are_found():
    found = _ABSOLUTE.findall('fetch("/predict"), `/api/v1/x`, url(/static/a.svg), api("/me"), `${base}/docs`')
    assert found == ['"/p', "`/a", "(/s", 'api("/m']

import pytest
from starlette.requests import Request

from monitor.web.login_path import local_path, login_path


@pytest.mark.parametrize(
    "path",
    [
        "/incidents/17",
        "/incidents?camera=hall&open=true",
        "/cameras/front%20door",
        "/cameras/%E2%82%AC",
        "/statistics?since=2026-01-01T00:00:00Z",
        "/kiosk/door?language=ar",
        "/loginx",
        "/%2F%2Fevil.example",
        "/%5Cevil.example",
    ],
)
def test_a_path_of_this_server_is_kept(path: str):
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "incidents",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/incidents\\..\\..",
        "/.//evil.example",
        "/..//evil.example",
        "/x//evil.example",
        "/?next=//evil.example",
        "http://evil.example",
        "https:evil.example",
        "https:/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "mailto:a@b",
        " //evil.example",
        " /incidents",
        "/ /evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        "/\r/evil.example",
        "/\0/evil.example",
        "/\x7f/evil.example",
        "/\u2028/evil.example",
        "/／evil.example",
        "／／evil.example",
        "/é",
        "@evil.example",
        "?x",
        "#x",
        "/login",
        "/login?next=/login",
        "/" + "x" * 2000,
        "/\ud800",
    ],
)
def test_anything_else_leads_to_the_desk(text: str | None):
    assert local_path(text) == "/"


def asked(path: str, query: str = "", base: str = "") -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "root_path": base,
            "path": base + path,
            "query_string": query.encode("latin-1"),
            "headers": [],
        }
    )


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/", "", "/login"),
        ("/incidents/17", "", "/login?next=%2Fincidents%2F17"),
        ("/incidents", "camera=hall&open=true", "/login?next=%2Fincidents%3Fcamera%3Dhall%26open%3Dtrue"),
        ("/cameras/front door", "", "/login?next=%2Fcameras%2Ffront%2520door"),
        ("/cameras/€", "", "/login?next=%2Fcameras%2F%25E2%2582%25AC"),
        ("//evil.example", "", "/login"),
        ("/incidents", "x=//evil.example", "/login"),
        ("/incidents", "x=\\\xff", "/login"),
    ],
)
def test_the_login_page_leads_back(path: str, query: str, expected: str):
    assert login_path(asked(path, query)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/mask/incidents?open=true", "/mask/incidents?open=true"),
        ("/mask/", "/mask/"),
        ("/mask", "/mask/"),
        ("/maskx/incidents", "/mask/"),
        ("/incidents", "/mask/"),
        ("/mask//evil.example", "/mask/"),
        ("/mask/login", "/mask/"),
        (None, "/mask/"),
    ],
)
def test_under_a_base_path_all_paths_begin_with_it(text: str | None, expected: str):
    assert local_path(text, "/mask") == expected


def test_the_login_page_under_a_base_path_leads_back_there():
    assert login_path(asked("/", base="/mask")) == "/mask/login"
    assert login_path(asked("/incidents", "open=true", "/mask")) == "/mask/login?next=%2Fmask%2Fincidents%3Fopen%3Dtrue"

"""Which hosts and pages are the monitor's own, and what is said of the others."""

import pytest

from monitor.web.addresses import Addresses, Seen, shown

ADDRESSES = Addresses(["monitor.example", "Other.Example"])


def through(host: str, port: int | None = None, *, trusted: bool = True) -> Seen:
    return Seen(host, port, "10.0.0.1", trusted)


@pytest.mark.parametrize(
    ("seen", "origin"),
    [
        (Seen("localhost:8080"), "http://localhost:8080"),
        (Seen("monitor.example"), "https://monitor.example"),
        (Seen("monitor.example:443"), "https://monitor.example"),
        (Seen("monitor.example:80"), "http://Monitor.Example"),
        (Seen("[2001:db8::1]:8080"), "http://[2001:db8::1]:8080"),
        (through("monitor.example:8443"), "https://monitor.example:8443"),
        (through("monitor.example", 8443), "https://monitor.example:8443"),
        (through("monitor.example", 443), "https://monitor.example"),
        (through("monitor.example", 8443), "https://monitor.example"),
        (through("192.0.2.1", 8443), "https://192.0.2.1:8443"),
        (through("monitor.example"), "https://monitor.example:8443"),
        (through("OTHER.example"), "http://other.example:8080"),
    ],
)
def test_a_page_at_the_host_of_its_request_is_the_monitors_own(seen: Seen, origin: str):
    assert ADDRESSES.refused_origin(seen, origin) is None
    assert ADDRESSES.refused_origin(seen, origin, "same-origin") is None


@pytest.mark.parametrize(
    ("seen", "origin"),
    [
        (Seen("monitor.example"), "https://monitor.example:8443"),
        (through("monitor.example", trusted=False), "https://monitor.example:8443"),
        (through("monitor.example:8443"), "https://monitor.example:9000"),
        (through("monitor.example:8443"), "https://monitor.example"),
        (through("monitor.example", 443), "https://monitor.example:8443"),
        (through("monitor.example", 8443), "https://monitor.example:9000"),
        (through("localhost"), "http://localhost:9000"),
        (through("192.0.2.1"), "http://192.0.2.1:9000"),
        (through("monitor.example"), "https://other.example:8443"),
        (through("monitor.example"), "https://monitor.example.evil.example"),
        (through("monitor.example"), "https://evil@monitor.example:8443"),
        (through("monitor.example"), "ftp://monitor.example"),
        (through("monitor.example"), "monitor.example"),
        (through("monitor.example"), "null"),
        (through("null"), "null"),
    ],
)
def test_any_other_page_is_refused_with_both_hosts(seen: Seen, origin: str):
    refused = ADDRESSES.refused_origin(seen, origin)
    assert refused is not None
    assert f"'{origin}'" in refused
    assert f"'{seen.host}'" in refused


@pytest.mark.parametrize("site", ["same-site", "cross-site", "none", ""])
def test_a_lost_port_does_not_help_a_page_that_the_browser_calls_another_site(site: str):
    assert ADDRESSES.refused_origin(through("monitor.example"), "https://monitor.example:8443", site) is not None


PROXY = "let the reverse proxy pass on the host with its port (nginx: proxy_set_header Host $http_host)"


@pytest.mark.parametrize(
    ("seen", "origin", "remedy"),
    [
        (through("monitor.example:80"), "https://monitor.example:8443", PROXY),
        (
            through("monitor.example", trusted=False),
            "https://monitor.example:8443",
            f"{PROXY}, or add 10.0.0.1 to web.trusted_proxies in config.yaml",
        ),
        (
            through("m.example", trusted=False),
            "https://m.example:8443",
            f"{PROXY}, or add 10.0.0.1 to web.trusted_proxies and m.example to web.allowed_hosts in config.yaml",
        ),
        (
            through("192.0.2.1"),
            "https://192.0.2.1:8443",
            f"{PROXY}, or add 192.0.2.1 to web.allowed_hosts in config.yaml",
        ),
        (
            through("127.0.0.1:8080"),
            "https://m.example",
            f"{PROXY}, and add m.example to web.allowed_hosts in config.yaml",
        ),
        (through("127.0.0.1:8080"), "https://monitor.example", PROXY),
        (through("monitor.example"), "https://192.0.2.1:8443", PROXY),
        (Seen("monitor.example"), "https://monitor.example:8443", PROXY),
        (through("127.0.0.1:8080"), "null", "open the monitor's own pages instead"),
    ],
)
def test_the_remedy_fits_what_is_lacking(seen: Seen, origin: str, remedy: str):
    refused = ADDRESSES.refused_origin(seen, origin)
    assert refused is not None
    assert refused.endswith(remedy)


def test_what_the_remedy_says_helps():
    page = "https://192.0.2.1:8443"
    assert ADDRESSES.refused_origin(through("192.0.2.1"), page) is not None
    assert Addresses(["192.0.2.1"]).refused_origin(through("192.0.2.1"), page) is None


def test_an_unknown_host_is_named_with_the_setting():
    refused = ADDRESSES.refused_host(Seen("evil.example:8080"))
    assert refused is not None
    assert "'evil.example:8080'" in refused
    assert "add evil.example to web.allowed_hosts in config.yaml" in refused
    assert ADDRESSES.refused_host(Seen("other.example")) is None
    behind = ADDRESSES.refused_host(through("inner", trusted=False))
    assert behind is not None
    assert behind.endswith("if the proxy 10.0.0.1 is yours, add that to web.trusted_proxies")


def test_untrusted_text_is_shortened_and_has_no_effect():
    assert shown("a'b\n\x1b[31m\u00e9") == "a?b??[31m?"
    assert shown("x" * 81) == "x" * 77 + "..."
    assert shown("x" * 80) == "x" * 80

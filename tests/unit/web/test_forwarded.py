"""What trusted proxies report of a request, and what anybody else does."""

from typing import Any

import pytest

from monitor.web.addresses import Seen
from monitor.web.forwarded import ReportError, TrustedProxies

PROXIES = TrustedProxies(["10.0.0.0/24", "2001:db8::/64"])
PEER = "10.0.0.1"


def applied(*headers: tuple[str, str], peer: str | None = PEER, host: str = "inner", kind: str = "http") -> Any:
    """Return client, scheme and host of a request as the application gets it, and how it was seen."""
    scope = {
        "type": kind,
        "scheme": "ws" if kind == "websocket" else "http",
        "client": None if peer is None else (peer, 1234),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in (("host", host), *headers)],
    }
    changed, seen = PROXIES.apply(scope)
    hosts = [value.decode("latin-1") for name, value in changed["headers"] if name == b"host"]
    assert len(hosts) == 1
    return (changed["client"] or (None,))[0], changed["scheme"], hosts[0], seen


EVERYTHING = (
    ("x-forwarded-for", "203.0.113.7"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "monitor.example:8443"),
)
STANDARD = (("forwarded", 'for="[2001:db8:9::7]:4711";proto=https;host="monitor.example:8443"'),)


@pytest.mark.parametrize("headers", [EVERYTHING, STANDARD, (*EVERYTHING, ("x-forwarded-port", "9"))])
@pytest.mark.parametrize("peer", ["192.0.2.1", "10.0.1.1", "2001:db8:1::1", "", "unix", None])
def test_anybody_else_is_not_believed(headers: Any, peer: str | None):
    client, scheme, host, seen = applied(*headers, peer=peer)
    assert (client, scheme, host, seen.trusted, seen.port) == (peer, "http", "inner", False, None)


@pytest.mark.parametrize("peer", [PEER, "10.0.0.255", "::ffff:10.0.0.1", "2001:db8::9"])
def test_a_trusted_proxy_is_believed(peer: str):
    assert applied(*EVERYTHING, peer=peer)[:3] == ("203.0.113.7", "https", "monitor.example:8443")
    assert applied(*STANDARD, peer=peer)[:3] == ("2001:db8:9::7", "https", "monitor.example:8443")
    assert applied(*EVERYTHING, peer=peer, kind="websocket")[1] == "wss"
    assert applied(("x-forwarded-proto", "wss"), peer=peer, kind="websocket")[1] == "wss"


def test_a_proxy_that_reports_nothing_changes_nothing():
    assert applied() == (PEER, "http", "inner", Seen("inner", proxy=PEER, trusted=True))


def test_somebody_with_a_proxys_headers_is_named_as_a_proxy():
    assert applied(*EVERYTHING, peer="192.0.2.1")[3].proxy == "192.0.2.1"
    assert applied(peer="192.0.2.1")[3].proxy is None


@pytest.mark.parametrize(
    ("sent_for", "sent_host", "client", "host"),
    [
        ("203.0.113.7", "a", "203.0.113.7", "a"),
        ("198.51.100.1, 203.0.113.7", "lie, a", "203.0.113.7", "a"),
        ("203.0.113.7, 10.0.0.2", "a, b", "203.0.113.7", "a"),
        ("198.51.100.1, 203.0.113.7, 10.0.0.2", "lie, a, b", "203.0.113.7", "a"),
        ("198.51.100.1, 203.0.113.7, 10.0.0.3, 10.0.0.2", "a", "203.0.113.7", "a"),
        ("10.0.0.3, 198.51.100.1, 10.0.0.2", "lie, a, b", "198.51.100.1", "a"),
        ("10.0.0.3, 10.0.0.2", "a, b", "10.0.0.3", "a"),
        ("203.0.113.7:4711, [2001:db8::2]:80", "a, b", "203.0.113.7", "a"),
        ("[2001:db8:9::7]:4711", "a", "2001:db8:9::7", "a"),
        ("203.0.113.7, unknown", "lie, a", PEER, "a"),
        ("203.0.113.7, ", "lie, a", PEER, "a"),
        ("rubbish", "a", PEER, "a"),
    ],
)
def test_a_chain_is_read_from_the_right_up_to_the_first_that_is_not_trusted(
    sent_for: str, sent_host: str, client: str, host: str
):
    assert applied(("x-forwarded-for", sent_for), ("x-forwarded-host", sent_host))[:3] == (client, "http", host)
    lines = [("x-forwarded-for", each) for each in sent_for.split(", ")]
    hosts = [("x-forwarded-host", each) for each in sent_host.split(", ")]
    assert applied(*lines, *hosts)[:3] == (client, "http", host), "several lines are one list"
    names, places = sent_host.split(", "), sent_for.split(", ")
    if len(names) == len(places):
        elements = [f'for="{place}";host={name}' for place, name in zip(places, names, strict=True)]
        assert applied(("forwarded", ", ".join(elements)))[:3] == (client, "http", host)


def test_the_port_is_added_where_the_host_has_none_and_is_not_the_usual_one():
    port = ("x-forwarded-port", "8443")
    assert applied(port, host="monitor.example")[2:] == (
        "monitor.example:8443",
        Seen("monitor.example", 8443, PEER, trusted=True),
    )
    assert applied(port, host="[2001:db8:9::1]")[2] == "[2001:db8:9::1]:8443"
    assert applied(port, host="monitor.example:9000")[2:] == (
        "monitor.example:9000",
        Seen("monitor.example:9000", None, PEER, trusted=True),
    )
    usual = (("x-forwarded-port", "443"), ("x-forwarded-proto", "https"))
    assert applied(*usual, host="monitor.example")[2:] == (
        "monitor.example",
        Seen("monitor.example", 443, PEER, trusted=True),
    )


@pytest.mark.parametrize("port", ["", "0", "-1", "65536", "x", "\u00b2", "9" * 5000, "80 80", "0x50"])
def test_a_port_that_is_none_has_no_effect(port: str):
    assert applied(("x-forwarded-port", port), host="a")[2:] == ("a", Seen("a", None, PEER, trusted=True))


@pytest.mark.parametrize("proto", ["", "ftp", "https://", "javascript"])
def test_a_scheme_that_is_none_has_no_effect(proto: str):
    assert applied(("x-forwarded-proto", proto))[1] == "http"


@pytest.mark.parametrize(
    "forwarded",
    ["for=198.51.100.1", "proto=http", "host=evil.example", "for=203.0.113.7;host=monitor.example:9"],
)
def test_both_kinds_that_contradict_each_other_are_refused(forwarded: str):
    with pytest.raises(ReportError, match="contradict each other"):
        applied(*EVERYTHING, ("forwarded", forwarded))


def test_both_kinds_that_agree_are_believed():
    same = ("forwarded", 'for=203.0.113.7;proto=HTTPS;host="Monitor.example:8443"')
    assert applied(*EVERYTHING, same)[:3] == ("203.0.113.7", "https", "monitor.example:8443")


@pytest.mark.parametrize(
    "forwarded",
    [
        "rubbish",
        'for="',
        'for="1.2.3.4',
        'for="a" b',
        "for=1.2.3.4;for=1.2.3.4",
        "=x",
        "for=1.2.3.4 host=a",
        'for="x, for=203.0.113.7;host="a:80"',
    ],
)
def test_a_report_that_cannot_be_read_is_refused(forwarded: str):
    with pytest.raises(ReportError, match="cannot be read"):
        applied(("forwarded", forwarded))


def test_what_a_client_writes_cannot_hide_what_the_proxy_adds():
    hidden = [("forwarded", 'for="hidden'), ("forwarded", 'for="[2001:db8:9::7]:1";host="monitor.example"')]
    with pytest.raises(ReportError):
        applied(*hidden)
    escaped = applied(("forwarded", r'for="\"198.51.100.1, ", for=203.0.113.7'))
    assert escaped[0] == "203.0.113.7"

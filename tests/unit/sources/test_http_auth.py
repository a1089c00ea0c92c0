"""Challenges of cameras, with the examples of the standards."""

import pytest

from monitor.sources.http_auth import authorization

RFC_7616 = (
    'realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
NONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    challenge = f"Digest {RFC_7616.format(algorithm)}"
    header = authorization([challenge], "Mufasa", "Circle of Life", "/dir/index.html", lambda: NONCE)
    assert header is not None
    assert f'response="{response}"' in header
    for part in ('username="Mufasa"', 'uri="/dir/index.html"', f"algorithm={algorithm}", "qop=auth", "nc=00000001"):
        assert part in header


def test_the_example_of_rfc_2069_without_qop() -> None:
    """As corrected by its erratum 749."""
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    header = authorization([challenge], "Mufasa", "CircleOfLife", "/dir/index.html")
    assert header is not None
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in header
    assert "qop" not in header


def test_the_best_way_is_chosen() -> None:
    basic, md5 = 'Basic realm="c"', 'Digest realm="c", nonce="1", algorithm=MD5'
    sha = 'Digest realm="c", nonce="1", algorithm=SHA-256'
    assert "SHA-256" in (authorization([basic, md5, sha], "u", "p", "/") or "")
    assert "MD5" in (authorization([basic, md5], "u", "p", "/") or "")
    assert authorization([basic], "u", "p@ss#1/x", "/") == "Basic dTpwQHNzIzEveA=="
    assert authorization(["Negotiate", "Bearer realm=x"], "u", "p", "/") is None
    assert authorization(['Digest realm="c", nonce="1", algorithm=SHA-512-256'], "u", "p", "/") is None
    assert authorization([], "u", "p", "/") is None

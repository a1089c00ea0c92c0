"""How many connections the pages may have."""

import resource
from collections.abc import Iterator

import pytest

from monitor.web.addresses import network_of
from monitor.web.listening import connection_limits


@pytest.fixture(autouse=True)
def limits() -> Iterator[tuple[int, int]]:
    """Put the limits of this process back."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("files", "expected"), [(1024, (512, 128)), (1000, (488, 122)), (600, (150, 37)), (256, (64, 16))]
)
def test_the_more_file_descriptors_are_allowed_the_more_connections_are(
    files: int, expected: tuple[int, int], limits: tuple[int, int]
):
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, limits[1]))
    assert connection_limits() == expected


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_one_sender_has_an_address_or_a_network(address: str, network: str):
    assert network_of(address) == network

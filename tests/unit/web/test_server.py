"""Taking the port before anything starts."""

import socket
import subprocess
from pathlib import Path

import pytest

from monitor.config.web import WebSettings
from monitor.domain.errors import ConfigError
from monitor.web.server import Server, bind, is_loopback, url_of


def web(**more: object) -> WebSettings:
    return WebSettings.model_validate({"port": 0} | more)


def test_a_port_that_is_taken_is_said_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1 port {port}.*in use.*web\.port"):
            bind(web(port=port))


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid", "256.0.0.1", "::ffff:1:2:3:4:5:6:7"])
def test_an_address_that_is_not_this_machine_s_is_said_with_what_to_do(host: str):
    with pytest.raises(ConfigError, match=r"cannot serve at .*web\.port"):
        bind(web(host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_address_to_open_is_that_which_was_bound(host: str):
    settings = web(host=host)
    with bind(settings) as bound:
        assert url_of(settings, bound) == f"http://{bound.getsockname()[0]}:{bound.getsockname()[1]}/"


def test_the_address_to_open_ends_with_the_base_path():
    settings = web(base_path="/mask")
    with bind(settings) as bound:
        assert url_of(settings, bound) == f"http://127.0.0.1:{bound.getsockname()[1]}/mask/"


def test_an_address_of_every_network_is_opened_on_this_machine():
    settings = web(host="0.0.0.0")
    with bind(settings) as bound:
        assert url_of(settings, bound) == f"http://localhost:{bound.getsockname()[1]}/"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("localhost.example.org", False),
        ("", False),
        ("127.0.0.1.example.org", False),
    ],
)
def test_only_this_machine_s_own_addresses_are_loopback(host: str, loopback: bool):
    assert is_loopback(host) is loopback


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate with its key, another key, and the first key behind a password."""
    folder = tmp_path_factory.mktemp("pems")
    for name in ("one", "two"):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-days", "2", "-subj", "/CN=localhost", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    lock = ["openssl", "ec", "-in", "one.key", "-aes256", "-passout", "pass:secret", "-out", "locked.key"]
    subprocess.run(lock, cwd=folder, check=True, capture_output=True)
    (folder / "text.pem").write_text("not a certificate")
    return folder


def test_a_certificate_with_its_key_serves_tls(pems: Path):
    settings = web(tls_certificate=pems / "one.pem", tls_key=pems / "one.key")
    with bind(settings) as bound:
        assert url_of(settings, bound).startswith("https://")


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        ("missing.pem", "one.key"),
        ("one.pem", "missing.key"),
        ("one.pem", "two.key"),
        ("text.pem", "one.key"),
        ("one.pem", "text.pem"),
        ("one.pem", "locked.key"),
        (".", "one.key"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_said_and_nobody_is_asked_for_a_password(
    pems: Path, certificate: str, key: str
):
    settings = web(tls_certificate=pems / certificate, tls_key=pems / key)
    with pytest.raises(ConfigError, match="not a certificate with its key"):
        bind(settings)


def test_a_certificate_without_a_key_is_refused():
    with pytest.raises(ValueError, match="belong together"):
        web(tls_certificate="one.pem")


def test_a_server_that_was_stopped_before_it_began_does_not_serve():
    settings = web()
    with bind(settings) as bound:
        server = Server(settings, bound)
        server.stop()

        async def never(scope: object, receive: object, send: object) -> None:
            raise AssertionError

        server.run(never)


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="Linux alone can queue little")
def test_the_system_queues_little_for_slow_peers():
    with bind(web(port=0)) as bound:
        bound.listen()
        with socket.create_connection(bound.getsockname()), bound.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) <= 64 * 1024

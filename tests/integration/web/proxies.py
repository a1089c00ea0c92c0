"""Reverse proxies in front of the pages, each with its file from deploy/proxy/."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.live.servers import free_port
from tests.live.watch import until

FILES = PROJECT / "deploy" / "proxy"
NAME = "monitor.example"
_FILES = {"nginx": "nginx.conf", "caddy": "Caddyfile", "traefik": "traefik.yaml"}
PROXIES = tuple(_FILES)

#: What has to be changed in a file to serve the pages under /mask: with the path passed on, and with it removed.
PASSED_ON: Mapping[str, Mapping[str, str]] = {
    "nginx": {"location / {": "location /mask/ {"},
    "caddy": {"reverse_proxy 127": "redir /mask /mask/\n\treverse_proxy /mask/* 127"},
    "traefik": {"rule: Host(`monitor.example`)": "rule: Host(`monitor.example`) && PathPrefix(`/mask`)"},
}
REMOVED: Mapping[str, Mapping[str, str]] = {
    "nginx": {"location / {": "location /mask/ {", "8080;": "8080/;"},
    "caddy": {
        "reverse_proxy 127": "redir /mask /mask/\n\thandle_path /mask/* {\n\treverse_proxy 127",
        "header_up -Forwarded\n\t}": "header_up -Forwarded\n\t}\n\t}",
    },
    "traefik": {
        **PASSED_ON["traefik"],
        "middlewares: [mask-monitor]": "middlewares: [mask-monitor, mask-path]",
        "  middlewares:\n": "  middlewares:\n    mask-path:\n      stripPrefix:\n        prefixes: [/mask]\n",
    },
}


@contextmanager
def proxy(kind: str, monitor_port: int, folder: Path, changes: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run a proxy in front of the monitor, and yield its port."""
    found = shutil.which(kind, path=f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin")
    if found is None:
        pytest.skip(f"no {kind}: apt install nginx-light caddy; traefik comes with requirements-dev.txt")
    port = free_port()
    _certificate(folder)
    text = (FILES / _FILES[kind]).read_text()
    changed = dict(changes or {}) | {"127.0.0.1:8080": f"127.0.0.1:{monitor_port}"}
    for old, new in changed.items():
        assert old in text, f"{kind}: {old}"
        text = text.replace(old, new)
    text = text.replace("/etc/ssl/", f"{folder}/")
    command = {"nginx": _nginx, "caddy": _caddy, "traefik": _traefik}[kind](text, folder, port)
    own = os.environ | {"XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    log = folder / f"{kind}.log"
    with log.open("wb") as output:
        running = subprocess.Popen([found, *command], stdout=output, stderr=output, cwd=folder, env=own)
        try:
            until(lambda: running.poll() is not None or _listens(port), f"{kind} does not start")
            assert running.poll() is None, log.read_text()
            yield port
        finally:
            running.terminate()
            running.wait(20)


def _nginx(text: str, folder: Path, port: int) -> list[str]:
    body = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    temporary = "".join(
        f"{part}_temp_path {folder}/{part};\n" for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root; " if os.geteuid() == 0 else ""
    main = f"{user}daemon off; worker_processes 1; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
    (folder / "main.conf").write_text(f"{main}http {{\naccess_log off;\n{temporary}{body}\n}}\n")
    return ["-p", str(folder), "-c", str(folder / "main.conf")]


def _caddy(text: str, folder: Path, port: int) -> list[str]:
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
    body = text.replace(f"{NAME} {{", f"{NAME}:{port} {{").replace("Port 443", f"Port {port}")
    (folder / "Caddyfile").write_text(f"{options}{body}")
    return ["run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def _traefik(text: str, folder: Path, port: int) -> list[str]:
    (folder / "dynamic.yaml").write_text(text)
    return [
        f"--entryPoints.websecure.address=127.0.0.1:{port}",
        f"--providers.file.filename={folder}/dynamic.yaml",
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
    ]


def _certificate(folder: Path) -> None:
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    make += ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    subprocess.run(
        [*make, "-keyout", "monitor.key", "-out", "monitor.pem"], cwd=folder, check=True, capture_output=True
    )


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True

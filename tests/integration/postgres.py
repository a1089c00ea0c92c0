"""A private PostgreSQL server in a temporary folder."""

import os
import pwd
import select
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import psutil

#: Where Debian keeps what it does not put on the PATH.
_DEBIAN = Path("/usr/lib/postgresql")


def find_programs() -> Path | None:
    """Return the folder of `initdb` and `pg_ctl`, newest version first."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]), reverse=True)
    return versions[0].parent if versions else None


@contextmanager
def running_server(programs: Path) -> Iterator[str]:
    """Start a server that listens on a socket file only, and give the URL of an empty database."""
    with TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, user)

        def run(program: str, *arguments: str) -> None:
            command = [str(programs / program), *arguments]
            as_user = user if os.geteuid() == 0 else None
            subprocess.run(
                command, user=as_user, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

        run("initdb", "-D", f"{folder}/data", "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-o", options, "-w", "start")
        try:
            yield f"postgresql+psycopg://tester@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")


@contextmanager
def hanging(url: str) -> Iterator[None]:
    """Stop every process of the server for a while."""
    folder = unquote(url.split("?host=")[1])
    main = psutil.Process(int((Path(folder) / "data" / "postmaster.pid").read_text("ascii").split()[0]))
    main.suspend()  # first, so that no further process begins
    stopped = [main, *main.children(recursive=True)]
    try:
        for process in stopped[1:]:
            with suppress(psutil.NoSuchProcess):  # one that was just ending
                process.suspend()
        yield
    finally:
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.resume()


class _LosingProxy:
    """Passes bytes between clients and the server; when armed, it hangs up in place of the answer to a COMMIT."""

    def __init__(self, listener: socket.socket, server: str) -> None:
        self.armed = False
        self._listener = listener
        self._server = server
        self._threads: list[threading.Thread] = []

    def serve(self) -> None:
        """Take clients until the listener is shut down."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                break
            thread = threading.Thread(target=self._pass, args=(client,))
            self._threads.append(thread)
            thread.start()
        for thread in self._threads:
            thread.join()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            while True:
                losing = False
                for ready in select.select([client, server], [], [])[0]:
                    try:
                        data = ready.recv(65536)
                    except ConnectionError:
                        return
                    if not data:
                        return
                    if ready is server:
                        client.sendall(data)
                        continue
                    losing = self.armed and b"COMMIT" in data
                    server.sendall(data)
                if losing:
                    self.armed = False
                    server.recv(65536)  # the server has committed, and says so
                    return


@contextmanager
def losing_proxy(url: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Give the URL of a server behind a proxy, and what makes the proxy lose the answer to the next commit."""
    address, host = url.split("?host=")
    with TemporaryDirectory(prefix="pg-proxy-") as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/.s.PGSQL.5432")
        listener.listen()
        proxy = _LosingProxy(listener, f"{host}/.s.PGSQL.5432")
        thread = threading.Thread(target=proxy.serve)
        thread.start()
        try:
            yield f"{address}?host={folder}", lambda: setattr(proxy, "armed", True)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()

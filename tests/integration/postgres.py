"""A private PostgreSQL server in a temporary folder."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

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

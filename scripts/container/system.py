"""Namespaces, mounts and roots: what needs the superuser."""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWPID, _CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
_PR_SET_PDEATHSIG = 1
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _unshare(flags: int) -> None:
    if _LIBC.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), f"a namespace cannot be made: {os.strerror(ctypes.get_errno())}")


def own_processes() -> None:
    """Make the next child the first of a namespace of processes: they all end when it does."""
    _unshare(_CLONE_NEWPID)


def own_mounts() -> None:
    """Mount for this process and its children only, and end with the parent."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _unshare(_CLONE_NEWNS)
    mount("--make-rprivate", "/")


def own_network() -> None:
    """Leave the machine's network for one that has nothing but loopback."""
    _unshare(_CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", _IFF_UP))


def mount(*arguments: str | Path) -> None:
    """Run mount(8)."""
    subprocess.run(["mount", *map(str, arguments)], check=True)


@contextmanager
def lent(root: Path, place: str, paths: Iterable[Path]) -> Iterator[None]:
    """Show /proc in a root, and some of this machine's files below a place there; leave no trace of them."""
    with ExitStack() as undo:
        mount("-t", "proc", "proc", root / "proc")
        undo.callback(subprocess.run, ["umount", str(root / "proc")], check=True)
        for path in paths:
            target = Path(f"{root}{place}{path}")
            for made in _make_place(target, folder=path.is_dir()):
                undo.callback(_unmake, made)
            mount("--bind", "--read-only", path, target)
            undo.callback(subprocess.run, ["umount", str(target)], check=True)
        yield


def _make_place(target: Path, *, folder: bool) -> list[Path]:
    """Make what is missing of a path to mount on; return what was made, outermost first."""
    missing = [path for path in (target, *target.parents) if not path.exists()]
    if missing:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir() if folder else target.touch()
    return missing[::-1]


def _unmake(path: Path) -> None:
    if not path.is_dir():
        path.unlink()
    elif not any(path.iterdir()):
        path.rmdir()


def in_root(
    root: Path, environment: Mapping[str, str], folder: str, command: Iterable[str], user: str | None = None
) -> list[str]:
    """Return the command that runs another in a root; as `user`, with no capability and no way to gain one."""
    as_user: list[str] = []
    if user is not None:
        uid, _, gid = user.partition(":")
        as_user = [
            "setpriv", f"--reuid={uid}", f"--regid={gid or uid}", "--clear-groups",
            "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all",
        ]  # fmt: skip
    variables = [f"{name}={value}" for name, value in environment.items()]
    return ["chroot", str(root), *as_user, "env", "-i", "-C", folder, *variables, *command]

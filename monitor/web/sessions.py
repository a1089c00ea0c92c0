"""Sessions in signed cookies."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.responses import Response

from monitor.domain.account import Account
from monitor.storage.accounts import AccountRepository
from monitor.storage.files import partial, writing
from monitor.web.paths import cookie_name

_COOKIE = "mask_monitor"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Sessions:
    """A signed cookie has the account's name and stamp; it ends after its time, with a new password, or the account."""

    key: bytes
    hours: float
    tls: bool
    base_path: str = ""

    def begin(self, response: Response, name: str, stamp: str, secure: bool = False) -> None:
        """Set the session cookie; `secure` if the request came over TLS, also to a proxy."""
        response.set_cookie(
            self.cookie,
            self._signer().dumps([name, stamp]),
            max_age=round(3600 * self.hours),
            httponly=True,
            samesite="strict",
            secure=self.tls or secure,
            path=self.base_path or "/",
        )

    def end(self, response: Response) -> None:
        """Delete the session cookie, and what the browser keeps of pages and pictures."""
        response.headers["clear-site-data"] = '"cache"'
        path = self.base_path or "/"
        response.delete_cookie(self.cookie, httponly=True, samesite="strict", secure=self.tls, path=path)

    def account(self, cookies: dict[str, str], accounts: AccountRepository) -> tuple[Account, str] | None:
        """Return the account and stamp of the session in the cookies, None if there is no valid one."""
        try:
            name, stamp = self._signer().loads(cookies[self.cookie], max_age=round(3600 * self.hours))
        except (KeyError, BadData, ValueError, TypeError):
            return None
        if not (isinstance(name, str) and isinstance(stamp, str)):
            return None
        account = accounts.of_session(name, stamp)
        return None if account is None else (account, stamp)

    @property
    def cookie(self) -> str:
        """The cookie's name."""
        return cookie_name(_COOKIE, self.tls, self.base_path)

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.key, salt="session")


def session_key(folder: Path) -> bytes:
    """Return the key that signs sessions, created at the first start; raises `OutputError`."""
    path = folder / "session.key"
    with writing(path):
        if path.exists() and len(key := path.read_bytes()) >= _KEY_BYTES:
            return key
        # A truncated key, for example after a full disk, is replaced: with an empty one anybody could sign sessions.
        key, new = secrets.token_bytes(_KEY_BYTES), partial(path)
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
            os.fsync(file.fileno())
        new.replace(path)
        return key

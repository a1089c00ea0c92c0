"""Answers the challenge of an HTTP camera that asks for a user and password (RFC 7616, RFC 7617; pure)."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence
from urllib.request import parse_http_list, parse_keqv_list

_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def authorization(
    challenges: Sequence[str],
    user: str,
    password: str,
    target: str,
    nonce: Callable[[], str] = lambda: secrets.token_hex(8),
) -> str | None:
    """Return the Authorization header of a GET for `target`; None if no challenge can be answered.

    `challenges` are the values of WWW-Authenticate. Digest is preferred to Basic, SHA-256 to MD5.
    """
    digests: dict[str, dict[str, str]] = {}
    basic = False
    for challenge in challenges:
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "digest":
            fields = parse_keqv_list(parse_http_list(rest))
            algorithm = fields.get("algorithm", "MD5").upper()
            offered = [value.strip().lower() for value in fields.get("qop", "auth").split(",")]
            if algorithm.removesuffix("-SESS") in _HASHES and "auth" in offered and "nonce" in fields:
                digests[algorithm] = fields
        basic = basic or scheme.lower() == "basic"
    if digests:
        algorithm = max(digests, key=lambda name: name.startswith("SHA"))
        return _digest(algorithm, digests[algorithm], user, password, target, nonce())
    if basic:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return None


def _digest(algorithm: str, challenge: dict[str, str], user: str, password: str, target: str, client_nonce: str) -> str:
    make_hash = _HASHES[algorithm.removesuffix("-SESS")]

    def hashed(*parts: str) -> str:
        return make_hash(":".join(parts).encode()).hexdigest()

    realm, nonce = challenge.get("realm", ""), challenge["nonce"]
    secret = hashed(user, realm, password)
    if algorithm.endswith("-SESS"):
        secret = hashed(secret, nonce, client_nonce)
    request = hashed("GET", target)
    fields = {"username": user, "realm": realm, "nonce": nonce, "uri": target}
    if "qop" in challenge:
        fields["response"] = hashed(secret, nonce, "00000001", client_nonce, "auth", request)
        fields["cnonce"] = client_nonce
    else:
        fields["response"] = hashed(secret, nonce, request)
    if "opaque" in challenge:
        fields["opaque"] = challenge["opaque"]
    quoted = ", ".join(f'{name}="{_escaped(value)}"' for name, value in fields.items())
    if "algorithm" in challenge:
        quoted += f", algorithm={challenge['algorithm']}"
    return f"Digest {quoted}" + (", qop=auth, nc=00000001" if "qop" in challenge else "")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')

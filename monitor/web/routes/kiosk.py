"""Kiosks in a browser: texts, signs and colours, the same as in the kiosk window, and kiosk tokens."""

from functools import lru_cache

import cv2
from fastapi import APIRouter, HTTPException, Response, status
from starlette.requests import Request

from monitor.domain.errors import ConfigError
from monitor.outputs.kiosk.pictograms import PAINTS, pictogram
from monitor.outputs.kiosk.texts import load_texts
from monitor.outputs.style import css
from monitor.rules.kiosk import Verdict
from monitor.storage.kiosks import KioskToken
from monitor.web.access import (
    KIOSK_OR_VIEWER,
    Operator,
    ServicesDep,
    address_of,
    end_session,
    is_secure,
    renew_session,
    require_camera,
)
from monitor.web.kiosk_page import kiosk_path, pairing_path
from monitor.web.paths import base_of
from monitor.web.query import Number
from monitor.web.schemas import (
    KioskLinkOut,
    KioskOut,
    KioskPageOut,
    KioskTokenIn,
    KioskTokenOut,
    LanguageOut,
    PaintOut,
    PairIn,
    WordsOut,
)
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1", tags=["kiosk"])

_SIGN_PX = 720


@router.get("/kiosk/texts", dependencies=[KIOSK_OR_VIEWER])
def texts(services: ServicesDep) -> KioskOut:
    """The kiosk's texts in every language, and its colours for each verdict."""
    return kiosk_texts(services)


def kiosk_texts(services: Services) -> KioskOut:
    """Return the texts and colours of a kiosk, by the settings in effect."""
    settings = services.settings().kiosk
    languages = load_texts(settings.texts)
    return KioskOut(
        language=settings.language,
        mirror=settings.mirror,
        sound=settings.sound,
        languages=[
            LanguageOut(
                code=code,
                name=wording.name,
                direction=wording.direction,
                old=wording.old,
                verdicts={
                    verdict.value: WordsOut(headline=wording.of(verdict).headline, line=wording.of(verdict).line)
                    for verdict in Verdict
                },
            )
            for code, wording in languages.items()
        ],
        paints={
            verdict.value: PaintOut(ground=css(paint.ground), ink=css(paint.ink)) for verdict, paint in PAINTS.items()
        },
    )


@router.get("/kiosk/signs/{verdict}.png", response_class=Response, responses={200: {"content": {"image/png": {}}}})
def sign(verdict: Verdict) -> Response:
    """The sign for a verdict, a PNG. It needs no login, since a kiosk that is out of order shows one too."""
    return Response(_sign(verdict), media_type="image/png", headers={"cache-control": "private, max-age=86400"})


@router.post("/kiosk/renew", status_code=status.HTTP_204_NO_CONTENT, dependencies=[KIOSK_OR_VIEWER])
def renew(request: Request, response: Response, services: ServicesDep) -> None:
    """Extend the kiosk token or the session of this browser to its full time. Open kiosk pages call it."""
    renew_session(request, response)
    key = services.kiosk_cookie.key(request.cookies)
    if key is not None and services.kiosks.of_key(key) is not None:
        services.kiosk_cookie.set(response, key, is_secure(request))


@router.get("/kiosks")
def kiosks(account: Operator, services: ServicesDep) -> list[KioskTokenOut]:
    """The kiosk tokens of the cameras that the account may see, and the pairing links not opened yet."""
    return [KioskTokenOut.of(token) for token in services.kiosks.all() if account.sees(token.camera)]


@router.post("/kiosks", status_code=status.HTTP_201_CREATED)
def add(body: KioskTokenIn, request: Request, account: Operator, services: ServicesDep) -> KioskLinkOut:
    """Create a link that pairs one browser with a camera's kiosk page; it can be opened once, within 24 hours.

    The paired browser can show that page and nothing else. It stays paired as long as it is used at least every 90
    days, or until its token is removed.
    """
    known_camera = body.camera if body.camera in services.monitor.names() else None
    name = require_camera(account, known_camera, "camera")
    if body.language is not None and body.language not in (known := load_texts(services.settings().kiosk.texts)):
        raise HTTPException(422, f"language: one of {', '.join(known)}")
    token, secret = services.kiosks.add(name, body.language, account.name)
    services.accounts.note(account.name, "kiosk token added", f"{token.number}: {name}", address_of(request))
    url = f"{str(request.base_url).rstrip('/')}{pairing_path(secret)}"
    return KioskLinkOut(number=token.number, camera=name, language=token.language, url=url, expires_at=token.expires_at)


@router.post("/kiosks/pair")
def pair(body: PairIn, request: Request, response: Response, services: ServicesDep) -> KioskPageOut:
    """Pair this browser by the secret of a link. A user logged in here is logged out.

    404: the link has been used or has expired.
    """
    found = services.kiosks.pair(body.secret)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "this kiosk link has been used or has expired; create a new one")
    token, key = found
    services.accounts.note(token.account.name, "kiosk paired", token.camera, address_of(request))
    end_session(request, response)
    services.kiosk_cookie.set(response, key, is_secure(request))
    return KioskPageOut(path=kiosk_path(base_of(request), token.camera))


@router.delete("/kiosks/{number}", status_code=status.HTTP_204_NO_CONTENT)
def remove(number: Number, request: Request, account: Operator, services: ServicesDep) -> None:
    """Remove a kiosk token; its browser loses access within seconds."""
    token = services.kiosks.find(number)
    require_camera(account, None if token is None else token.camera, "kiosk token")
    assert token is not None
    _remove(services, token)
    services.accounts.note(account.name, "kiosk token removed", f"{number}: {token.camera}", address_of(request))


def _remove(services: Services, token: KioskToken) -> None:
    try:
        services.kiosks.remove(token.number)
    except ConfigError as error:  # it has just been removed
        raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from error


@lru_cache(maxsize=len(Verdict))
def _sign(verdict: Verdict) -> bytes:
    return cv2.imencode(".png", pictogram(verdict, _SIGN_PX))[1].tobytes()

"""What the kiosk's window says, for a kiosk in a browser: the same words, signs and colours."""

from functools import lru_cache

import cv2
from fastapi import APIRouter, Response

from monitor.outputs.kiosk.pictograms import PAINTS, pictogram
from monitor.outputs.kiosk.texts import load_texts
from monitor.outputs.kiosk.verdict import Verdict
from monitor.outputs.style import css
from monitor.web.access import ServicesDep, Viewer
from monitor.web.schemas import KioskOut, LanguageOut, PaintOut, WordsOut
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1/kiosk", tags=["kiosk"])

_SIGN_PX = 720


@router.get("/texts")
def texts(_: Viewer, services: ServicesDep) -> KioskOut:
    """The words in every language, and the colours of every verdict."""
    return kiosk_texts(services)


def kiosk_texts(services: Services) -> KioskOut:
    """Return what a kiosk needs to know, by the settings in effect."""
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


@router.get("/signs/{verdict}.png", response_class=Response)
def sign(verdict: Verdict, _: Viewer) -> Response:
    """The sign of a verdict on its ground."""
    return Response(_sign(verdict), media_type="image/png", headers={"cache-control": "private, max-age=86400"})


@lru_cache(maxsize=len(Verdict))
def _sign(verdict: Verdict) -> bytes:
    return cv2.imencode(".png", pictogram(verdict, _SIGN_PX))[1].tobytes()

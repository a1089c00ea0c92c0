"""Answers that take long, made one after the other."""

from collections.abc import Callable
from typing import TypeVar

from fastapi import HTTPException

from monitor.domain.account import Account
from monitor.storage.statistics import SlowQueryError
from monitor.web.reports import OneAtATimeError, Reports

T = TypeVar("T")


async def made(reports: Reports, account: Account, report: Callable[[], T]) -> T:
    """Return a report; raises 429 while another one of the account is made, and 503 if it takes too long."""
    try:
        return await reports.make(account.name, report)
    except OneAtATimeError as error:
        raise HTTPException(
            429, "one such request at a time for each account; wait for the one before", {"Retry-After": "1"}
        ) from error
    except (TimeoutError, SlowQueryError) as error:
        raise HTTPException(503, "this takes too long; choose a shorter period", {"Retry-After": "10"}) from error

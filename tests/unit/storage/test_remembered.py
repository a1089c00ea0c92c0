"""Answers that stand in for those of a database that fails."""

from collections.abc import Callable

import pytest

from monitor.domain.errors import JournalError
from monitor.storage.remembered import Remembered
from tests.fakes import FakeClock


class Database:
    """Gives its answer, or fails; counts the questions."""

    def __init__(self, answer: str | None) -> None:
        self.answer = answer
        self.away = False
        self.asked = 0

    def __call__(self) -> str | None:
        self.asked += 1
        if self.away:
            raise JournalError("journal: the server has not answered")
        return self.answer


def remembered(clock: FakeClock) -> Remembered[str | None]:
    return Remembered(clock.monotonic_s)


def test_a_database_that_answers_is_always_asked():
    answers, database = remembered(FakeClock()), Database("ada")
    assert answers.get("key", database) == "ada"
    database.answer = None  # the account was removed
    assert answers.get("key", database) is None
    database.away = True
    with pytest.raises(JournalError):
        answers.get("key", database)


def test_a_recent_answer_stands_in_for_five_minutes():
    clock, database = FakeClock(), Database("ada")
    answers = remembered(clock)
    answers.get("key", database)
    database.away = True
    for _ in range(30):
        clock.advance(10)
        assert answers.get("key", database) == "ada"
    clock.advance(10)
    with pytest.raises(JournalError):
        answers.get("key", database)
    with pytest.raises(JournalError):
        answers.get("another key", database)


def test_a_database_that_is_away_is_not_asked_at_each_request_and_soon_again():
    clock, database = FakeClock(), Database("ada")
    answers = remembered(clock)
    answers.get("key", database)
    database.away = True
    answers.get("key", database)
    for _ in range(100):
        assert answers.get("key", database) == "ada"
    assert database.asked == 2
    database.away, database.answer = False, None
    clock.advance(5)
    assert answers.get("key", database) is None, "a removal is respected as soon as the database answers"


def test_answers_are_bounded():
    answers, database = remembered(FakeClock()), Database("ada")
    makers: list[Callable[[], str | None]] = [database] * 1001
    for number, ask in enumerate(makers):
        answers.get(number, ask)
    database.away = True
    with pytest.raises(JournalError):
        answers.get(0, database)
    assert answers.get(1, database) == "ada"

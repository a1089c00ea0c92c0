"""Made-up requests, right ones and wrong ones, to every address of the API by its own description.

`MADE_UP_REQUESTS=1000` asks each address so often, half of it rightly; without it there are fewer, to save time.
"""

import os
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.web.desk import ADMIN, Desk
from tests.integration.web.test_roles import RULES

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = int(os.environ.get("MADE_UP_REQUESTS", "24")) // 2
MADE_UP = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module")
def description(desk: Desk) -> Any:
    return schemathesis.openapi.from_url(f"{desk.url}/api/v1/openapi.json", headers=desk.token(ADMIN))


@pytest.fixture(scope="module")
def session(desk: Desk) -> Any:
    with requests.Session() as session:
        session.headers.update(desk.token(ADMIN))
        yield session


@pytest.mark.timeout(120 + EXAMPLES)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), RULES)
def test_whatever_is_sent_is_answered_as_it_is_described(
    desk: Desk, description: Any, session: requests.Session, method: str, path: str, mode: GenerationMode
):
    operation = description[path][method]
    strategy = operation.as_strategy(generation_mode=mode)

    @MADE_UP
    @hypothesis.given(case=strategy)
    def ask(case: Any) -> None:
        case.call_and_validate(session=session, checks=CHECKS, timeout=20)

    try:
        ask()
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "nothing about this address can be wrong"


def test_the_monitor_is_well_after_all_that(desk: Desk):
    before = desk.looks()
    with desk.client() as anybody:
        assert anybody.get("/healthz").status_code == 200
    assert desk.analyses_per_s(1.0) > 0
    assert desk.looks() > before
    assert not desk.live.stopped.is_set()
    assert set(desk.web_server.running()) == {"web", "pictures"}

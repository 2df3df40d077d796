"""What is generated from the OpenAPI document, as it allows and as it forbids, over the wire."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from fusehr.serve.http.app import create_app
from fusehr.serve.http.settings import Settings

from .fakes import FakePredictor

KEY = "a-key"
OPERATIONS = {
    "/predict": "POST",
    "/predict/batch": "POST",
    "/models": "GET",
    "/model-card": "GET",
    "/variables": "GET",
    "/healthz": "GET",
    "/metrics": "GET",
}
# a report without parameters can be asked in one way only
ASKED = [
    *((path, GenerationMode.POSITIVE) for path in OPERATIONS),
    *((path, GenerationMode.NEGATIVE) for path in ("/predict", "/predict/batch", "/model-card")),
]
# not positive_data_acceptance: a schema does not tell the plausible range of each variable
CHECKS = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("root")
    app = create_app(FakePredictor(), root, Settings(max_wait_ms=0), key=KEY)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        found = f"http://127.0.0.1:{listening.getsockname()[1]}"
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield found
        server.should_exit = True
        thread.join()
    assert not list(root.iterdir())


@pytest.mark.parametrize(("path", "mode"), ASKED)
def test_no_request_meets_an_error_that_the_document_does_not_tell(
    url: str, path: str, mode: GenerationMode
) -> None:
    document = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operation = document[path][OPERATIONS[path]]
    allowed = operation.as_strategy(generation_mode=mode)

    @given(case=allowed)
    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much),
    )
    def holds(case: Any) -> None:
        response = case.call(headers={"x-api-key": KEY})
        case.validate_response(response, checks=list(CHECKS))

    holds()
    answer = httpx.post(f"{url}/predict", json={"text": "after"}, headers={"x-api-key": KEY})
    assert answer.status_code == 200


def test_the_document_is_tested_whole(url: str) -> None:
    told = httpx.get(f"{url}/openapi.json").json()["paths"]
    assert {(path, method.upper()) for path in told for method in told[path]} == set(
        OPERATIONS.items()
    )

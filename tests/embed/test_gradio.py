"""Against a server that speaks Gradio's protocol over HTTP, and misbehaves when told to."""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.params.embed import GradioParams
from fusehr.embed.server import application, predictor
from fusehr.models.text import gradio_endpoint
from fusehr.models.text.encoder import encode
from fusehr.models.text.gradio_endpoint import GradioEncoder
from fusehr.models.text.tfidf import HashedWords

TEXTS = [f"text number {k} of many [with brackets]" for k in range(20)]


class Endpoint:
    """`faults` are used up one a call: a status, or a text to answer with."""

    def __init__(self, predict: Callable[[str, str, float], Any]) -> None:
        self.faults: list[int | str] = []
        self.calls: list[list[Any]] = []
        self.pause = 0.0
        answers: dict[str, str] = {}
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                data = json.loads(self.rfile.read(size))["data"]
                endpoint.calls.append(data)
                time.sleep(endpoint.pause)
                fault = endpoint.faults.pop(0) if endpoint.faults else None
                if isinstance(fault, int):
                    self.send_error(fault)
                    return
                event = str(len(endpoint.calls))
                try:
                    told = f"event: complete\ndata: {json.dumps([predict(*data)])}\n\n"
                except ValueError:
                    told = "event: error\ndata: null\n\n"
                answers[event] = fault or told
                self._send(json.dumps({"event_id": event}))

            def do_GET(self) -> None:
                self._send(answers[self.path.rsplit("/", 1)[-1]])

            def _send(self, text: str) -> None:
                self.send_response(200)
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # the client has given up waiting
                    self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setattr(gradio_endpoint, "PAUSE_S", 0.01)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    served = Endpoint(predictor(HashedWords(16)))
    yield served
    served.server.shutdown()
    served.server.server_close()


def settings(batch: int = 8, timeout_s: float = 5.0, retries: int = 2) -> GradioParams:
    return GradioParams(model="", batch=batch, timeout_s=timeout_s, retries=retries)


@pytest.mark.parametrize(("batch", "calls"), [(8, 1 + 3), (1, 1 + 20)])
def test_vectors_are_the_encoder_s_own(endpoint: Endpoint, batch: int, calls: int) -> None:
    encoder = GradioEncoder(endpoint.url, settings(batch), dimension=0)
    assert encoder.dimension == 16
    np.testing.assert_array_equal(encode(encoder, TEXTS), encode(HashedWords(16), TEXTS))
    assert len(endpoint.calls) == calls


def test_faults_are_retried(endpoint: Endpoint) -> None:
    encoder = GradioEncoder(endpoint.url, settings(), dimension=0)
    endpoint.faults = [500, "event: error\ndata: null\n\n", 503]
    with pytest.raises(InputError, match="503 in each of 3 attempts"):
        encode(encoder, TEXTS[:4])
    endpoint.faults = [500, "event: complete\ndata: [[1\n\n"]
    assert encode(encoder, TEXTS[:4]).shape == (4, 16)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([[[1.0, 2.0]] * 3], "found an array of shape"),
        ([[[0.0] * 16] * 4], "zero or not finite"),
        (["no numbers"], "expected a list of numbers"),
        ([[[1.0] * 15] * 4], "expected 16 dimensions, found 15"),
        ([None], "expected a list of numbers|found an array"),
    ],
)
def test_wrong_answers_are_errors_never_zeros(endpoint: Endpoint, answer: Any, found: str) -> None:
    encoder = GradioEncoder(endpoint.url, settings(), dimension=0)
    endpoint.faults = [f"event: complete\ndata: {json.dumps(answer)}\n\n"]
    with pytest.raises(InputError, match=found):
        encode(encoder, TEXTS[:4])


def test_a_slow_or_absent_server_is_named(endpoint: Endpoint) -> None:
    encoder = GradioEncoder(endpoint.url, settings(timeout_s=0.1, retries=1), dimension=0)
    endpoint.pause = 0.4
    with pytest.raises(InputError, match=rf"{endpoint.url}.*Timeout in each of 2"):
        encode(encoder, TEXTS)
    with pytest.raises(InputError, match="ConnectionError in each of 1"):
        GradioEncoder("http://127.0.0.1:9", settings(retries=0), dimension=0)
    with pytest.raises(InputError, match="status 404"):
        endpoint.pause = 0.0
        endpoint.faults = [404]
        encode(encoder, TEXTS)


def test_another_model_behind_the_address_has_another_fingerprint(endpoint: Endpoint) -> None:
    one = GradioEncoder(endpoint.url, settings(), dimension=0)
    again = GradioEncoder(endpoint.url, settings(), dimension=0)
    other = Endpoint(predictor(HashedWords(17)))
    assert one.fingerprint == again.fingerprint
    assert GradioEncoder(other.url, settings(), dimension=0).fingerprint != one.fingerprint
    other.server.shutdown()
    other.server.server_close()


class Nested(HashedWords):
    """As an encoder whose vectors may be cut."""

    matryoshka = True


def test_the_server_s_function() -> None:
    predict = predictor(Nested(16))
    assert len(predict("tfidf_svd", "a fever", 0)) == 16
    cut = np.array(predict("", json.dumps(["a fever", "a cough"]), 8))
    assert cut.shape == (2, 8)
    np.testing.assert_allclose(np.linalg.norm(cut, axis=1), 1, atol=1e-6)
    assert len(predict("", "[not JSON", 0)) == 16
    for call, wrong in ((("x", "fever", 0), "model_name"), (("", " ", 0), "query_text")):
        with pytest.raises(ValueError, match=wrong):
            predict(*call)
    with pytest.raises(ValueError, match="dim: expected 0 or 1 to 16"):
        predict("", "fever", 17)
    with pytest.raises(ValueError, match="dim: expected 0 or 16"):
        predictor(HashedWords(16))("", "fever", 8)


@pytest.mark.skipif(importlib.util.find_spec("gradio") is None, reason="gradio is not installed")
def test_against_gradio_itself() -> None:
    app = application(HashedWords(16))
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        for batch in (1, 8):
            encoder = GradioEncoder(url, settings(batch), dimension=0)
            np.testing.assert_array_equal(encode(encoder, TEXTS), encode(HashedWords(16), TEXTS))
        with pytest.raises(InputError, match="event error in each of 1"):
            GradioEncoder(url, settings(retries=0), dimension=5)
    finally:
        app.close()


@pytest.mark.skipif(importlib.util.find_spec("gradio") is not None, reason="gradio is installed")
def test_without_gradio_the_extra_is_named() -> None:
    with pytest.raises(InputError, match=r"fusehr\[server\]"):
        application(HashedWords(16))

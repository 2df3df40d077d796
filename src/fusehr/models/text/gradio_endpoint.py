"""An embedding endpoint of Gradio: /predict(model_name, query_text, dim) gives a vector.

Gradio's HTTP interface takes two calls: one leaves the arguments and returns an event's id, the
other streams that event's result (https://www.gradio.app/guides/querying-gradio-apps-with-curl).
With `batch` above 1, query_text is a JSON list of texts and the answer a list of vectors, which
`fusehr embed-server` understands; an endpoint that takes one text a call wants `batch: 1`.
A text that cannot be embedded is an error, never a vector of zeros.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import requests

from fusehr.core.frame.errors import InputError
from fusehr.core.params.embed import GradioParams
from fusehr.models.text.encoder import UNKNOWN, Encoded, digest, unit

PAUSE_S = 0.5  # before the first further attempt
CALL = "gradio_api/call/predict"
PROBE = "Heart rate 98 beats per minute."  # tells one model from another behind one address


class _Retry(Exception):
    """This attempt failed and another may not."""


class GradioEncoder:
    """The endpoint at `url`; dimension 0 asks for the model's own.

    Raises InputError, naming the address, where it does not answer as it should after all retries.
    """

    matryoshka = False
    max_tokens = 0
    stored = True

    def __init__(self, url: str, params: GradioParams, *, dimension: int) -> None:
        self._url, self._params, self._asked = url.rstrip("/"), params, dimension
        self._session = requests.Session()
        probe = self._call([PROBE])
        self.dimension = probe.shape[1]
        self.name = f"gradio/{params.model}"
        self.fingerprint = digest(
            {"model": params.model, "batch": params.batch > 1, "probe": probe.tolist()}
        )

    def encode_stream(self, texts: Iterable[str]) -> Iterator[Encoded]:
        """As TextEncoder.encode_stream."""
        start, remaining = 0, iter(texts)
        while part := list(islice(remaining, self._params.batch)):
            vectors = self._call(part)
            if vectors.shape[1] != self.dimension:
                raise self._wrong(f"{self.dimension} dimensions", f"{vectors.shape[1]}")
            rows = np.arange(start, start + len(part))
            yield Encoded(rows, vectors, np.full(len(part), UNKNOWN, dtype=np.int8))
            start += len(part)

    def _call(self, texts: list[str]) -> np.ndarray:
        query = texts[0] if self._params.batch == 1 else json.dumps(texts, ensure_ascii=False)
        for attempt in range(self._params.retries + 1):
            try:
                return self._vectors(self._ask(query), len(texts))
            except (_Retry, requests.ConnectionError, requests.Timeout) as error:
                problem = str(error) if isinstance(error, _Retry) else type(error).__name__
                if attempt == self._params.retries:
                    raise self._wrong(
                        f"an answer within {self._params.timeout_s} s",
                        f"{problem} in each of {attempt + 1} attempts",
                    ) from None
                time.sleep(PAUSE_S * 2**attempt)
        raise AssertionError("unreachable")

    def _ask(self, query: str) -> Any:
        """Leave the call, read its stream, return the first of the returned values."""
        data = {"data": [self._params.model, query, self._asked]}
        address, limit = f"{self._url}/{CALL}", self._params.timeout_s
        with self._session.post(address, json=data, timeout=limit) as left:
            event = self._json(left).get("event_id")
        if not isinstance(event, str):
            raise self._wrong("an event_id", "none")
        with self._session.get(f"{address}/{event}", timeout=limit) as told:
            self._check(told)
            lines = told.text.splitlines()
        kinds = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
        values = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        if not kinds or kinds[-1] != "complete" or not values:
            raise _Retry(f"event {kinds[-1] if kinds else 'none'}")
        try:
            return json.loads(values[-1])[0]
        except (ValueError, LookupError, TypeError):
            raise _Retry("an answer that is no JSON list") from None

    def _vectors(self, answer: Any, n: int) -> np.ndarray:
        # some endpoints return the vector as JSON text
        try:
            content = json.loads(answer) if isinstance(answer, str) else answer
            vectors = np.array(content, dtype=np.float64)
        except (ValueError, TypeError):
            raise self._wrong("a list of numbers", "something else") from None
        vectors = vectors[None] if vectors.ndim == 1 and n == 1 else vectors
        if vectors.ndim != 2 or len(vectors) != n or not vectors.shape[1]:
            raise self._wrong(f"{n} vectors", f"an array of shape {vectors.shape}")
        return unit(vectors, self._url)

    def _json(self, response: requests.Response) -> dict[str, Any]:
        self._check(response)
        try:
            content = response.json()
        except requests.JSONDecodeError:
            raise _Retry("an answer that is no JSON") from None
        return content if isinstance(content, dict) else {}

    def _check(self, response: requests.Response) -> None:
        if response.status_code >= 500 or response.status_code == 429:
            raise _Retry(f"status {response.status_code}")
        if response.status_code != 200:
            raise self._wrong(f"{CALL} to answer", f"status {response.status_code}")

    def _wrong(self, expected: str, found: str) -> InputError:
        return InputError(f"embed.encoder gradio:{self._url}: expected {expected}, found {found}")

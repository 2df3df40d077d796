"""`fusehr embed-server`: any encoder behind Gradio's /predict(model_name, query_text, dim).

query_text is one text, or a JSON list of texts; the answer is a vector, or a list of vectors, of
`dim` dimensions (0: all). Needs the optional extra `server`.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import lookup, read_yaml, validate
from fusehr.core.frame.stage import say
from fusehr.core.params.embed import EmbedParams
from fusehr.models.text.choose import ready_encoder
from fusehr.models.text.encoder import TextEncoder, encode, unit

Predict = Callable[[str, str, float], list[Any]]


def predictor(encoder: TextEncoder) -> Predict:
    """The endpoint's function; ValueError says what a call had wrong."""
    busy = threading.Lock()  # one encoder, one call at a time: its speed comes from batches

    def predict(model_name: str, query_text: str, dim: float) -> list[Any]:
        if model_name not in ("", encoder.name, encoder.name.split("/", maxsplit=1)[0]):
            raise ValueError(f"model_name: expected {encoder.name}, found {model_name}")
        many, texts = _texts(query_text)
        with busy:
            vectors = encode(encoder, texts)
        vectors = _cut(vectors, int(dim), encoder)
        # as Python floats, which JSON keeps to the last bit
        return vectors.tolist() if many else vectors[0].tolist()

    return predict


def serve(root: Path, encoder_name: str, host: str, port: int) -> None:
    """Serve the encoder with the other settings of params.yaml's block `embed`, until stopped."""
    block = dict(lookup(read_yaml(root / "params.yaml"), "embed")) | {"encoder": encoder_name}
    params = validate(block, EmbedParams, "embed")
    encoder = ready_encoder(params)
    if encoder is None or encoder_name.startswith("gradio:"):
        raise InputError(
            f"embed-server: expected minilm or hf:<id or folder>, found {encoder_name}"
        )
    say(f"embed-server: {encoder.name}, {encoder.dimension} dimensions, http://{host}:{port}")
    application(encoder).launch(server_name=host, server_port=port, quiet=True)


def application(encoder: TextEncoder) -> Any:
    """The Gradio application; InputError where Gradio is not installed."""
    try:
        gradio: Any = importlib.import_module("gradio")
    except ImportError:
        raise InputError(
            "embed-server: expected the package gradio; pip install 'fusehr[server]' in an "
            "environment of its own"
        ) from None
    predict = predictor(encoder)

    def answer(model_name: str, query_text: str, dim: float) -> list[Any]:
        try:
            return predict(model_name, query_text, dim)
        except (ValueError, InputError) as error:
            raise gradio.Error(str(error)) from None

    return gradio.Interface(
        fn=answer,
        inputs=[gradio.Textbox(), gradio.Textbox(), gradio.Number(precision=0)],
        outputs=gradio.JSON(),
        api_name="predict",
        title=f"Embeddings: {encoder.name}",
        flagging_mode="never",
    )


def _texts(query: str) -> tuple[bool, list[str]]:
    if query.lstrip().startswith("["):
        try:
            content = json.loads(query)
        except json.JSONDecodeError:
            content = None  # a text that begins with a bracket
        if isinstance(content, list) and content and all(isinstance(t, str) for t in content):
            return True, content
    if not query.strip():
        raise ValueError("query_text: expected a text, found none")
    return False, [query]


def _cut(vectors: np.ndarray, dim: int, encoder: TextEncoder) -> np.ndarray:
    if dim in (0, encoder.dimension):
        return vectors
    if not 0 < dim < encoder.dimension or not encoder.matryoshka:
        allowed = f"1 to {encoder.dimension}" if encoder.matryoshka else str(encoder.dimension)
        raise ValueError(f"dim: expected 0 or {allowed}, found {dim}")
    return unit(vectors[:, :dim], encoder.name)

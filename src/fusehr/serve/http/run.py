"""The command `fusehr serve`."""

from __future__ import annotations

import ipaddress
import logging
import os
from pathlib import Path

import uvicorn

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.stage import say
from fusehr.serve.http.app import create_app
from fusehr.serve.http.settings import Settings
from fusehr.serve.predictors.choose import Choice, load_predictor
from fusehr.serve.scratch import remove_left_behind

KEY = "FUSEHR_API_KEY"
CONNECTIONS = 1024  # at once; more are refused before a byte is read
HEADER_BYTES = 64 << 10


def serve(root: Path, choice: Choice, settings: Settings, *, host: str, port: int) -> None:
    """Serve a model until a signal ends it; what waits is answered first.

    The environment variable FUSEHR_API_KEY, where set, is asked of every request. Raises InputError
    where the model is not to be had.
    """
    key = os.environ.get(KEY, "")
    if KEY in os.environ and not key.strip():
        raise InputError(f"{KEY}: expected a key, found an empty one")
    remove_left_behind()
    predictor = load_predictor(root, choice)
    about = predictor.about
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    app = create_app(predictor, root, settings, key=key)
    if not key and not _is_loopback(host):
        say(f"{host} can be reached by others, and {KEY} is not set: anyone may ask")
    at = f"http://{host}:{port}"
    say(f"serving {about.model} for {about.task} at {at}, documented at /docs, to try at /demo")
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEADER_BYTES,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=int(settings.timeout_s) + 1,
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""What a user of the load does: one case after the other, each unlike all before, no pause.

Run by Locust in an environment of its own, so it imports nothing of fusehr. LOAD_CASE names a file
with a case in JSON; LOAD_TOLD the file that gets every request: when it ended, how long it took,
and its status (0: the connection failed).
"""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

from locust import FastHttpUser, constant, events, task  # pyright: ignore[reportMissingImports]

CASE = json.loads(Path(os.environ["LOAD_CASE"]).read_text())
NUMBERS = itertools.count()
told: list[tuple[float, float, int]] = []


class Caller(FastHttpUser):
    """One kept-open connection."""

    wait_time = constant(0)
    concurrency = 1
    network_timeout = connection_timeout = 180.0

    @task
    def predict(self) -> None:
        """Ask, and keep what came of it."""
        text = f"{CASE['text']} Seen {next(NUMBERS)} minutes after arrival."
        begun = time.perf_counter()
        response = self.client.post("/predict", json={**CASE, "text": text})
        ended = time.perf_counter()
        told.append((ended, ended - begun, response.status_code))


@events.quitting.add_listener
def write(**_: Any) -> None:
    """All requests, when the load ends."""
    Path(os.environ["LOAD_TOLD"]).write_text(json.dumps(told))

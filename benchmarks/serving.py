"""Requests per second of `fusehr serve` against the same model in a plain handler without batches.

    python benchmarks/serving.py --model triage_fusion --seconds 20

Both run in a process of their own on loopback, over the outputs of the last `dvc repro`, one after
the other; so does the client, which sends the OpenAPI document's triage case with another number in
it each time, over 1, 8 and 64 connections that are kept open. The plain handler is what FastAPI's
documentation shows: a function that predicts the one case. Errors other than 429 end the benchmark.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

CONNECTIONS = (1, 8, 64)
COLUMNS = "| service | connections | requests/s | p50 ms | p95 ms | p99 ms | refused | RSS MiB |"


def serve_plainly(model: str, port: int) -> None:
    """The model in a handler without a queue."""
    import uvicorn
    from fastapi import FastAPI

    from fusehr.serve.cases.case import Case
    from fusehr.serve.http.answers import Prediction, prediction
    from fusehr.serve.predictors.choose import Choice, load_predictor

    predictor = load_predictor(Path(), Choice(model))
    app = FastAPI()

    @app.get("/healthz")
    def healthz() -> str:
        return "ok"

    @app.post("/predict")
    def predict(case: dict[str, Any]) -> Prediction:
        checked = Case.model_validate_json(json.dumps(case))
        (p,) = predictor.predict([predictor.prepare(checked)])
        return prediction(predictor, checked, p)

    uvicorn.run(app, port=port, log_level="warning")


def body(number: int) -> bytes:
    """A request that no other one is equal to."""
    from fusehr.serve.http.examples import TRIAGE

    text = f"{TRIAGE['text']} Seen {number} minutes after arrival."
    content = json.dumps({**TRIAGE, "text": text}).encode()
    head = (
        "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def ask(port: int, bodies: Sequence[bytes], until: float, told: list[Any]) -> None:
    """One connection's requests, one after the other; `told` gets status and seconds of each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = 0
    while (begun := time.perf_counter()) < until:
        writer.write(bodies[number % len(bodies)])
        number += 1
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        await reader.readexactly(length)
        told.append((int(head[9:12]), time.perf_counter() - begun))
    writer.close()


async def load(port: int, connections: int, seconds: float) -> list[Any]:
    """(status, seconds) of every request of so many connections."""
    told: list[Any] = []
    until = time.perf_counter() + seconds
    bodies = [[body(100 * k + j) for j in range(8)] for k in range(connections)]
    await asyncio.gather(*(ask(port, own, until, told) for own in bodies))
    return told


def measure(name: str, command: list[str], port: int, seconds: float) -> None:
    """Start a service, load it, print a row for each number of connections, end it."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(port, process)
        asyncio.run(load(port, 2, min(seconds, 3.0)))
        for connections in CONNECTIONS:
            begun = time.perf_counter()
            told = asyncio.run(load(port, connections, seconds))
            took = time.perf_counter() - begun
            statuses = [status for status, _ in told]
            if set(statuses) - {200, 429}:
                raise SystemExit(f"{name}: expected 200 or 429, found {sorted(set(statuses))}")
            times = np.array([s for status, s in told if status == 200]) * 1000
            p50, p95, p99 = np.percentile(times, [50, 95, 99])
            print(
                f"| {name} | {connections} | {len(times) / took:.1f} | {p50:.0f} | {p95:.0f} "
                f"| {p99:.0f} | {statuses.count(429)} | {rss(process.pid):.0f} |",
                flush=True,
            )
    finally:
        process.terminate()
        process.wait()


def wait(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the service listens."""
    while process.poll() is None:
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise SystemExit("the service did not start; run `dvc repro` first")


def rss(process: int) -> float:
    """MiB of memory that a process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="triage_fusion")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each row")
    parser.add_argument("--plain-at", type=int, help="serve plainly at this port, and nothing else")
    given = parser.parse_args()
    if given.plain_at:
        serve_plainly(given.model, given.plain_at)
        return
    print(COLUMNS + "\n" + "|---" * COLUMNS.count(" | ") + "|---|")
    port = free_port()
    plain = [sys.executable, __file__, "--model", given.model, "--plain-at", str(port)]
    measure("plain handler", plain, port, given.seconds)
    port = free_port()
    ours = [sys.executable, "-c", "from fusehr.cli import main; main()", "serve"]
    ours += ["--model", given.model, "--port", str(port)]
    measure("fusehr serve", ours, port, given.seconds)


if __name__ == "__main__":
    main()
